"""What is to be planned, in the field's terms: a property from now on, step by step.

Powers in W, energies in Wh, currents in A, money in the site's currency. Import and charging are positive. A value of each step is a tuple of one
number a step (`Series`). The formulation that the solvers share stands in `docs/planning.md`.

Fuses and what the grid operator says are never crossed by what a plan decides. All else bends before there is "no plan": in the order of `Yield`.
"""

from datetime import datetime
from enum import IntEnum

from msgspec import Struct

from chargebridge.model.phases import PerPhase, Phase

Series = tuple[float, ...]
"""One value for each step of the horizon."""


class Horizon(Struct, frozen=True, kw_only=True):
    """starts_at: aware UTC. steps_s: the length of each step, s; they need not be equal (short ones first, hours later)."""

    starts_at: datetime
    steps_s: tuple[float, ...]


class Band(Struct, frozen=True, kw_only=True):
    """A forecast, W: likely (the median), and low and high the 10 % and 90 % quantiles. Money is reckoned with likely, limits with the bad side."""

    likely: Series
    low: Series
    high: Series

    @classmethod
    def sure(cls, values: Series) -> "Band":
        return cls(likely=values, low=values, high=values)


class Node(Struct, frozen=True, kw_only=True):
    """A circuit or a group, with what the limit book allows on it over time. Without a parent it is the grid connection (or a group of its own).

    import_w, export_w: the most that may flow in either direction in sum; current_a: on each phase. None: not limited there.
    load: what is not planned here and not at a node below (house, without PV). load_phases: on which phases it lies, in equal parts.
    members: of a group, the plants and stores that it counts, wherever they hang; None for a circuit, which counts all that hangs below it.
    hard: fuses and grid operator; a limit that the owner only wishes (a peak budget) is soft, and bends first.
    """

    id: str
    parent: str | None = None
    import_w: Series | None = None
    export_w: Series | None = None
    current_a: tuple[PerPhase, ...] | None = None
    load: Band | None = None
    load_phases: tuple[Phase, ...] = (1, 2, 3)
    members: tuple[str, ...] | None = None
    hard: bool = True


class Goal(Struct, frozen=True, kw_only=True):
    """So much energy is to be in the store at a time. What is missing is named, not an error.

    stored_wh: at least this, in the store's own measure. price_cap: the most that is to be paid for it, a kWh; None: whatever it costs.
    probability: that it counts at this time, for a departure that is not certain: several goals then share one store and their sum is at most 1.
    It weighs a price cap, and who goes short first; a goal without a cap is met whatever it costs, however unlikely.
    """

    at: datetime
    stored_wh: float
    price_cap: float | None = None
    probability: float = 1.0


class Store(Struct, frozen=True, kw_only=True):
    """A car or a battery: what takes energy in, and perhaps gives it back.

    present from ``arrives_at`` to ``departs_at``; None: from the beginning, to the end.
    charge_max_w, charge_min_w: it charges with nothing, or with a power between the two. charge_limit_w: less than charge_max_w in some steps.
    charge_now_w: what it charges at least in each step until it is full, whatever it costs (fast charging, or a least current at all times).
    discharge_max_w: 0 where it may not give back; discharge_min_w as above. efficiency: of each direction.
    stored_wh: at the beginning (a car whose state of charge is unknown: what it has charged in this session). floor_wh: discharge never goes below.
    full_wh: what it can hold, or what the driver wants at most. goals: what is needed, by when.
    rest_price: what a kWh beyond the goals may cost, None: it is not wanted at any price below the goals' (a car that only takes what is needed);
    it is also what a kWh left at the end is worth. wear_per_kwh: of what is given back.
    taper: above this share of full_wh the car takes less, in a straight line down to ``taper_end_w`` when full.
    phases: on which of the grid's phases it lies; switchable: it can also lie on the first of them alone.
    to_grid: it may give back more than the property uses at that time. from_grid: it may charge from more than the property's own surplus.
    """

    id: str
    node: str
    charge_max_w: float
    full_wh: float
    stored_wh: float = 0.0
    floor_wh: float = 0.0
    arrives_at: datetime | None = None
    departs_at: datetime | None = None
    charge_min_w: float = 0.0
    charge_limit_w: Series | None = None
    charge_now_w: Series | None = None
    discharge_max_w: float = 0.0
    discharge_min_w: float = 0.0
    charge_efficiency: float = 1.0
    discharge_efficiency: float = 1.0
    goals: tuple[Goal, ...] = ()
    rest_price: float | None = None
    wear_per_kwh: float = 0.0
    taper: float | None = None
    taper_end_w: float = 0.0
    phases: tuple[Phase, ...] = (1, 2, 3)
    switchable: bool = False
    priority: int = 0
    to_grid: bool = True
    from_grid: bool = True


class Plant(Struct, frozen=True, kw_only=True):
    """A load that is on or off: it runs ``run_s`` in all between two times, at least ``min_run_s`` at a stretch."""

    id: str
    node: str
    power_w: float
    run_s: float
    earliest_at: datetime
    latest_at: datetime
    min_run_s: float = 0.0
    phases: tuple[Phase, ...] = (1, 2, 3)


class Generator(Struct, frozen=True, kw_only=True):
    """PV or the like: power as a positive forecast; curtailable: it can be turned down."""

    id: str
    node: str
    power: Band
    curtailable: bool = False
    phases: tuple[Phase, ...] = (1, 2, 3)


class DemandCharge(Struct, frozen=True, kw_only=True):
    """A price on the highest mean power drawn in any window of ``window_s``, kW. reached_w: what the billing period has already seen.

    first_window_wh: drawn so far in the window in which the horizon begins.
    """

    price_per_kw: float
    reached_w: float = 0.0
    window_s: float = 900.0
    first_window_wh: float = 0.0


class Prices(Struct, frozen=True, kw_only=True):
    """What a kWh costs over the grid connection, each step: supply and network fee for import, what is paid for export.

    co2_g_per_kwh: of what is imported; co2_price_per_kg: what its avoidance is worth to the owner.
    """

    import_per_kwh: Series
    export_per_kwh: Series
    network_per_kwh: Series | None = None
    co2_g_per_kwh: Series | None = None
    co2_price_per_kg: float = 0.0
    demand: tuple[DemandCharge, ...] = ()


class Taste(Struct, frozen=True, kw_only=True):
    """Between plans that cost the same. sooner: charge early rather than late; smooth: few and small changes; calm_grid: a low highest import;
    calm_feed_in: a low highest export.
    """

    sooner: bool = True
    smooth: bool = False
    calm_grid: bool = False
    calm_feed_in: bool = False


class Problem(Struct, frozen=True, kw_only=True):
    """See the module. nodes: parents before children, the first is the grid connection where prices apply."""

    horizon: Horizon
    nodes: tuple[Node, ...]
    prices: Prices
    stores: tuple[Store, ...] = ()
    plants: tuple[Plant, ...] = ()
    generators: tuple[Generator, ...] = ()
    taste: Taste = Taste()
    voltage_v: float = 230.0


class Yield(IntEnum):
    """What bends when not everything can be had, the first to bend first. A hard limit never does: where loads that nobody plans already
    cross it, the plan adds nothing to them, takes away from them what it can, and says so (OVERLOAD).
    """

    REST = 1  # what is only wished, beyond the goals
    SOFT_LIMIT = 2  # what the owner only wishes of a node
    GOAL = 3  # needed energy: of each goal the last quarter first, the same share of all, higher priority last
    PLANT = 4  # a plant that cannot run its time
    OVERLOAD = 5  # not ours: reported
