"""A meter, or a gateway before it, that repeats one telegram for ever: it speaks, and yet tells nothing."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chargebridge.meters.registry import open_meter
from chargebridge.model.decision import MeterView
from chargebridge.model.reading import Reading
from chargebridge.sim.telegrams import p1
from chargebridge.sim.telegrams.values import measured
from chargebridge.sim.world.clock import FastClock
from chargebridge.site import present
from chargebridge.site.config_file import parse
from chargebridge.site.live import Live
from chargebridge.site.peak import PeakWindow
from tests.site.kit import bench, until
from tests.site.test_faults import METERED

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Pusher:
    """A P1 port on a TCP server that sends five telegrams a second. frozen: always the same one."""

    def __init__(self) -> None:
        self.frozen = False
        self.sent = 0

    async def serve(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                self.sent += not self.frozen
                at = NOON + timedelta(seconds=self.sent)
                phases, volts = (2300.0, 2300.0, 2300.0), (230.0, 230.0, 230.0)
                told = measured(at=at, meter_id="1", power_w_phases=phases, voltage_v=volts, energy_import_wh=self.sent, energy_export_wh=0)
                writer.write(p1.encode(told))
                await writer.drain()
                await asyncio.sleep(0.2)


@contextlib.asynccontextmanager
async def pushing() -> AsyncIterator[tuple[Pusher, int]]:
    pusher = Pusher()
    server = await asyncio.start_server(pusher.serve, "127.0.0.1", 0)
    try:
        yield pusher, server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def test_a_meter_that_repeats_its_telegram_is_lost_within_its_age_limit_and_believed_again_when_its_clock_goes_on(
    tmp_path: Path,
) -> None:
    async with pushing() as (pusher, port):
        url = f"tcp://127.0.0.1:{port}"
        text = METERED.replace('meter = "m"', 'meter = "m"\nmeter_max_age_s = 2\nlost_meter_load_a = 40').replace("tcp://127.0.0.1:9", url)
        async with bench(tmp_path, text=text, meters=[open_meter(url, "m", FastClock(1))]) as site:
            latest: Any = lambda: site.site._engine.latest  # noqa: E731
            readings = site.site.live.readings
            assert await until(lambda: latest() is not None and latest().nodes[0].meter is MeterView.MEASURED, 3)
            pusher.frozen = True
            last = readings["m"].received_at
            assert await until(lambda: latest().nodes[0].meter is MeterView.ASSUMED, 4)
            assert (readings["m"].received_at - last).total_seconds() > 1.5, "it was still speaking"
            assert min(latest().nodes[0].base_a) >= 40, "the owner's worst case"
            view = site.site.service.view()
            assert view.circuits[0].meter_lost
            assert view.flow.grid_w is None
            assert any("told nothing new" in alert.text for alert in view.alerts)
            pusher.frozen = False
            assert await until(lambda: latest().nodes[0].meter is MeterView.MEASURED, 3)


def reading(second: float, clock: int | None = None, **figures: Any) -> Reading:
    measured_at = None if clock is None else NOON + timedelta(seconds=clock)
    told = {"power_w": 1000.0} | figures
    return Reading(meter="m", received_at=NOON + timedelta(seconds=second), measured_at=measured_at, **told)


@pytest.fixture
def live() -> Live:
    return Live(parse(METERED).topology())


def test_a_reading_is_as_old_as_the_meters_clock_stands(live: Live) -> None:
    for second in (0, 5, 10):
        live.hear(reading(second, clock=0))
    assert present.age_s(live.readings["m"], NOON + timedelta(seconds=12)) == 12
    live.hear(reading(13, clock=1))
    assert present.age_s(live.readings["m"], NOON + timedelta(seconds=14)) == 1


def test_a_clock_that_is_set_back_is_a_clock_that_goes(live: Live) -> None:
    """Local time without a flag falls back by an hour every autumn."""
    live.hear(reading(0, clock=3600))
    live.hear(reading(10, clock=10))
    assert live.readings["m"].heard_at == NOON + timedelta(seconds=10)


def test_a_meter_that_tells_no_time_cannot_be_judged_so(live: Live) -> None:
    for second in range(60):
        live.hear(reading(second))
    assert live.readings["m"].heard_at == NOON + timedelta(seconds=59)


def test_an_hour_that_is_told_twice_between_living_telegrams_costs_nothing(live: Live) -> None:
    """Aidon now and then repeats the registers and the time of the last hour beside figures of the present."""
    live.hear(reading(0, clock=0))
    live.hear(reading(3597.5))
    live.hear(reading(3600, clock=0, power_w=1100.0))
    assert live.readings["m"].heard_at == NOON + timedelta(seconds=3600)


def test_what_a_frozen_meter_repeats_does_not_count_as_drawn(live: Live) -> None:
    """Beyond a minute the register tells what was drawn meanwhile, and it does so when it goes on."""
    peak = PeakWindow(10_000.0)
    peak.add(live.hear(reading(0, clock=0, power_w=1000.0, energy_import_wh=0)))
    before = peak.budget(NOON).drawn_wh
    for second in range(10, 590, 10):
        peak.add(live.hear(reading(second, clock=0, power_w=1000.0, energy_import_wh=0)))
    peak.add(live.hear(reading(600, clock=600, power_w=6000.0, energy_import_wh=1000)))
    drawn = peak.budget(NOON + timedelta(seconds=600)).drawn_wh - before
    assert drawn == pytest.approx(1000 + 1000 / 60, rel=0.02)
