"""What each controllable load is told: nothing, or a power that it must not exceed.

A load draws what it likes, and cars give way to it as to any other load of the house. It is limited only where a bound leaves no room for all loads
at their most (and, under an order, for what cars wish as well):

    order    a limit in the book, on the load, its group or a circuit above: each load keeps its guarantee, or its part of what there is if that is
             less than all guarantees; then come what cars need and what cars of its priority or a higher one wish, where the rest is enough for
             the least that they charge with; then the loads, up to their most
    wiring   a fuse or power limit of a circuit above: cars have gone already, so loads share what the rest of the house leaves

A peak budget limits cars only. A lower limit is told at once, a higher one when the last change is a minute old and only as far as cars have made
room; the end of an order releases at once. In a limited group a load has its limit to itself, drawn or not; on a circuit what it draws is measured.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import floor, inf

from chargebridge.control.book import NAMES, Book
from chargebridge.control.ceiling import terminals_used
from chargebridge.control.csm import Case
from chargebridge.control.load_bounds import Bound, bounds_of
from chargebridge.control.load_ceiling import LoadCeiling
from chargebridge.control.loads import Loads
from chargebridge.control.quiet import Quiet
from chargebridge.control.rows import NOBODY, Own
from chargebridge.control.timing import LOAD_RAISE_S, age_s
from chargebridge.control.tree import Tree
from chargebridge.model.decision import LoadDecision
from chargebridge.model.phases import NOMINAL_V, PerPhase, Phase
from chargebridge.model.state import LoadMemory

STEP_W = 500.0
"""Beyond its guarantee a load is given whole steps of this, so that small changes of the house and of cars send it nothing."""
COARSE_W = 100.0
"""Steps below the guarantee where the rest of the house decides what is left."""
SLACK_W = 1e-6


@dataclass(frozen=True, slots=True)
class LoadLimits:
    """Of all loads, in the order of the topology."""

    decisions: tuple[LoadDecision, ...] = ()
    memories: tuple[LoadMemory, ...] = ()
    own: Own = NOBODY


def limit_loads(
    tree: Tree,
    book: Book,
    loads: Loads,
    quiet: Mapping[str, Quiet],
    cases: Sequence[Case],
    memories: Sequence[LoadMemory],
    now: datetime,
) -> LoadLimits:
    """What each load is told now. quiet: of the circuits above loads."""
    if not tree.loads:
        return LoadLimits()
    ceilings = loads.controllable
    bounds = list(bounds_of(tree, book, loads, quiet))
    targets: list[tuple[float, Bound | None]] = [(inf, None)] * len(ceilings)
    for one in bounds:
        for index, watts in _share(one, ceilings, cases, loads.voltage_v).items():
            if watts < targets[index][0]:
                targets[index] = (watts, one)
    known = {memory.load: memory for memory in memories}
    told: list[LoadMemory] = []
    for index, (ceiling, (target, bound)) in enumerate(zip(ceilings, targets, strict=True)):
        mine = [b for b in bounds if index in b.loads]
        memory = known.get(ceiling.load.id)
        limit = _next(index, target, memory, mine, ceilings, cases, loads.voltage_v, told, now)
        ordered = bound.ordered if bound is not None else memory is not None and memory.ordered
        if memory is None or memory.limit_w != limit:
            memory = LoadMemory(load=ceiling.load.id, changed_at=now, limit_w=limit, ordered=ordered)
        told.append(memory)
    decisions = tuple(
        _decision(ceiling, memory, target, bound, len(bound.loads) + _charging(bound, cases) if bound else 0, now)
        for ceiling, memory, (target, bound) in zip(ceilings, told, targets, strict=True)
    )
    goals = tuple(
        min(target, c.worst_w) if c.follows else max(c.most_w, min(target, c.worst_w))
        for c, (target, _) in zip(ceilings, targets, strict=True)
    )
    tops = tuple(max(goal, decision.reserved_w) for goal, decision in zip(goals, decisions, strict=True))
    return LoadLimits(decisions, tuple(told), Own(goals, tops))


# what they leave to each load


def _share(bound: Bound, ceilings: Sequence[LoadCeiling], cases: Sequence[Case], voltage_v: PerPhase) -> dict[int, float]:
    """W of each load that the bound limits; empty where all fits."""
    if bound.limit_w is None:
        return {i: min(ceilings[i].load.failsafe_w, ceilings[i].worst_w) for i in bound.loads}
    wishes = [(_wish(cases[i], bound.phase, voltage_v), cases[i]) for i in bound.cars] if bound.ordered else []
    most = {i: ceilings[i].worst_w * part for i, part in bound.loads.items()}
    if sum(most.values()) + sum(wish for (_, wish), _ in wishes) <= bound.room_w + SLACK_W:
        return {}
    sure = {i: min(ceilings[i].load.guaranteed_w * part, most[i]) for i, part in bound.loads.items()}
    all_sure = sum(sure.values())
    if all_sure > bound.room_w:
        step = 1.0 if bound.room_w == bound.limit_w else COARSE_W
        return {i: floor(watts * bound.room_w / all_sure / bound.loads[i] / step + SLACK_W) * step for i, watts in sure.items()}
    strays = sum(max(0.0, ceilings[i].most_w * bound.loads[i] - watts) for i, watts in sure.items() if not ceilings[i].follows)
    left = bound.room_w - all_sure - strays
    wishes = [(asked, case) for asked, case in wishes if case.ceiling.lost or _least_w(case, bound.phase) <= left + SLACK_W]
    given = dict(sure)
    for priority in sorted({ceilings[i].load.priority for i in given}, reverse=True):
        first = sum(wish if case.point.priority >= priority else need for (need, wish), case in wishes)
        open_w = {i: most[i] - sure[i] for i in given if ceilings[i].load.priority == priority}
        for index, watts in _evenly(max(0.0, left - first), open_w).items():
            given[index] += watts
            left -= watts
    found: dict[int, float] = {}
    for index, watts in given.items():
        if watts < most[index] - SLACK_W:
            part, floor_w = bound.loads[index], sure[index] / bound.loads[index]
            found[index] = floor_w + floor((watts / part - floor_w + SLACK_W) / STEP_W) * STEP_W
    return found


def _evenly(watts: float, wanted: Mapping[int, float]) -> dict[int, float]:
    """The same for each, but nobody gets more than he can use."""
    found: dict[int, float] = {}
    for count, (index, most) in enumerate(sorted(wanted.items(), key=lambda pair: (pair[1], pair[0]))):
        found[index] = min(most, watts / (len(wanted) - count))
        watts -= found[index]
    return found


def _wish(case: Case, phase: Phase | None, voltage_v: PerPhase) -> tuple[float, float]:
    """(needed, wished) of a point, W in all or on one phase; of one that cannot be told anything both are what it may draw."""
    if case.ceiling.lost:
        watts = _watts(case.ceiling.current_a, phase, voltage_v)
        return watts, watts
    used = terminals_used(case.point, case.state, len(case.point.phases))
    volts = sum(voltage_v[p - 1] for p in used if phase in (None, p))
    return case.want.needed_a * volts, case.want.wished_a * volts


def _least_w(case: Case, phase: Phase | None) -> float:
    """Less than this is no charging for it, W: at the nominal voltage, so that a flickering one tells loads nothing."""
    phases = 1 if case.point.can_switch_phases else len(case.point.phases)
    used = terminals_used(case.point, case.state, phases)
    return case.point.minimum_a * NOMINAL_V * sum(phase in (None, p) for p in used)


def _watts(amps: PerPhase, phase: Phase | None, voltage_v: PerPhase) -> float:
    return sum(a * v for p, (a, v) in enumerate(zip(amps, voltage_v, strict=True), 1) if phase in (None, p))


# what is told


def _next(
    index: int,
    target: float,
    memory: LoadMemory | None,
    bounds: Sequence[Bound],
    ceilings: Sequence[LoadCeiling],
    cases: Sequence[Case],
    voltage_v: PerPhase,
    told: Sequence[LoadMemory],
    now: datetime,
) -> float | None:
    """Lower at once; higher when it has been calm and others have made room, up to its guarantee also without the first.

    told: what the loads before this one are told.
    """
    worst = ceilings[index].worst_w
    standing = None if memory is None else memory.limit_w
    if memory is None or standing is None or target <= standing:
        return _or_none(target, worst)
    over = memory.ordered and not any(bound.ordered for bound in bounds)
    if not over and age_s(memory.changed_at, now) < LOAD_RAISE_S:
        target = min(target, ceilings[index].load.guaranteed_w)
        if not memory.ordered or standing >= target:
            return standing
    free = inf
    for bound in bounds:
        if bound.ordered and bound.limit_w is not None:
            cars = sum(_watts(cases[i].ceiling.current_a, bound.phase, voltage_v) for i in bound.cars)
            others = sum(_reserved(ceilings[i], told, i) * part for i, part in bound.loads.items() if i != index)
            free = min(free, (bound.room_w - cars - others) / bound.loads[index])
    if free >= min(target, worst) - SLACK_W:
        return _or_none(target, worst)
    return _or_none(min(standing + floor(max(0.0, free - standing) / STEP_W) * STEP_W, target), worst)


def _or_none(limit_w: float, worst_w: float) -> float | None:
    """A limit that is no less than the most that it can draw is none."""
    return None if limit_w >= worst_w - SLACK_W else limit_w


def _reserved(ceiling: LoadCeiling, told: Sequence[LoadMemory], index: int) -> float:
    """The most that another load may draw by what it was and is told. One that is decided on later only rises into what is left then."""
    if index >= len(told):
        return ceiling.most_w
    limit = told[index].limit_w
    return max(ceiling.most_w, ceiling.worst_w if limit is None else min(limit, ceiling.worst_w))


def _charging(bound: Bound, cases: Sequence[Case]) -> int:
    return sum(cases[i].want.wished_a > 0 or cases[i].ceiling.lost for i in bound.cars)


def _decision(ceiling: LoadCeiling, memory: LoadMemory, target: float, bound: Bound | None, sharers: int, now: datetime) -> LoadDecision:
    limit = memory.limit_w
    reserved = max(ceiling.most_w, ceiling.worst_w if limit is None else min(limit, ceiling.worst_w))
    return LoadDecision(
        load=ceiling.load.id,
        limit_w=limit,
        ceiling_w=ceiling.most_w,
        reserved_w=reserved,
        reason=_reason(ceiling, memory, target, bound, sharers, now),
        node=None if bound is None else bound.node,
        source=None if bound is None else bound.origin.source,
    )


def _reason(ceiling: LoadCeiling, memory: LoadMemory, target: float, bound: Bound | None, sharers: int, now: datetime) -> str:
    load, limit = ceiling.load, memory.limit_w
    if limit is None:
        return f"{load.name} draws what it likes: nothing limits it"
    if limit < min(target, ceiling.worst_w) - SLACK_W:
        owed = memory.ordered and limit < min(target, load.guaranteed_w) - SLACK_W
        rest = LOAD_RAISE_S - age_s(memory.changed_at, now)
        when = f"in {rest:.0f} s" if rest > 0 and not owed else "as soon as cars have made room"
        more = "no limit follows" if target == inf else f"{_kw(target)} follow"
        return f"{load.name} gets {_kw(limit)}: {more} {when}"
    assert bound is not None
    if bound.limit_w is None:
        return f"{load.name} gets {_kw(limit)}, its failsafe limit: {bound.origin.text}"
    where = f"for {bound.name}" if bound.phase is None else f"on L{bound.phase} of {bound.name}"
    who = bound.origin.text if bound.origin.failsafe else NAMES[bound.origin.source]
    basis = f" ({bound.origin.legal_basis})" if bound.ordered else ""
    said = f"{load.name} gets {_kw(limit)}: {who}{basis} allows {_kw(bound.limit_w)} {where}"
    if bound.node == load.id:
        said = f"{load.name} gets {_kw(limit)}: {who}{basis} allows no more"
    if bound.limit_w > bound.room_w + STEP_W / 10:
        said += f", of which the rest of the house takes {_kw(bound.limit_w - bound.room_w)}"
    if sharers > 1:
        said += f", shared by {sharers}"
    if limit < load.guaranteed_w - SLACK_W:
        said += f"; that is less than its guarantee of {_kw(load.guaranteed_w)}"
    return said


def _kw(watts: float) -> str:
    return f"{watts / 1000:.1f} kW"
