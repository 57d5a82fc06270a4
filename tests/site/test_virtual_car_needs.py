"""Our virtual 2.1 station at a real site, over a real socket: needs, a set point that makes its car give, limits from elsewhere, a battery swap."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chargebridge.model.errors import ModelError
from chargebridge.model.session import Preference
from chargebridge.sim.ocpp_station import EvsePlan, Faults, StationPlan, VirtualStation
from chargebridge.sim.ocpp_station.second.schedules import bound_from_outside
from chargebridge.sim.ocpp_station.second.v2x import needs
from chargebridge.sim.world.clock import FastClock
from tests.sim.ocpp_station.station_kit import Cars, Truth
from tests.site.kit import Bench, bench, until
from tests.site.test_discharge import OPEN
from tests.site.test_operation import operated


class Full(Cars):
    """Cars at 80 %."""

    def measure(self, evse: int) -> Truth:
        a = self.current_a.get(evse, 0.0)
        return Truth((a, a, a), (230.0, 230.0, 230.0), a * 690, self.energy_wh, 0.0, 0.8)


@contextlib.asynccontextmanager
async def virtual(made: Bench) -> AsyncIterator[VirtualStation]:
    both = EvsePlan(bidirectional=True)
    plan = StationPlan(
        identity="CP-1", uri=f"ws://127.0.0.1:{made.central.port}/ocpp", version="ocpp2.1", evses=(both, EvsePlan()), boot_s=0.1, tick_s=0.05,
        batteries=2,
    )  # fmt: skip
    station = VirtualStation(plan, Full(), FastClock(1.0), faults=Faults())
    running = asyncio.create_task(station.run())
    try:
        assert await until(lambda: station.online and made.point("a").online)
        yield station
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_its_car_asks_gives_back_and_obeys_limits_from_elsewhere(tmp_path: Path) -> None:
    async with bench(tmp_path, text=OPEN) as made, virtual(made) as station:
        central: Any = made.central.station("CP-1")
        assert await until(lambda: central.abilities.anywhere("V2XChargingCtrlr.Enabled"))
        station.plug(1)
        assert await station.present(1, "TAG")
        assert await until(lambda: made.point("a").session)
        leaving = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)
        station.uplink.say(needs(station, 1, 20_000.0, leaving))
        assert await until(lambda: made.point("a").needs)
        assert made.point("a").wishes.target_at == leaving
        station.uplink.say(needs(station, 1, 0.0, both_ways=True))
        assert await until(lambda: made.point("a").needs.gives_w > 0)  # type: ignore[union-attr]
        await made.site.service.prefer("a", Preference(may_discharge=True), by="driver")
        assert await until(lambda: made.point("a").soc == 0.8, 12.0)
        await made.site.service.discharge("a", 4000.0, 600.0, by="owner")
        assert await until(lambda: station.evses[1].offered_a < -5.0)
        bound_from_outside(station, 9.0)
        assert await until(lambda: made.site.live.limits.of("station CP-1/0 EMS 0"))
        bound_from_outside(station, None)
        assert await until(lambda: not list(made.site.live.limits))
        assert station.voice.swap.begin(station, "TAG")  # type: ignore[attr-defined]
        station.voice.swap.bring(station, 2, "B-7", 12.0)  # type: ignore[attr-defined]
        assert await until(lambda: "a battery was brought: B-7" in " ".join(made.happenings))


async def test_an_operator_sees_where_the_stations_schedule_is_not_ours(tmp_path: Path) -> None:
    async with operated(tmp_path, OPEN) as of, virtual(of.bench) as station:
        made = of.bench
        station.plug(1)
        assert await station.present(1, "TAG")
        assert await until(lambda: made.point("a").session and made.point("a").offers and made.point("a").offers[-1].outcome == "accepted")
        assert (await of.office.schedule("CP-1", 1, 60)).differences == ()
        own: Any = made.central.station("CP-1")
        assert (await own.offer(1, 13.0, 3, 60.0, made.point("a").session.transaction)).outcome == "accepted"  # type: ignore[union-attr]
        bound_from_outside(station, 3.0)
        found = await of.office.schedule("CP-1", 1, 60)
        assert any("13 A by our reckoning, 3 A by the station's" in line for line in found.differences), found
        with pytest.raises(ModelError, match="the station tells none"):
            await of.office.schedule("CP-2", 1, 60)
