"""A problem with an object for each store as a fleet, and a fleet's plan as the schedule of that problem."""

import msgspec
import numpy as np

from chargebridge.planning.arrays import Arrays, Flags, Floats, Ints, arrays, seconds
from chargebridge.planning.check import check
from chargebridge.planning.fleet.cars import Cars, Fleet
from chargebridge.planning.fleet.share import gather_up
from chargebridge.planning.fleet.solve import FleetSchedule, Whole, plan_cars
from chargebridge.planning.highs import SolverError
from chargebridge.planning.money import Powers
from chargebridge.planning.problem import Problem
from chargebridge.planning.result import schedule
from chargebridge.planning.schedule import Schedule, Solver

FAR = 0.02
"""A plan that may be so much too dear is none: the rule does better."""


def fitting(problem: Problem) -> Flags:
    """(stores): which are cars of a fleet: they only take, with any power up to one, and need at most one amount, by when they leave."""
    edges = np.concatenate(([0.0], np.cumsum(problem.horizon.steps_s)))
    end = float(edges[-1])
    grouped = {member for node in problem.nodes for member in node.members or ()}
    phased = any(node.current_a is not None for node in problem.nodes)
    found = np.zeros(len(problem.stores), dtype=bool)
    for i, store in enumerate(problem.stores):
        plain = not store.discharge_max_w and store.taper is None and store.from_grid
        plain = plain and store.charge_limit_w is None and store.charge_now_w is None
        plain = plain and store.id not in grouped and not (store.switchable and phased) and len(store.goals) <= 1
        for goal in store.goals:
            leaves, at = min(end, seconds(problem, store.departs_at, end)), seconds(problem, goal.at, end)
            # one that wants no more than its goal leaves with it; but power is the mean of a step, so not within one
            enough = store.rest_price is None or store.full_wh <= goal.stored_wh
            early = enough and bool((np.abs(edges - at) < 1e-6).any())
            plain = plain and goal.probability == 1.0 and (early or at >= leaves)
        found[i] = plain
    return found


def to_fleet(problem: Problem) -> tuple[Fleet, Ints]:
    """The fleet, and which of the stores are its cars; the others stay whole. ProblemError for what cannot be meant."""
    check(problem)
    return _to_fleet(problem, arrays(problem))


def _to_fleet(problem: Problem, a: Arrays) -> tuple[Fleet, Ints]:
    chosen = np.flatnonzero(fitting(problem))
    stores = [problem.stores[i] for i in chosen]
    index = {node.id: n for n, node in enumerate(problem.nodes)}
    end = float(a.edges_s[-1])
    begins = np.array([seconds(problem, store.arrives_at, 0.0) for store in stores], dtype=float)
    ends = np.array(
        [min([seconds(problem, s.departs_at, end), *(seconds(problem, g.at, end) for g in s.goals)]) for s in stores], dtype=float
    )
    grid = np.arange(len(a.edges_s))
    arrival, departure = (np.interp(np.clip(at, 0.0, end), a.edges_s, grid) for at in (begins, np.maximum(begins, ends)))
    level, cap = a.stored.copy(), np.full(len(a.stored), np.nan)
    level[a.aims.store] = np.maximum(a.aims.level, level[a.aims.store])
    cap[a.aims.store] = a.aims.cap
    least = np.maximum(level - a.stored, 0.0)[chosen]
    # what would not fit into the store is no wish, and what is needed beyond it cannot be had
    most = np.maximum(a.most[chosen] - a.stored[chosen], 0.0)
    cars = Cars(
        arrival=arrival,
        departure=departure,
        power_w=np.array([store.charge_max_w for store in stores], dtype=float),
        least_wh=np.minimum(least, most) * 1000.0,
        most_wh=most * 1000.0,
        rest_price=a.rest[chosen],
        node=np.array([index[store.node] for store in stores], dtype=np.int64),
        least_price=np.where(np.isnan(cap), np.inf, cap)[chosen],
        efficiency=a.charge_efficiency[chosen],
        priority=np.array([store.priority for store in stores], dtype=np.int64),
        phases=np.array([sum(1 << (phase - 1) for phase in store.phases) for store in stores], dtype=np.int64),
    )
    taken = set(chosen.tolist())
    rest = tuple(store for i, store in enumerate(problem.stores) if i not in taken)
    return Fleet(property=msgspec.structs.replace(problem, stores=rest), cars=cars), chosen


def plan_problem(problem: Problem, gap: float = 1e-4, budget_s: float = 20.0) -> Schedule:
    """The problem's schedule by the fleet solver. Minimum powers are not looked at. SolverError if the budget leaves it far from the bound."""
    check(problem)
    a = arrays(problem)
    fleet, chosen = _to_fleet(problem, a)
    found = plan_cars(fleet, gap, budget_s)
    if found.gap > FAR:
        raise SolverError(f"stopped by the clock {found.gap:.0%} from the bound")
    crowd = found.crowd
    behind = crowd.place if found.way == "columns" else fleet.cars.node[crowd.index]
    turns = gather_up(crowd, behind, found.drawn.energy(np.arange(len(crowd.power))))
    found = msgspec.structs.replace(found, drawn=Whole(turns))
    return schedule(
        a, powers(a, found, chosen), Solver.FLEET, price=found.price_per_kwh[0], bound=found.bound, note=_note(found, len(chosen))
    )


def powers(a: Arrays, found: FleetSchedule, chosen: Ints) -> Powers:
    """What every store of the problem does."""
    count = len(a.problem.stores)
    others = np.setdiff1d(np.arange(count), chosen)
    charge: Floats = np.zeros((count, a.steps))
    discharge = np.zeros((count, a.steps))
    single = np.zeros((count, a.steps))
    single[others] = found.rest.single[: len(others)]
    charge[chosen] = found.power_w() / 1000.0
    charge[others], discharge[others] = found.rest.charge[: len(others)], found.rest.discharge[: len(others)]
    return Powers(charge=charge, single=single, discharge=discharge, on=found.rest.on, curtail=found.rest.curtail)


def _note(found: FleetSchedule, cars: int) -> str:
    return f"{cars} cars planned together; no plan is cheaper by more than {max(found.gap, 0.0):.3%} of what passes the meter"
