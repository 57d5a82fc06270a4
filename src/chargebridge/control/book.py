"""The limit book: from all entries and the fixed wiring to the limits that are in force on every node at one moment, each with its reason.

Of entries with the same source and id the latest counts: the one that began last or, where it was received after its beginning, was received last.
``Unlimited`` is an answer: it takes the place of what the same source said before under the same id, and touches nothing else. An entry with
``max_age_s`` is supervised from its receipt on, whether its own bound has begun, holds or has ended: when its source is silent for longer, its bound
is ``Unknown`` and its failsafe binds; without a failsafe the points in its scope fall to their stations' fallback currents.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from chargebridge.control.figures import sane
from chargebridge.control.timing import PEAK_TAIL_S, age_s
from chargebridge.control.tree import Tree
from chargebridge.model.circuit import Circuit
from chargebridge.model.decision import Effective
from chargebridge.model.limit import (
    Bound,
    Direction,
    Limit,
    LimitedCurrent,
    LimitedPower,
    LimitedUnbalance,
    LimitSource,
    OnGroup,
    Unknown,
    Unlimited,
)
from chargebridge.model.phases import PerPhase
from chargebridge.model.state import PeakBudget

NAMES = {
    LimitSource.GRID_CONNECTION: "the grid connection",
    LimitSource.FUSE: "the fuse",
    LimitSource.UNBALANCE: "the balance of the phases",
    LimitSource.GRID_OPERATOR: "the grid operator",
    LimitSource.AGREEMENT: "the connection agreement",
    LimitSource.PEAK_BUDGET: "the peak budget",
    LimitSource.OWNER: "the owner",
    LimitSource.BACK_END: "another back end",
    LimitSource.EXTERNAL: "an energy manager at the station",
}
"""What a driver is told of each source."""


@dataclass(frozen=True, slots=True)
class Book:
    """nodes: limits in force by the id of a circuit, a point, a load or a group. blind: of these ids, the Unknown limit that sends their points to
    fallback.

    strays: entries whose scope names nothing that exists.
    """

    nodes: dict[str, tuple[Effective, ...]]
    blind: dict[str, Effective]
    strays: tuple[Limit, ...]

    def of(self, node: str) -> tuple[Effective, ...]:
        return self.nodes.get(node, ())


def open_book(tree: Tree, limits: tuple[Limit, ...], peak: PeakBudget | None, now: datetime) -> Book:
    """What is in force at ``now``. The circuits' own fuses and limits are in it too."""
    nodes: dict[str, list[Effective]] = {circuit.id: list(_wiring(circuit)) for circuit in tree.circuits}
    nodes |= {group.id: [] for group in tree.groups}
    blind: dict[str, Effective] = {}
    strays: list[Limit] = []
    if peak is not None:
        nodes[tree.circuits[0].id].append(_peak(peak, now))
    for limit, bound, until in _current(limits, now):
        scope = limit.scope.group if isinstance(limit.scope, OnGroup) else limit.scope.node
        things = (tree.circuit_index, tree.point_index, tree.load_index)
        known = scope in nodes if isinstance(limit.scope, OnGroup) else any(scope in index for index in things)
        if not known:
            strays.append(limit)
            continue
        effective = _effective(limit, bound, until)
        nodes.setdefault(scope, []).append(effective)
        if isinstance(bound, Unknown) and effective.power_w is None and limit.direction is Direction.CONSUMPTION:
            blind.setdefault(scope, effective)
    return Book(nodes={node: tuple(found) for node, found in nodes.items()}, blind=blind, strays=tuple(strays))


def _wiring(circuit: Circuit) -> Iterator[Effective]:
    yield Effective(
        limit=f"{circuit.id}/fuse",
        source=LimitSource.FUSE,
        legal_basis="TF-EVC 3.2.5.1",
        text=f"fuse of {circuit.name}",
        current_a=circuit.fuse_a,
    )
    if circuit.power_limit_w is not None:
        yield Effective(
            limit=f"{circuit.id}/power",
            source=LimitSource.GRID_CONNECTION if circuit.parent is None else LimitSource.FUSE,
            legal_basis="TF-EVC 3.2.5.1",
            text=f"{circuit.name}",
            power_w=circuit.power_limit_w,
        )
    if circuit.unbalance_a is not None:
        yield Effective(
            limit=f"{circuit.id}/unbalance",
            source=LimitSource.UNBALANCE,
            legal_basis="VDE-AR-N 4100 clause 5.5",
            text=NAMES[LimitSource.UNBALANCE],
            unbalance_a=circuit.unbalance_a,
        )


def _peak(peak: PeakBudget, now: datetime) -> Effective:
    """The mean power that the rest of the window may have, if the whole window is to keep to its budget."""
    ends = peak.window_started_at + timedelta(seconds=peak.window_s)
    running = peak.window_started_at <= now < ends
    rest_s = (ends - now).total_seconds() if running else peak.window_s
    budget_w = peak.budget_w if sane(peak.budget_w) else 0.0
    left_wh = budget_w * peak.window_s / 3600 - (peak.drawn_wh if running and sane(peak.drawn_wh) else 0.0)
    return Effective(
        limit="peak",
        source=LimitSource.PEAK_BUDGET,
        legal_basis="owner's budget for the mean power of the window",
        text=NAMES[LimitSource.PEAK_BUDGET],
        power_w=max(0.0, left_wh) * 3600 / max(rest_s, PEAK_TAIL_S),
        until=ends if running else None,
    )


def _current(limits: tuple[Limit, ...], now: datetime) -> Iterator[tuple[Limit, Bound, datetime | None]]:
    """Of every source and id the entry that counts now, its bound at this moment, and until when."""
    newest: dict[tuple[LimitSource, str], Limit] = {}
    follows: dict[tuple[LimitSource, str], datetime] = {}
    heard: dict[tuple[LimitSource, str], datetime] = {}
    for limit in limits:
        key = (limit.source, limit.id)
        heard[key] = max(heard.get(key, limit.received_at), limit.received_at, limit.heard_at or limit.received_at)
        if not limit.begun(now):
            follows[key] = min(follows.get(key, limit.starts_at), limit.starts_at)
        other = newest.get(key)
        if other is None or _outranks(limit, other, now):
            newest[key] = limit
    for key, limit in newest.items():
        bound, until = _bound(limit, now)
        if key in follows:
            until = min(until or follows[key], follows[key])
        if limit.max_age_s is not None and age_s(heard[key], now) > limit.max_age_s:
            bound, until = Unknown(f"not heard from for more than {limit.max_age_s:g} s", limit.failsafe_w), None
        elif isinstance(bound, Unknown) and bound.failsafe_w is None:
            bound = Unknown(bound.reason, limit.failsafe_w)
        if bound is not _NOTHING or limit.max_age_s is not None:
            yield limit, bound, until or limit.until


_NOTHING = Unlimited()
"""The bound of an entry that has not begun or has ended."""


def _outranks(limit: Limit, other: Limit, now: datetime) -> bool:
    """The one that has started goes before the one that has not; then the one that counts from later, then the one received later, then listed."""
    started, other_started = limit.begun(now), other.begun(now)
    if started != other_started:
        return started
    return (limit.counts_from, limit.received_at) >= (other.counts_from, other.received_at)


def _ends(limit: Limit) -> datetime | None:
    """When it ends; never where the sum is beyond the calendar or the duration is no number."""
    if limit.duration_s is None:
        return None
    try:
        return limit.starts_at + timedelta(seconds=limit.duration_s)
    except (OverflowError, ValueError):
        return None


def _bound(limit: Limit, now: datetime) -> tuple[Bound, datetime | None]:
    ends = _ends(limit)
    if not limit.begun(now) or (ends is not None and ends <= now):
        return _NOTHING, None
    figures: PerPhase | tuple[float, ...] = ()
    match limit.bound:
        case LimitedPower(power_w=figure) | LimitedUnbalance(current_a=figure):
            figures = (figure,)
        case LimitedCurrent(current_a=per_phase):
            figures = per_phase
        case _:
            pass
    if not all(sane(figure) for figure in figures):
        return Unknown("sent a number that is none", limit.failsafe_w), ends
    return limit.bound, ends


def _effective(limit: Limit, bound: Bound, until: datetime | None) -> Effective:
    current_a: PerPhase | None = None
    power_w: float | None = None
    unbalance_a: float | None = None
    match bound:
        case LimitedPower():
            power_w = bound.power_w
        case LimitedCurrent():
            current_a = bound.current_a
        case LimitedUnbalance():
            unbalance_a = bound.current_a
        case Unknown():
            power_w = bound.failsafe_w if sane(bound.failsafe_w) else None
        case Unlimited():
            pass
    return Effective(
        limit=limit.id,
        source=limit.source,
        legal_basis=limit.legal_basis,
        text=f"{NAMES[limit.source]} ({bound.reason})" if isinstance(bound, Unknown) else NAMES[limit.source],
        current_a=current_a,
        power_w=power_w,
        unbalance_a=unbalance_a,
        until=until,
        failsafe=isinstance(bound, Unknown),
        direction=limit.direction,
    )


def binding_current(limits: tuple[Effective, ...]) -> tuple[tuple[float, Effective], ...] | None:
    """The tightest limit on each of L1, L2, L3 with its origin; None where there is none."""
    found = [e for e in limits if e.current_a is not None and e.direction is Direction.CONSUMPTION]
    if not found:
        return None
    return tuple(min(((_amps(e)[phase], e) for e in found), key=lambda pair: pair[0]) for phase in range(3))


def _amps(effective: Effective) -> PerPhase:
    assert effective.current_a is not None
    return effective.current_a


def binding_power(limits: tuple[Effective, ...]) -> tuple[float, Effective] | None:
    """The tightest limit in W with its origin."""
    found = [(e.power_w, e) for e in limits if e.power_w is not None and e.direction is Direction.CONSUMPTION]
    return min(found, key=lambda pair: pair[0]) if found else None


def binding_unbalance(limits: tuple[Effective, ...]) -> tuple[float, Effective] | None:
    """The tightest limit between any two phases with its origin."""
    found = [(e.unbalance_a, e) for e in limits if e.unbalance_a is not None and e.direction is Direction.CONSUMPTION]
    return min(found, key=lambda pair: pair[0]) if found else None
