"""Why a point has the current it has: the whole chain of bounds with their numbers, the binding one marked, and one sentence for its driver."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Literal

import numpy as np
from msgspec.structs import replace

from chargebridge.control.book import NAMES
from chargebridge.control.ceiling import lopsided_terminals, terminals_used
from chargebridge.control.csm import STEP_A, Case, Goal
from chargebridge.control.fill import Floats
from chargebridge.control.release import Step
from chargebridge.control.rows import Kind, Row, Table
from chargebridge.control.timing import RAISE_INTERVAL_S, age_s
from chargebridge.control.wants import Bound
from chargebridge.model.decision import Cause, Why, WhyStep
from chargebridge.model.limit import LimitSource
from chargebridge.model.phases import ZERO, PerPhase, on_grid

CLOSE_A = 2 * STEP_A
"""A bound that leaves no more than the rounding of offers beyond what was given is one that binds."""


class Explainer:
    """Explains the goals of one decision; what all points share is reckoned once."""

    def __init__(self, table: Table, cases: Sequence[Case], goals: Sequence[Goal], room: Floats, now: datetime, zone: tzinfo) -> None:
        """zone: the site's, in which sentences tell the time of day."""
        self._zone = zone
        self._table = table
        self._cases = cases
        self._goals = goals
        self._now = now
        vectors = [_vector(case, goal) for case, goal in zip(cases, goals, strict=True)]
        used = np.array(table.totals([v[0] for v in vectors], [v[1] for v in vectors]))
        self._left: list[float] = (room - used).tolist()
        self._sharers = _sharers(table, goals)

    def why(self, index: int, step: Step) -> Why:
        """The chain of one point."""
        case, goal = self._cases[index], self._goals[index]
        chain: list[WhyStep] = [
            WhyStep(node=b.node, text=b.text, allowed_a=b.allowed_a, source=b.source, limit=b.allowed_a) for b in case.want.bounds
        ]
        own = case.want.binding
        tightest: tuple[float, int] | None = None
        places = {"own": case.want.bounds.index(own)}
        shown: dict[tuple[str, Kind], tuple[float, int, float]] = {}
        for number, weight in zip(*goal.use, strict=True):
            row = self._table.rows[number]
            allowed = goal.current_a + self._left[number] / weight
            key = (row.node, row.kind)
            if key not in shown or allowed < shown[key][0]:
                shown[key] = (allowed, number, weight)
        for allowed, number, weight in shown.values():
            row = self._table.rows[number]
            used = row.limit - self._left[number] - weight * goal.current_a
            chain.append(_link(row, allowed, used))
            if tightest is None or allowed < tightest[0] - (CLOSE_A if row.kind is Kind.GRANT else 0.0):
                tightest, places["row"] = (allowed, number), len(chain) - 1
        cause, sentence, binding = self._verdict(case, goal, step, own, tightest)
        if binding is not None:
            chain[places[binding]] = replace(chain[places[binding]], binding=True)
        return Why(cause=cause, sentence=sentence, steps=tuple(chain))

    def _verdict(
        self, case: Case, goal: Goal, step: Step, own: Bound, tightest: tuple[float, int] | None
    ) -> tuple[Cause, str, Literal["own", "row"] | None]:
        """Cause, sentence, and which link binds: the point's own tightest bound or the tightest row."""
        if case.ceiling.lost:
            heard = age_s(case.state.heard_at, self._now)
            since = "was never heard" if heard == float("inf") else f"was last heard {heard:.0f} s ago"
            return Cause.OFFLINE, f"the station {since}: up to {_a(case.ceiling.peak_a)} stay reserved for it", None
        if own.allowed_a < case.point.minimum_a:
            amount = "" if own.cause in _STATES else "waiting: "
            return own.cause, f"{amount}{own.sentence}", "own"
        if step.held and step.current_a < goal.current_a - CLOSE_A:
            return self._held(case, goal, step)
        if case.ceiling.refused and abs(step.current_a - goal.current_a) > CLOSE_A:
            return Cause.STATION, f"{_a(step.current_a)}: the station has not taken the offer of {_a(goal.current_a)}", None
        if goal.resumes_at is not None and (tightest is None or tightest[0] >= case.point.minimum_a):
            rest = (goal.resumes_at - self._now).total_seconds()
            return Cause.WAITING_TURN, f"waiting: a limit stopped the charging; it may start again in {rest:.0f} s", None
        if tightest is not None and (goal.waiting or goal.resumes_at is not None or tightest[0] < own.allowed_a - CLOSE_A):
            row = self._table.rows[tightest[1]]
            others = self._sharers[tightest[1]] - (goal.current_a > 0)
            bound = self._bound(row)
            if goal.waiting or goal.resumes_at is not None:
                turn = f" and {_cars(others)} {'takes its' if others == 1 else 'take their'} turn" if others else ""
                cause = Cause.WAITING_TURN if others else Cause.LIMIT
                return cause, f"waiting: {bound}{turn}", "row"
            if others:
                return Cause.SHARE, f"{_a(step.current_a)}: {bound}, {self._shared(tightest[1], goal, others)}", "row"
            return Cause.LIMIT, f"{_a(step.current_a)}: {bound}", "row"
        return (Cause.WISHED if own.cause is Cause.STATION else own.cause), f"{_a(step.current_a)}: {own.sentence}", "own"

    def _shared(self, number: int, goal: Goal, others: int) -> str:
        """What the other cars take of a bound in amperes; of one in watts only how many there are."""
        row = self._table.rows[number]
        taken = row.limit - row.base - self._left[number] - goal.current_a
        if row.kind is not Kind.CURRENT or taken < STEP_A:
            return f"shared with {_cars(others)}"
        return f"{_cars(others)} {'takes' if others == 1 else 'take'} {_a(taken)}"

    def _held(self, case: Case, goal: Goal, step: Step) -> tuple[Cause, str, None]:
        calm = min(age_s(case.memory.raised_at, self._now), age_s(case.memory.lowered_at, self._now))
        now = _a(step.current_a) if step.current_a else "waiting"
        if calm < RAISE_INTERVAL_S:
            return Cause.WAITING_RELEASE, f"{now}: {_a(goal.current_a)} follow in {RAISE_INTERVAL_S - calm:.0f} s", None
        return Cause.WAITING_RELEASE, f"{now}: {_a(goal.current_a)} follow as soon as it is certain that nobody else draws it", None

    def _bound(self, row: Row) -> str:
        """The binding limit in words: what it allows, until when, and what the rest of the house takes of it."""
        until = f" until {row.origin.until.astimezone(self._zone):%H:%M}" if row.origin is not None and row.origin.until is not None else ""
        phase = f" on L{row.phase}" if row.phase is not None else ""
        source = row.origin.source if row.origin is not None else None
        if row.kind is Kind.GRANT:
            return f"{row.limit / 1000:.1f} kW is what the house leaves of the grid connection for charging"
        if source is LimitSource.FUSE and row.kind is Kind.CURRENT:
            said = f"fuse of {row.name}{phase} carries {_a(row.limit)}"
        elif row.kind is Kind.LOPSIDED:
            said = f"L{row.phase} of {row.name} may carry {_a(row.limit)} more than another phase"
        elif row.kind is Kind.POWER:
            said = f"{_who(row)} allows {row.limit / 1000:.1f} kW for {row.name}{until}"
        else:
            said = f"{_who(row)} allows {_a(row.limit)}{phase} for {row.name}{until}"
        if row.loads:
            return f"{said}, {row.loads}"
        if row.base <= 0 or row.circuit is None:
            return said
        return f"{said}, the house takes {_a(row.base) if row.kind is not Kind.POWER else f'{row.base / 1000:.1f} kW'}"


_STATES = frozenset({Cause.NO_CAR, Cause.NOT_AUTHORISED, Cause.DONE, Cause.STATION, Cause.DISCHARGING})
"""Causes for which a car is not waiting for anything that the site could give."""


def _vector(case: Case, goal: Goal) -> tuple[PerPhase, PerPhase]:
    """What the point takes of the table's rows when its goal is reached."""
    if case.ceiling.lost:
        return case.ceiling.current_a, case.ceiling.lopsided_a
    if goal.current_a == 0:
        return ZERO, ZERO
    loaded = on_grid(goal.current_a, terminals_used(case.point, case.state, goal.phases))
    return loaded, on_grid(goal.current_a, lopsided_terminals(case.point, case.state, goal.phases))


def _sharers(table: Table, goals: Sequence[Goal]) -> list[int]:
    """How many cars charge through each row."""
    found = [0] * len(table.rows)
    for goal in goals:
        if goal.current_a > 0:
            for number in goal.use[0]:
                found[number] += 1
    return found


def _link(row: Row, allowed: float, used: float) -> WhyStep:
    unit = "W" if row.kind in (Kind.POWER, Kind.GRANT) else "A"
    source = None if row.origin is None else row.origin.source
    return WhyStep(node=row.node, text=_text(row), allowed_a=allowed, source=source, limit=row.limit, used=used, unit=unit, phase=row.phase)


def _text(row: Row) -> str:
    if row.kind is Kind.GRANT:
        return "granted for charging"
    if row.kind is Kind.LOPSIDED:
        return f"balance of the phases of {row.name}"
    source = row.origin.source if row.origin is not None else LimitSource.OWNER
    return f"fuse of {row.name}" if source is LimitSource.FUSE and row.kind is Kind.CURRENT else f"{NAMES[source]} for {row.name}"


def _who(row: Row) -> str:
    if row.origin is None:
        return row.name
    return row.origin.text if row.origin.failsafe else NAMES[row.origin.source]


def _a(amps: float) -> str:
    return f"{round(amps, 1):g} A"


def _cars(count: int) -> str:
    return f"{_NUMBERS[count]} other car{'' if count == 1 else 's'}" if count < len(_NUMBERS) else f"{count} other cars"


_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
