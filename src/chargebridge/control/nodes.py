"""What is shown of every circuit and group: what flows, what may flow, what will flow when all goals are reached."""

from collections.abc import Sequence

from chargebridge.control.book import Book, binding_current, binding_power, binding_unbalance
from chargebridge.control.ceiling import terminals_used
from chargebridge.control.csm import Case, Goal
from chargebridge.control.loads import Loads
from chargebridge.control.tree import Tree
from chargebridge.model.decision import Effective, MeterView, NodeDecision
from chargebridge.model.phases import ZERO, PerPhase, add, on_grid, scale, spread, total

SLACK = 1e-6


def node_decisions(tree: Tree, book: Book, loads: Loads, cases: Sequence[Case], goals: Sequence[Goal]) -> tuple[NodeDecision, ...]:
    """One for every circuit, parents first, then one for every group."""
    planned = [_planned(case, goal) for case, goal in zip(cases, goals, strict=True)]
    rolled = tree.roll_up(planned)
    found: list[NodeDecision] = []
    for circuit, load, cars in zip(tree.circuits, loads.nodes, rolled, strict=True):
        found.append(_node(circuit.id, load.view, load.load_a, load.load_w, load.base_a, cars, book.of(circuit.id), circuit.fuse_a))
    for group, members, controllable in zip(tree.groups, tree.in_group, tree.loads_in_group, strict=True):
        others_w = sum(max(0.0, loads.battery_w.get(member, 0.0)) for member in group.members)
        base = scale((1.0, 1.0, 1.0), others_w / sum(loads.voltage_v))
        for at in controllable:
            watts = loads.controllable[at].draws_w
            base, others_w = add(base, spread(watts, tree.loads[at].phases)), others_w + watts
        drawn = total(cases[i].ceiling.drawn_a or ZERO for i in members)
        most = add(base, total(on_grid(cases[i].point.maximum_a, cases[i].point.phases) for i in members))
        watts = others_w + sum(amps * volts for amps, volts in zip(drawn, loads.voltage_v, strict=True))
        found.append(
            _node(group.id, MeterView.SUM, add(base, drawn), watts, base, total(planned[i] for i in members), book.of(group.id), most)
        )
    return tuple(found)


def _planned(case: Case, goal: Goal) -> PerPhase:
    """A point that is not reached, or does not obey, goes on as it may; all others reach their goals."""
    if case.ceiling.lost:
        return case.ceiling.current_a
    return on_grid(goal.current_a, terminals_used(case.point, case.state, goal.phases))


def _node(
    node: str, view: MeterView, load: PerPhase, load_w: float, base: PerPhase, cars: PerPhase, limits: tuple[Effective, ...], most: PerPhase
) -> NodeDecision:
    current, power, unbalance = binding_current(limits), binding_power(limits), binding_unbalance(limits)
    allowed = most if current is None else (current[0][0], current[1][0], current[2][0])
    over = any(amps > bound + SLACK for amps, bound in zip(load, allowed, strict=True))
    over = over or (power is not None and load_w > power[0] + SLACK)
    over = over or (unbalance is not None and max(load) - min(load) > unbalance[0] + SLACK)
    return NodeDecision(
        node=node,
        meter=view,
        load_a=load,
        load_w=load_w,
        base_a=base,
        planned_a=add(base, cars),
        allowed_a=allowed,
        allowed_w=None if power is None else power[0],
        limits=limits,
        overloaded=over,
    )
