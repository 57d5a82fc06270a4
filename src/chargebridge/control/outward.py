"""What cars give back: from what a plan asks of a point to what its station is told, under the agreement, the fuses and the limits on production.

A car gives only where all have agreed: the owner (``ChargingPoint.discharge_max_w``), the driver (``Preference.may_discharge``, down to his
reserve) and the car (``PointState.car_discharge_w``); never while it needs energy itself, nor when its state of charge is not known.

A fuse carries as much out as in. With the base as it is (import positive) and every other point at the most that it may be giving:

    current      sum of what cars give on a phase          <= fuse + base of that phase
    production   sum of what cars give behind the limit     <= limit + base
    unbalance    highest base - (base - what cars give)     <= limit, for what another phase may be without

What other cars draw is not counted on, as they may stop at any moment. Behind a meter that is silent, or a limit that nobody knows, nothing is given.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import floor

from chargebridge.control.agreed import asked_w
from chargebridge.control.book import Book
from chargebridge.control.ceiling import lopsided_terminals, terminals_used
from chargebridge.control.csm import Case
from chargebridge.control.loads import Loads
from chargebridge.control.release import Step, awaited
from chargebridge.control.timing import RAISE_INTERVAL_S, age_s
from chargebridge.control.tree import Tree
from chargebridge.model.decision import Effective, Move
from chargebridge.model.limit import Direction, LimitSource
from chargebridge.model.phases import NOMINAL_V, Phase

STEP_W = 100.0
"""Set points are whole steps of this, rounded down."""


@dataclass(frozen=True, slots=True)
class Outward:
    """power_w: to be given, W, 0 or more. bound: what keeps it from being what was asked for, in words; "" where nothing does."""

    power_w: float
    bound: str = ""


NONE = Outward(0.0)


def outward(tree: Tree, book: Book, loads: Loads, cases: Sequence[Case], steps: Sequence[Step], now: datetime) -> list[Outward]:
    """What each point gives from now on. A point that is told to draw gives nothing."""
    given = [max(case.ceiling.may_give_w, 0.0) for case in cases]
    found = [NONE] * len(cases)
    for index in sorted(range(len(cases)), key=lambda i: -cases[i].point.priority):
        case, step = cases[index], steps[index]
        wanted = 0.0 if case.ceiling.lost or step.current_a > 0 else asked_w(case.point, case.state, now)
        if wanted > 0:
            found[index] = _allowed(tree, book, loads, cases, given, index, wanted, now)
        given[index] = max(given[index], found[index].power_w)
    return found


def _allowed(
    tree: Tree, book: Book, loads: Loads, cases: Sequence[Case], given_w: Sequence[float], index: int, wanted_w: float, now: datetime
) -> Outward:
    room, bound = min(_rooms(tree, book, loads, cases, given_w, index), default=(wanted_w, ""))
    power_w = floor(max(0.0, min(wanted_w, room)) / STEP_W) * STEP_W
    case = cases[index]
    standing_w = case.ceiling.standing.discharge_w if case.ceiling.standing is not None else 0.0
    calm_s = min(age_s(offer.sent_at, now) for offer in case.state.offers) if case.state.offers else RAISE_INTERVAL_S
    if power_w > standing_w > 0 and calm_s < RAISE_INTERVAL_S:
        power_w = standing_w
    if power_w > standing_w and awaited(case, 0.0, now):
        power_w = standing_w
    return Outward(power_w, bound if room < wanted_w else "")


def move_of(case: Case, step: Step, given: Outward, now: datetime) -> Move:
    """How the step goes out when what is given has changed."""
    standing = case.ceiling.standing
    before_w = standing.discharge_w if standing is not None else 0.0
    if case.ceiling.lost or step.move not in (Move.HOLD, Move.RENEW) or given.power_w == before_w:
        return step.move
    newest = case.state.offers[-1] if case.state.offers else None
    if newest is not None and newest.discharge_w == given.power_w and newest.current_a == step.current_a and awaited(case, 0.0, now):
        return step.move
    return Move.INCREASE if given.power_w > before_w else Move.DECREASE


def _rooms(
    tree: Tree, book: Book, loads: Loads, cases: Sequence[Case], given_w: Sequence[float], index: int
) -> Iterator[tuple[float, str]]:
    """(W that this point may give, by which bound): of the circuits above it, its groups and itself."""
    case = cases[index]
    phases = terminals_used(case.point, case.state, len(case.point.phases))
    uneven = lopsided_terminals(case.point, case.state, len(case.point.phases))
    for at in tree.chain[tree.seat[index]]:
        circuit, node = tree.circuits[at], loads.nodes[at]
        if node.lost is not None or circuit.id in book.blind:
            yield 0.0, f"{circuit.name} is not known well enough to feed into it"
            return
        others = [i for i in tree.below[at] if i != index]
        taken = [sum(_on(cases[i], given_w[i], phase) for i in others) for phase in (1, 2, 3)]
        taken_w = sum(given_w[i] for i in others)
        for limit in book.of(circuit.id):
            both_ways = limit.source in (LimitSource.FUSE, LimitSource.GRID_CONNECTION) and not limit.failsafe
            outer = limit.direction is Direction.PRODUCTION
            if limit.current_a is not None and (both_ways or outer):
                yield from (
                    (len(phases) * NOMINAL_V * (limit.current_a[p - 1] + node.base_a[p - 1] - taken[p - 1]), limit.text) for p in phases
                )
            if limit.power_w is not None and (both_ways or outer):
                yield limit.power_w + node.base_w - taken_w, limit.text
            if limit.unbalance_a is not None:
                top = max(node.base_a)
                yield from (
                    (len(phases) * NOMINAL_V * (limit.unbalance_a - top + node.base_a[p - 1] - taken[p - 1]), limit.text) for p in uneven
                )
    for group, members in zip(tree.groups, tree.in_group, strict=True):
        if index in members:
            yield from _own(book.of(group.id), phases, sum(given_w[i] for i in members if i != index))
    if case.point.id in book.blind:
        yield 0.0, "a limit that nobody knows"
    yield from _own(book.of(case.point.id), phases, 0.0)


def _own(limits: Sequence[Effective], phases: tuple[Phase, ...], taken_w: float) -> Iterator[tuple[float, str]]:
    for limit in limits:
        if limit.direction is Direction.PRODUCTION:
            if limit.power_w is not None:
                yield limit.power_w - taken_w, limit.text
            if limit.current_a is not None:
                yield len(phases) * NOMINAL_V * min(limit.current_a[p - 1] for p in phases) - taken_w, limit.text


def _on(case: Case, watts: float, phase: int) -> float:
    used = terminals_used(case.point, case.state, len(case.point.phases))
    return watts / NOMINAL_V / len(used) if phase in used else 0.0
