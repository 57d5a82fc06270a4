"""Cars and batteries as the planner takes them: what they can do, what is wanted of them, and what those will draw that nobody may let wait."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from chargebridge.control.book import Book
from chargebridge.control.figures import sane
from chargebridge.control.tree import Tree
from chargebridge.model.circuit import ChargingPoint
from chargebridge.model.phases import NOMINAL_V, PerPhase
from chargebridge.model.session import Preference
from chargebridge.model.state import PointState, SiteState
from chargebridge.planning.problem import Band, Goal, Horizon, Node, Series, Store
from chargebridge.site.at_once import Hurry, spread
from chargebridge.site.config import PlanningTable
from chargebridge.site.limits_ahead import import_w, least_current_a
from chargebridge.site.prices import PriceAt

DRAWS_W = 300.0
"""What a car was seen to use says nothing while it sleeps."""
EFFICIENCY = 0.95
"""Of a battery in each direction, where nobody measures it."""
FLAT = 1e-3
"""Where all hours cost the same, all of them are as cheap as the mean."""
LEFT_WH = 2_000.0
"""What a car that says nothing is still taken to want when it has charged all that it was taken to want."""
MARGIN_W = 100.0
"""So that what is expected beside a plan does not press on it."""


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


def waits(state: PointState, now: datetime) -> bool:
    """Whether the car may be let wait: somebody said when it has to be ready."""
    return state.preference.target_at is not None and state.preference.target_at > now


class Stores(Struct, frozen=True, kw_only=True):
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
        power, current = import_w(self.books, point.id), least_current_a(self.books, point.id)
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
