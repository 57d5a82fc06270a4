"""What a person should know: what is silent, what does not obey, what is too much, each with what to do about it."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from chargebridge.control.book import Book
from chargebridge.control.csm import Case
from chargebridge.control.feed_in import feed_in_alerts
from chargebridge.control.loads import Loads
from chargebridge.control.timing import age_s
from chargebridge.control.tree import Tree
from chargebridge.model.decision import Alert, Effective, Grant, MeterView, NodeDecision
from chargebridge.model.limit import Direction
from chargebridge.model.state import OfferOutcome


def alerts(
    tree: Tree,
    book: Book,
    loads: Loads,
    cases: Sequence[Case],
    nodes: Sequence[NodeDecision],
    granted: Grant,
    now: datetime,
    *,
    plan_is_old: bool = False,
) -> tuple[Alert, ...]:
    """All of them, gravest first."""
    found = [
        *_overloads(tree, nodes),
        *feed_in_alerts(tree, book, loads),
        *_meters(tree, loads),
        *_points(cases, now),
        *_controllable(loads, now),
        *_limits(book),
        *_needs(granted),
        *_plan(tree, plan_is_old),
    ]
    return tuple(sorted(found, key=lambda alert: GRAVITY.index(alert.severity)))


def _plan(tree: Tree, is_old: bool) -> Iterator[Alert]:
    if is_old:
        yield Alert(
            severity="warning",
            node=tree.circuits[0].id,
            text="the last plan is too old: charging goes on without one",
            cure="a new one is made as soon as the planner answers again; the log tells why it does not",
        )


CONFIRM_S = 30.0
"""So long after it has connected a station may take to confirm its fallback current before a person is told."""

GRAVITY = ("error", "warning", "info")


def _overloads(tree: Tree, nodes: Sequence[NodeDecision]) -> Iterator[Alert]:
    names = {circuit.id: circuit.name for circuit in tree.circuits} | {group.id: group.name for group in tree.groups}
    for node in nodes:
        if node.overloaded:
            said = "may carry more than allowed, as nobody measures it" if node.meter is MeterView.ASSUMED else "carries more than it may"
            yield Alert(
                severity="warning" if node.meter is MeterView.ASSUMED else "error",
                node=node.node,
                text=f"{names[node.node]} {said}: {_excess(node)}",
                cure="charging gives way at once; if it stays so, other loads are too much",
            )


def _excess(node: NodeDecision) -> str:
    """By what bound it is exceeded: the power where that is what is too much, else the currents."""
    if node.allowed_w is not None and node.load_w > node.allowed_w:
        return f"{node.load_w / 1000:.1f} of {node.allowed_w / 1000:.1f} kW"
    return f"{_amps(node.load_a)} of {_amps(node.allowed_a)}"


def _amps(values: tuple[float, float, float]) -> str:
    return "/".join(f"{value:.1f}" for value in values) + " A"


def _meters(tree: Tree, loads: Loads) -> Iterator[Alert]:
    for circuit, load in zip(tree.circuits, loads.nodes, strict=True):
        if load.lost is not None:
            yield Alert(
                severity="warning",
                node=circuit.id,
                text=f"meter {load.lost} of {circuit.name} has told nothing new for more than {circuit.meter_max_age_s:g} s",
                cure="its charging points keep to their fallback current until it speaks again; look at its cable, its power and its address",
            )


def _points(cases: Sequence[Case], now: datetime) -> Iterator[Alert]:
    for case in cases:
        point, ceiling, offers = case.point, case.ceiling, case.state.offers
        if ceiling.lost:
            heard = age_s(case.state.heard_at, now)
            since = "yet" if heard == float("inf") else f"for {heard:.0f} s"
            text = f"{point.name}: no word from station {point.station} {since}; {ceiling.peak_a:g} A stay reserved for it"
            yield Alert(severity="warning", node=point.id, text=text, cure="look at the station's power and network")
            continue
        if ceiling.overdrawn_a is not None:
            yield Alert(
                severity="error",
                node=point.id,
                text=f"{point.name}: the car draws {ceiling.overdrawn_a:.1f} A, {case.offered_a:g} A are offered",
                cure="others give way to it; if a car keeps doing so, stop it at the station",
            )
        if offers and offers[-1].outcome is OfferOutcome.REJECTED:
            text = f"{point.name}: station {point.station} refused {offers[-1].current_a:g} A; {ceiling.peak_a:g} A stay reserved for it"
            yield Alert(severity="warning", node=point.id, text=text, cure="see whether its smart charging is enabled")
        elif offers and ceiling.refused:
            text = f"{point.name}: station {point.station} did not answer an offer of {offers[-1].current_a:g} A"
            yield Alert(severity="warning", node=point.id, text=text, cure="the offer is repeated; look at its network if this stays")
        if case.state.fallback_a is None and age_s(case.state.connected_at, now) < CONFIRM_S:
            continue
        if case.state.fallback_a is None or case.state.fallback_a > point.fallback_a:
            said = "did not confirm its" if case.state.fallback_a is None else f"confirmed {case.state.fallback_a:g} A as its"
            yield Alert(
                severity="warning",
                node=point.id,
                text=f"{point.name}: station {point.station} {said} fallback current of {point.fallback_a:g} A",
                cure="see whether the station can store it; until then its maximum is reckoned with when it is not heard",
            )


def _controllable(loads: Loads, now: datetime) -> Iterator[Alert]:
    for ceiling in loads.controllable:
        load, state = ceiling.load, ceiling.state
        newest = state.limits[-1] if state.limits else None
        kept = f"{ceiling.most_w / 1000:.1f} kW stay reserved for it"
        if ceiling.lost:
            heard = age_s(state.heard_at, now)
            since = "yet" if heard == float("inf") else f"for {heard:.0f} s"
            yield Alert(
                severity="warning",
                node=load.id,
                text=f"{load.name}: no word from it {since}; {kept} where a limit holds",
                cure="look at its power and network, and whether it still trusts us",
            )
            continue
        if ceiling.overdrawn:
            yield Alert(
                severity="error",
                node=load.id,
                text=f"{load.name} draws {ceiling.most_w / 1000:.1f} kW, more than it has taken as its limit",
                cure="charging gives way to it; tell its maker, or see what else its meter counts",
            )
        if ceiling.refused and newest is not None:
            what = "no limit" if newest.limit_w is None else f"{newest.limit_w / 1000:.1f} kW"
            said = "refused" if newest.outcome is OfferOutcome.REJECTED else "did not answer"
            yield Alert(
                severity="warning",
                node=load.id,
                text=f"{load.name} {said} {what}; {kept}",
                cure="it is asked again; see whether it protects itself, and whether its limit by energy managers is enabled",
            )
        if (
            newest is not None
            and newest.outcome is OfferOutcome.ACCEPTED
            and state.failsafe_w is None
            and age_s(state.since, now) >= CONFIRM_S
        ):
            yield Alert(
                severity="warning",
                node=load.id,
                text=f"{load.name} has not confirmed what it keeps to when it does not hear us",
                cure="its most is reckoned with while it is away",
            )


def _limits(book: Book) -> Iterator[Alert]:
    for node, limits in book.nodes.items():
        for limit in limits:
            if limit.failsafe and limit.direction is Direction.CONSUMPTION:
                yield Alert(severity="warning", node=node, text=_failsafe(limit), cure="see why its source is silent")
    for stray in book.strays:
        text = f"limit {stray.id} of {stray.source.value} is laid on what does not exist: {stray.scope}"
        yield Alert(
            severity="error", node="limits", text=text, cure="name a circuit, a point or a group of this site; nothing is limited by it now"
        )


def _failsafe(limit: Effective) -> str:
    bound = "its points keep to their fallback current" if limit.power_w is None else f"its failsafe of {limit.power_w:g} W binds"
    return f"limit {limit.limit}: {limit.text}; {bound}"


def _needs(granted: Grant) -> Iterator[Alert]:
    if granted.short_w > 0:
        yield Alert(severity="info", node="site", text=granted.reason, cure="some cars will leave with less than was asked for")
