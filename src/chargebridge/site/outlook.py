"""From what a site knows to what is to be planned: cars that are plugged in, batteries, PV, house, limits over time and prices.

Only a car whose driver (or who itself) said when it has to be ready is planned: the others charge at once, and the plan makes room for them.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from chargebridge.control.book import Book, open_book
from chargebridge.control.tree import Tree, grow
from chargebridge.model.circuit import ChargingPoint
from chargebridge.model.limit import Limit
from chargebridge.model.phases import power_w
from chargebridge.model.state import PointState, SiteState
from chargebridge.planning.problem import Band, DemandCharge, Generator, Horizon, Node, Prices, Problem, Series, Taste
from chargebridge.site.config import PlanningTable, PriceTable
from chargebridge.site.limits_ahead import FARTHEST, below_unknown, books_ahead, current_a, export_w, import_w, limit_edges, steady
from chargebridge.site.planned_stores import Foresee, Foresight, Stores
from chargebridge.site.prices import PriceAt, PriceBook

BUDGET_NODE = "peak budget"
"""Stands above the grid connection where the owner wishes a highest mean power; with a blank, so that no circuit can be called so."""
SHORTEST_S = 20.0
"""Edges of steps that come closer together are one."""
LONG_STEP_S = 3600.0


class Outlook(Struct, frozen=True, kw_only=True):
    """sessions: of the cars that the plan may let wait. at_once: what the others are expected to draw, each step, W. known_until: up to when prices
    are published.
    """

    problem: Problem
    sessions: dict[str, str]
    at_once: dict[str, Series]
    known_until: datetime


def outlook(
    state: SiteState,
    prices: PriceBook,
    settings: PlanningTable,
    table: PriceTable,
    foresee: Foresee,
    now: datetime,
    *,
    reserved: Mapping[str, Series] | None = None,
    hurried: Mapping[str, float] | None = None,
) -> Outlook | None:
    """None where nobody has said what energy costs.

    reserved: what cars that wait draw by a first plan on the same steps: only then the others come in, with what that leaves to them. hurried:
    instead, all cars charge at once, those named here until they have so much, Wh.
    """
    if prices.at(now) is None:
        return None
    tree = grow(state.topology)
    limits = steady(state.limits, now)
    horizon = _horizon(state, prices, limits, settings, now)
    starts = _starts(horizon)
    costs = _costs(prices, starts)
    books = books_ahead(tree, limits, starts)
    known = foresee(horizon)
    blind = open_book(tree, state.limits, None, now).blind
    scope = Stores(
        state=state,
        tree=tree,
        books=books,
        costs=costs,
        starts=starts,
        settings=settings,
        now=now,
        blind=below_unknown(tree, blind),
        hurried=hurried,
        takes_wh=known.takes_wh,
    )
    cars = scope.cars()
    waiting = [(point, seen) for point, seen in cars if scope.waits(seen)]
    nodes = tuple(_nodes(tree, books, known, state))
    others = [(point, seen) for point, seen in cars if not scope.waits(seen)] if reserved is not None or not waiting else []
    at_once = scope.in_a_hurry(others, nodes, known, horizon, reserved or {})
    nodes = (_with(nodes[0], at_once), *nodes[1:])
    problem = Problem(
        horizon=horizon,
        nodes=(*_budget(state, now, horizon), *nodes, *_groups(tree, books, waiting, state)),
        prices=Prices(
            import_per_kwh=tuple(c.supply for c in costs),
            export_per_kwh=tuple(c.export for c in costs),
            network_per_kwh=tuple(c.network for c in costs),
            co2_g_per_kwh=_co2(costs),
            co2_price_per_kg=table.co2_price_per_kg,
            demand=_demand(table, known),
        ),
        stores=(*(scope.car(point, seen) for point, seen in waiting), *scope.batteries()),
        taste=Taste(sooner=True, smooth=True),
        generators=tuple(
            Generator(id=g.id, node=g.circuit, power=known.pv[g.id], phases=g.phases) for g in state.topology.generators if g.id in known.pv
        ),
    )
    published = next((start for start, cost in zip(starts, costs, strict=True) if not cost.known), starts[-1])
    sessions = {point.id: seen.session or "" for point, seen in waiting}
    return Outlook(problem=problem, sessions=sessions, at_once=at_once, known_until=published)


# time


def _horizon(state: SiteState, prices: PriceBook, limits: Sequence[Limit], settings: PlanningTable, now: datetime) -> Horizon:
    """Whole steps of the clock, cut where a price or a limit changes; longer ones up to the last departure."""
    start = now.replace(microsecond=0)
    near = start + timedelta(hours=settings.hours)
    targets = [p.preference.target_at for p in state.points if p.session is not None and p.preference.target_at is not None]
    end = max([near, *(min(target, start + FARTHEST) for target in targets)])
    edges = {start, end} | prices.edges(start, end) | {edge for edge in limit_edges(limits) if start < edge < end}
    edges |= set(_ticks(start, near, settings.step_s)) | set(_ticks(near, end, LONG_STEP_S))
    kept = [start]
    for edge in sorted(edges):
        if (edge - kept[-1]).total_seconds() >= SHORTEST_S:
            kept.append(edge)
    return Horizon(starts_at=start, steps_s=tuple((b - a).total_seconds() for a, b in pairwise(kept)))


def _ticks(start: datetime, end: datetime, step_s: float) -> Iterable[datetime]:
    tick = (start.timestamp() // step_s + 1) * step_s
    while tick < end.timestamp():
        yield datetime.fromtimestamp(tick, UTC)
        tick += step_s


def _starts(horizon: Horizon) -> list[datetime]:
    found, at = [], horizon.starts_at
    for step in horizon.steps_s:
        found.append(at)
        at += timedelta(seconds=step)
    return found


# money


def _costs(prices: PriceBook, starts: Sequence[datetime]) -> list[PriceAt]:
    """Where nobody knows, the last one that is known."""
    found: list[PriceAt] = []
    for start in starts:
        cost = prices.at(start)
        if cost is None:
            cost = replace(found[-1], known=False)
        found.append(cost)
    return found


def _co2(costs: Sequence[PriceAt]) -> Series | None:
    if all(cost.co2_g_per_kwh is None for cost in costs):
        return None
    return tuple(cost.co2_g_per_kwh or 0.0 for cost in costs)


def _demand(table: PriceTable, known: Foresight) -> tuple[DemandCharge, ...]:
    if table.demand_per_kw <= 0:
        return ()
    return (DemandCharge(price_per_kw=table.demand_per_kw, reached_w=known.reached_w, first_window_wh=known.window_wh),)


# the property


def _budget(state: SiteState, now: datetime, horizon: Horizon) -> tuple[Node, ...]:
    """The owner's highest mean power of a quarter hour; in the one that runs, what of it is left."""
    peak = state.peak
    if peak is None:
        return ()
    ends = peak.window_started_at + timedelta(seconds=peak.window_s)
    rest_s = max(60.0, (ends - now).total_seconds())
    left_w = max(0.0, peak.budget_w * peak.window_s / 3600 - peak.drawn_wh) * 3600 / rest_s
    values, at = [], horizon.starts_at
    for step in horizon.steps_s:
        values.append(left_w if at < ends else peak.budget_w)
        at += timedelta(seconds=step)
    return (Node(id=BUDGET_NODE, import_w=tuple(values), hard=False),)


def _nodes(tree: Tree, books: Sequence[Book], known: Foresight, state: SiteState) -> Iterable[Node]:
    count = len(books)
    plants = {generator.circuit for generator in state.topology.generators} | {battery.circuit for battery in state.topology.batteries}
    bases = {
        circuit.id: max(0.0, power_w(known.bases[circuit.id]))
        for index, circuit in enumerate(tree.circuits)
        if index > 0 and circuit.id in known.bases and not _reaches(tree, index, plants)
    }
    for index, circuit in enumerate(tree.circuits):
        load = None
        if index == 0:
            load = _less(known.house, sum(bases.values()))
        elif circuit.id in bases:
            load = Band.sure((bases[circuit.id],) * count)
        yield Node(
            id=circuit.id,
            parent=circuit.parent if index > 0 else (BUDGET_NODE if state.peak is not None else None),
            import_w=import_w(books, circuit.id),
            export_w=export_w(books, circuit.id),
            current_a=current_a(books, circuit.id),
            load=load,
        )


def _reaches(tree: Tree, index: int, plants: set[str]) -> bool:
    """Whether PV or a battery hangs at the circuit or below, or a metered circuit above it counts it already."""
    below = {circuit.id for at, circuit in enumerate(tree.circuits) if index in tree.chain[at]}
    return bool(below & plants) or any(tree.circuits[up].meter is not None for up in tree.chain[index][1:-1])


def _less(band: Band, watts: float) -> Band:
    def cut(values: Series) -> Series:
        return tuple(max(0.0, value - watts) for value in values)

    return Band(likely=cut(band.likely), low=cut(band.low), high=cut(band.high))


def _groups(tree: Tree, books: Sequence[Book], cars: Sequence[tuple[ChargingPoint, PointState]], state: SiteState) -> Iterable[Node]:
    """Groups that something limits, such as the controllable devices of section 14a EnWG, less what their controllable loads keep under any limit.

    On circuits those loads are in what the house is expected to draw.
    """
    there = {point.id for point, _ in cars}
    heard = {b.battery for b in state.batteries if b.stored_wh is not None}
    for group, members, loads in zip(tree.groups, tree.in_group, tree.loads_in_group, strict=True):
        most_w, most_a = import_w(books, group.id), current_a(books, group.id)
        kept_w = sum(tree.loads[at].guaranteed_w for at in loads)
        most_w = None if most_w is None else tuple(max(0.0, watts - kept_w) for watts in most_w)
        counted = [tree.points[at].id for at in members if tree.points[at].id in there] + [m for m in group.members if m in heard]
        if counted and (most_w is not None or most_a is not None):
            yield Node(id=group.id, import_w=most_w, current_a=most_a, members=tuple(counted))


def _with(root: Node, cars: Mapping[str, Series]) -> Node:
    """The grid connection with what those cars are expected to draw."""
    if not cars or root.load is None:
        return root
    drawn = [sum(column) for column in zip(*cars.values(), strict=True)]

    def more(values: Series) -> Series:
        return tuple(a + b for a, b in zip(values, drawn, strict=True))

    return replace(root, load=Band(likely=more(root.load.likely), low=more(root.load.low), high=more(root.load.high)))
