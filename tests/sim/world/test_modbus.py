"""The battery's Modbus/TCP: a foreign client (pymodbus) reads its SunSpec models and commands its power; nonsense is refused."""

import asyncio
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.client import AsyncModbusTcpClient

from chargebridge.sim.world.clock import ManualClock
from chargebridge.sim.world.demo import demo_scenario, demo_topology
from chargebridge.sim.world.event import ControlFails
from chargebridge.sim.world.modbus import Framing
from chargebridge.sim.world.server import HOST
from chargebridge.sim.world.sunspec import BASE, SunSpecBattery
from chargebridge.sim.world.world import World

START = datetime(2026, 4, 14, 8, 0, tzinfo=UTC)
WSET_ENA, WSET_RVRT_ENA = 22, 30


@asynccontextmanager
async def commanded():
    """A world and a connected client of its battery."""
    world = World(demo_topology(), demo_scenario(), ManualClock(START))
    async with world:
        host, port = world.battery_address("battery")
        client = AsyncModbusTcpClient(host, port=port)
        assert await client.connect()
        yield world, client
        client.close()


async def models(client: AsyncModbusTcpClient) -> dict[int, int]:
    """Where each model begins, found as any SunSpec client does: from "SunS" on by the lengths."""
    mark = await client.read_holding_registers(BASE, count=2)
    assert pack(">HH", *mark.registers) == b"SunS"
    found, address = {}, BASE + 2
    while True:
        model, length = (await client.read_holding_registers(address, count=2)).registers
        if model == 0xFFFF:
            return found
        found[model] = address
        address += 2 + length


def set_point(power_w: int) -> list[int]:
    """WSetEna, WSetMod, WSet."""
    return [1, 1, power_w >> 16 & 0xFFFF, power_w & 0xFFFF]


async def test_its_models_tell_what_it_is_measures_and_stores():
    async with commanded() as (world, client):
        world.batteries["battery"].set_power(-3000, world.t_s)
        world.advance(10)
        at = await models(client)
        assert list(at) == [1, 103, 713, 704]
        maker = (await client.read_holding_registers(at[1] + 2, count=16)).registers
        assert pack(">16H", *maker).rstrip(b"\0") == b"chargebridge"
        inverter = (await client.read_holding_registers(at[103], count=52)).registers
        assert inverter[14] == 3000
        assert inverter[3] / 100 == pytest.approx(abs(world.current_a("battery")[0]), abs=0.01)
        assert inverter[10] / 10 == pytest.approx(world.branch("main").voltage_v[0], abs=0.2)
        rating, left, soc = (await client.read_holding_registers(at[713] + 2, count=3)).registers
        assert (rating, left) == (1500, round(world.batteries["battery"].stored_wh / 10))
        assert soc == pytest.approx(550, abs=5)


async def test_a_set_point_is_followed_and_reverts_when_it_is_not_renewed():
    async with commanded() as (world, client):
        control = (await models(client))[704]
        await client.write_registers(control + WSET_RVRT_ENA, [1, 0, 30])
        await client.write_registers(control + WSET_ENA, set_point(-4000))
        world.advance(20)
        assert world.flow("battery").power_w == pytest.approx(4000)
        await client.write_registers(control + WSET_ENA, set_point(2500))
        world.advance(20)
        assert world.flow("battery").power_w == pytest.approx(-2500)
        assert (await client.read_holding_registers(control + 33, count=2)).registers == [0, 10]
        world.advance(15)
        assert world.flow("battery").power_w == 0
        await client.write_register(control + WSET_ENA, 0)
        world.advance(5)
        assert world.flow("battery").power_w == 0


async def test_wrong_addresses_functions_and_values_are_refused_and_change_nothing():
    async with commanded() as (world, client):
        control = (await models(client))[704]
        for answer, code in (
            (await client.read_holding_registers(BASE - 1, count=2), 2),
            (await client.read_holding_registers(BASE + 190, count=100), 2),
            (await client.write_register(BASE, 1), 2),
            (await client.write_register(control + WSET_ENA, 7), 3),
            (await client.write_register(control + WSET_ENA + 1, 0), 3),
            (await client.read_coils(0, count=1), 1),
        ):
            assert answer.isError()
            assert answer.exception_code == code
        world.advance(5)
        assert world.flow("battery").power_w == 0


async def test_a_pulled_cable_breaks_the_connection_and_the_set_point_reverts_by_itself():
    async with commanded() as (world, client):
        control = (await models(client))[704]
        await client.write_registers(control + WSET_RVRT_ENA, [1, 0, 30])
        await client.write_registers(control + WSET_ENA, set_point(2000))
        world.happen(ControlFails(at_s=0, battery="battery", broken=True))
        for _ in range(100):
            if not client.connected:
                break
            await asyncio.sleep(0.01)
        assert not client.connected
        world.advance(31)
        assert world.flow("battery").power_w == 0


async def test_a_stream_that_is_no_modbus_is_hung_up_on():
    async with commanded() as (world, _):
        reader, writer = await asyncio.open_connection(HOST, world.battery_address("battery")[1])
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        with suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 2) == b""
        writer.close()


@given(st.lists(st.binary(max_size=40), max_size=5), st.booleans())
def test_no_bytes_break_the_framing(pieces: list[bytes], framed: bool):
    world = World(demo_topology(), demo_scenario(), ManualClock(START))
    framing = Framing(SunSpecBattery(world.batteries["battery"]), lambda: 0.0)
    for piece in pieces:
        data = pack(">HHH", 1, 0, len(piece) + 1) + b"\1" + piece if framed and piece else piece
        answer = framing.feed(data)
        if answer is None:
            break
        assert not answer or len(answer) >= 9


def test_a_frame_may_come_in_pieces_and_two_may_come_at_once():
    world = World(demo_topology(), demo_scenario(), ManualClock(START))
    request = pack(">HHHBBHH", 7, 0, 6, 1, 3, BASE, 2)
    expected = pack(">HHHBBBHH", 7, 0, 7, 1, 3, 4, 0x5375, 0x6E53)
    framing = Framing(SunSpecBattery(world.batteries["battery"]), lambda: 0.0)
    assert b"".join(framing.feed(request[k : k + 1]) or b"" for k in range(len(request))) == expected
    assert framing.feed(request * 2) == expected * 2
