"""Strategies that look ahead: the cheapest steps by a simple rule, and a plan made anew every few steps.

Both know the prices, the property's base load and (the plan) the cars to come: what a perfect forecast would have told. So they show what
planning can be worth, not what a bad forecast costs.
"""

from collections.abc import Sequence
from datetime import timedelta

from chargebridge.planning.planner import plan
from chargebridge.planning.problem import Band, Goal, Horizon, Node, Prices, Series, Store, Taste
from chargebridge.planning.problem import Problem as PlanProblem
from chargebridge.planning.replay.network import Room
from chargebridge.planning.replay.stays import Case, CaseError, Stay
from chargebridge.planning.replay.strategies import Present, Strategy, needed_first

FINE = 6
"""Steps planned one by one; after them a few are taken together."""
TOGETHER = 3
EVERY = 6
"""Steps after which a plan is made anew, if no car came or went before."""
BUDGET_S = 0.5
URGENT = 2.0
"""Whoever has fewer steps to spare takes what he can: a plan is made for a whole step ahead, and knows less than the wires."""
ROUND_A = 1e-6
"""A plan's 6 A that came out as 5.9999999 are 6 A."""


def cheapest(case: Case) -> Strategy:
    """Each car charges in its cheapest steps before it leaves, blind to the others; then the wires decide who gets what, needed first."""
    prices = case.price_per_kwh
    if prices is None:
        return needed_first

    def give(present: Sequence[Present], room: Room, step: int, step_h: float) -> None:
        for car in present:
            last = min(car.stay.told, len(prices))
            steps = car.left_wh / (min(car.station.maximum_a * car.station.watts_per_a, car.stay.max_w) * step_h)
            ahead = sorted(prices[step:last])
            if step + steps + 1 < last and ahead and prices[step] > ahead[min(int(steps), len(ahead) - 1)]:
                car.upper_a = 0.0
        needed_first(present, room, step, step_h)

    return give


class Planned:
    """A plan of all cars that are there, followed until it is made anew: the receding horizon. made: how many plans. Only for a property's tree:
    CaseError for other wires.
    """

    def __init__(self, case: Case) -> None:
        if case.topology is None:
            raise CaseError(case.name, "its wires are no tree of circuits, which a plan needs", "replay it with needed_first or a baseline")
        self._case, self._topology = case, case.topology
        self._who: frozenset[str] = frozenset()
        self._since = 0
        self._powers: dict[str, list[float]] = {}
        self.made = 0

    def __call__(self, present: Sequence[Present], room: Room, step: int, step_h: float) -> None:
        who = frozenset(car.stay.id for car in present)
        if not who <= self._who or step - self._since >= min(EVERY, FINE):
            schedule = plan(self._problem(present, step), BUDGET_S)
            self._powers = {store.store: list(store.power_w) for store in schedule.stores}
            self._who, self._since = who, step
            self.made += 1
        for car in present:
            watts = car.station.watts_per_a
            planned_a = self._powers[car.stay.id][step - self._since] / watts + ROUND_A
            must_a = car.upper_a if car.laxity(step, step_h) < URGENT else 0.0
            car.upper_a = min(car.upper_a, max(planned_a, must_a))
        needed_first(present, room, step, step_h)

    def _problem(self, present: Sequence[Present], step: int) -> PlanProblem:
        case = self._case
        last = max(min(car.stay.told, case.steps) for car in present)
        lengths = _lengths(max(last - step, 1))
        starts = case.starts_at + timedelta(seconds=step * case.step_s)

        def mean(values: Sequence[float] | None, otherwise: float = 0.0) -> Series:
            if values is None:
                return (otherwise,) * len(lengths)
            found, at = [], step
            for length in lengths:
                part = values[at : at + length] or values[-1:]
                found.append(sum(part) / len(part))
                at += length
            return tuple(found)

        stores = tuple(self._store(car.stay, car.left_wh, step) for car in present)
        stores += tuple(self._store(stay, stay.energy_wh, step) for stay in case.stays if step < stay.arrives < last)
        return PlanProblem(
            horizon=Horizon(starts_at=starts, steps_s=tuple(length * case.step_s for length in lengths)),
            nodes=self._nodes(mean(case.base_w), len(lengths)),
            prices=Prices(
                import_per_kwh=mean(case.price_per_kwh, 0.3),
                export_per_kwh=mean(case.export_per_kwh),
                co2_g_per_kwh=mean(case.co2_g_per_kwh),
            ),
            stores=stores,
            taste=Taste(sooner=True),
        )

    def _store(self, stay: Stay, left_wh: float, step: int) -> Store:
        case = self._case
        station = case.network.stations[stay.station]
        begins, step_s = case.starts_at, case.step_s
        leaves = begins + timedelta(seconds=max(stay.told, step + 1) * step_s)
        point = self._topology.points[stay.station]
        return Store(
            id=stay.id,
            node=point.circuit,
            charge_max_w=min(station.maximum_a * station.watts_per_a, stay.max_w),
            charge_min_w=min(station.minimum_a * station.watts_per_a, stay.max_w),
            full_wh=left_wh,
            arrives_at=begins + timedelta(seconds=stay.arrives * step_s) if stay.arrives > step else None,
            departs_at=leaves,
            goals=(Goal(at=leaves, stored_wh=left_wh, price_cap=stay.price_cap),),
            phases=point.phases,
        )

    def _nodes(self, base: Series, steps: int) -> tuple[Node, ...]:
        return tuple(
            Node(
                id=circuit.id,
                parent=circuit.parent,
                import_w=None if circuit.power_limit_w is None else (circuit.power_limit_w,) * steps,
                current_a=(circuit.fuse_a,) * steps,
                load=Band.sure(base) if circuit.parent is None else None,
            )
            for circuit in self._topology.circuits
        )


def _lengths(steps: int) -> list[int]:
    """Steps to plan with, in steps of the case: the next ones one by one, later ones together."""
    fine = min(FINE, steps)
    rest = steps - fine
    return [1] * fine + [TOGETHER] * (rest // TOGETHER) + ([rest % TOGETHER] if rest % TOGETHER else [])
