"""Whatever a meter, a battery, a station or the disk does, the site goes on, says so once, and takes the device up again."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chargebridge.meters.port import MeterError
from chargebridge.meters.registry import open_meter
from chargebridge.model.clock import Clock
from chargebridge.model.decision import MeterView
from chargebridge.model.reading import MeterFault, Reading
from chargebridge.model.state import BatteryState
from chargebridge.plants import PlantAnswer, PlantOutcome
from chargebridge.sim.world.clock import FastClock
from chargebridge.site import batteries, present
from chargebridge.site import site as site_module
from chargebridge.site.batteries import BatteryKeeper
from chargebridge.site.config_file import parse
from chargebridge.site.live import Live
from tests.site.kit import CONFIG, bench, until
from tests.store.test_failing_disk import short_patience

METERED = CONFIG.replace("fuse_a = 63", 'fuse_a = 63\nmeter = "m"') + '\n[[meter]]\nid = "m"\nurl = "tcp://127.0.0.1:9"\n'
VECTORS = Path(os.environ.get("CHARGEBRIDGE_VECTORS", Path(__file__).parents[3] / "shared" / "vectors")) / "meters"


class Failing:
    """A meter whose adapter raises in turn what is given, with a good reading before each."""

    name = "m"

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.opened = 0

    async def readings(self) -> AsyncIterator[Reading | MeterFault]:
        self.opened += 1
        yield Reading(meter="m", received_at=datetime.now(UTC), power_w=float(self.opened))
        if self.errors:
            raise self.errors.pop(0)
        await asyncio.Event().wait()


async def test_a_meter_that_raises_costs_that_meter_only_and_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_module, "METER_AGAIN_S", 0.05)
    meter = Failing(ZeroDivisionError("a bug"), MeterError("m", "the file is gone", "put it back"), OSError("no such device"))
    async with bench(tmp_path, text=METERED, meters=[meter]) as site:
        assert await until(lambda: meter.opened == 4)
        assert await until(lambda: site.site.live.readings["m"].power_w == 4)
        told = [h for h in site.happenings if h.startswith("m: ")]
        assert told == ["m: cannot be read (ZeroDivisionError: a bug); it is tried again; the log tells more"], (
            "once a minute, not each time"
        )


class Plant:
    id = "battery"

    def __init__(self) -> None:
        self.read = self.asked = 0

    async def states(self) -> AsyncIterator[BatteryState]:
        self.read += 1
        if self.read == 1:
            raise RuntimeError("a bug")
        yield BatteryState(battery="battery", heard_at=datetime.now(UTC), power_w=1.0)
        await asyncio.Event().wait()

    async def set_power(self, power_w: float | None, valid_s: float) -> PlantAnswer:
        self.asked += 1
        if self.asked == 1:
            raise RuntimeError("another")
        return PlantAnswer(outcome=PlantOutcome.ACCEPTED)


async def test_a_battery_that_raises_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    from chargebridge.model.decision import BatteryCommand

    monkeypatch.setattr(batteries, "AGAIN_S", 0.05)
    plant, live, said = Plant(), Live(parse(CONFIG).topology()), list[str]()
    clock: Clock = FastClock(20)
    keeper = BatteryKeeper([plant], live, clock, wake=lambda: None, tell=lambda kind, text, subject: said.append(text))  # type: ignore[list-item]
    running = asyncio.create_task(keeper.run())
    assert await until(lambda: "battery" in live.batteries)
    command = BatteryCommand(battery="battery", power_w=500, reason="")

    def given() -> bool:
        keeper.give((command,))
        return plant.asked >= 2

    assert await until(given)
    assert not running.done()
    assert any("RuntimeError: a bug" in text for text in said)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_an_evse_that_refuses_its_fallback_does_not_keep_the_other_from_its_own(tmp_path: Path) -> None:
    async with bench(tmp_path) as site:
        client = await site.station(obeys=False)
        answered: set[str] = set()

        async def refuse_first() -> None:
            while True:
                for frame in list(client.asked):
                    if frame[1] not in answered:
                        answered.add(frame[1])
                        word = "Rejected" if frame[3].get("connectorId") == 1 else "Accepted"
                        await client.send([3, frame[1], {"status": word}])
                await asyncio.sleep(0.005)

        refusing = asyncio.create_task(refuse_first())
        assert await until(lambda: site.point("b").fallback_a == 0.0, 8)
        assert site.point("a").fallback_a is None
        assert any("A did not take its fallback current: rejected" in text for text in site.happenings)
        refusing.cancel()


async def test_a_station_that_comes_and_goes_leaves_no_tasks_behind_and_its_fallback_is_no_alarm(tmp_path: Path) -> None:
    async with bench(tmp_path) as site:
        for _ in range(3):
            client = await site.station(obeys=False)
            assert await until(lambda: site.point("a").online)
            await client.close()
        await site.station(obeys=False)
        assert await until(lambda: sum("_write_fallbacks" in repr(task.get_coro()) for task in asyncio.all_tasks()) == 1)
        made = site.site._engine.latest
        assert made is not None
        assert not [a for a in made.alerts if "fallback" in a.text], "it has only just come"
        for name in "ab":
            site.point(name).connected_at = datetime.now(UTC) - timedelta(seconds=40)
        assert await until(lambda: [a for a in site.site._engine.latest.alerts if "did not confirm" in a.text], 2)  # type: ignore[union-attr]


async def test_records_that_could_not_be_kept_are_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short_patience(monkeypatch)
    monkeypatch.setattr(site_module, "SAMPLE_EVERY_S", 0.1)
    async with bench(tmp_path) as site:
        other = sqlite3.connect(tmp_path / "site.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert await until(lambda: any("records could not be kept" in text for text in site.happenings))
        before = site.site._engine.latest
        assert await until(lambda: site.site._engine.latest is not before), "decisions go on"
        other.execute("ROLLBACK")
        other.close()


def test_a_lost_meter_is_told_from_a_plant_that_is_not_there() -> None:
    text = (
        METERED + '\n[[generator]]\nid = "pv"\nname = "PV"\ncircuit = "main"\nmeter = "p"\n[[meter]]\nid = "p"\nurl = "tcp://127.0.0.1:9"\n'
    )
    now = datetime.now(UTC)
    live, bare = Live(parse(text).topology()), Live(parse(METERED).topology())
    for site in (live, bare):
        site.readings["m"] = Reading(meter="m", received_at=now, power_w=1000.0)
    assert (present.flow(bare, now).pv_w, present.flow(bare, now).silent, present.flow(bare, now).house_w) == (None, (), 1000)
    assert (present.flow(live, now).pv_w, present.flow(live, now).silent, present.flow(live, now).house_w) == (None, ("pv",), None)
    live.readings["p"] = Reading(meter="p", received_at=now, power_w=-3000.0)
    assert (present.flow(live, now).pv_w, present.flow(live, now).silent, present.flow(live, now).house_w) == (3000, (), 4000)


CAPTURES = [("p1_dsmr", "stream_isk5_dsmr5_a.txt"), *(("norway_han_dlms", f) for f in ("ams_aidon_tn3p_1.hex", "ams_kaifa_gh180-1.hex"))]


@pytest.mark.parametrize(("folder", "file"), CAPTURES)
async def test_the_site_runs_on_a_replay_of_a_real_capture(tmp_path: Path, folder: str, file: str) -> None:
    """Every telegram is taken in and decided on within a second; when the capture ends, the meter counts as lost within its age limit."""
    path = VECTORS / folder / file
    if not path.is_file():
        pytest.skip(f"no capture {path}; CHARGEBRIDGE_VECTORS names another place")
    url = f"file://{path}?speed=500&interval=2"
    text = METERED.replace('meter = "m"', 'meter = "m"\nmeter_max_age_s = 2\nlost_meter_load_a = 40').replace("tcp://127.0.0.1:9", url)
    clock = FastClock(1)
    plain = [r async for r in open_meter(f"file://{path}?speed=0", "m", clock).readings() if isinstance(r, Reading)]
    assert plain
    async with bench(tmp_path, text=text, meters=[open_meter(url, "m", clock)]) as site:
        latest: Any = lambda: site.site._engine.latest  # noqa: E731
        assert await until(lambda: latest() is not None and latest().nodes[0].meter is MeterView.MEASURED, 3)
        assert await until(lambda: len(site.site.live.readings) == 1)
        reaction = site.site.service.view().reaction_ms
        assert reaction is not None
        assert reaction < 1000
        assert await until(lambda: latest().nodes[0].meter is MeterView.ASSUMED, 8), "lost when the capture has ended"
        assert min(latest().nodes[0].base_a) >= 40, "the owner's worst case"
        kept = await site.rows("select count(*) from reading")
        assert kept == [(len(plain),)], "each reading is kept"
        assert site.site.live.readings["m"].power_w == plain[-1].power_w
        assert all(p.goal_a == 0 for p in latest().points), "no headroom is given away blind"
