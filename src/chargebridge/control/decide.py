"""From the state of a site to what every charging point is told now, and why: a pure function of its two arguments.

ceilings -> loads -> limit book -> wants -> Demand -> EMS -> Grant -> controllable loads -> CSM: goals -> steps -> why
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
from msgspec.structs import replace

from chargebridge.control.alerts import alerts
from chargebridge.control.book import Book, binding_power, open_book
from chargebridge.control.ceiling import Ceiling, reckon, terminals_used
from chargebridge.control.csm import Case, Goal, offers_standing, share
from chargebridge.control.ems import grant, hold_to_groups
from chargebridge.control.feed_in import hold_to_feed_in
from chargebridge.control.figures import sane
from chargebridge.control.load_limits import limit_loads
from chargebridge.control.loads import Loads, keep, measure
from chargebridge.control.memory import learn, recall, remember
from chargebridge.control.nodes import node_decisions
from chargebridge.control.orders import Orders
from chargebridge.control.outward import Outward, move_of, outward
from chargebridge.control.planned import Planned, alive, asked_to_give, is_stale, of_points, share_surplus
from chargebridge.control.quiet import keep_quiet, quiet_of
from chargebridge.control.release import Step, steps
from chargebridge.control.rows import lay_out
from chargebridge.control.timing import VALID_S
from chargebridge.control.tree import Tree, grow
from chargebridge.control.wants import failsafes, want
from chargebridge.control.why import Explainer
from chargebridge.model.circuit import ChargingPoint
from chargebridge.model.decision import Cause, Decision, Demand, PointDecision
from chargebridge.model.phases import PerPhase, power_w, total
from chargebridge.model.state import Memory, PointMemory, PointState, SiteState

PRIOR = 1000
"""Added to the priority of a point whose driver asked for priority charging: more than any that an owner can give."""


def decide(state: SiteState, now: datetime) -> Decision:
    """The decision for ``state`` at ``now`` (aware UTC). Raises ModelError only for a topology that ``control.topology.check`` refuses."""
    tree = grow(state.topology)
    told = {point.point: point for point in state.points}
    plan = alive(state, now)
    seen = [told.get(point.id, PointState(point=point.id)) for point in tree.points]
    plans = of_points(plan, seen)
    points = asked_to_give(plans, seen, None if plan is None else plan.dies_at)
    ceilings = [reckon(point, known, now) for point, known in zip(tree.points, points, strict=True)]
    loads = measure(tree, state, ceilings, points, now)
    book = open_book(tree, state.limits, state.peak, now)
    planned = share_surplus(plans, plan, tree.points, points, loads)
    cases = _cases(tree, state, points, ceilings, loads, book, planned, now)
    demand = _demand(cases, loads.voltage_v)
    root = loads.nodes[0]
    offered, lopsided = offers_standing(cases)
    grid_w = _grid_w(book, tree, loads.voltage_v)
    others_w = (
        root.base_w if root.load_w > grid_w else min(root.base_w, max(root.base_low_w, grid_w - power_w(total(offered), loads.voltage_v)))
    )
    orders = Orders.of(plan, root, tree.circuits[0].fuse_a)
    granted, batteries = grant(demand, others_w, grid_w, state.topology.batteries, state.batteries, now, orders)
    batteries = hold_to_feed_in(tree, book, loads, state.topology.batteries, state.batteries, batteries, now)
    limited = limit_loads(tree, book, loads, quiet_of(tree, loads, state.memory), cases, state.memory.loads, now)
    batteries = hold_to_groups(tree, book, state.batteries, _needed_w(tree, cases, loads.voltage_v), batteries, now, limited.own.top_w)
    table = lay_out(tree, book, loads, granted.granted_w, limited.own)
    room = np.array(table.rooms(offered, lopsided))
    goals = share(table, cases, room, now)
    moves = steps(table, cases, goals, now)
    given = outward(tree, book, loads, cases, moves, now)
    explainer = Explainer(table, cases, goals, room, now, ZoneInfo(state.topology.timezone))
    decisions = tuple(
        _point(explainer, index, case, goal, step, out, now)
        for index, (case, goal, step, out) in enumerate(zip(cases, goals, moves, given, strict=True))
    )
    memories = [remember(case, step, state.memory.decided_at, now) for case, step in zip(cases, moves, strict=True)]
    nodes = node_decisions(tree, book, loads, cases, goals)
    return Decision(
        at=now,
        demand=demand,
        grant=granted,
        points=decisions,
        nodes=nodes,
        batteries=batteries,
        alerts=alerts(tree, book, loads, cases, nodes, granted, now, plan_is_old=is_stale(state, now)),
        loads=limited.decisions,
        memory=Memory(
            decided_at=now,
            points=tuple(memories),
            nodes=keep(tree, loads, state.memory, now),
            lost_meters=loads.lost_meters,
            loads=limited.memories,
            quiet=keep_quiet(tree, loads, state.memory, now),
        ),
    )


def _cases(
    tree: Tree,
    state: SiteState,
    points: Sequence[PointState],
    ceilings: Sequence[Ceiling],
    loads: Loads,
    book: Book,
    planned: Mapping[str, Planned],
    now: datetime,
) -> list[Case]:
    known: dict[str, PointMemory] = {memory.point: memory for memory in state.memory.points}
    reasons = failsafes(tree, loads, book)
    zone = ZoneInfo(state.topology.timezone)
    cases: list[Case] = []
    for point, seen, ceiling, failsafe in zip(tree.points, points, ceilings, reasons, strict=True):
        point = _for_car(point, seen)
        memory = learn(point, seen, recall(known, point, seen), ceiling, now)
        wanted = want(point, seen, memory, ceiling, failsafe, state.price_per_kwh, loads.voltage_v, now, zone, planned.get(point.id))
        cases.append(Case(point, seen, memory, ceiling, wanted))
    return cases


def _for_car(point: ChargingPoint, seen: PointState) -> ChargingPoint:
    """With the least current that the car can charge with, where it said so (ISO 15118) and the point can give as much; and before all others where
    its driver asked for that."""
    if seen.prior:
        point = replace(point, priority=point.priority + PRIOR)
    least = seen.car_minimum_a
    if not sane(least) or not point.minimum_a < least <= point.maximum_a:
        return point
    return replace(point, minimum_a=least)


def _demand(cases: Sequence[Case], voltage_v: PerPhase) -> Demand:
    """P_needed and P_wished of all cars (3.2.6). What a point that cannot be reached may draw is both."""
    needed = wished = 0.0
    for case in cases:
        if case.ceiling.lost:
            bound = power_w(case.ceiling.current_a, voltage_v)
            needed, wished = needed + bound, wished + bound
        else:
            needed += case.want.needed_a * _volts(case, case.want.phases, voltage_v)
            wished += case.want.wished_a * _volts(case, len(case.point.phases), voltage_v)
    return Demand(needed_w=needed, wished_w=wished)


def _volts(case: Case, phases: int, voltage_v: PerPhase) -> float:
    return sum(voltage_v[phase - 1] for phase in terminals_used(case.point, case.state, phases))


def _needed_w(tree: Tree, cases: Sequence[Case], voltage_v: PerPhase) -> list[float]:
    """P_needed of the cars in each group, W."""
    return [_demand([cases[i] for i in members], voltage_v).needed_w for members in tree.in_group]


def _grid_w(book: Book, tree: Tree, voltage_v: PerPhase) -> float:
    """P_max of the grid: the tightest limit in W on the root, and what its fuse carries."""
    root = tree.circuits[0]
    fuse_w = power_w(root.fuse_a, voltage_v)
    limit = binding_power(book.of(root.id))
    return fuse_w if limit is None else min(fuse_w, limit[0])


def _point(explainer: Explainer, index: int, case: Case, goal: Goal, step: Step, given: Outward, now: datetime) -> PointDecision:
    why = explainer.why(index, step)
    if given.bound and why.cause is Cause.DISCHARGING:
        why = replace(why, sentence=f"{why.sentence}; {given.power_w / 1000:.1f} kW now: {given.bound}")
    return PointDecision(
        point=case.point.id,
        discharge_w=given.power_w,
        move=move_of(case, step, given, now),
        current_a=step.current_a,
        phases=step.phases,
        goal_a=goal.current_a,
        needed_a=case.want.needed_a,
        wished_a=case.want.wished_a,
        ceiling_a=case.ceiling.peak_a,
        valid_s=VALID_S,
        why=why,
    )
