"""The ceiling of a charging point: the most it may be drawing at this moment, whatever it was told.

A station acts on the last offer that reached it. Which one that was is certain only after it said ``accepted``; one that was sent and not
answered may have been taken or not. So the offers are walked from the newest back:

    rejected                        never in force, passed over
    sent, timed out                 perhaps in force: reckoned with, and so is what stood before
    accepted, car not yet settled   in force at the station, but the car may still draw what it was allowed before: both are reckoned with
    accepted and settled            the end of the walk: nothing older matters

A car has settled when a measurement shows it at or below the offer after it had the time that IEC 61851-1 gives it (``CAR_REACTS_S``; a lower one
before that may be a car that is still on its way up to what it was offered before), or some time later without any measurement (``SETTLE_S``).
An offer that expired unrenewed stands for the station's own fallback; if the station never confirmed one, or never got an offer at all, its maximum
is reckoned with. What a measurement shows after all that is true whatever the offers say.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from chargebridge.control.figures import sane
from chargebridge.control.timing import CAR_REACTS_S, DOUBT_S, EXPIRY_LEAD_S, SETTLE_S, age_s
from chargebridge.model.circuit import ChargingPoint
from chargebridge.model.phases import NOMINAL_V, ZERO, PerPhase, Phase, on_grid
from chargebridge.model.state import Offer, OfferOutcome, PointState

OVERDRAW_A = 1.0
"""Drawing this much above the offer is more than a metering error (class B meters and the pilot's own tolerance): the car does not obey."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """current_a, lopsided_a: on the grid's phases; the second is the part that another phase may be without (for unbalance).

    floor_a: the least that it may have been told, or what it is seen to draw: an offer up to it raises nothing, whichever offer is in force.

    standing: the offer believed in force, None where the station is on its own. drawn_a: fresh measurement on the grid's phases, else None.
    lost: the station is not reachable. overdrawn_a: what a settled car draws although it was offered less, else None. refused: the station said no
    to the newest offer or does not answer it, so what it does is not known. may_give_w, may_give_a: the most that may flow out of its car by what it
    was told; gives_a: what is measured of that, else all of it.
    """

    current_a: PerPhase
    lopsided_a: PerPhase
    floor_a: PerPhase
    standing: Offer | None
    drawn_a: PerPhase | None
    lost: bool
    overdrawn_a: float | None
    refused: bool
    may_give_w: float = 0.0
    gives_a: PerPhase = ZERO
    may_give_a: PerPhase = ZERO

    @property
    def peak_a(self) -> float:
        return max(self.current_a)


def reckon(point: ChargingPoint, state: PointState, now: datetime) -> Ceiling:
    """The ceiling of one point at ``now``."""
    lost = not state.online or age_s(state.heard_at, now) > point.station_max_age_s
    drawn = _drawn(point, state, now)
    standing = None if lost else _standing(state.offers, now)
    newest = state.offers[-1] if state.offers else None
    refused = not lost and newest is not None and (newest.outcome is OfferOutcome.REJECTED or _unanswered(newest, now))
    current, lopsided, floor, settled = ZERO, ZERO, ZERO, False
    if lost or state.status.has_car:
        settled, floor = True, on_grid(point.maximum_a, point.phases)
        for amps, least, phases, certain in _candidates(point, state, lost, now):
            used = terminals_used(point, state, phases)
            current = _max(current, on_grid(amps, used))
            floor = _min(floor, on_grid(least, used))
            lopsided = _max(lopsided, on_grid(amps, lopsided_terminals(point, state, phases)))
            settled = settled and certain
    overdrawn: float | None = None
    if drawn is not None:
        if settled and standing is not None and max(drawn) > max(current) + OVERDRAW_A and _measured_after(state, standing):
            overdrawn = max(drawn)
        if not (settled and standing is not None and not _measured_after(state, standing)):
            current, floor = _max(current, drawn), _max(floor, drawn)
            low = min(drawn)
            lopsided = _max(lopsided, (drawn[0] - low, drawn[1] - low, drawn[2] - low))
    may_give_w = _may_give_w(state, now)
    may_give = on_grid(may_give_w / NOMINAL_V / len(used), used) if (used := terminals_used(point, state, len(point.phases))) else ZERO
    given = _given(point, state, now)
    return Ceiling(
        may_give_w=may_give_w,
        may_give_a=_max(may_give, given or ZERO),
        gives_a=may_give if given is None else given,
        current_a=current,
        lopsided_a=lopsided,
        floor_a=floor,
        standing=standing,
        drawn_a=drawn,
        lost=lost,
        overdrawn_a=overdrawn,
        refused=refused,
    )


def terminals_used(point: ChargingPoint, state: PointState, phases: int) -> tuple[Phase, ...]:
    """The grid's phases that an offer on ``phases`` terminals may load: all of them until the car was seen to use fewer."""
    seen = state.car_phases
    return point.phases[: phases if seen is None or seen > phases else seen or phases]


def lopsided_terminals(point: ChargingPoint, state: PointState, phases: int) -> tuple[Phase, ...]:
    """The grid's phases that it may load while another one stays unloaded: none when the car was seen to use all three alike."""
    used = terminals_used(point, state, phases)
    if len(used) == 3:
        return () if state.car_phases == 3 else used[:2]
    return used


def _candidates(point: ChargingPoint, state: PointState, lost: bool, now: datetime) -> Iterator[tuple[float, float, int, bool]]:
    """(most, least, terminals, settled) of everything the car may be going by, newest first; what is not known is anything up to the maximum."""
    told = state.fallback_a
    fallback, least = (told, told) if sane(told) and 0 <= told <= point.maximum_a else (point.maximum_a, 0.0)
    every = len(point.phases)
    if lost and state.fallback_a is not None:
        yield fallback, least, every, True
    for offer in reversed(state.offers):
        if offer.outcome is OfferOutcome.REJECTED:
            continue
        left_s = (offer.expires_at - now).total_seconds()
        if left_s <= EXPIRY_LEAD_S:
            yield fallback, least, every, left_s <= -SETTLE_S
        settled = offer.outcome is OfferOutcome.ACCEPTED and _settled(point, state, offer, now)
        if left_s > -SETTLE_S:
            yield offer.current_a, offer.current_a, offer.phases, settled
        if settled:
            return
    if lost:
        yield fallback, least, every, False
    else:
        yield point.maximum_a, 0.0, every, False


def _may_give_w(state: PointState, now: datetime) -> float:
    """The most that a car may be giving: by the newest offers back to the one that is certainly in force."""
    most = 0.0
    for offer in reversed(state.offers):
        if offer.outcome is OfferOutcome.REJECTED:
            continue
        if (offer.expires_at - now).total_seconds() > -SETTLE_S:
            most = max(most, offer.discharge_w)
        if offer.outcome is OfferOutcome.ACCEPTED and age_s(offer.answered_at or offer.sent_at, now) >= SETTLE_S:
            break
    return most


def _given(point: ChargingPoint, state: PointState, now: datetime) -> PerPhase | None:
    """What is measured to flow out of the car, A on the grid's phases; None where nothing tells."""
    if age_s(state.measured_at, now) > point.station_max_age_s:
        return None
    terminals = state.terminal_a
    if terminals is None or not all(sane(amps) for amps in terminals):
        return None
    grid = [0.0, 0.0, 0.0]
    for phase, amps in zip(point.phases, terminals, strict=False):
        grid[phase - 1] = max(0.0, -amps)
    return (grid[0], grid[1], grid[2])


def _settled(point: ChargingPoint, state: PointState, offer: Offer, now: datetime) -> bool:
    answered = offer.answered_at or offer.sent_at
    if (now - answered).total_seconds() >= SETTLE_S:
        return True
    if state.measured_at is None or (state.measured_at - answered).total_seconds() < CAR_REACTS_S:
        return False
    drawn = _drawn(point, state, now)
    return drawn is not None and max(drawn) <= offer.current_a + OVERDRAW_A / 2


def _measured_after(state: PointState, offer: Offer) -> bool:
    return state.measured_at is not None and state.measured_at > (offer.answered_at or offer.sent_at)


def _standing(offers: tuple[Offer, ...], now: datetime) -> Offer | None:
    for offer in reversed(offers):
        if offer.outcome is not OfferOutcome.REJECTED:
            return offer if offer.expires_at > now else None
    return None


def _unanswered(offer: Offer, now: datetime) -> bool:
    return offer.outcome is OfferOutcome.TIMED_OUT or (
        offer.outcome is OfferOutcome.SENT and (now - offer.sent_at).total_seconds() >= DOUBT_S
    )


def _drawn(point: ChargingPoint, state: PointState, now: datetime) -> PerPhase | None:
    """The point's own measurement on the grid's phases, None when it has none or it is too old to mean anything."""
    if age_s(state.measured_at, now) > point.station_max_age_s:
        return None
    terminals = state.terminal_a
    if terminals is None and sane(state.power_w):
        used = min(state.car_phases or len(point.phases), len(point.phases))
        each = state.power_w / used / NOMINAL_V
        terminals = (each, each if used > 1 else 0.0, each if used > 2 else 0.0)
    if terminals is None or not all(sane(amps) for amps in terminals):
        return None
    grid = [0.0, 0.0, 0.0]
    for phase, amps in zip(point.phases, terminals, strict=False):
        grid[phase - 1] = max(0.0, amps)
    return (grid[0], grid[1], grid[2])


def _min(a: PerPhase, b: PerPhase) -> PerPhase:
    return (min(a[0], b[0]), min(a[1], b[1]), min(a[2], b[2]))


def _max(a: PerPhase, b: PerPhase) -> PerPhase:
    return (max(a[0], b[0]), max(a[1], b[1]), max(a[2], b[2]))
