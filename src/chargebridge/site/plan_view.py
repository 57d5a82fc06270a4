"""What pages and interfaces see of plans: the one that stands, those before, and what would be if a driver asked otherwise."""

from datetime import datetime
from typing import Protocol

from msgspec import Struct

from chargebridge.model.session import Preference
from chargebridge.site.prices import PriceEntry


class QuarterHour(Struct, frozen=True, kw_only=True):
    """Mean powers of a quarter hour that begins at ``at``, W, as measured; None: not known. import_w, export_w: what was drawn and fed in of it."""

    at: datetime
    import_w: float | None
    export_w: float | None
    grid_w: float | None
    house_w: float | None
    pv_w: float | None
    battery_w: float | None
    cars_w: float | None


class CarPlan(Struct, frozen=True, kw_only=True):
    """One car in the plan. power_w: mean of each step, negative where it gives back. waits: the plan may let it wait.

    starts_at: when it charges first; done_at: when it has what is needed (or all it gets, where nothing is), None: never. energy_wh: until then and
    beyond; cost: of it, with what it earned; missing_wh: of what is needed.
    """

    point: str
    name: str
    waits: bool
    power_w: tuple[float, ...]
    starts_at: datetime | None
    done_at: datetime | None
    energy_wh: float
    cost: float
    missing_wh: float
    leaves_at: datetime | None
    sentence: str


class PlanView(Struct, frozen=True, kw_only=True):
    """The plan that stands. starts, steps_s: its steps; powers in W, mean of each step, import and charging positive, PV positive.

    alive: it still counts. note: why it is the rule's. cost: of the horizon, in the site's currency; saves: against at_once_cost, the cost when all
    cars charge at once. known_until: later prices are taken from the day before. bent: what could not be had. limit_w: on the grid connection.
    """

    made_at: datetime
    dies_at: datetime
    alive: bool
    solver: str
    cause: str
    note: str
    took_s: float
    currency: str
    cost: float
    saves: float | None
    at_once_cost: float | None
    co2_kg: float
    known_until: datetime
    starts: tuple[datetime, ...]
    steps_s: tuple[float, ...]
    price_per_kwh: tuple[float, ...]
    export_per_kwh: tuple[float, ...]
    house_w: tuple[float, ...]
    pv_w: tuple[float, ...]
    battery_w: tuple[float, ...]
    grid_w: tuple[float, ...]
    at_once_grid_w: tuple[float, ...] | None
    cars: tuple[CarPlan, ...]
    bent: tuple[str, ...]


class PlanRow(Struct, frozen=True, kw_only=True):
    """A plan that was made. cost, saves: over its horizon; cause: what it was made for."""

    made_at: datetime
    solver: str
    cause: str
    note: str
    cars: int
    cost: float
    saves: float | None
    took_s: float


class Trial(Struct, frozen=True, kw_only=True):
    """What would be. car: its plan then; more: money that it costs more than by the plan that stands (negative: less)."""

    starts: tuple[datetime, ...]
    steps_s: tuple[float, ...]
    price_per_kwh: tuple[float, ...]
    car: CarPlan
    more: float
    bent: tuple[str, ...]
    took_ms: float


class Saved(Struct, frozen=True, kw_only=True):
    """What planning was worth between two moments. cost: of the cars' energy as it was charged; at_once_cost: of the same stays charged at once."""

    since: datetime
    until: datetime
    stays: int
    energy_wh: float
    cost: float
    at_once_cost: float


class PlanService(Protocol):
    """What faces may ask of the planner. Errors are ``ChargebridgeError`` with a cure."""

    def view(self) -> PlanView | None:
        """None before the first, or where nothing is planned."""
        ...

    @property
    def silence(self) -> str:
        """Why there is no plan, "" where there is one."""
        ...

    @property
    def saved(self) -> Saved | None:
        """Since the beginning of yesterday; None where nothing can be compared."""
        ...

    async def rows(self, limit: int = 100) -> tuple[PlanRow, ...]: ...

    async def at(self, moment: datetime) -> PlanView | None:
        """The plan that stood at a moment."""
        ...

    async def actual(self, since: datetime) -> tuple[QuarterHour, ...]: ...

    async def what_if(self, point: str, preference: Preference) -> Trial:
        """The plan if the driver at ``point`` asked for this; nothing changes by it. Raises ModelError where no car is, or no plan can be."""
        ...

    def prices(self) -> tuple[PriceEntry, ...]: ...

    async def set_prices(self, entries: tuple[PriceEntry, ...], by: str) -> None:
        """Take in prices for their stretches of time; plans anew at once. Raises ModelError."""
        ...
