"""A plan: what every store and plant does in every step, what it costs, what bent, and what each constraint costs."""

from enum import StrEnum

from msgspec import Struct

from chargebridge.planning.problem import Horizon, Series, Yield


class Solver(StrEnum):
    """Who made the plan. RULE: cheapest steps, least laxity first, when the others were late or there is no need for them."""

    LP = "lp"
    MILP = "milp"
    FLEET = "fleet"
    RULE = "rule"


class StorePlan(Struct, frozen=True, kw_only=True):
    """power_w: mean of each step, charging positive, discharging negative. stored_wh: at the end of each step. phases: of each step, how many.

    cost: of its energy at price_per_kwh of each step, less what it earned, with wear. done_step: the step in which the last goal is reached, None if
    never. missing_wh: of each goal.
    """

    store: str
    power_w: Series
    stored_wh: Series
    phases: tuple[int, ...]
    cost: float
    done_step: int | None
    missing_wh: tuple[float, ...] = ()


class PlantPlan(Struct, frozen=True, kw_only=True):
    """on: the share of each step in which it runs."""

    plant: str
    on: Series


class Relaxation(Struct, frozen=True, kw_only=True):
    """Something that could not be had. what: whose (store, node, plant). amount: Wh of energy, or W by which a limit is crossed at most.

    node: the limit that was in the way, where there is one; step: when it binds most. sentence: for a person.
    """

    order: Yield
    what: str
    amount: float
    sentence: str
    node: str | None = None
    step: int | None = None


class Worth(Struct, frozen=True, kw_only=True):
    """What a little more of something would save: the price of a constraint (its dual value).

    what: the node, the store or the demand charge; per_unit: money a kWh of energy, or a kW of limit for an hour; step: where it is one step's.
    """

    what: str
    kind: str
    per_unit: float
    unit: str
    step: int | None = None


class Schedule(Struct, frozen=True, kw_only=True):
    """cost: money over the horizon, with wear, demand charges, what is missing of goals with a price cap at their cap, and less the value of what is
    stored at the end beyond the goals (or beyond what was there) at the rest price; demand charges above what was reached.
    bound: no plan costs less than this (gap 0 for an LP). grid_w: import positive. price_per_kwh: what one more kWh would cost in each step at the
    grid connection.
    note: why this solver, when it is not the exact one. took_s: by the caller's clock, None inside the pure functions.
    """

    horizon: Horizon
    solver: Solver
    stores: tuple[StorePlan, ...]
    plants: tuple[PlantPlan, ...]
    curtailed_w: dict[str, Series]
    grid_w: Series
    cost: float
    energy_cost: float
    demand_cost: float
    co2_kg: float
    bound: float
    price_per_kwh: Series
    relaxations: tuple[Relaxation, ...] = ()
    worths: tuple[Worth, ...] = ()
    note: str = ""
