"""The plans of the page tests: a real problem of three cars, house and sun, solved by the real planner when asked."""

import math
from datetime import UTC, datetime, timedelta

from page_figures import NAMES

from chargebridge.model.circuit import ChargingPoint, Circuit, Topology
from chargebridge.model.session import Preference
from chargebridge.planning import plan
from chargebridge.planning.problem import Band, Generator, Goal, Horizon, Node, Prices, Problem, Store
from chargebridge.site import plan_shown
from chargebridge.site.outlook import Outlook
from chargebridge.site.plan_view import PlanRow, PlanView, QuarterHour, Saved, Trial
from chargebridge.site.prices import PriceEntry
from chargebridge.site.standing_plan import StandingPlan, starts_of

STEPS = 96
CHEAP_FROM, CHEAP_UNTIL = 20, 32
"""Steps from now: five hours on, for three."""
PRICES = tuple(0.11 if CHEAP_FROM <= t < CHEAP_UNTIL else 0.34 for t in range(STEPS))
AT_ONCE_W = (3680.0,) * 8 + (0.0,) * (STEPS - 8)
TOPOLOGY = Topology(
    circuits=(Circuit(id="root", name="Grid connection", fuse_a=(63.0, 63.0, 63.0)),),
    points=tuple(ChargingPoint(id=f"p{i + 1:02d}", name=NAMES[i], circuit="root", station=f"CP-{i + 1:03d}") for i in range(12)),
    timezone="Europe/Vienna",
)


class PagePlan:
    """mode "empty": no plan yet. Implements ``PlanService``."""

    def __init__(self, mode: str, preferences: dict[str, Preference]) -> None:
        self.mode, self._preferences = mode, preferences
        self.began = datetime.now(UTC).replace(second=0, microsecond=0)
        self.tried: list[Preference] = []
        self._made: tuple[str, StandingPlan] | None = None

    @property
    def silence(self) -> str:
        return "the first plan is being made" if self.mode == "empty" else ""

    @property
    def saved(self) -> Saved | None:
        since = self.began - timedelta(hours=30)
        return Saved(since=since, until=self.began, stays=5, energy_wh=61_000, cost=9.1, at_once_cost=14.35)

    def standing(self) -> StandingPlan:
        wish = self._preferences.get("p02", Preference())
        key = repr(wish)
        if self._made is None or self._made[0] != key:
            self._made = (key, self._solve(wish))
        return self._made[1]

    def _solve(self, wish: Preference) -> StandingPlan:
        look = Outlook(
            problem=self._problem(wish),
            sessions={"p02": "s1"},
            at_once={"p01": AT_ONCE_W},
            known_until=self.began,
        )
        hurried = Outlook(
            problem=self._problem(Preference(energy_min_wh=wish.energy_min_wh, target_at=self.began + timedelta(hours=2))),
            sessions={"p02": "s1"},
            at_once={},
            known_until=self.began,
        )
        return StandingPlan(
            made_at=self.began, outlook=look, schedule=plan(look.problem), at_once=plan(hurried.problem), cause="a car", took_s=0.012
        )

    def _problem(self, wish: Preference) -> Problem:
        sun = tuple(max(0.0, 9000 * math.sin((t - 40) / 30)) for t in range(STEPS))
        goals = () if wish.target_at is None else (Goal(at=wish.target_at, stored_wh=wish.energy_min_wh),)
        return Problem(
            horizon=Horizon(starts_at=self.began, steps_s=(900.0,) * STEPS),
            nodes=(Node(id="root", current_a=((63.0, 63.0, 63.0),) * STEPS, load=Band.sure((2300.0,) * STEPS)),),
            prices=Prices(import_per_kwh=PRICES, export_per_kwh=(0.08,) * STEPS),
            stores=(Store(id="p02", node="root", charge_max_w=11_000, full_wh=80_000, goals=goals, departs_at=wish.target_at),),
            generators=(Generator(id="pv", node="root", power=Band.sure(sun)),),
        )

    def view(self) -> PlanView | None:
        if self.mode == "empty":
            return None
        return plan_shown.view(self.standing(), TOPOLOGY, "EUR", 900.0, self.began + timedelta(seconds=60))

    async def rows(self, limit: int = 100) -> tuple[PlanRow, ...]:
        made = self.standing()
        return (
            PlanRow(
                made_at=made.made_at,
                solver="lp",
                cause="a car",
                note="",
                cars=2,
                cost=made.schedule.energy_cost,
                saves=made.saves,
                took_s=0.012,
            ),
        )

    async def at(self, moment: datetime) -> PlanView | None:
        return None

    async def actual(self, since: datetime) -> tuple[QuarterHour, ...]:
        return tuple(
            QuarterHour(
                at=self.began - timedelta(minutes=15 * (24 - i)),
                import_w=4000.0 + 100 * i,
                export_w=0.0,
                grid_w=4000.0 + 100 * i,
                house_w=2300.0,
                pv_w=0.0,
                battery_w=None,
                cars_w=1700.0,
            )
            for i in range(24)
        )

    async def what_if(self, point: str, preference: Preference) -> Trial:
        self.tried.append(preference)
        made = self._solve(preference)
        cars = plan_shown.cars(made.outlook, made.schedule, TOPOLOGY)
        now = plan_shown.cars(self.standing().outlook, self.standing().schedule, TOPOLOGY)
        return Trial(
            starts=tuple(starts_of(made.schedule)),
            steps_s=made.schedule.horizon.steps_s,
            price_per_kwh=PRICES,
            car=cars[0],
            more=cars[0].cost - now[0].cost,
            bent=(),
            took_ms=8.0,
        )

    def prices(self) -> tuple[PriceEntry, ...]:
        return ()

    async def set_prices(self, entries: tuple[PriceEntry, ...], by: str) -> None:
        raise NotImplementedError
