"""A battery over real sockets: it obeys, tells, falls back by itself, and is found again after whatever happened.

Counterparts: our own simulated battery, stepped by the world's physics in a time SPEED times as fast; pymodbus's server with registers that no
program stands behind; and peers that send rubbish.
"""

import asyncio
import math
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager

import msgspec
import pytest
import pytest_asyncio
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from chargebridge.links import modbus
from chargebridge.model.circuit import Battery
from chargebridge.model.state import BatteryState
from chargebridge.plants import PlantAnswer, PlantFault, PlantOutcome, open_battery
from chargebridge.sim.sunspec_battery import BatteryServer
from chargebridge.sim.world.clock import FastClock
from chargebridge.sim.world.storage import Storage
from chargebridge.sim.world.storage_side import StorageSide
from chargebridge.wire.sunspec import AC_CONTROLS, AC_MEASUREMENT, COMMON, STORAGE, Value, image

SPEED = 20.0
HOST = "127.0.0.1"
BATTERY = Battery(id="b", name="B", circuit="main", charge_max_w=5000, discharge_max_w=6000, capacity_wh=10_000, reserve_wh=1000)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modbus, "TIMEOUT_S", 0.3)


class Listener:
    """Runs a plant as a site does and keeps what it says."""

    def __init__(self, url: str, battery: Battery = BATTERY) -> None:
        self.plant = open_battery(battery, url, FastClock(SPEED))
        self.states: list[BatteryState] = []
        self.faults: list[PlantFault] = []
        self._task = asyncio.create_task(self._run())

    async def __aenter__(self) -> "Listener":
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        async with aclosing(self.plant.states()) as said:
            async for heard in said:
                if isinstance(heard, BatteryState):
                    self.states.append(heard)
                else:
                    self.faults.append(heard)

    async def until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not true():
                assert not self._task.done()
                await asyncio.sleep(0.005)

    async def state(self) -> BatteryState:
        """The next one."""
        count = len(self.states)
        await self.until(lambda: len(self.states) > count)
        return self.states[-1]

    async def fault(self) -> PlantFault:
        count = len(self.faults)
        await self.until(lambda: len(self.faults) > count)
        return self.faults[-1]

    async def set_power(self, power_w: float | None, valid_s: float = 60.0) -> PlantAnswer:
        await self.state()
        return await self.plant.set_power(power_w, valid_s)


class House:
    """The world's own battery, stepped with the clock, and the server in front of it."""

    def __init__(self) -> None:
        self.clock = FastClock(SPEED)
        self._start = self.clock.now()
        self.storage = Storage(BATTERY, 0.55)
        self.server = BatteryServer(StorageSide(self.storage, self.t_s), self.clock)

    @property
    def power_w(self) -> float:
        return self.storage.flow.power_w

    def t_s(self) -> float:
        return (self.clock.now() - self._start).total_seconds()

    async def run(self) -> None:
        done_s = self.t_s()
        while True:
            await self.clock.sleep(0.1)
            now_s = self.t_s()
            self.storage.step(now_s, now_s - done_s, (230.0, 230.0, 230.0))
            done_s = now_s


@pytest_asyncio.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    async with house.server:
        running = asyncio.create_task(house.run())
        yield house
        running.cancel()


async def test_it_tells_power_and_charge(house: House):
    async with Listener(house.server.url) as at:
        state = await at.state()
        assert (state.battery, state.power_w, state.stored_wh) == ("b", 0.0, 5500.0)
        assert at.faults == []


async def test_a_set_point_changes_the_real_power(house: House):
    async with Listener(house.server.url) as at:
        for power_w in (3000.0, -2000.0, 0.0):
            answer = await at.set_power(power_w)
            assert answer == PlantAnswer(outcome=PlantOutcome.ACCEPTED, power_w=power_w)
            await at.until(lambda power_w=power_w: house.power_w == pytest.approx(power_w))
            await at.until(lambda power_w=power_w: at.states[-1].power_w == pytest.approx(power_w))


async def test_charging_stores_and_discharging_takes(house: House):
    async with Listener(house.server.url) as at:
        await at.set_power(5000)
        await at.until(lambda: (at.states[-1].stored_wh or 0) > 5520)
        await at.set_power(-6000)
        await at.until(lambda: house.power_w < -5999)
        high_wh = house.storage.stored_wh
        await at.until(lambda: house.storage.stored_wh < high_wh - 10)


async def test_more_than_the_ratings_is_never_asked_for(house: House):
    async with Listener(house.server.url) as at:
        assert (await at.set_power(99_999)).power_w == 5000
        assert (await at.set_power(-99_999)).power_w == -6000


async def test_silence_reverts(house: House):
    async with Listener(house.server.url) as at:
        await at.set_power(3000, valid_s=10)
        await at.until(lambda: house.power_w == pytest.approx(3000))
        set_s = house.t_s()
        await at.until(lambda: house.power_w == 0)
        assert house.t_s() - set_s < 13


async def test_a_lost_client_reverts(house: House):
    async with Listener(house.server.url) as at:
        await at.set_power(3000, valid_s=10)
        await at.until(lambda: house.power_w == pytest.approx(3000))
    await house.clock.sleep(13)
    assert house.power_w == 0


async def test_renewing_keeps_it_up(house: House):
    async with Listener(house.server.url) as at:
        for _ in range(6):
            await at.set_power(3000, valid_s=10)
            await at.until(lambda: house.power_w == pytest.approx(3000))
            await house.clock.sleep(5)
            assert house.power_w == pytest.approx(3000)


async def test_none_releases(house: House):
    async with Listener(house.server.url) as at:
        await at.set_power(3000)
        assert await at.set_power(None) == PlantAnswer(outcome=PlantOutcome.ACCEPTED)
        await at.until(lambda: house.power_w == 0)


@pytest.mark.parametrize(("power_w", "valid_s"), [(math.nan, 10), (math.inf, 10), (0, 0), (0, -1), (None, math.nan), (0, math.inf)])
async def test_what_is_no_set_point_is_the_callers_mistake(house: House, power_w: float | None, valid_s: float):
    with pytest.raises(ValueError, match="no set point"):
        await open_battery(BATTERY, house.server.url, house.clock).set_power(power_w, valid_s)


async def test_a_refusal_is_told_and_polling_goes_on(house: House):
    """The configuration allows more than the device does."""
    async with Listener(house.server.url, msgspec.structs.replace(BATTERY, charge_max_w=9000)) as at:
        answer = await at.set_power(8000)
        assert answer.outcome is PlantOutcome.REJECTED
        assert "exception 3 (illegal data value)" in answer.detail
        await at.state()
        assert at.faults == []
        assert house.power_w == 0


async def test_before_the_first_connection_it_is_offline(house: House):
    plant = open_battery(BATTERY, house.server.url, house.clock)
    assert (await plant.set_power(1000, 60)).outcome is PlantOutcome.OFFLINE


async def test_a_restarted_server_is_found_again(house: House):
    async with Listener(house.server.url) as at:
        await at.set_power(3000, valid_s=20)
        await house.server.close()
        fault = await at.fault()
        assert fault.plant == "b"
        assert house.server.url in fault.where
        assert (await at.plant.set_power(1000, 60)).outcome is PlantOutcome.OFFLINE
        await at.until(lambda: len(at.faults) >= 3)
        assert "no connection" in at.faults[-1].reason
        await house.server.open()
        assert (await at.set_power(-1000)).outcome is PlantOutcome.ACCEPTED
        await at.until(lambda: house.power_w == pytest.approx(-1000))


async def test_the_wrong_unit(house: House):
    async with Listener(house.server.url.replace("unit=1", "unit=2")) as at:
        fault = await at.fault()
        assert "is at none of 40000, 0, 50000" in fault.reason
        assert "check the unit id" in fault.cure


# --- pymodbus's server: registers that no program stands behind ---

MEASURED: dict[str, Value] = {"ACType": 2, "W": 1500.0, "W_SF": 1}
STORED: dict[str, Value] = {"WHRtg": 9000.0, "SoC": 50.0, "WH_SF": 0, "Pct_SF": 0}
CONTROLS: dict[str, Value] = {"WSetEna": 0, "WSetMod": 0, "WSet": 0.0, "WSetRvrtTms": 0, "WSet_SF": 0}


class Registers:
    """A device as pymodbus simulates it. ``mend`` may change what is about to be written (offset in model 704, values)."""

    def __init__(self, registers: list[int]) -> None:
        self.registers = registers
        self.mend: Callable[[int, list[int]], list[int]] = lambda _, values: values
        self.written: list[list[int]] = []
        self.controls_at = len(registers) - AC_CONTROLS.length - 4

    def control(self, name: str) -> int:
        point = AC_CONTROLS.point(name)
        first = self.controls_at + point.offset
        return int.from_bytes(b"".join(r.to_bytes(2, "big") for r in self.registers[first : first + point.size]), "big", signed=True)

    async def act(self, _function: int, _start: int, address: int, _count: int, registers: list[int], values: list[int] | None) -> None:
        self.registers = registers
        if values is not None:
            self.written.append(values)
            values[:] = self.mend(address - 40000 - self.controls_at, values)


@asynccontextmanager
async def registers(*models: tuple, spoil: Callable[[Registers], None] | None = None) -> AsyncIterator[tuple[str, Registers]]:
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    device = Registers(image([(COMMON, {"Mn": "x"}), *models]))
    if spoil is not None:
        spoil(device)
    data = SimData(40000, values=list(device.registers), datatype=DataType.REGISTERS)
    server = ModbusTcpServer(SimDevice(1, simdata=[data], action=device.act), address=(HOST, port))
    await server.serve_forever(background=True)
    try:
        yield f"modbus+tcp://{HOST}:{port}", device
    finally:
        await server.shutdown()


async def test_a_foreign_server_with_other_scale_factors():
    async with (
        registers((AC_MEASUREMENT, MEASURED), (STORAGE, STORED), (AC_CONTROLS, CONTROLS | {"WSet_SF": 1})) as (url, device),
        Listener(url) as at,
    ):
        state = await at.state()
        assert (state.power_w, state.stored_wh) == (-1500.0, 4500.0)
        answer = await at.set_power(1234)
        assert answer == PlantAnswer(outcome=PlantOutcome.ACCEPTED, power_w=1230)
        assert {n: device.control(n) for n in CONTROLS} == {"WSetEna": 1, "WSetMod": 1, "WSet": -123, "WSetRvrtTms": 60, "WSet_SF": 1}


async def test_a_device_without_storage_model_tells_no_charge():
    async with registers((AC_MEASUREMENT, MEASURED)) as (url, _), Listener(url) as at:
        assert (await at.state()).stored_wh is None
        answer = await at.set_power(1000)
        assert answer.outcome is PlantOutcome.UNSUPPORTED
        assert "WSetEna, WSet, WSet_SF, WSetRvrtTms" in answer.detail


async def test_a_charge_without_the_rated_energy_counts_on_the_configured_one():
    async with registers((AC_MEASUREMENT, MEASURED), (STORAGE, STORED | {"WHRtg": None})) as (url, _), Listener(url) as at:
        assert (await at.state()).stored_wh == 5000.0


@pytest.mark.parametrize("lack", ["WSet", "WSetEna", "WSetRvrtTms", "WSet_SF"])
async def test_a_device_that_cannot_revert_by_itself_is_not_controlled(lack: str):
    def spoil(device: Registers) -> None:
        point = AC_CONTROLS.point(lack)
        first = device.controls_at + point.offset
        device.registers[first : first + point.size] = AC_CONTROLS.encode({})[point.offset : point.end]

    models = (AC_MEASUREMENT, MEASURED), (AC_CONTROLS, CONTROLS)
    async with registers(*models, spoil=spoil) as (url, device), Listener(url) as at:
        answer = await at.set_power(1000)
        assert answer.outcome is PlantOutcome.UNSUPPORTED
        assert lack in answer.detail
        assert device.written == []
        assert at.faults == []


async def test_a_timer_that_does_not_run_is_noticed():
    async with registers((AC_MEASUREMENT, MEASURED), (AC_CONTROLS, CONTROLS | {"WSetRvrtRem": 0})) as (url, device), Listener(url) as at:
        answer = await at.set_power(1000)
        assert answer.outcome is PlantOutcome.UNSUPPORTED
        assert "does not run" in answer.detail
        assert device.control("WSetEna") == 0


async def test_a_timer_that_runs_out_without_effect_is_made_up_for():
    async with registers((AC_MEASUREMENT, MEASURED), (AC_CONTROLS, CONTROLS | {"WSetRvrtRem": 9})) as (url, device), Listener(url) as at:
        assert (await at.set_power(1000, valid_s=10)).outcome is PlantOutcome.ACCEPTED
        assert device.control("WSetEna") == 1
        await at.until(lambda: device.control("WSetEna") == 0)


async def test_a_set_point_that_the_device_changes_is_told_as_it_holds_it():
    async with registers((AC_MEASUREMENT, MEASURED), (AC_CONTROLS, CONTROLS)) as (url, device), Listener(url) as at:
        device.mend = lambda offset, values: [1, 0xFFFF, 0x10000 - 700] if offset == 23 else values
        answer = await at.set_power(1000)
        assert (answer.outcome, answer.power_w) == (PlantOutcome.ACCEPTED, 700)
        assert "700 W instead of 1000 W" in answer.detail


async def test_a_device_that_does_not_enable():
    async with registers((AC_MEASUREMENT, MEASURED), (AC_CONTROLS, CONTROLS)) as (url, device), Listener(url) as at:
        device.mend = lambda offset, values: [0] if offset == 22 else values
        assert (await at.set_power(1000)).outcome is PlantOutcome.REJECTED


@pytest.mark.parametrize(
    ("models", "reason"),
    [
        ([(STORAGE, STORED)], "no model 701, only 1, 713"),
        ([(AC_MEASUREMENT, {"ACType": 2})], "is not told"),
        ([(AC_MEASUREMENT, {"ACType": 2, "W_SF": 0})], "is not told"),
    ],
)
async def test_what_is_no_battery_says_what_is_missing(models: list[tuple], reason: str):
    async with registers(*models) as (url, _), Listener(url) as at:
        assert reason in (await at.fault()).reason


# --- peers that send rubbish ---

Reply = Callable[[bytes], bytes]


def _frame(request: bytes, pdu: str) -> bytes:
    body = bytes.fromhex(pdu)
    return request[:4] + (len(body) + 1).to_bytes(2, "big") + request[6:7] + body


RUBBISH: dict[str, Reply] = {
    "text": lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n" * 20,
    "silence": lambda _: b"",
    "endless": lambda _: bytes(range(256)) * 400,
    "zeros": lambda _: bytes(1000),
    "half a frame": lambda q: _frame(q, "03 04 5375 6e53")[:-1],
    "too few registers": lambda q: _frame(q, "03 02 5375"),
    "too many registers": lambda q: _frame(q, "03 06 5375 6e53 0001"),
    "odd byte count": lambda q: _frame(q, "03 03 537500"),
    "false byte count": lambda q: _frame(q, "03 ff 5375"),
    "another function": lambda q: _frame(q, "10 9c40 0002"),
    "unknown function": lambda q: _frame(q, "55 00 00"),
    "empty": lambda q: _frame(q, ""),
    "another transaction": lambda q: b"\x7f\x7f" + _frame(q, "03 04 5375 6e53")[2:],
    "another unit": lambda q: _frame(q, "03 04 5375 6e53")[:6] + b"\x09" + _frame(q, "03 04 5375 6e53")[7:],
    "an exception without code": lambda q: _frame(q, "83"),
    "an exception of its own": lambda q: _frame(q, "83 f7"),
    "chain of nothing": lambda q: _frame(q, "03 04 5375 6e53" if q[8:10] == b"\x9c\x40" else "03 04 0001 0000"),
}


@pytest.mark.parametrize("kind", list(RUBBISH))
async def test_rubbish_is_a_fault_and_the_next_answer_may_be_good(kind: str, house: House):
    rubbish = True

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            true_reader, true_writer = await asyncio.open_connection(HOST, house.server.port)
            while request := await reader.read(300):
                if rubbish:
                    writer.write(RUBBISH[kind](request))
                else:
                    true_writer.write(request)
                    writer.write(await true_reader.read(300))
            true_writer.close()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(talk, HOST, 0)
    async with server, Listener(f"modbus+tcp://{HOST}:{server.sockets[0].getsockname()[1]}") as at:
        fault = await at.fault()
        assert fault.reason
        assert fault.cure
        assert at.states == []
        rubbish = False
        assert (await at.state()).power_w == 0


async def test_rubbish_in_answer_to_a_set_point_leaves_open_whether_it_acts(house: House):
    spoil = False

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        true_reader, true_writer = await asyncio.open_connection(HOST, house.server.port)
        while request := await reader.read(300):
            true_writer.write(request)
            answer = await true_reader.read(300)
            writer.write(_frame(request, "10 0000 0001") if spoil and request[7] == 16 else answer)
        true_writer.close()
        writer.close()

    server = await asyncio.start_server(talk, HOST, 0)
    async with server, Listener(f"modbus+tcp://{HOST}:{server.sockets[0].getsockname()[1]}") as at:
        await at.state()
        spoil = True
        answer = await at.plant.set_power(1000, 60)
        assert answer.outcome is PlantOutcome.TIMED_OUT
        assert "confirmed 1 registers at 0" in answer.detail
        await at.state()
