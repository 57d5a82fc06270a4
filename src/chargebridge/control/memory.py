"""What a decision leaves behind for the next one: what cars were seen to use, who was served how long, and when what was changed."""

from datetime import datetime

from msgspec.structs import replace

from chargebridge.control.ceiling import Ceiling
from chargebridge.control.csm import Case
from chargebridge.control.fill import CLOSE
from chargebridge.control.release import Step
from chargebridge.control.timing import SETTLE_S, UNDERUSE_S, age_s
from chargebridge.model.circuit import ChargingPoint
from chargebridge.model.decision import Move
from chargebridge.model.state import PointMemory, PointState

PROBE_A = 2.0
"""What a car is offered beyond what it was seen to use: more than the smallest raise that a car notices, so that it can show that it wants more."""
TAKEN_A = 0.5
"""A car that comes this near to its offer makes use of it."""
GAP_MAX_S = 60.0
"""Time served is counted between decisions at most this far apart; after a longer silence nobody knows what flowed."""


def recall(known: dict[str, PointMemory], point: ChargingPoint, state: PointState) -> PointMemory:
    """What is remembered of a point; a new session starts afresh."""
    memory = known.get(point.id)
    if memory is None or memory.session != state.session:
        return PointMemory(point=point.id, session=state.session, switched_at=None if memory is None else memory.switched_at)
    return memory


def learn(point: ChargingPoint, state: PointState, memory: PointMemory, ceiling: Ceiling, now: datetime) -> PointMemory:
    """Watch whether the car makes use of what it is offered. Only an offer that has stood long enough to be followed tells anything."""
    standing, drawn = ceiling.standing, ceiling.drawn_a
    if standing is None or standing.current_a < point.minimum_a or drawn is None or state.measured_at is None:
        return replace(memory, underuse_since=None)
    for at in (memory.raised_at, memory.lowered_at):
        if at is not None and (state.measured_at - at).total_seconds() < SETTLE_S:
            return replace(memory, underuse_since=None)
    draws = max(drawn)
    if memory.learned_a is not None and draws >= max(memory.learned_a, point.minimum_a) - TAKEN_A:
        return replace(memory, learned_a=None, underuse_since=None)
    if standing.current_a - draws <= PROBE_A:
        return replace(memory, underuse_since=None)
    since = memory.underuse_since or now
    if age_s(since, now) < UNDERUSE_S:
        return replace(memory, underuse_since=since)
    return replace(memory, underuse_since=since, learned_a=max(draws + PROBE_A, point.minimum_a))


def remember(case: Case, step: Step, decided_at: datetime | None, now: datetime) -> PointMemory:
    """The memory after this step was decided."""
    memory, offered, minimum = case.memory, case.offered_a, case.point.minimum_a
    charging = offered >= minimum and case.state.session is not None
    gap_s = min(age_s(decided_at, now), GAP_MAX_S) if decided_at is not None else 0.0
    memory = replace(
        memory,
        served_s=memory.served_s + (gap_s if charging else 0.0),
        turn_since=(memory.turn_since or now) if step.current_a >= minimum else None,
    )
    if step.move in (Move.HOLD, Move.RENEW):
        return memory
    standing = case.ceiling.standing
    if step.current_a > offered + CLOSE:
        memory = replace(memory, raised_at=now)
    elif standing is not None and step.current_a < offered - CLOSE:
        memory = replace(memory, lowered_at=now)
    if step.current_a == 0 and offered >= minimum and case.want.wished_a >= minimum:
        memory = replace(memory, stopped_at=now)
    if standing is not None and step.phases != standing.phases and step.current_a > 0 and offered > 0:
        memory = replace(memory, switched_at=now)
    return memory
