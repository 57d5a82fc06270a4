"""The world over real sockets: what its meters say, decoded by the real decoders, is what flows; its story happens; its faults come and go."""

import asyncio
import os
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from chargebridge.sim.world.clock import FastClock, ManualClock
from chargebridge.sim.world.demo import STORY, demo_scenario, demo_topology
from chargebridge.sim.world.event import Arrive, Cloud, FaultKind, GridLimit, Happening, MeterFails, PriceList, SwitchOn, stretch
from chargebridge.sim.world.scenario import Language, MeterSpec
from chargebridge.sim.world.world import World
from chargebridge.wire.meter import AutoDecoder, DecodeError, Telegram

START = datetime(2026, 4, 14, 8, 0, tzinfo=UTC)
PRECISION_A = {
    Language.P1: 0.51,
    Language.P1_FLEMISH: 0.011,
    Language.P1_SWEDISH: 0.051,
    Language.SML: 0.011,
    Language.AIDON: 0.051,
    Language.KAIFA: 0.011,
    Language.KAMSTRUP: 0.011,
}


def quiet_world(language: Language = Language.SML, seed: int = 3, serial: bool = False) -> World:
    """The demo's property with one meter at the main fuse, cars plugged in by hand, no story."""
    scenario = msgspec.structs.replace(demo_scenario(), story=(), meters=(MeterSpec(id="main-meter", language=language, serial=serial),))
    return World(demo_topology(), scenario, ManualClock(START), seed=seed)


class Listener:
    """Someone who is connected to the world's main meter and decodes all that comes."""

    def __init__(self, world: World, reader: asyncio.StreamReader) -> None:
        self.world = world
        self.reader = reader
        self.decoder = AutoDecoder()

    async def step(self) -> list[Telegram | DecodeError]:
        """One step of the world; what its meter said then, waited for if it was due to speak."""
        meter = self.world.meters["main-meter"]
        before = meter.sent
        self.world.step()
        if meter.sent == before:
            return []
        with suppress(TimeoutError):
            return self.decoder.feed(await asyncio.wait_for(self.reader.read(65536), 0.3))
        return []

    async def hear(self, seconds: float) -> list[Telegram | DecodeError]:
        return [event for _ in range(round(seconds / self.world.dt_s)) for event in await self.step()]


@asynccontextmanager
async def listening(world: World):
    async with world:
        reader, writer = await asyncio.open_connection(*world.meter_address("main-meter"))
        await asyncio.sleep(0.01)
        yield Listener(world, reader)
        writer.close()


def figure(telegram: Telegram, code: str, absent: float | None = None) -> float:
    """The register with this code, whatever its medium and channel."""
    for name, register in telegram.registers.items():
        if name.endswith(f":{code}") and register.value is not None:
            return float(register.value)
    assert absent is not None, f"no {code} in {sorted(telegram.registers)}"
    return absent


@pytest.mark.parametrize("language", Language)
async def test_decoded_telegrams_are_what_flows(language: Language):
    world = quiet_world(language)
    world.plug("c1", "city", 0.3)
    world.plug("g4", "one_phase", 0.3)
    world.draw("c1", 20, 3, world.now)
    world.draw("g4", 14, 1, world.now)
    world.advance(20)
    flow, full = world.flow("main"), 0
    async with listening(world) as listener:
        for _ in range(120):
            for telegram in await listener.step():
                assert isinstance(telegram, Telegram)
                net = (
                    figure(telegram, "16.7.0")
                    if language is Language.SML
                    else figure(telegram, "1.7.0") - figure(telegram, "2.7.0", absent=0)
                )
                assert net == pytest.approx(flow.power_w, abs=0.51)
                if not any(name.endswith(":31.7.0") for name in telegram.registers):
                    continue
                full += 1
                for code, true_a in zip(("31.7.0", "51.7.0", "71.7.0"), flow.current_a, strict=True):
                    assert abs(figure(telegram, code)) == pytest.approx(abs(true_a), abs=PRECISION_A[language])
    assert full >= 2


async def test_registers_over_the_wire_run_by_the_energy_that_flowed():
    world = quiet_world()
    flow = world.flow("main")
    seen: list[tuple[Telegram, int, int]] = []
    async with listening(world) as listener:
        for _ in range(3000):
            seen += [(event, int(flow.import_wh), int(flow.export_wh)) for event in await listener.step() if isinstance(event, Telegram)]
    first, ended = seen[0][0], seen[-1]
    for telegram, *flowed in seen:
        for code, wh in zip(("1.8.0", "2.8.0"), flowed, strict=True):
            assert figure(telegram, code) - figure(first, code) == wh
    assert ended[2] > 1000


async def test_damaged_telegrams_are_errors_to_the_decoder_and_the_next_good_one_is_good():
    for fault in (FaultKind.CUT, FaultKind.FLIPPED):
        world = quiet_world()
        async with listening(world) as listener:
            world.happen(MeterFails(at_s=0, meter="main-meter", fault=fault))
            bad = await listener.hear(8)
            world.happen(MeterFails(at_s=0, meter="main-meter", fault=FaultKind.NONE))
            good = await listener.hear(4)
        assert any(isinstance(event, DecodeError) for event in bad)
        assert sum(isinstance(event, Telegram) for event in good) >= 3


async def test_a_dead_meter_breaks_its_connections_and_lives_again():
    world = quiet_world()
    async with world:
        address = world.meter_address("main-meter")
        reader, writer = await asyncio.open_connection(*address)
        await asyncio.sleep(0.01)
        world.happen(MeterFails(at_s=0, meter="main-meter", fault=FaultKind.DEAD))
        with suppress(ConnectionError):
            assert await reader.read() == b""
        world.happen(MeterFails(at_s=0, meter="main-meter", fault=FaultKind.NONE))
        reader, writer = await asyncio.open_connection(*address)
        await asyncio.sleep(0.01)
        world.advance(2)
        assert AutoDecoder().feed(await reader.read(65536))
        writer.close()


async def test_a_meter_on_a_pseudo_terminal_speaks_there_too():
    world = quiet_world(Language.P1, serial=True)
    async with world:
        handle = os.open(world.meter_path("main-meter"), os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
        decoder, events = AutoDecoder(), []
        for _ in range(20):
            world.step()
            with suppress(BlockingIOError):
                events += decoder.feed(os.read(handle, 65536))
        os.close(handle)
    assert sum(isinstance(event, Telegram) for event in events) >= 3


def test_the_same_seed_speaks_the_same_bytes_and_another_seed_others():
    def spoken(seed: int) -> list[bytes]:
        world = World(demo_topology(), demo_scenario(), ManualClock(START), seed=seed)
        said: list[bytes] = []
        for line in world._tcp.values():
            line.send = said.append  # type: ignore[method-assign]
        world.advance(130)
        return said

    assert spoken(1) == spoken(1)
    assert spoken(1) != spoken(2)


def test_the_story_tells_all_its_events_in_two_minutes_and_again_when_it_repeats():
    world = World(demo_topology(), demo_scenario(repeat_s=150), ManualClock(START))
    told: list[tuple[float, Happening]] = []
    world.listen(lambda event, at: told.append(((at - START).total_seconds(), event)))
    world.advance(120)
    assert [event for _, event in told] == sorted(STORY, key=lambda e: e.at_s)
    assert all(at == pytest.approx(event.at_s, abs=world.dt_s) for at, event in told)
    assert all(event.text for event in STORY)
    assert world.plugged("v4")
    assert not world.plugged("c3")
    world.advance(150)
    assert len(told) == 2 * len(STORY)


def test_what_happens_changes_the_physics():
    world = World(demo_topology(), demo_scenario(), ManualClock(START))
    world.advance(1)
    house, sun = world.flow("house"), world.flow("pv")
    before = house.power_w
    world.happen(SwitchOn(at_s=0, household="house", what="sauna", power_w=5400, phases=(1, 2, 3), run_s=60))
    world.advance(1)
    assert house.power_w - before == pytest.approx(5400, abs=600)
    bright = sun.power_w
    world.happen(Cloud(at_s=0, plant="pv", lets_through=0.2, lasts_s=60))
    world.advance(40)
    assert sun.power_w == pytest.approx(0.2 * bright, rel=0.1)


def test_a_stretched_story_takes_longer_and_is_otherwise_the_same():
    slow = stretch(STORY, 10)
    for quick, event in zip(STORY, slow, strict=True):
        assert event.at_s == 10 * quick.at_s
        assert event.text == quick.text
    limit = next(e for e in slow if isinstance(e, GridLimit) and e.power_w)
    assert limit.duration_s == 260
    assert next(e for e in slow if isinstance(e, Arrive) and e.stays_s).stays_s == 8 * 3600
    prices = next(e for e in slow if isinstance(e, PriceList))
    assert prices.per_kwh[1][0] == 620


def test_a_story_is_plain_data():
    packed = msgspec.json.encode(STORY)
    assert msgspec.json.decode(packed, type=tuple[Happening, ...]) == STORY


async def test_the_running_world_keeps_up_with_a_fast_clock_and_drives_its_stations():
    class Station:
        def __init__(self) -> None:
            self.seen: list[str] = []

        def plug(self, evse: int) -> None:
            self.seen.append("plug")

        async def present(self, evse: int, token: str) -> bool:
            self.seen.append(token)
            return True

        def unplug(self, evse: int) -> None:
            self.seen.append("unplug")

    clock = FastClock(60, START)
    world = World(demo_topology(), demo_scenario(), clock)
    station = Station()
    world.join("CB-C3", station)
    async with world:
        running = asyncio.create_task(world.run())
        await asyncio.sleep(2.4)
        assert world.now <= clock.now()
        assert clock.now() - world.now < timedelta(seconds=12)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    assert station.seen == ["plug", "TAG-EMMA", "TAG-EMMA", "unplug"]
