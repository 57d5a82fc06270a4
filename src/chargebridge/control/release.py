"""Decrease, confirm, then increase: from where a point is to go to what it is told now.

Every offer that lowers is sent at once, all in the same step. An offer that raises is let out only into room that is free although every point is
reckoned with at the most it may still be drawing:

    for every row:   base_high + sum over points of max(ceiling, new offer) <= limit

so that no order of answers, losses and delays lets two points have the same ampere. Where the ceilings alone exceed a limit, as when nothing is known
of the stations yet, a point is told no more than what all other ceilings leave, or what it certainly was told before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from chargebridge.control.ceiling import lopsided_terminals, terminals_used
from chargebridge.control.csm import Case, Goal, rounded
from chargebridge.control.fill import CLOSE, SLACK, Floats, Shares, fill
from chargebridge.control.rows import Kind, Table
from chargebridge.control.timing import ANSWER_S, RAISE_ANYWAY_S, RAISE_INTERVAL_S, RENEW_BELOW_S, RETRY_S, age_s
from chargebridge.model.decision import Move
from chargebridge.model.phases import NOMINAL_V, PerPhase
from chargebridge.model.state import OfferOutcome

DEADBAND_A = 1.0
"""A raise by less than this waits (``RAISE_ANYWAY_S``): cars ignore small raises, and a message for each flicker of the house helps nobody."""
SPARE_A = 0.5
"""What a raise leaves free on every row: small steps of the house then need no offer to be lowered again. Not asked of a start at the minimum."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a point is told now. held: it is to get more, but not before others have let go of it, or not so soon."""

    move: Move
    current_a: float
    phases: int
    held: bool = False


def steps(table: Table, cases: Sequence[Case], goals: Sequence[Goal], now: datetime) -> list[Step]:
    """The next step of every point towards its goal."""
    plain = [_without_room(case, goal) for case, goal in zip(cases, goals, strict=True)]
    rising = [
        index
        for index, (case, goal, told) in enumerate(zip(cases, goals, plain, strict=True))
        if not case.ceiling.lost and goal.current_a > 0 and (goal.current_a > told[0] + CLOSE or goal.phases != told[1])
    ]
    raised = _raises(table, cases, goals, plain, [i for i in rising if _may_rise(cases[i], goals[i], now)], now) if rising else {}
    waiting = set(rising)
    found: list[Step] = []
    for index, (case, goal) in enumerate(zip(cases, goals, strict=True)):
        amps, phases = raised.get(index, plain[index])
        held = index in waiting and (goal.current_a > amps + DEADBAND_A or goal.phases != phases or amps == 0)
        found.append(_step(case, amps, phases, held, now))
    return found


def _without_room(case: Case, goal: Goal) -> tuple[float, int]:
    """What can be told at once: the goal where it is lower, otherwise what already stands or may already be flowing."""
    standing = case.ceiling.standing
    if standing is not None and standing.phases == goal.phases:
        return min(goal.current_a, standing.current_a), goal.phases
    if standing is not None and standing.phases < goal.phases and standing.current_a > 0:
        return min(goal.current_a, standing.current_a), standing.phases
    free = min(goal.current_a, _common(case, goal, case.ceiling.floor_a, case.ceiling.floor_a))
    return (free if free >= case.point.minimum_a else 0.0), goal.phases


def _common(case: Case, goal: Goal, loaded: PerPhase, lopsided: PerPhase) -> float:
    """The current that is there on every phase that the goal loads."""
    phases = terminals_used(case.point, case.state, goal.phases)
    uneven = lopsided_terminals(case.point, case.state, goal.phases)
    return min([*(loaded[phase - 1] for phase in phases), *(lopsided[phase - 1] for phase in uneven)])


def _firm_a(case: Case, goal: Goal) -> float:
    """What may already be flowing on every phase that the goal loads: it is reckoned with, so an offer up to it takes no more room."""
    return _common(case, goal, case.ceiling.current_a, case.ceiling.lopsided_a)


def _may_rise(case: Case, goal: Goal, now: datetime) -> bool:
    """Not right after the last change, and not while an answer is awaited."""
    return _unchanged_s(case, now) >= RAISE_INTERVAL_S and not awaited(case, goal.current_a, now)


def _raises(
    table: Table, cases: Sequence[Case], goals: Sequence[Goal], plain: Sequence[tuple[float, int]], ready: list[int], now: datetime
) -> dict[int, tuple[float, int]]:
    """Of the points that are ready to rise, those that do, and to what: first starts, in order, then all evenly into what is left."""
    taken = np.array(table.totals([case.ceiling.current_a for case in cases], [case.ceiling.lopsided_a for case in cases]))
    room = np.array([row.limit - row.base_high for row in table.rows]) - taken
    spare = np.array([_spare(row.kind) for row in table.rows])
    low: dict[int, float] = {}
    high: dict[int, float] = {}
    for index in ready:
        case, goal = cases[index], goals[index]
        minimum, firm = case.point.minimum_a, _firm_a(case, goal)
        most = min([goal.current_a, *(firm + room[n] / weight for n, weight in zip(*goal.use, strict=True) if room[n] < 0)])
        begins = plain[index][0] < minimum or plain[index][1] != goal.phases
        start = _start(table, case, goal, minimum) if begins else []
        if most < minimum or any(amount > room[number] + SLACK for number, amount in start):
            continue
        for number, amount in start:
            room[number] -= amount
        low[index], high[index] = min(max(firm, minimum) if begins else firm, most), most
    inside = list(low)
    for index in inside:
        if plain[index][1] < goals[index].phases:
            low[index] = _evened(table, cases[index], goals[index], low[index], high[index], room, spare)
    rises = np.array([high[i] - low[i] for i in inside])
    weights = np.array([cases[i].point.weight for i in inside])
    extra = fill(Shares([goals[i].use for i in inside], len(table.rows)), room - spare, np.zeros(len(inside)), rises, weights)
    found: dict[int, tuple[float, int]] = {}
    for index, more in zip(inside, extra.tolist(), strict=True):
        case, goal = cases[index], goals[index]
        reached = min(goal.current_a, rounded(low[index] + more))
        amps, phases = plain[index]
        begins = phases != goal.phases or amps < case.point.minimum_a
        if reached < case.point.minimum_a:
            continue
        if begins or reached >= amps + DEADBAND_A or (reached > amps + CLOSE and _unchanged_s(case, now) >= RAISE_ANYWAY_S):
            found[index] = (reached, goal.phases)
    return found


def _evened(table: Table, case: Case, goal: Goal, low: float, high: float, room: Floats, spare: Floats) -> float:
    """Where a point that goes to more phases rises from: what it has on the old ones if the new have room for it, which is taken, else ``low``."""
    level = max(low, min(high, case.ceiling.peak_a))
    first = dict(_start(table, case, goal, low))
    more = [(number, amount - first.get(number, 0.0)) for number, amount in _start(table, case, goal, level)]
    if any(amount > room[number] - spare[number] + SLACK for number, amount in more if amount > 0):
        return low
    for number, amount in more:
        room[number] -= amount
    return level


def _unchanged_s(case: Case, now: datetime) -> float:
    return min(age_s(case.memory.raised_at, now), age_s(case.memory.lowered_at, now))


def _start(table: Table, case: Case, goal: Goal, level_a: float) -> list[tuple[int, float]]:
    """What ``level_a`` on every phase of the goal takes of each row beyond what is reckoned with already."""
    more = [max(0.0, level_a - amps) for amps in case.ceiling.current_a]
    uneven = [max(0.0, level_a - amps) for amps in case.ceiling.lopsided_a]
    loaded = terminals_used(case.point, case.state, goal.phases)
    watts = sum(more[phase - 1] * table.voltage_v[phase - 1] for phase in loaded)
    found: list[tuple[int, float]] = []
    for number in goal.use[0]:
        row = table.rows[number]
        if row.phase is None:
            found.append((number, watts))
        else:
            found.append((number, (uneven if row.kind is Kind.LOPSIDED else more)[row.phase - 1]))
    return [(number, amount) for number, amount in found if amount > 0]


def _spare(kind: Kind) -> float:
    if kind is Kind.GRANT:
        return 0.0
    return SPARE_A * NOMINAL_V * 3 if kind is Kind.POWER else SPARE_A


def _step(case: Case, amps: float, phases: int, held: bool, now: datetime) -> Step:
    standing = case.ceiling.standing
    if case.ceiling.lost:
        return Step(Move.HOLD, case.ceiling.peak_a, phases)
    if standing is not None and abs(standing.current_a - amps) <= CLOSE and (standing.phases == phases or amps == 0):
        doubtful = standing.outcome is OfferOutcome.TIMED_OUT or (
            standing.outcome is OfferOutcome.SENT and age_s(standing.sent_at, now) >= ANSWER_S
        )
        ending = (standing.expires_at - now).total_seconds() < RENEW_BELOW_S
        renew = (doubtful or ending) and not awaited(case, amps, now)
        return Step(Move.RENEW if renew else Move.HOLD, amps, standing.phases, held)
    if awaited(case, amps, now):
        return Step(Move.HOLD, case.offered_a, phases if standing is None else standing.phases, held)
    before = case.ceiling.peak_a if standing is None else standing.current_a
    more_phases = standing is not None and phases > standing.phases and amps > 0
    return Step(Move.INCREASE if amps > before + CLOSE or more_phases else Move.DECREASE, amps, phases, held)


def awaited(case: Case, amps: float, now: datetime) -> bool:
    """An answer is still awaited, or the station just refused or ignored this. A lower offer than the last one waits for nothing."""
    if not case.state.offers:
        return False
    newest = case.state.offers[-1]
    if newest.outcome is OfferOutcome.ACCEPTED or amps < newest.current_a - CLOSE:
        return False
    return age_s(newest.sent_at, now) < (ANSWER_S if newest.outcome is OfferOutcome.SENT else RETRY_S)
