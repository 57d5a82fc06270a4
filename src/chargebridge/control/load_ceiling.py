"""The ceiling of a controllable load: the most it may be drawing at this moment, whatever it was told.

As with charging points (``ceiling``) its limits are walked from the newest back until one is found that certainly holds:

    rejected                        never in force, passed over
    sent, timed out                 perhaps in force: reckoned with, and so is what stood before
    accepted, not yet settled       taken, but its compressor may not have followed yet: both are reckoned with
    accepted and settled            the end of the walk

What it was told before its connection began anew may have been forgotten: then its failsafe limit is reckoned with besides, or its most where it has
refused a limit since, as a refusal may free it (LPC-902, LPC-918). One that is away keeps what it was told until it misses our heartbeat, then its
failsafe limit for as long as that is sure to hold (LPC-911, LPC-921), and after that nothing. One that is connected and silent may still hear us, or
not: both count. What it has never confirmed is not counted on.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from chargebridge.control.figures import sane
from chargebridge.control.timing import (
    DOUBT_S,
    LOAD_FAILSAFE_S,
    LOAD_MAX_AGE_S,
    LOAD_METER_MAX_AGE_S,
    LOAD_REACTS_S,
    LOAD_SETTLE_S,
    age_s,
)
from chargebridge.model.circuit import Load
from chargebridge.model.reading import Reading
from chargebridge.model.state import LoadLimit, LoadState, OfferOutcome

TOLERANCE = 1.05
TOLERANCE_W = 100.0
"""Drawing this much above a limit is more than an error of measuring."""


@dataclass(frozen=True, slots=True)
class LoadCeiling:
    """Powers in W. worst_w: the most that it can draw at all. most_w: that it may be drawing now. drawn_w: fresh measurement, else None.

    lost: it cannot be told anything. refused: it said no to the newest limit, or does not answer it. overdrawn: it was measured above what it has
    taken. follows: what it was told last is what it keeps, or will in a moment.
    """

    load: Load
    state: LoadState
    worst_w: float
    most_w: float
    drawn_w: float | None
    lost: bool
    refused: bool
    overdrawn: bool

    @property
    def draws_w(self) -> float:
        """What counts as flowing."""
        return self.most_w if self.drawn_w is None else self.drawn_w

    @property
    def follows(self) -> bool:
        return not (self.lost or self.refused or self.overdrawn) and bool(self.state.limits)


def reckon_loads(
    loads: Sequence[Load], states: Sequence[LoadState], readings: Mapping[str, Sequence[Reading]], now: datetime
) -> list[LoadCeiling]:
    """The ceilings of all loads. readings: of each meter, the oldest first."""
    known = {state.load: state for state in states}
    return [_reckon(load, known.get(load.id, LoadState(load=load.id)), readings, now) for load in loads]


def _reckon(load: Load, state: LoadState, readings: Mapping[str, Sequence[Reading]], now: datetime) -> LoadCeiling:
    worst = max(load.nominal_w, state.nominal_w) if sane(state.nominal_w) else load.nominal_w
    lost = not state.online or age_s(state.heard_at, now) > LOAD_MAX_AGE_S
    drawn = _drawn(load, state, readings, lost=lost, now=now)
    newest = state.limits[-1] if state.limits else None
    refused = not lost and newest is not None and (newest.outcome is OfferOutcome.REJECTED or _unanswered(newest, now))
    most, settled = 0.0, True
    for watts, certain in _candidates(state, drawn, worst, now):
        most, settled = max(most, watts), settled and certain
    most = min(most, worst)
    overdrawn = drawn is not None and drawn > most * TOLERANCE + TOLERANCE_W
    return LoadCeiling(
        load=load,
        state=state,
        worst_w=worst,
        most_w=max(most, drawn or 0.0),
        drawn_w=drawn,
        lost=lost,
        refused=refused,
        overdrawn=overdrawn and settled and not lost,
    )


def _candidates(state: LoadState, drawn_w: float | None, worst_w: float, now: datetime) -> Iterator[tuple[float, bool]]:
    """(W, certain) of everything that it may be keeping to."""
    failsafe_w = state.failsafe_w if sane(state.failsafe_w) and state.failsafe_w >= 0 else worst_w
    held_s = state.failsafe_s or 0.0
    if not state.online:
        away_s = age_s(state.since, now)
        if away_s >= LOAD_FAILSAFE_S:
            yield (failsafe_w if away_s < held_s else worst_w), True
            return
        yield failsafe_w, False
    elif (silent_s := age_s(state.heard_at, now)) > LOAD_MAX_AGE_S:
        yield (failsafe_w if silent_s < held_s else worst_w), False
    refused = False
    for limit in reversed(state.limits):
        before = state.since is not None and limit.sent_at < state.since
        if limit.outcome is OfferOutcome.REJECTED:
            refused = refused or not before
            continue
        accepted = limit.outcome is OfferOutcome.ACCEPTED
        yield (worst_w if limit.limit_w is None else limit.limit_w), accepted
        if accepted and before:
            yield (worst_w if refused else failsafe_w), False
            return
        if accepted and _settled(limit, drawn_w, now):
            return
    yield worst_w, False


def _settled(limit: LoadLimit, drawn_w: float | None, now: datetime) -> bool:
    age = age_s(limit.answered_at or limit.sent_at, now)
    if age >= LOAD_SETTLE_S or limit.limit_w is None:
        return True
    return age >= LOAD_REACTS_S and drawn_w is not None and drawn_w <= limit.limit_w * TOLERANCE + TOLERANCE_W


def _unanswered(limit: LoadLimit, now: datetime) -> bool:
    return limit.outcome is OfferOutcome.TIMED_OUT or (limit.outcome is OfferOutcome.SENT and age_s(limit.sent_at, now) >= DOUBT_S)


def _drawn(load: Load, state: LoadState, readings: Mapping[str, Sequence[Reading]], *, lost: bool, now: datetime) -> float | None:
    """By its own meter, else by its own word: that counts while it is heard, as it repeats nothing that has not changed."""
    if load.meter is not None:
        told = readings.get(load.meter, ())
        if told and age_s(told[-1].heard_at, now) <= LOAD_METER_MAX_AGE_S and sane(told[-1].power_w):
            return max(0.0, told[-1].power_w)
        return None
    return max(0.0, state.power_w) if not lost and sane(state.power_w) and state.measured_at is not None else None
