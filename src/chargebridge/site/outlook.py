"""From what a site knows to what is to be planned: cars that are plugged in, batteries, PV, house, limits over time and prices.

Only a car whose driver (or who itself) said when it has to be ready is planned: the others charge at once, and the plan makes room for them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from chargebridge.control.book import Book, binding_current, binding_power, open_book
from chargebridge.control.figures import sane
from chargebridge.control.timing import age_s
from chargebridge.control.tree import Tree, grow
from chargebridge.model.circuit import ChargingPoint
from chargebridge.model.decision import Effective
from chargebridge.model.limit import Direction, Limit, LimitedPower
from chargebridge.model.phases import NOMINAL_V, PerPhase, power_w
from chargebridge.model.session import Preference
from chargebridge.model.state import PointState, SiteState
from chargebridge.planning.problem import Band, DemandCharge, Generator, Goal, Horizon, Node, Prices, Problem, Series, Store, Taste
from chargebridge.site.at_once import Hurry, spread
from chargebridge.site.config import PlanningTable, PriceTable
from chargebridge.site.prices import PriceAt, PriceBook

BUDGET_NODE = "peak budget"
"""Stands above the grid connection where the owner wishes a highest mean power; with a blank, so that no circuit can be called so."""
SHORTEST_S = 20.0
"""Edges of steps that come closer together are one."""
LONG_STEP_S = 3600.0
MARGIN_W = 100.0
"""So that what is expected beside a plan does not press on it."""
DRAWS_W = 300.0
"""What a car was seen to use says nothing while it sleeps."""
FARTHEST = timedelta(hours=72)
EFFICIENCY = 0.95
"""Of a battery in each direction, where nobody measures it."""
FLAT = 1e-3
"""Where all hours cost the same, all of them are as cheap as the mean."""
LEFT_WH = 2_000.0
"""What a car that says nothing is still taken to want when it has charged all that it was taken to want."""


class Foresight(Struct, frozen=True, kw_only=True):
    """house: what the property draws without cars, batteries and PV, each step; pv: by generator, positive; bases: what circuits with meters of
    their own draw beside cars, A per phase; reached_w: the highest quarter hour of the month; window_wh: drawn in the one that runs.
    takes_wh: by point, what the car that is there takes in this session at most, by its driver's earlier visits.
    """

    house: Band
    pv: Mapping[str, Band]
    bases: Mapping[str, PerPhase]
    reached_w: float = 0.0
    window_wh: float = 0.0
    takes_wh: Mapping[str, float] = {}


Foresee = Callable[[Horizon], Foresight]


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
    limits = _steady(state.limits, now)
    horizon = _horizon(state, prices, limits, settings, now)
    starts = _starts(horizon)
    costs = _costs(prices, starts)
    books = _books(tree, limits, starts)
    known = foresee(horizon)
    blind = open_book(tree, state.limits, None, now).blind
    scope = _Scope(
        state=state,
        tree=tree,
        books=books,
        costs=costs,
        starts=starts,
        settings=settings,
        now=now,
        blind=_below(tree, blind),
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


def waits(state: PointState, now: datetime) -> bool:
    """Whether the car may be let wait: somebody said when it has to be ready."""
    return state.preference.target_at is not None and state.preference.target_at > now


# time


def _horizon(state: SiteState, prices: PriceBook, limits: Sequence[Limit], settings: PlanningTable, now: datetime) -> Horizon:
    """Whole steps of the clock, cut where a price or a limit changes; longer ones up to the last departure."""
    start = now.replace(microsecond=0)
    near = start + timedelta(hours=settings.hours)
    targets = [p.preference.target_at for p in state.points if p.session is not None and p.preference.target_at is not None]
    end = max([near, *(min(target, start + FARTHEST) for target in targets)])
    edges = {start, end} | prices.edges(start, end) | {edge for edge in _limit_edges(limits) if start < edge < end}
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


def _limit_edges(limits: Iterable[Limit]) -> Iterable[datetime]:
    for limit in limits:
        yield limit.starts_at
        if limit.duration_s is not None:
            yield limit.starts_at + timedelta(seconds=min(limit.duration_s, FARTHEST.total_seconds()))


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


# limits


def _steady(limits: Sequence[Limit], now: datetime) -> tuple[Limit, ...]:
    """As if each source went on to be heard; one that is silent now stays so, with its failsafe."""
    found = []
    for limit in limits:
        if limit.max_age_s is None:
            found.append(limit)
        elif age_s(limit.heard_at or limit.received_at, now) <= limit.max_age_s:
            found.append(replace(limit, max_age_s=None))
        elif limit.failsafe_w is not None:
            found.append(replace(limit, max_age_s=None, bound=LimitedPower(limit.failsafe_w), duration_s=None))
    return tuple(found)


def _books(tree: Tree, limits: tuple[Limit, ...], starts: Sequence[datetime]) -> list[Book]:
    """What is in force in each step."""
    edges = sorted(set(_limit_edges(limits)))
    found: list[Book] = []
    last: tuple[int, Book] | None = None
    for start in starts:
        passed = sum(edge <= start for edge in edges)
        if last is None or last[0] != passed:
            last = (passed, open_book(tree, limits, None, start))
        found.append(last[1])
    return found


def _below(tree: Tree, blind: Mapping[str, Effective]) -> frozenset[str]:
    """Points under a limit that nobody knows."""
    found = {point.id for point in tree.points if point.id in blind}
    for index, circuit in enumerate(tree.circuits):
        if circuit.id in blind:
            found |= {tree.points[at].id for at in tree.below[index]}
    for group, members in zip(tree.groups, tree.in_group, strict=True):
        if group.id in blind:
            found |= {tree.points[at].id for at in members}
    return frozenset(found)


def _import_w(books: Sequence[Book], node: str) -> Series | None:
    return _series([None if (found := binding_power(book.of(node))) is None else found[0] for book in books])


def _export_w(books: Sequence[Book], node: str) -> Series | None:
    def least(limits: Sequence[Effective]) -> float | None:
        return min((e.power_w for e in limits if e.direction is Direction.PRODUCTION and e.power_w is not None), default=None)

    return _series([least(book.of(node)) for book in books])


def _series(values: Sequence[float | None]) -> Series | None:
    if all(value is None for value in values):
        return None
    return tuple(1e8 if value is None else value for value in values)


def _current_a(books: Sequence[Book], node: str) -> tuple[PerPhase, ...] | None:
    found: list[PerPhase] = []
    for book in books:
        bound = binding_current(book.of(node))
        if bound is None:
            return None
        found.append((bound[0][0], bound[1][0], bound[2][0]))
    return tuple(found)


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
            import_w=_import_w(books, circuit.id),
            export_w=_export_w(books, circuit.id),
            current_a=_current_a(books, circuit.id),
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
    """Groups that something limits, such as the controllable devices of section 14a EnWG."""
    there = {point.id for point, _ in cars}
    heard = {b.battery for b in state.batteries if b.stored_wh is not None}
    for group, members in zip(tree.groups, tree.in_group, strict=True):
        import_w, current_a = _import_w(books, group.id), _current_a(books, group.id)
        counted = [tree.points[at].id for at in members if tree.points[at].id in there] + [m for m in group.members if m in heard]
        if counted and (import_w is not None or current_a is not None):
            yield Node(id=group.id, import_w=import_w, current_a=current_a, members=tuple(counted))


class _Scope(Struct, frozen=True, kw_only=True):
    """What all cars and batteries are reckoned with."""

    state: SiteState
    tree: Tree
    books: list[Book]
    costs: list[PriceAt]
    starts: list[datetime]
    settings: PlanningTable
    now: datetime
    blind: frozenset[str]
    hurried: Mapping[str, float] | None
    takes_wh: Mapping[str, float]

    def waits(self, seen: PointState) -> bool:
        return self.hurried is None and waits(seen, self.now)

    def cars(self) -> list[tuple[ChargingPoint, PointState]]:
        told = {state.point: state for state in self.state.points}
        return [
            (point, seen)
            for point in self.tree.points
            if (seen := told.get(point.id)) is not None and seen.authorised and seen.status.has_car and seen.session is not None
        ]

    @property
    def dear(self) -> float:
        """More than anything costs: what is wanted at any price."""
        return 2 * max(abs(cost.total) for cost in self.costs) + 1.0

    def car(self, point: ChargingPoint, seen: PointState) -> Store:
        wish, has_wh = seen.preference, seen.energy_wh
        phases = point.phases[: min(len(point.phases), seen.car_phases or len(point.phases))]
        volts = NOMINAL_V * len(phases)
        memory = next((m for m in self.state.memory.points if m.point == point.id and m.session == seen.session), None)
        most_a = min(
            [point.maximum_a]
            + ([seen.car_maximum_a] if sane(seen.car_maximum_a) else [])
            + ([memory.learned_a] if memory is not None and memory.learned_a is not None and (seen.power_w or 0.0) > DRAWS_W else [])
            + ([point.fallback_a] if point.id in self.blind else [])
        )
        least_a = max(point.minimum_a, seen.car_minimum_a) if sane(seen.car_minimum_a) else point.minimum_a
        usual_wh = max(self.takes_wh.get(point.id, self.settings.car_kwh * 1000.0), has_wh + LEFT_WH)
        most_wh = wish.energy_max_wh if wish.energy_max_wh is not None else max(wish.energy_min_wh, usual_wh)
        most_w = most_a * volts if most_a >= least_a else 0.0
        store = Store(
            id=point.id,
            node=point.circuit,
            charge_max_w=most_w,
            charge_min_w=min(least_a * volts, most_w),
            charge_limit_w=self._own_limit(point, volts),
            stored_wh=has_wh,
            full_wh=max(most_wh, has_wh),
            phases=phases,
            priority=point.priority,
        )
        if not self.waits(seen):
            return replace(store, full_wh=max(has_wh, (self.hurried or {}).get(point.id, most_wh)))
        goals: tuple[Goal, ...] = ()
        if wish.energy_min_wh > has_wh and wish.target_at is not None:
            goals = (Goal(at=wish.target_at, stored_wh=wish.energy_min_wh, price_cap=wish.price_cap_min),)
        rest = self._rest(wish, wish.target_at) if wish.price_cap_max is None else wish.price_cap_max
        return self._outward(point, seen, replace(store, goals=goals, departs_at=wish.target_at, rest_price=rest))

    def in_a_hurry(
        self,
        cars: Sequence[tuple[ChargingPoint, PointState]],
        nodes: Sequence[Node],
        known: Foresight,
        horizon: Horizon,
        reserved: Mapping[str, Series],
    ) -> dict[str, Series]:
        """What cars that do not wait will take: what the others leave, as those gave way before."""
        hours = [seconds / 3600 for seconds in horizon.steps_s]
        stores = [(self.car(point, seen), seen.preference.price_cap_max) for point, seen in cars]
        hurry = [Hurry(id=s.id, circuit=s.node, most_w=self._takes(s, cap), energy_wh=s.full_wh - s.stored_wh) for s, cap in stores]
        taken = {circuit.id: [0.0] * len(hours) for circuit in self.tree.circuits}
        for name, series in reserved.items():
            circuit = self.tree.points[self.tree.point_index[name]].circuit
            taken[circuit] = [a + b for a, b in zip(taken[circuit], series, strict=True)]
        root_w = [sum(column) for column in zip(*taken.values(), strict=True)]
        room_w = [room - used for room, used in zip(_room_w(nodes, known, len(hours)), root_w, strict=True)]
        fuses = {
            node.id: [3 * NOMINAL_V * min(amps) - used for amps, used in zip(node.current_a, taken[node.id], strict=True)]
            for node in nodes
            if node.current_a is not None
        }
        return spread(hurry, room_w, fuses, hours)

    def _takes(self, store: Store, cap: float | None) -> Series:
        limits = store.charge_limit_w or (store.charge_max_w,) * len(self.costs)
        return tuple(
            0.0 if cap is not None and cost.total > cap else min(limit, store.charge_max_w)
            for cost, limit in zip(self.costs, limits, strict=True)
        )

    def _rest(self, wish: Preference, target: datetime | None) -> float:
        """What a kWh beyond the minimum may cost where the driver set no cap: any price where he asked for nothing but a most; else no more than
        the mean of the hours until he leaves, so that a long stay adds what is cheap and a short one what is left over.
        """
        if wish.energy_min_wh <= 0 or target is None:
            return self.dear
        there = [cost.total for start, cost in zip(self.starts, self.costs, strict=True) if start < target]
        return sum(there) / len(there) * (1 + FLAT) + 1e-6

    def _outward(self, point: ChargingPoint, seen: PointState, store: Store) -> Store:
        """With what it may give back, where owner, driver and car agree (as ``control.agreed``); its battery's size is guessed where not told."""
        wish = seen.preference
        able_w = min(point.discharge_max_w, seen.car_discharge_w)
        if not wish.may_discharge or able_w <= 0 or not sane(seen.soc) or wish.energy_min_wh > seen.energy_wh:
            return store
        holds_wh = self.settings.car_kwh * 1000.0
        if wish.energy_max_wh is not None and seen.car_asks and seen.soc < 1:
            holds_wh = max(holds_wh, (wish.energy_max_wh - seen.energy_wh) / (1 - seen.soc))
        lift = seen.soc * holds_wh - seen.energy_wh
        return replace(
            store,
            stored_wh=seen.soc * holds_wh,
            full_wh=min(holds_wh, max(store.full_wh + lift, seen.soc * holds_wh)),
            floor_wh=min(wish.reserve_soc, seen.soc) * holds_wh,
            goals=tuple(replace(goal, stored_wh=goal.stored_wh + lift) for goal in store.goals),
            discharge_max_w=able_w,
            charge_efficiency=EFFICIENCY,
            discharge_efficiency=EFFICIENCY,
            wear_per_kwh=self.settings.wear_per_kwh,
        )

    def _own_limit(self, point: ChargingPoint, volts: float) -> Series | None:
        """What limits this point alone."""
        power, current = _import_w(self.books, point.id), _current_a_or_inf(self.books, point.id)
        if power is None and current is None:
            return None
        count = len(self.books)
        return tuple(min(p, a * volts) for p, a in zip(power or (1e8,) * count, current or (1e6,) * count, strict=True))

    def batteries(self) -> Iterable[Store]:
        heard = {b.battery: b for b in self.state.batteries}
        for battery in self.state.topology.batteries:
            seen = heard.get(battery.id)
            if seen is None or not sane(seen.stored_wh):
                continue
            stored = min(max(seen.stored_wh, 0.0), battery.capacity_wh)
            yield Store(
                id=battery.id,
                node=battery.circuit,
                charge_max_w=battery.charge_max_w,
                discharge_max_w=battery.discharge_max_w,
                stored_wh=stored,
                full_wh=battery.capacity_wh,
                floor_wh=min(battery.reserve_wh, stored),
                charge_efficiency=EFFICIENCY,
                discharge_efficiency=EFFICIENCY,
                rest_price=max(0.0, min(cost.total for cost in self.costs)) * EFFICIENCY,
                wear_per_kwh=self.settings.wear_per_kwh,
                phases=battery.phases,
                to_grid=False,
            )


def _with(root: Node, cars: Mapping[str, Series]) -> Node:
    """The grid connection with what those cars are expected to draw."""
    if not cars or root.load is None:
        return root
    drawn = [sum(column) for column in zip(*cars.values(), strict=True)]

    def more(values: Series) -> Series:
        return tuple(a + b for a, b in zip(values, drawn, strict=True))

    return replace(root, load=Band(likely=more(root.load.likely), low=more(root.load.low), high=more(root.load.high)))


def _room_w(nodes: Sequence[Node], known: Foresight, count: int) -> list[float]:
    """What the grid connection leaves to cars, W, if house and sun turn out badly."""
    root = nodes[0]
    found = []
    for t in range(count):
        most = min(
            root.import_w[t] if root.import_w is not None else 1e8, 3 * NOMINAL_V * min(root.current_a[t]) if root.current_a else 1e8
        )
        loads = sum(node.load.high[t] for node in nodes if node.load is not None)
        found.append(most - loads + sum(band.low[t] for band in known.pv.values()) - MARGIN_W)
    return found


def _current_a_or_inf(books: Sequence[Book], node: str) -> Series | None:
    found = [binding_current(book.of(node)) for book in books]
    if all(bound is None for bound in found):
        return None
    return tuple(1e6 if bound is None else min(amps for amps, _ in bound) for bound in found)
