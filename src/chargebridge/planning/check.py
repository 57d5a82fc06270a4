"""What cannot be meant in a problem is refused, with the place, the reason and a cure. What is only impossible is not: it is planned, and named."""

import math
import sys
from collections.abc import Iterable
from datetime import datetime

from chargebridge.model.errors import ModelError
from chargebridge.planning.problem import Band, Generator, Goal, Node, Plant, Problem, Series, Store


class ProblemError(ModelError):
    """A problem that contradicts itself: a series of the wrong length, no number, an unknown node, a power below 0."""


def check(problem: Problem) -> None:
    """Raise ProblemError for the first thing in the problem that cannot be meant."""
    steps = problem.horizon.steps_s
    if not steps:
        raise ProblemError("horizon", "has no steps", "give the length of each step in steps_s")
    if problem.horizon.starts_at.utcoffset() is None:
        raise ProblemError("horizon.starts_at", "has no time zone", "give an aware time in UTC")
    if not all(math.isfinite(step) and step > 0 for step in steps):
        raise ProblemError("horizon.steps_s", "a step is not longer than 0 s", "give each step its length in seconds")
    if not math.isfinite(problem.voltage_v) or problem.voltage_v <= 0:
        raise ProblemError("voltage_v", f"is {problem.voltage_v}", "give the voltage to neutral, such as 230")
    count = len(steps)
    nodes = _nodes(problem.nodes, count)
    _prices(problem, count)
    things: list[Store | Plant | Generator] = [*problem.stores, *problem.plants, *problem.generators]
    _unique((thing.id for thing in (*problem.nodes, *things)), "ids")
    for thing in things:
        node = nodes.get(thing.node)
        if node is None:
            raise ProblemError(thing.id, f"hangs at {thing.node!r}, which is no node", "name one of the problem's nodes")
        if node.members is not None:
            raise ProblemError(thing.id, f"hangs at the group {thing.node!r}", "name a circuit; groups name their members themselves")
        if not thing.phases or len(set(thing.phases)) != len(thing.phases) or not set(thing.phases) <= {1, 2, 3}:
            raise ProblemError(f"{thing.id}.phases", f"{thing.phases} are no phases", "name one to three different ones of 1, 2 and 3")
    for store in problem.stores:
        _store(store, count)
    for plant in problem.plants:
        _plant(plant)
    for generator in problem.generators:
        _band(generator.power, f"{generator.id}.power", count, at_least=0.0)
    known = {thing.id for thing in things}
    for node in problem.nodes:
        for member in node.members or ():
            if member not in known:
                raise ProblemError(f"{node.id}.members", f"{member!r} is neither store, plant nor generator", "name one by its id")


def _nodes(nodes: tuple[Node, ...], count: int) -> dict[str, Node]:
    if not nodes:
        raise ProblemError("nodes", "there is none", "give at least the grid connection")
    if nodes[0].parent is not None or nodes[0].members is not None:
        raise ProblemError(nodes[0].id, "is the first node, but not the grid connection", "put the circuit without a parent first")
    seen: dict[str, Node] = {}
    for node in nodes:
        if node.parent is None and node.members is None and seen:
            raise ProblemError(node.id, "has no parent, as the grid connection", "name its parent, or the members if it is a group")
        if node.parent is not None and (node.parent not in seen or seen[node.parent].members is not None):
            raise ProblemError(
                f"{node.id}.parent", f"{node.parent!r} is no circuit before it", "list circuits from the grid connection down"
            )
        _numbers(node.import_w, f"{node.id}.import_w", count, at_least=0.0, below=math.inf)
        _numbers(node.export_w, f"{node.id}.export_w", count, at_least=0.0, below=math.inf)
        if node.current_a is not None:
            if len(node.current_a) != count:
                raise ProblemError(f"{node.id}.current_a", f"{len(node.current_a)} values for {count} steps", "give one for each step")
            for value in node.current_a:
                _numbers(value, f"{node.id}.current_a", 3, at_least=0.0, below=math.inf)
        if node.load is not None:
            _band(node.load, f"{node.id}.load", count)
            if not node.load_phases:
                raise ProblemError(f"{node.id}.load_phases", "names no phase", "name those on which the load lies")
        seen[node.id] = node
    return seen


def _prices(problem: Problem, count: int) -> None:
    prices = problem.prices
    _numbers(prices.import_per_kwh, "prices.import_per_kwh", count)
    _numbers(prices.export_per_kwh, "prices.export_per_kwh", count)
    _numbers(prices.network_per_kwh, "prices.network_per_kwh", count)
    _numbers(prices.co2_g_per_kwh, "prices.co2_g_per_kwh", count)
    _amount(prices.co2_price_per_kg, "prices.co2_price_per_kg")
    for charge in prices.demand:
        _amount(charge.price_per_kw, "prices.demand.price_per_kw")
        _amount(charge.reached_w, "prices.demand.reached_w")
        _amount(charge.first_window_wh, "prices.demand.first_window_wh")
        if not math.isfinite(charge.window_s) or charge.window_s <= 0:
            raise ProblemError("prices.demand.window_s", f"is {charge.window_s}", "give the length of the window in seconds, such as 900")


def _store(store: Store, count: int) -> None:
    for name in ("charge_max_w", "charge_min_w", "discharge_max_w", "discharge_min_w", "full_wh", "stored_wh", "floor_wh", "wear_per_kwh"):
        _amount(getattr(store, name), f"{store.id}.{name}")
    _amount(store.taper_end_w, f"{store.id}.taper_end_w")
    _numbers(store.charge_limit_w, f"{store.id}.charge_limit_w", count, at_least=0.0)
    _numbers(store.charge_now_w, f"{store.id}.charge_now_w", count, at_least=0.0)
    for name in ("charge_efficiency", "discharge_efficiency"):
        value = getattr(store, name)
        if not (math.isfinite(value) and 0 < value <= 1):
            raise ProblemError(f"{store.id}.{name}", f"is {value}", "give a share above 0, at most 1")
    if store.taper is not None and not (math.isfinite(store.taper) and 0 <= store.taper < 1):
        raise ProblemError(f"{store.id}.taper", f"is {store.taper}", "give the share of full_wh above which it takes less, below 1")
    if store.rest_price is not None and not math.isfinite(store.rest_price):
        raise ProblemError(f"{store.id}.rest_price", "is no number", "give a price a kWh, or None")
    for name in ("arrives_at", "departs_at"):
        _aware(getattr(store, name), f"{store.id}.{name}")
    if store.arrives_at is not None and store.departs_at is not None and store.departs_at < store.arrives_at:
        raise ProblemError(store.id, "departs before it arrives", "exchange departs_at and arrives_at")
    for goal in store.goals:
        _goal(goal, store.id)
    if sum(goal.probability for goal in store.goals if goal.probability < 1) > 1 + 1e-9:
        raise ProblemError(f"{store.id}.goals", "the probabilities of its departures are more than 1 in sum", "make their sum at most 1")


def _goal(goal: Goal, store: str) -> None:
    _aware(goal.at, f"{store}.goals.at")
    _amount(goal.stored_wh, f"{store}.goals.stored_wh")
    if goal.price_cap is not None and not math.isfinite(goal.price_cap):
        raise ProblemError(f"{store}.goals.price_cap", "is no number", "give a price a kWh, or None")
    if not (math.isfinite(goal.probability) and 0 < goal.probability <= 1):
        raise ProblemError(f"{store}.goals.probability", f"is {goal.probability}", "give a share above 0, at most 1")


def _plant(plant: Plant) -> None:
    for name in ("power_w", "run_s", "min_run_s"):
        _amount(getattr(plant, name), f"{plant.id}.{name}")
    _aware(plant.earliest_at, f"{plant.id}.earliest_at")
    _aware(plant.latest_at, f"{plant.id}.latest_at")
    if plant.latest_at < plant.earliest_at:
        raise ProblemError(plant.id, "has to end before it may begin", "exchange latest_at and earliest_at")


def _band(band: Band, where: str, count: int, at_least: float = -math.inf) -> None:
    _numbers(band.likely, f"{where}.likely", count, at_least)
    _numbers(band.low, f"{where}.low", count, at_least)
    _numbers(band.high, f"{where}.high", count, at_least)
    if any(low > high for low, high in zip(band.low, band.high, strict=True)):
        raise ProblemError(where, "low lies above high", "give the 10 % quantile as low and the 90 % quantile as high")


def _numbers(values: Series | None, where: str, count: int, at_least: float = -math.inf, below: float = sys.float_info.max) -> None:
    """below: infinity where a step without a limit may be told so."""
    if values is None:
        return
    if len(values) != count:
        raise ProblemError(where, f"{len(values)} values for {count} steps", "give one for each step")
    for value in values:
        if math.isnan(value) or value > below or value == -math.inf:
            raise ProblemError(where, f"{value} is no number", "leave a limit away with None, and fill gaps of a forecast before")
        if value < at_least:
            raise ProblemError(where, f"{value} is below {at_least:g}", "give amounts as positive numbers")


def _amount(value: float, where: str) -> None:
    if not math.isfinite(value) or value < 0:
        raise ProblemError(where, f"is {value}", "give a number that is not below 0")


def _aware(at: datetime | None, where: str) -> None:
    if at is not None and at.utcoffset() is None:
        raise ProblemError(where, "has no time zone", "give an aware time in UTC")


def _unique(ids: Iterable[str], where: str) -> None:
    seen: set[str] = set()
    for name in ids:
        if name in seen:
            raise ProblemError(where, f"{name!r} is there twice", "give every node, store, plant and generator an id of its own")
        seen.add(name)
