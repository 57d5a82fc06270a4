"""The receding horizon: plans every few minutes and when something changes, and hands out the part of the plan that counts now.

Solving happens in another process (``plan_solver``), so the heart beat only ever sees a finished plan, or an old one that dies by its age.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from msgspec.structs import replace

from chargebridge.model.clock import Clock
from chargebridge.model.decision import Decision
from chargebridge.model.errors import ModelError, UnknownNameError
from chargebridge.model.plan import PlanNow
from chargebridge.model.session import Preference
from chargebridge.model.state import SiteState
from chargebridge.planning.problem import Problem
from chargebridge.planning.schedule import Schedule, StorePlan
from chargebridge.site import plan_journal, plan_shown, present
from chargebridge.site.config import SiteConfig
from chargebridge.site.forecasts.standing import Standing
from chargebridge.site.foresight import foresee, reached_w
from chargebridge.site.live import Live
from chargebridge.site.outlook import Outlook, outlook
from chargebridge.site.plan_solver import Solver, SolverError
from chargebridge.site.plan_view import PlanRow, PlanView, QuarterHour, Saved, Trial
from chargebridge.site.planned_stores import Foresee
from chargebridge.site.prices import PriceEntry, checked, read_file
from chargebridge.site.saved import saved
from chargebridge.site.standing_plan import StandingPlan
from chargebridge.store import Database, StoreError

CALM_S = 2.0
"""Between two plans: what changes together is planned together."""
LEARN_EVERY_S = 900.0
LEARN_DAYS = 32
"""The month of a demand charge."""
FILE_EVERY_S = 60.0
TRIAL_BUDGET_S = 1.0
FIRST_S = 5.0
"""After a start: by then stations and meters have said what is there."""

log = structlog.get_logger(__name__)


class Planner:
    """Implements ``PlanService``. ``look`` is shown each state that was decided on; ``now`` gives what counts; ``run`` until it is cancelled."""

    def __init__(
        self,
        config: SiteConfig,
        live: Live,
        database: Database,
        clock: Clock,
        *,
        latest: Callable[[], Decision | None],
        wake: Callable[[], None],
        tell: Callable[[str, str, str], None],
        expected: Callable[[], Standing],
        takes_wh: Callable[[], Mapping[str, float]],
    ) -> None:
        self._config, self._settings = config, config.planning
        self._live, self._database, self._clock = live, database, clock
        self._latest, self._wake, self._tell = latest, wake, tell
        self._expected, self._takes_wh = expected, takes_wh
        self._solver = Solver()
        self._bell = asyncio.Event()
        self._cause = "the start"
        self._seen: Any = None
        self._past: tuple[QuarterHour, ...] = ()
        self._failed = ""
        self._saved: Saved | None = None
        self._shown: tuple[StandingPlan, PlanView] | None = None
        self.standing: StandingPlan | None = None

    @property
    def solver_pid(self) -> int | None:
        """Of the process that solves, while it runs."""
        return self._solver.pid

    async def open(self) -> None:
        """With what the store remembers: prices, and the last plan, which counts until it is too old."""
        self._live.prices.take(await self._database.read(plan_journal.prices), self._clock.now())
        if self._settings.enabled:
            self.standing = await self._database.read(plan_journal.newest_plan)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            if self._config.price.file is not None:
                group.create_task(self._follow_file())
            if self._settings.enabled:
                group.create_task(self._learn())
                group.create_task(self._remind())
                group.create_task(self._plan_on())

    def now(self, now: datetime) -> PlanNow | None:
        """What of the plan counts at this moment; one that is too old says so by itself."""
        return None if self.standing is None else self.standing.at(now, self._settings.max_age_s)

    def look(self, state: SiteState) -> None:
        """See whether anything has changed that a plan rests on."""
        if not self._settings.enabled:
            return
        cars = tuple(
            (p.point, p.session, p.preference, p.authorised, p.status.has_car, p.car_maximum_a, p.car_phases)
            for p in state.points
            if p.session is not None
        )
        limits = tuple((limit.id, limit.bound, limit.starts_at, limit.duration_s) for limit in state.limits)
        batteries = tuple((b.battery, b.stored_wh is None) for b in state.batteries)
        seen = {"a car": cars, "a limit": limits, "prices": self._live.prices.version, "a battery": batteries}
        if self._seen is not None and seen != self._seen:
            self.ask(next(name for name, value in seen.items() if value != self._seen[name]))
        self._seen = seen

    def ask(self, cause: str) -> None:
        """Have a plan made soon."""
        self._cause = cause
        self._bell.set()

    # PlanService

    def view(self) -> PlanView | None:
        made, now = self.standing, self._clock.now()
        if made is None:
            return None
        if self._shown is None or self._shown[0] is not made:
            self._shown = (made, plan_shown.view(made, self._live.topology, self._config.site.currency, self._settings.max_age_s, now))
        view = self._shown[1]
        return replace(view, alive=view.made_at <= now < view.dies_at)

    @property
    def saved(self) -> Saved | None:
        return self._saved

    @property
    def silence(self) -> str:
        if self.standing is not None:
            return ""
        if not self._settings.enabled:
            return "planning is switched off in the configuration"
        if not self._live.prices:
            return "nothing is planned as long as nobody says what energy costs: set price_per_kwh, or give a price list"
        return self._failed or "the first plan is being made"

    async def rows(self, limit: int = 100) -> tuple[PlanRow, ...]:
        return await self._database.read(lambda c: plan_journal.plans(c, limit))

    async def at(self, moment: datetime) -> PlanView | None:
        found = await self._database.read(lambda c: plan_journal.plan_at(c, moment))
        about = self._config.site
        return None if found is None else plan_shown.view(found, self._live.topology, about.currency, self._settings.max_age_s, moment)

    async def actual(self, since: datetime) -> tuple[QuarterHour, ...]:
        return await self._database.read(lambda c: plan_journal.quarter_hours(c, since))

    async def what_if(self, point: str, preference: Preference) -> Trial:
        at = self._live.points.get(point)
        if at is None:
            raise UnknownNameError(f"charging point {point}", "is not on this site", "the link may be of another site")
        if at.session is None:
            raise ModelError(at.point.name, "no car is charging here", "plug in and start charging, then ask")
        state = self._live.state()
        points = tuple(replace(p, preference=preference, car_asks=False) if p.point == point else p for p in state.points)
        began = asyncio.get_running_loop().time()
        look = self._outlook(replace(state, points=points), self._foresee(), self._clock.now())
        if look is None or self.standing is None:
            raise ModelError("plan", self.silence or "there is none", "try again when there is one")
        try:
            schedule = await self._solver.solve(look.problem, TRIAL_BUDGET_S)
        except SolverError as error:
            raise ModelError("plan", str(error), "try again; the log tells more") from error
        car = plan_shown.of_point(plan_shown.cars(look, schedule, state.topology), point)
        if car is None:
            raise ModelError(at.point.name, "its car cannot be planned", "see what its station says")
        before = plan_shown.of_point(plan_shown.cars(self.standing.outlook, self.standing.schedule, state.topology), point)
        prices = look.problem.prices
        fees = prices.network_per_kwh or (0.0,) * len(prices.import_per_kwh)
        return Trial(
            starts=tuple(_starts(look.problem)),
            steps_s=look.problem.horizon.steps_s,
            price_per_kwh=tuple(a + b for a, b in zip(prices.import_per_kwh, fees, strict=True)),
            car=car,
            more=0.0 if before is None else car.cost - before.cost,
            bent=plan_shown.bent(schedule, state.topology),
            took_ms=(asyncio.get_running_loop().time() - began) * 1000,
        )

    def prices(self) -> tuple[PriceEntry, ...]:
        return self._live.prices.entries

    async def set_prices(self, entries: tuple[PriceEntry, ...], by: str) -> None:
        kept = self._live.prices.take(checked(entries), self._clock.now())
        self._tell("price", f"{len(entries)} prices from {by}", "")
        self._wake()
        await self._database.write(lambda c: plan_journal.keep_prices(c, kept))

    # inside

    async def _plan_on(self) -> None:
        await self._clock.sleep(FIRST_S)
        self._bell.set()
        try:
            while True:
                await self._bell.wait()
                self._bell.clear()
                await self._plan(self._cause)
                await self._clock.sleep(CALM_S)
        finally:
            await self._solver.close()

    async def _remind(self) -> None:
        while True:
            await self._clock.sleep(self._settings.plan_every_s)
            self.ask("the time")

    async def _plan(self, cause: str) -> None:
        """One plan; what goes wrong costs this plan, and the last one counts until it is too old."""
        began, now = asyncio.get_running_loop().time(), self._clock.now()
        try:
            solved = await self._solve(self._live.state(), now)
        except Exception as error:
            if not isinstance(error, SolverError):
                log.exception("a plan could not be made")
            self._say(f"no plan could be made: {error}")
            return
        if solved is None:
            return
        look, schedule, at_once = solved
        took_s = asyncio.get_running_loop().time() - began
        made = StandingPlan(made_at=now, outlook=look, schedule=schedule, at_once=at_once, cause=cause, took_s=took_s)
        self.standing = made
        self._say("" if not schedule.note else f"the plan is made {schedule.note}")
        self._database.write_soon(lambda c: plan_journal.keep_plan(c, made))
        self._wake()

    async def _solve(self, state: SiteState, now: datetime) -> tuple[Outlook, Schedule, Schedule | None] | None:
        """The plan, and what it would be if all charged at once.

        Who waits is planned first, then once more with what that leaves to those who do not: they are no reason for him to go without.
        """
        foresee, budget_s = self._foresee(), self._settings.budget_s
        look = self._outlook(state, foresee, now)
        if look is None:
            return None
        schedule = await self._solver.solve(look.problem, budget_s)
        if not look.sessions:
            return look, schedule, None
        if len(look.sessions) < sum(p.session is not None for p in state.points):
            reserved = {s.store: tuple(max(0.0, w) for w in s.power_w) for s in schedule.stores if s.store in look.sessions}
            look = self._outlook(state, foresee, now, reserved=reserved) or look
            schedule = await self._solver.solve(look.problem, budget_s)
        points = {p.point: p.energy_wh for p in state.points}
        got = {s.store: points[s.store] + _charged_wh(s, schedule) for s in schedule.stores if s.store in look.sessions}
        other = self._outlook(state, foresee, now, hurried=got)
        return look, schedule, None if other is None else await self._solver.solve(other.problem, budget_s)

    def _say(self, text: str) -> None:
        """Tell it once, until something else is so."""
        if text and text != self._failed:
            self._tell("alert", text, "plan")
        self._failed = text

    def _outlook(
        self,
        state: SiteState,
        foresee: Foresee,
        now: datetime,
        *,
        reserved: Mapping[str, tuple[float, ...]] | None = None,
        hurried: Mapping[str, float] | None = None,
    ) -> Outlook | None:
        prices, settings, table = self._live.prices, self._settings, self._config.price
        return outlook(state, prices, settings, table, foresee, now, reserved=reserved, hurried=hurried)

    def _foresee(self) -> Foresee:
        now, made = self._clock.now(), self._latest()
        metered = {c.id for c in self._live.topology.circuits if c.meter is not None}
        bases = {node.node: node.base_a for node in made.nodes if node.node in metered} if made is not None else {}
        peaks = {g.id: g.peak_w for g in self._live.topology.generators}
        flow = present.flow(self._live, now)
        drawn_wh = 0.0 if self._live.peak is None else self._live.peak.drawn_wh
        zone = self._live.topology.timezone
        peak_w = reached_w(self._past, zone, now)
        return foresee(self._expected(), flow, peaks, bases, now, reached_w=peak_w, window_wh=drawn_wh, takes_wh=self._takes_wh())

    async def _learn(self) -> None:
        """The quarter hours of the last days, now and then."""
        while True:
            edge = self._clock.now() - timedelta(days=LEARN_DAYS)
            kept = [quarter for quarter in self._past[:-1] if quarter.at >= edge]
            since = self._past[-1].at if kept else edge
            try:
                self._past = (*kept, *await self._database.read(partial(plan_journal.quarter_hours, since=since)))
            except StoreError as error:
                log.warning("the past could not be read", error=str(error))
            await self._look_back()
            await self._clock.sleep(LEARN_EVERY_S)

    async def _look_back(self) -> None:
        """What planning has saved since the beginning of yesterday."""
        now = self._clock.now()
        local = now.astimezone(ZoneInfo(self._live.topology.timezone))
        day = datetime.combine(local.date() - timedelta(days=1), time(), local.tzinfo).astimezone(UTC)
        quarters, prices = self._past, self._live.prices.at
        try:
            self._saved = await self._database.read(lambda c: saved(c, day, now, quarters, prices))
        except Exception:  # a figure on a page must not end the site
            log.exception("what was saved could not be reckoned")
            self._saved = None

    async def _follow_file(self) -> None:
        """The price list's file, whenever it has changed."""
        path, read_at = self._config.price.file, None
        assert path is not None
        while True:
            try:
                changed_at = await asyncio.to_thread(lambda: path.stat().st_mtime_ns)
                if changed_at != read_at:
                    await self.set_prices(await asyncio.to_thread(read_file, path), by=path.name)
                    read_at = changed_at
            except (OSError, ModelError, StoreError) as error:
                self._say(f"the price list cannot be taken: {error}")
            await self._clock.sleep(FILE_EVERY_S)


def _charged_wh(store: StorePlan, schedule: Schedule) -> float:
    return sum(max(0.0, w) * s / 3600 for w, s in zip(store.power_w, schedule.horizon.steps_s, strict=True))


def _starts(problem: Problem) -> list[datetime]:
    found, at = [], problem.horizon.starts_at
    for seconds in problem.horizon.steps_s:
        found.append(at)
        at += timedelta(seconds=seconds)
    return found
