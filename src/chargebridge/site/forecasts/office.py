"""Makes the site's forecasts each quarter hour, keeps one of each hour, and holds those that are over against what came."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import structlog
from msgspec.structs import replace
from sqlalchemy import Connection

from chargebridge.model.clock import Clock
from chargebridge.model.errors import UnknownNameError
from chargebridge.model.session import Session
from chargebridge.planning.forecast.drivers import Guess, Habits, Visit
from chargebridge.planning.forecast.grid import QUARTER_S, Calendar, Floats, Past, on_horizon, quarters, slot_of, slots_of
from chargebridge.planning.forecast.score import score_band, truth_on
from chargebridge.planning.forecast.sun import Place
from chargebridge.planning.problem import Horizon
from chargebridge.site import ledger, plan_journal
from chargebridge.site.config import SiteConfig
from chargebridge.site.forecasts import journal
from chargebridge.site.forecasts.market import MarketDesk
from chargebridge.site.forecasts.standing import LOAD, PV, Known, Standing, make
from chargebridge.site.forecasts.view import DriverRecord, ForecastView, Record, ScoredForecast, SourceState
from chargebridge.site.live import Live
from chargebridge.site.plan_view import QuarterHour
from chargebridge.store import Database, StoreError

PAST_DAYS = 31.0
"""As long as the chart's samples are kept."""
VISIT_DAYS = 180.0
SETTLES_S = 10.0
"""By so long after its end a quarter hour's last samples are written."""
KEPT_STEPS = 96
"""Of each hour one forecast is kept, of this many quarter hours."""
KEPT_DAYS = 400.0
SCORED_VISITS = 200
OFTEN = 3
"""Visits of a driver from which plans reckon with what he takes."""

log = structlog.get_logger(__name__)


class ForecastOffice:
    """Implements ``ForecastService``. ``open`` once, then ``run`` until it is cancelled; ``standing`` is there at once."""

    def __init__(self, config: SiteConfig, live: Live, database: Database, clock: Clock, market: MarketDesk) -> None:
        self._config, self._live, self._database, self._clock, self._market = config, live, database, clock, market
        self._calendar = Calendar(config.site.timezone, frozenset(config.site.holidays))
        spot = config.weather
        self._place = None if spot.latitude is None or spot.longitude is None else Place(spot.latitude, spot.longitude)
        self._days = max(72.0, config.planning.hours) / 24 + 0.25
        self._past: tuple[QuarterHour, ...] = ()
        self._habits = Habits((), self._calendar)
        self._drivers: DriverRecord | None = None
        self._takes: dict[str, float | None] = {}
        self.standing = self._make((), (), clock.now())[0]

    async def open(self) -> None:
        """With what the store remembers of prices and weather; until ``run`` has read the past, what stands is a guess."""
        await self._market.open()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._market.run())
            group.create_task(self._keep_on())

    async def _keep_on(self) -> None:
        while True:
            try:
                await self.turn()
            except StoreError as error:
                log.warning("forecasts could not be made", error=str(error))
            await self._clock.sleep(QUARTER_S - self._clock.now().timestamp() % QUARTER_S + SETTLES_S)

    async def turn(self) -> None:
        """What is done each quarter hour. Raises StoreError."""
        await self._renew()
        await self._keep()

    async def _renew(self) -> None:
        now = self._clock.now()
        edge = now - timedelta(days=PAST_DAYS)
        kept = tuple(quarter for quarter in self._past[:-1] if quarter.at >= edge)
        since = self._past[-1].at if kept else edge
        self._past = (*kept, *await self._database.read(lambda c: plan_journal.quarter_hours(c, since)))
        sessions = await self._database.read(lambda c: ledger.sessions_between(c, now - timedelta(days=VISIT_DAYS), now))
        here = tuple(point.session.token for point in self._live.points.values() if point.session is not None)
        self.standing, self._habits, self._drivers = await asyncio.to_thread(self._make, sessions, here, now)
        self._takes.clear()

    def _make(self, sessions: Sequence[Session], here: tuple[str, ...], now: datetime) -> tuple[Standing, Habits, DriverRecord | None]:
        visits = [(_visit(session), session.preference.target_at) for session in sessions if session.ended_at is not None]
        habits = Habits((visit for visit, _ in visits), self._calendar)
        said = {(visit.driver, visit.arrived_at): target for visit, target in visits if target is not None}
        known = Known(self._measured(LOAD), self._measured(PV), habits, here, self._market.weather())
        made = make(known, self._config.topology(), self._calendar, self._place, now, self._days)
        return made, habits, driver_record(habits, said)

    def _measured(self, kind: str) -> Past:
        if kind == LOAD:
            return quarters((quarter.at, quarter.house_w) for quarter in self._past)
        return quarters((quarter.at, None if quarter.pv_w is None else max(0.0, quarter.pv_w)) for quarter in self._past)

    async def _keep(self) -> None:
        """Keep what was told in the first quarter of each hour; score what is over."""
        now, standing = self._clock.now(), self.standing
        due = await self._database.read(lambda c: journal.due(c, now))
        results = []
        for kept in due:
            past = self._measured(kept.kind)
            truth = truth_on(past, kept.horizon, now)
            results.append((kept, score_band(kept.band, truth), _naive_mae(past, kept.horizon, truth)))

        def write(c: Connection) -> None:
            for kept, found, naive in results:
                journal.score(c, kept, found, naive, now)
            if slot_of(now) % 4 == 0:
                for kind, made in ((LOAD, standing.load), (PV, standing.pv)):
                    if made is not None:
                        ahead = Horizon(starts_at=made.horizon.starts_at, steps_s=made.horizon.steps_s[:KEPT_STEPS])
                        band = replace(made.band, **{name: getattr(made.band, name)[:KEPT_STEPS] for name in ("likely", "low", "high")})
                        ends_at = ahead.starts_at + timedelta(seconds=sum(ahead.steps_s) + SETTLES_S)
                        journal.keep(c, kind, replace(made, horizon=ahead, band=band), ends_at)
            journal.forget(c, now - timedelta(days=KEPT_DAYS), now - timedelta(days=PAST_DAYS))

        await self._database.write(write)

    def takes_wh(self) -> dict[str, float]:
        """By point, what the car that is there takes at most (the 90 % quantile), where its driver has been here often enough."""
        found = {}
        for point, at in self._live.points.items():
            if at.session is None:
                continue
            name = at.session.id
            if name not in self._takes:
                guess = self.guess(point)
                self._takes[name] = guess.energy_wh[2] if guess is not None and guess.own_visits >= OFTEN else None
            takes = self._takes[name]
            if takes is not None:
                found[point] = takes
        return found

    # ForecastService

    def forecasts(self) -> tuple[ForecastView, ...]:
        return self.standing.views()

    def sources(self) -> tuple[SourceState, ...]:
        return self._market.states()

    async def records(self, days: float = 7.0) -> tuple[Record, ...]:
        since = self._clock.now() - timedelta(days=days)
        return await self._database.read(lambda c: journal.records(c, since))

    async def scored(self, kind: str | None = None, limit: int = 100) -> tuple[ScoredForecast, ...]:
        return await self._database.read(lambda c: journal.scored(c, kind, limit))

    def drivers(self) -> DriverRecord | None:
        return self._drivers

    def guess(self, point: str) -> Guess | None:
        at = self._live.points.get(point)
        if at is None:
            raise UnknownNameError(f"charging point {point}", "is not on this site", "the link may be of another site")
        if at.session is None:
            return None
        session = at.session
        return self._habits.guess(session.token, session.started_at, self._clock.now(), float(session.energy_wh))


def _visit(session: Session) -> Visit:
    assert session.ended_at is not None
    return Visit(driver=session.token, arrived_at=session.started_at, left_at=session.ended_at, energy_wh=float(session.energy_wh))


def _naive_mae(past: Past, horizon: Horizon, truth: Floats) -> float | None:
    """Of telling the last day again; of what lay behind the origin at that time."""
    first, count = slots_of(horizon)
    day = past.on(first - 96, 96)
    off = np.abs(on_horizon(np.resize(day, count), first, horizon) - truth)
    return None if np.isnan(off).all() else float(np.nanmean(off))


def driver_record(habits: Habits, said: dict[tuple[str, datetime], datetime]) -> DriverRecord | None:
    """Each of the newest visits as it would have been guessed at its arrival."""
    late, missed, inside, energies, told = [], [], [], [], []
    for visit in habits.visits[-SCORED_VISITS:]:
        guess = habits.guess(visit.driver, visit.arrived_at, visit.arrived_at)
        if guess is None:
            continue
        late.append(abs((guess.leaves_at[1] - visit.left_at).total_seconds()) / 3600)
        missed.append(abs(guess.energy_wh[1] - visit.energy_wh) / 1000)
        inside.append(guess.leaves_at[0] <= visit.left_at <= guess.leaves_at[2])
        energies.append(guess.energy_wh[0] <= visit.energy_wh <= guess.energy_wh[2])
        target = said.get((visit.driver, visit.arrived_at))
        if target is not None:
            told.append(abs((target - visit.left_at).total_seconds()) / 3600)
    if not late:
        return None
    return DriverRecord(
        sessions=len(late),
        departure_h=_mean(late),
        departure_coverage=_mean(inside),
        energy_kwh=_mean(missed),
        energy_coverage=_mean(energies),
        said=len(told),
        said_departure_h=_mean(told) if told else None,
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
