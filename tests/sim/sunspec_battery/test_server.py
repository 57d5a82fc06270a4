"""The counterpart as a foreign client sees it: pymodbus asks, the simulated battery acts."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from pymodbus.client import AsyncModbusTcpClient

from chargebridge.model.circuit import Battery
from chargebridge.sim.sunspec_battery import BatteryServer
from chargebridge.sim.world.clock import ManualClock
from chargebridge.wire.sunspec import AC_CONTROLS, AC_MEASUREMENT, CAPACITY, STORAGE, Block, Chain, Value

BATTERY = Battery(id="b", name="B", circuit="main", charge_max_w=5000, discharge_max_w=6000, capacity_wh=10_000, reserve_wh=0)
NEVER = float("inf")


class Side:
    """Notes what it is told and does it at once."""

    def __init__(self) -> None:
        self.battery = BATTERY
        self.power_w = 0.0
        self.stored_wh = 5500.0
        self.told: list[tuple[float, float]] = []

    def set_power(self, power_w: float, revert_s: float) -> None:
        self.power_w = power_w
        self.told.append((power_w, revert_s))


class Kit:
    def __init__(self, side: Side, clock: ManualClock, server: BatteryServer, client: AsyncModbusTcpClient) -> None:
        self.side, self.clock, self.server, self.client = side, clock, server, client
        self.chain = Chain()

    async def find(self) -> None:
        while self.chain.want is not None:
            answer = await self.client.read_holding_registers(self.chain.want.address, count=self.chain.want.count)
            self.chain.take(answer.registers)

    @property
    def controls(self) -> Block:
        block = self.chain.block(AC_CONTROLS)
        assert block is not None
        return block

    async def values(self, block: Block | None, *names: str) -> dict[str, Value]:
        assert block is not None
        span = block.span(*names)
        answer = await self.client.read_holding_registers(span.address, count=span.count)
        return block.values(span, answer.registers)

    async def write(self, **values: Value) -> int:
        """The exception code of the last write, 0 if it was taken."""
        for write in self.controls.writes(values, {"WSet_SF": 0}):
            answer = await self.client.write_registers(write.address, list(write.registers))
            if answer.isError():
                return answer.exception_code
        return 0


@pytest_asyncio.fixture
async def kit() -> AsyncIterator[Kit]:
    side, clock = Side(), ManualClock(datetime(2026, 4, 1, tzinfo=UTC))
    async with BatteryServer(side, clock) as server:
        client = AsyncModbusTcpClient("127.0.0.1", port=server.port, timeout=2, retries=0, reconnect_delay=0)
        await client.connect()
        kit = Kit(side, clock, server, client)
        await kit.find()
        yield kit
        client.close()


async def test_the_models_follow_each_other(kit: Kit):
    assert [f.id for f in kit.chain.found] == [1, 701, 702, 713, 704]


async def test_what_it_measures(kit: Kit):
    kit.side.power_w = 1234.0
    assert (await kit.values(kit.chain.block(AC_MEASUREMENT), "W"))["W"] == -1234.0
    stored = await kit.values(kit.chain.block(STORAGE), "WHRtg", "WHAvail", "SoC")
    assert (stored["WHRtg"], stored["WHAvail"], stored["SoC"]) == (10_000.0, 5500.0, 55.0)
    rated = await kit.values(kit.chain.block(CAPACITY), "WChaRteMaxRtg", "WDisChaRteMaxRtg")
    assert (rated["WChaRteMaxRtg"], rated["WDisChaRteMaxRtg"]) == (5000.0, 6000.0)


async def test_a_set_point_acts_when_it_is_enabled(kit: Kit):
    assert await kit.write(WSet=-3000.0) == 0
    assert kit.side.power_w == 0.0
    assert await kit.write(WSetEna=1) == 0
    assert kit.side.told[-1] == (3000.0, NEVER)
    assert await kit.write(WSet=2000.0) == 0
    assert kit.side.told[-1] == (-2000.0, NEVER)
    assert await kit.write(WSetEna=0) == 0
    assert kit.side.told[-1] == (0.0, NEVER)


async def test_the_timer_reverts_though_nobody_asks(kit: Kit):
    await kit.write(WSet=-3000.0, WSetRvrtTms=60)
    await kit.write(WSetEna=1)
    assert kit.side.told[-1] == (3000.0, 60.0)
    await kit.clock.advance(59)
    assert kit.side.power_w == 3000.0
    assert (await kit.values(kit.controls, "WSetRvrtRem"))["WSetRvrtRem"] == 1
    await kit.clock.advance(1)
    assert kit.side.told[-1] == (0.0, NEVER)
    now = await kit.values(kit.controls, "WSetEna", "WSet", "WSetRvrtRem")
    assert (now["WSetEna"], now["WSet"], now["WSetRvrtRem"]) == (0, 0.0, 0)


async def test_each_write_starts_the_timer_anew(kit: Kit):
    await kit.write(WSet=-3000.0, WSetRvrtTms=60, WSetEna=1)
    for power_w in (-3000.0, -2000.0, -1000.0):
        await kit.clock.advance(50)
        await kit.write(WSet=power_w)
    await kit.clock.advance(59)
    assert kit.side.power_w == 1000.0
    await kit.clock.advance(1)
    assert kit.side.power_w == 0.0


async def test_it_may_revert_to_another_set_point(kit: Kit):
    await kit.write(WSet=-3000.0, WSetRvrt=-500.0, WSetEnaRvrt=1, WSetRvrtTms=60, WSetEna=1)
    await kit.clock.advance(60)
    assert kit.side.told[-1] == (500.0, NEVER)
    await kit.clock.advance(600)
    assert kit.side.power_w == 500.0


async def test_the_timer_goes_on_after_the_network_was_gone(kit: Kit):
    await kit.write(WSet=-3000.0, WSetRvrtTms=60, WSetEna=1)
    await kit.server.close()
    await kit.clock.advance(100)
    await kit.server.open()
    await kit.clock.advance(1)
    assert kit.side.power_w == 0.0


@pytest.mark.parametrize("values", [{"WSet": -5001.0}, {"WSet": 6001.0}, {"WSetRvrt": 9000.0}, {"WSetEna": 7}, {"WSetMod": 0}, {"WSet": None},
                                    {"WSetRvrtTms": None}, {"WSetEnaRvrt": 2}])  # fmt: skip
async def test_values_out_of_range_are_refused(kit: Kit, values: dict[str, Value]):
    assert await kit.write(**values) == 3
    assert kit.side.told == []


@pytest.mark.parametrize(
    ("offset", "registers"), [(24, [0]), (25, [0, 0]), (33, [0, 0]), (28, [100]), (0, [704]), (1, [0]), (55, [0]), (500, [0])]
)
async def test_registers_that_cannot_be_written_are_refused(kit: Kit, offset: int, registers: list[int]):
    """Halves of a point, read-only points, points not implemented, the header, and what lies outside."""
    answer = await kit.client.write_registers(kit.controls.address + offset, registers)
    assert answer.exception_code == 2


async def test_a_write_is_refused_as_a_whole(kit: Kit):
    await kit.client.write_registers(kit.controls.address + 22, [1, 9])
    assert (await kit.values(kit.controls, "WSetEna"))["WSetEna"] == 0


async def test_one_register_may_be_written_by_the_single_write(kit: Kit):
    await kit.write(WSet=1000.0)
    answer = await kit.client.write_register(kit.controls.address + 22, 1)
    assert not answer.isError()
    assert kit.side.power_w == -1000.0


@pytest.mark.parametrize(("address", "count"), [(0, 2), (39999, 2), (40000 + 2 + 68 + 155 + 52 + 9 + 67 + 1, 2), (65535, 1)])
async def test_registers_that_there_are_not(kit: Kit, address: int, count: int):
    assert (await kit.client.read_holding_registers(address, count=count)).exception_code == 2


async def test_other_units_and_functions(kit: Kit):
    assert (await kit.client.read_holding_registers(40000, count=2, device_id=9)).exception_code == 11
    assert (await kit.client.read_input_registers(40000, count=2)).exception_code == 1
    assert (await kit.client.read_coils(0, count=2)).exception_code == 1


async def raw(kit: Kit, data: bytes) -> bytes:
    """All that comes back until the server closes, or has said nothing for a while."""
    reader, writer = await asyncio.open_connection("127.0.0.1", kit.server.port)
    writer.write(data)
    answer = b""
    try:
        async with asyncio.timeout(0.3):
            while more := await reader.read(1000):
                answer += more
            answer += b"closed"
    except TimeoutError:
        pass
    finally:
        writer.close()
    return answer


READ = bytes.fromhex("0001 0000 0006 01 03 9c40 0002")


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (READ, "0001 0000 0007 01 03 04 5375 6e53"),
        (READ + b"\0\2" + READ[2:], "0001 0000 0007 01 03 04 5375 6e53 0002 0000 0007 01 03 04 5375 6e53"),
        (bytes.fromhex("0001 0000 0006 01 03 9c40 007e"), "0001 0000 0003 01 83 03"),
        (bytes.fromhex("0001 0000 0006 01 03 9c40 0000"), "0001 0000 0003 01 83 03"),
        (bytes.fromhex("0001 0000 0003 01 03 9c"), "0001 0000 0003 01 83 03"),
        (bytes.fromhex("0001 0000 0009 01 10 9c40 0001 04 0000"), "0001 0000 0003 01 90 03"),
        (bytes.fromhex("0001 0000 0008 01 10 9c40 0001 02 00"), "0001 0000 0003 01 90 03"),
        (bytes.fromhex("0001 0000 0007 01 10 9c40 0000 00"), "0001 0000 0003 01 90 03"),
    ],
)
async def test_frames_byte_by_byte(kit: Kit, data: bytes, answer: str):
    assert await raw(kit, data) == bytes.fromhex(answer)


@pytest.mark.parametrize("data", ["0001 0007 0006 01 03 9c40 0002", "0001 0000 0001 01", "0001 0000 ffff 01"])
async def test_what_is_no_modbus_ends_the_connection_only(kit: Kit, data: str):
    assert await raw(kit, bytes.fromhex(data)) == b"closed"
    assert not (await kit.client.read_holding_registers(40000, count=2)).isError()


async def test_a_side_beyond_all_measure_is_a_device_failure(kit: Kit):
    kit.side.power_w = 1e9
    assert (await kit.client.read_holding_registers(40000, count=2)).exception_code == 4
