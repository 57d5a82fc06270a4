"""The charging station manager's share-out of what was granted: TF-EVC 3.2.5.1, 3.2.6 ("CSM sets P_max of each charging point").

First who charges at all: a car takes its minimum current or nothing. Where not all minima fit, cars take turns, those that need energy by a time
first, then by priority, then those that were served least. A turn lasts at least ``TURN_S`` and ends only for a car that was served that much less,
so that one rotation does not bring about the next. Points that can change their phases charge on one where so more cars of equal rank can charge.
Then how much: what is needed before what is wished, higher priority before lower, and among equals weighted max-min fair (``fill``), in amperes per
phase, under every row of the table at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from math import floor
from typing import NamedTuple

import numpy as np

from chargebridge.control.ceiling import Ceiling, lopsided_terminals, terminals_used
from chargebridge.control.fill import CLOSE, SLACK, Floats, Shares, fill
from chargebridge.control.rows import Table, Use
from chargebridge.control.timing import PAUSE_S, SWITCH_S, TURN_S, age_s
from chargebridge.control.wants import Want
from chargebridge.model.circuit import ChargingPoint
from chargebridge.model.phases import ZERO, PerPhase, on_grid
from chargebridge.model.state import PointMemory, PointState

STEP_A = 0.1
"""Offers are whole tenths of an ampere: OCPP allows one decimal (1.6 section 7.13, 2.0.1 section 2.13 of part 2)."""
PER_A = round(1 / STEP_A)
ROUNDING = 1e-6
"""What is this near to the next step (in steps) is the next step."""
SWITCH_UP_A = 1.0
"""A point goes back to all phases only where each of them has this much more than the minimum, so that it does not soon have to leave them again."""


@dataclass(frozen=True, slots=True)
class Case:
    """All that is known of one point when it asks for its share."""

    point: ChargingPoint
    state: PointState
    memory: PointMemory
    ceiling: Ceiling
    want: Want

    @property
    def offered_a(self) -> float:
        standing = self.ceiling.standing
        return 0.0 if standing is None else standing.current_a


class Goal(NamedTuple):
    """Where a point is to go: ``current_a`` on each of ``phases`` terminals. use: what one ampere of it takes of the table's rows.

    waiting: it could charge but has to wait for its turn. resumes_at: it has to pause until then.
    """

    current_a: float
    phases: int
    use: Use
    waiting: bool = False
    resumes_at: datetime | None = None


def offers_standing(cases: Sequence[Case]) -> tuple[list[PerPhase], list[PerPhase]]:
    """What may flow by the offers that stand now, and the lopsided part of it; of points that are not reached, what they may draw."""
    loaded: list[PerPhase] = []
    lopsided: list[PerPhase] = []
    for case in cases:
        standing = case.ceiling.standing
        if case.ceiling.lost:
            loaded.append(case.ceiling.current_a)
            lopsided.append(case.ceiling.lopsided_a)
        elif standing is None:
            loaded.append(ZERO)
            lopsided.append(ZERO)
        else:
            loaded.append(on_grid(standing.current_a, terminals_used(case.point, case.state, standing.phases)))
            lopsided.append(on_grid(standing.current_a, lopsided_terminals(case.point, case.state, standing.phases)))
    return loaded, lopsided


def rounded(amps: float) -> float:
    """Down to the step in which offers are made."""
    return floor(amps / STEP_A + ROUNDING) / PER_A


def share(table: Table, cases: Sequence[Case], room: Floats, now: datetime) -> list[Goal]:
    """The goal of every point, all at once. room: what each row leaves to charging.

    Points that do not follow are asked again for their share, while the others have to do with what those leave; where that is less than nothing,
    a point that does not follow is told to stop, as a station can cut a car off but cannot make it draw less (TF-EVC 1.1.1, note 1).
    """
    fixed = [case.ceiling.lost for case in cases]
    asked: dict[int, Goal] = {}
    while True:
        goals = _share(table, cases, room, fixed, now)
        found = [index for index, case in enumerate(cases) if not fixed[index] and _stubborn(case, goals[index])]
        if not found:
            break
        for index in found:
            fixed[index], asked[index] = True, goals[index]
    if not asked:
        return goals
    left = room - np.array(_taken(table, cases, fixed))
    for index, goal in asked.items():
        overloads = any(left[number] < -SLACK for number in goal.use[0])
        goals[index] = Goal(0.0, goal.phases, goal.use) if overloads else goal
    return goals


def _stubborn(case: Case, goal: Goal) -> bool:
    """It was told something and refuses, does not answer or does not obey, and may draw more than it should."""
    return (case.ceiling.refused or case.ceiling.overdrawn_a is not None) and goal.current_a < case.ceiling.peak_a - CLOSE


def _taken(table: Table, cases: Sequence[Case], fixed: Sequence[bool]) -> list[float]:
    """What the points that cannot be moved may draw."""
    drawn: list[PerPhase] = [case.ceiling.current_a if held else ZERO for case, held in zip(cases, fixed, strict=True)]
    lopsided: list[PerPhase] = [case.ceiling.lopsided_a if held else ZERO for case, held in zip(cases, fixed, strict=True)]
    return table.totals(drawn, lopsided)


def _share(table: Table, cases: Sequence[Case], room: Floats, fixed: Sequence[bool], now: datetime) -> list[Goal]:
    left = room - np.array(_taken(table, cases, fixed)) if any(fixed) else room
    goals: list[Goal | None] = [None] * len(cases)
    asking: list[int] = []
    for index, (case, held) in enumerate(zip(cases, fixed, strict=True)):
        resumes = _resumes(case, now)
        if held or case.want.wished_a < case.point.minimum_a or resumes is not None:
            goals[index] = Goal(0.0, case.want.phases, _use(table, index, case, case.want.phases), resumes_at=resumes)
        else:
            asking.append(index)
    admitted, shares = _admit(table, cases, asking, left, now)
    for index in asking:
        if index not in admitted:
            phases = cases[index].want.phases
            goals[index] = Goal(0.0, phases, _use(table, index, cases[index], phases), waiting=True)
    amounts = _amounts(cases, list(admitted), shares, left)
    for (index, (phases, use)), amps in zip(admitted.items(), amounts, strict=True):
        goals[index] = Goal(amps, phases, use)
    return [goal for goal in goals if goal is not None]


def _use(table: Table, index: int, case: Case, phases: int) -> Use:
    loaded = terminals_used(case.point, case.state, phases)
    return table.use(index, loaded, lopsided_terminals(case.point, case.state, phases))


def _resumes(case: Case, now: datetime) -> datetime | None:
    """When a point that limits stopped may start again; None when it may now."""
    stopped = case.memory.stopped_at
    if stopped is None or case.offered_a >= case.point.minimum_a or age_s(stopped, now) >= PAUSE_S:
        return None
    return stopped + timedelta(seconds=PAUSE_S)


Admitted = dict[int, tuple[int, Use]]
"""Of each point that charges: on how many terminals, and what one ampere of it takes."""


def _admit(table: Table, cases: Sequence[Case], asking: list[int], left: Floats, now: datetime) -> tuple[Admitted, Shares]:
    """Who charges, in the order of the points: all where all minima fit, else who is first in turn."""
    options = {index: _options(cases[index], now) for index in asking}
    if all(found[0][1] == 0.0 for found in options.values()):
        everybody = {index: (found[0][0], _use(table, index, cases[index], found[0][0])) for index, found in options.items()}
        shares = Shares([use for _, use in everybody.values()], len(table.rows))
        taken = shares.taken(np.array([cases[index].point.minimum_a for index in asking]))
        if ((taken <= left + SLACK) | (taken == 0.0)).all():
            return everybody, shares
    room: list[float] = left.tolist()
    admitted: Admitted = {}
    ranks = {index: _rank(cases[index], index, now) for index in asking}
    for _, equals in groupby(sorted(asking, key=ranks.__getitem__), key=lambda i: ranks[i][:EQUAL]):
        ways = {index: options[index] for index in equals}
        found, after = _fit(table, cases, ways, room)
        if len(found) < len(ways) and any(phases > ways[index][-1][0] for index, (phases, _) in found.items()):
            more, rest = _fit(table, cases, {index: way[::-1] for index, way in ways.items()}, room)
            if len(more) > len(found):
                found, after = _widen(table, cases, ways, more, rest)
        admitted |= found
        room = after
    admitted = dict(sorted(admitted.items()))
    return admitted, Shares([use for _, use in admitted.values()], len(table.rows))


Ways = dict[int, tuple[tuple[int, float], ...]]
"""Of each point (terminals, margin above the minimum that must be there), in the order in which they are tried."""


def _fit(table: Table, cases: Sequence[Case], ways: Ways, room: list[float]) -> tuple[Admitted, list[float]]:
    """Who of them gets the minimum, one after the other, and the room after that."""
    left = room.copy()
    admitted: Admitted = {}
    for index, options in ways.items():
        minimum = cases[index].point.minimum_a
        for phases, margin in options:
            use = _use(table, index, cases[index], phases)
            if all(weight * (minimum + margin) <= left[number] + SLACK for number, weight in zip(*use, strict=True)):
                for number, weight in zip(*use, strict=True):
                    left[number] -= weight * minimum
                admitted[index] = (phases, use)
                break
    return admitted, left


def _widen(table: Table, cases: Sequence[Case], ways: Ways, admitted: Admitted, room: list[float]) -> tuple[Admitted, list[float]]:
    """Give those who charge on one phase, in turn, the phases that they would rather have, where nobody loses his place by it."""
    for index, (phases, use) in list(admitted.items()):
        if phases < ways[index][0][0]:
            back = room.copy()
            for number, weight in zip(*use, strict=True):
                back[number] += weight * cases[index].point.minimum_a
            found, room = _fit(table, cases, {index: ways[index]}, back)
            admitted |= found
    return admitted, room


def _options(case: Case, now: datetime) -> tuple[tuple[int, float], ...]:
    """(terminals, margin above the minimum that must be there) in the order of preference."""
    every = len(case.point.phases)
    if not case.point.can_switch_phases or every == 1:
        return ((every, 0.0),)
    if case.want.phases == every or case.offered_a < case.point.minimum_a:
        return ((every, 0.0), (1, 0.0))
    if age_s(case.memory.switched_at, now) < SWITCH_S:
        return ((1, 0.0),)
    return ((every, SWITCH_UP_A), (1, 0.0))


EQUAL = 3
"""The first parts of a rank: where they are the same, only turns tell who goes first."""


def _rank(case: Case, index: int, now: datetime) -> tuple[bool, int, bool, bool, float, bool, int]:
    """Smaller goes first."""
    since = case.memory.turn_since
    holds = since is not None and age_s(since, now) < TURN_S
    served = (case.memory.served_s - (TURN_S if since is not None else 0.0)) / case.point.weight
    return (case.want.needed_a == 0, -case.point.priority, case.want.idle, not holds, served, since is None, index)


def _amounts(cases: Sequence[Case], inside: list[int], shares: Shares, left: Floats) -> list[float]:
    """Needed before wished, higher priority before lower, and among equals weighted max-min fair; in whole steps, rounded down."""
    if not inside:
        return []
    low = least = np.array([cases[i].point.minimum_a for i in inside])
    needed = np.array([cases[i].want.needed_a for i in inside])
    wished = np.array([cases[i].want.wished_a for i in inside])
    weight = np.array([cases[i].point.weight for i in inside])
    priority = np.array([cases[i].point.priority for i in inside])
    ranks = sorted(set(priority.tolist()), reverse=True)
    for target in (needed, wished):
        for rank in ranks:
            high = np.where(priority == rank, np.maximum(low, target), low)
            if (high > low + CLOSE).any():
                low = fill(shares, left, low, high, weight)
    amounts: list[float] = np.maximum(least, np.floor(low / STEP_A + ROUNDING) / PER_A).tolist()
    return amounts
