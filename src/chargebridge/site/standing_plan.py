"""The plan that stands: what was asked, what came out, and which part of it counts at a moment."""

from bisect import bisect_right
from datetime import datetime, timedelta

from msgspec import Struct

from chargebridge.model.plan import BatteryPlan, PlanNow, PointPlan
from chargebridge.planning.problem import Store
from chargebridge.planning.schedule import Schedule, StorePlan
from chargebridge.site.outlook import Outlook

CHARGES_W = 100.0
"""A step with less is one without charging."""
GRID_W = 200.0
"""A plan that sells less than this sells nothing: forecasts are not that good."""


class StandingPlan(Struct, frozen=True, kw_only=True):
    """at_once: with all cars charging at once what they get by the plan, None where all do. cause: what made it be made anew. took_s: from the
    question to the answer.
    """

    made_at: datetime
    outlook: Outlook
    schedule: Schedule
    at_once: Schedule | None = None
    cause: str = ""
    took_s: float = 0.0

    @property
    def saves(self) -> float | None:
        """Money over the horizon, against charging the same at once."""
        return None if self.at_once is None else spent(self.at_once) - spent(self.schedule)

    @property
    def starts(self) -> list[datetime]:
        return starts_of(self.schedule)

    def step(self, now: datetime) -> int | None:
        """The step in which now lies, None beyond the horizon."""
        starts = self.starts
        index = bisect_right(starts, now) - 1
        last = starts[-1] + timedelta(seconds=self.schedule.horizon.steps_s[-1])
        return index if index >= 0 and now < last else None

    def price(self, step: int) -> float:
        """What one kWh from the grid costs in a step."""
        prices = self.outlook.problem.prices
        return prices.import_per_kwh[step] + (0.0 if prices.network_per_kwh is None else prices.network_per_kwh[step])

    def at(self, now: datetime, max_age_s: float) -> PlanNow:
        """What counts now. It dies with its age, or with its last step."""
        step = self.step(now)
        dies_at = self.made_at + timedelta(seconds=max_age_s)
        if step is None:
            return PlanNow(made_at=self.made_at, dies_at=min(dies_at, now))
        stores = {store.id: store for store in self.outlook.problem.stores}
        points, batteries = [], []
        for mine in self.schedule.stores:
            if mine.store not in self.outlook.sessions:
                exports = self.schedule.grid_w[step] < -GRID_W
                batteries.append(
                    BatteryPlan(battery=mine.store, power_w=mine.power_w[step], to_grid=stores[mine.store].to_grid and exports)
                )
            else:
                points.append(self._point(mine, stores[mine.store], step))
        return PlanNow(made_at=self.made_at, dies_at=dies_at, points=tuple(points), batteries=tuple(batteries))

    def _point(self, mine: StorePlan, store: Store, step: int) -> PointPlan:
        prices, starts = self.outlook.problem.prices, self.starts
        later = [t for t in range(step + 1, len(starts)) if mine.power_w[t] >= CHARGES_W]
        charges = mine.power_w[step] >= CHARGES_W
        earns = prices.export_per_kwh[step]
        dearer = any(self.price(t) > earns and self.schedule.price_per_kwh[t] > earns for t in later)
        return PointPlan(
            point=mine.store,
            session=self.outlook.sessions[mine.store],
            charge_w=max(0.0, mine.power_w[step]),
            discharge_w=max(0.0, -mine.power_w[step]),
            starts_at=None if charges or not later else starts[later[0]],
            price=self.price(step),
            start_price=self.price(later[0]) if later else None,
            surplus=dearer and store.charge_max_w > 0,
        )


def spent(schedule: Schedule) -> float:
    """Money for energy and peaks."""
    return schedule.energy_cost + schedule.demand_cost


def starts_of(schedule: Schedule) -> list[datetime]:
    found, at = [], schedule.horizon.starts_at
    for seconds in schedule.horizon.steps_s:
        found.append(at)
        at += timedelta(seconds=seconds)
    return found
