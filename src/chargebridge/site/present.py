"""From the present and the newest decision to what a page shows."""

import math
from collections.abc import Iterable
from datetime import datetime, timedelta

from chargebridge.control.timing import LOAD_METER_MAX_AGE_S
from chargebridge.model.circuit import ChargingPoint, Circuit, Topology
from chargebridge.model.decision import Decision, NodeDecision, PointDecision
from chargebridge.model.limit import (
    Bound,
    Direction,
    Limit,
    LimitedCurrent,
    LimitedPower,
    LimitedUnbalance,
    LimitSource,
    OnNode,
    Unknown,
    Unlimited,
)
from chargebridge.model.phases import ZERO, PerPhase, power_w
from chargebridge.model.reading import Reading
from chargebridge.model.session import Preference
from chargebridge.model.state import Offer, OfferOutcome
from chargebridge.site import words as heard
from chargebridge.site.live import Live, LivePoint
from chargebridge.site.view import BatteryView, CircuitView, LimitView, LoadView, PointView, PowerFlow

SOURCE_TEXTS = {
    LimitSource.GRID_CONNECTION: "grid connection",
    LimitSource.FUSE: "fuse",
    LimitSource.UNBALANCE: "phase balance",
    LimitSource.GRID_OPERATOR: "grid operator",
    LimitSource.AGREEMENT: "connection agreement",
    LimitSource.PEAK_BUDGET: "quarter-hour peak",
    LimitSource.OWNER: "owner",
    LimitSource.BACK_END: "other back end",
    LimitSource.EXTERNAL: "energy manager at the station",
}
DRAWS_W = 300.0
"""Below this a car is not charging in earnest, and a finish time reckoned from it would mean nothing."""


def flow(live: Live, now: datetime) -> PowerFlow:
    """What each party draws or gives. The house is what remains of the grid meter's power, so it is only known while all the others are."""
    root = next(c for c in live.topology.circuits if c.parent is None)
    grid_w = _power(live, root.meter, root.meter_max_age_s, now)
    pv = [_power(live, g.meter, root.meter_max_age_s, now) for g in live.topology.generators if g.meter is not None]
    batteries = [
        _battery_w(live, b.id, b.meter, root.meter_max_age_s, now)
        for b in live.topology.batteries
        if b.meter is not None or b.id in live.batteries
    ]
    pv_w, battery_w = _sum(pv), _sum(batteries)
    lost = {"grid": root.meter is not None and grid_w is None, "pv": None in pv, "battery": None in batteries}
    silent = tuple(name for name, is_lost in lost.items() if is_lost)
    cars_w = sum(p.power_w or 0.0 for p in live.points.values())
    house_w = None if grid_w is None or silent else grid_w - (pv_w or 0.0) - (battery_w or 0.0) - cars_w
    return PowerFlow(
        grid_w=grid_w, pv_w=None if pv_w is None else -pv_w, battery_w=battery_w, house_w=house_w, cars_w=cars_w, silent=silent
    )


def _sum(powers: list[float | None]) -> float | None:
    """None where there is nothing to add up, or a part of it is not known."""
    known = [p for p in powers if p is not None]
    return sum(known) if known and len(known) == len(powers) else None


def _power(live: Live, meter: str | None, max_age_s: float, now: datetime) -> float | None:
    reading = live.readings.get(meter) if meter else None
    return reading.power_w if reading is not None and age_s(reading, now) <= max_age_s else None


def _battery_w(live: Live, battery: str, meter: str | None, max_age_s: float, now: datetime) -> float | None:
    state = live.batteries.get(battery)
    if state is not None and (now - state.heard_at).total_seconds() <= max_age_s:
        return state.power_w
    return _power(live, meter, max_age_s, now)


def age_s(reading: Reading, now: datetime) -> float:
    return (now - reading.heard_at).total_seconds()


def circuits(live: Live, made: Decision | None, now: datetime) -> tuple[CircuitView, ...]:
    """The tree, each parent before its children."""
    nodes = {node.node: node for node in made.nodes} if made else {}
    return tuple(
        _circuit(live, circuit, depth, nodes.get(circuit.id), now) for circuit, depth in walk(live.topology) if circuit.id in nodes
    )


def walk(topology: Topology, parent: str | None = None, depth: int = 0) -> Iterable[tuple[Circuit, int]]:
    for circuit in topology.circuits:
        if circuit.parent == parent:
            yield circuit, depth
            yield from walk(topology, circuit.id, depth + 1)


def _circuit(live: Live, circuit: Circuit, depth: int, node: NodeDecision | None, now: datetime) -> CircuitView:
    assert node is not None
    reading = live.readings.get(circuit.meter) if circuit.meter else None
    age = None if reading is None else age_s(reading, now)
    binding = _tightest(node)
    return CircuitView(
        id=circuit.id,
        name=circuit.name,
        parent=circuit.parent,
        depth=depth,
        fuse_a=circuit.fuse_a,
        load_a=node.load_a,
        base_a=node.base_a,
        planned_a=node.planned_a,
        allowed_a=node.allowed_a,
        allowed_w=node.allowed_w,
        power_w=reading.power_w if reading is not None and reading.power_w is not None else power_w(node.load_a),
        meter=circuit.meter,
        meter_view=node.meter,
        meter_age_s=age,
        meter_lost=circuit.meter is not None and (age is None or age > circuit.meter_max_age_s),
        overloaded=node.overloaded,
        binding=binding,
    )


def _tightest(node: NodeDecision) -> str | None:
    """The text of the limit that leaves least, reckoned as power."""

    def watts(current_a: PerPhase | None, limit_w: float | None) -> float:
        by_current = power_w(current_a) if current_a is not None else math.inf
        return min(by_current, math.inf if limit_w is None else limit_w)

    told = [(watts(e.current_a, e.power_w), e.text) for e in node.limits if e.current_a is not None or e.power_w is not None]
    return min(told)[1] if told else None


def points(live: Live, made: Decision | None, now: datetime) -> tuple[PointView, ...]:
    decided = {point.point: point for point in made.points} if made else {}
    return tuple(_point(p, decided.get(p.point.id), now, live.topology.timezone) for p in live.points.values())


def _point(p: LivePoint, decided: PointDecision | None, now: datetime, timezone: str) -> PointView:
    offer = _in_force(p, now)
    session = p.session
    finish_at, finish_text = finish(p, now)
    return PointView(
        id=p.point.id,
        name=p.point.name,
        circuit=p.point.circuit,
        station=p.point.station,
        protocol=p.protocol,
        online=p.online,
        status=p.status,
        error=p.error,
        phases=p.point.phases,
        maximum_a=p.point.maximum_a,
        priority=p.point.priority,
        session=session.id if session else None,
        token=session.token if session else None,
        started_at=session.started_at if session else None,
        power_w=p.power_w or 0.0,
        grid_a=rotate(p.point, p.terminal_a or ZERO),
        offered_a=offer.current_a if offer else None,
        offered_phases=offer.phases if offer else None,
        goal_a=decided.goal_a if decided else None,
        move=decided.move if decided else None,
        energy_wh=float(session.energy_wh) if session else 0.0,
        soc=p.soc,
        preference=session.preference if session else Preference(),
        finish_at=finish_at,
        finish_text=finish_text,
        why=decided.why if decided else None,
        car_asks="" if p.needs is None else f"the car {heard.asked(p.needs, timezone)}",
        discharge_w=offer.discharge_w if offer else 0.0,
        discharge_max_w=0.0 if p.needs is None else min(p.needs.gives_w, p.point.discharge_max_w),
    )


def _in_force(p: LivePoint, now: datetime) -> Offer | None:
    """The newest offer that the station has not refused, while it stands."""
    newest = next((o for o in reversed(p.offers) if o.outcome is not OfferOutcome.REJECTED), None)
    return newest if newest is not None and newest.expires_at > now else None


def rotate(point: ChargingPoint, terminal_a: PerPhase) -> PerPhase:
    """Currents on the point's terminals as currents on the grid's L1, L2, L3."""
    grid = [0.0, 0.0, 0.0]
    for phase, amps in zip(point.phases, terminal_a, strict=False):
        grid[phase - 1] += amps
    return (grid[0], grid[1], grid[2])


def finish(p: LivePoint, now: datetime) -> tuple[datetime | None, str]:
    """When the car has what its driver asked for, at the power it draws now."""
    if p.session is None:
        return None, "no car" if not p.status.has_car else "not started"
    wish = p.wishes
    wanted = wish.energy_max_wh if wish.energy_max_wh is not None else (wish.energy_min_wh or None)
    if wanted is None:
        return None, "until the car is full"
    left_wh = wanted - p.session.energy_wh
    if left_wh <= 0:
        return now, "has what was asked for"
    if (p.power_w or 0.0) < DRAWS_W:
        return None, f"{left_wh / 1000:.1f} kWh to go, not charging now"
    at = now + timedelta(hours=left_wh / (p.power_w or 1.0))
    return at, f"{left_wh / 1000:.1f} kWh to go"


def limits(live: Live, made: Decision | None, now: datetime) -> tuple[LimitView, ...]:
    """The book, what is in force first."""
    names = {c.id: c.name for c in live.topology.circuits} | {p.id: p.name for p in live.topology.points}
    names |= {load.id: load.name for load in live.topology.loads}
    groups = {g.id: g.name for g in live.topology.groups}
    silent = {e.limit for node in (made.nodes if made else ()) for e in node.limits if e.failsafe}
    coming: dict[str, datetime] = {}
    for limit in live.limits:
        if not limit.begun(now):
            coming[limit.id] = min(limit.starts_at, coming.get(limit.id, limit.starts_at))
    views = [_limit(limit, coming.get(limit.id), names, groups, limit.id in silent, now) for limit in live.limits.standing(now)]
    order = {"silent": 0, "in force": 1, "to come": 2, "over": 3}
    return tuple(sorted(views, key=lambda v: (order[v.state], v.starts_at)))


def _limit(
    limit: Limit, follows_at: datetime | None, names: dict[str, str], groups: dict[str, str], silent: bool, now: datetime
) -> LimitView:
    """follows_at: when the first entry to come with its id begins."""
    until = None if limit.duration_s is None else limit.starts_at + timedelta(seconds=limit.duration_s)
    if follows_at is not None and follows_at > limit.starts_at:
        until = min(until or follows_at, follows_at)
    state = "to come" if not limit.begun(now) else "over" if until is not None and now >= until else "silent" if silent else "in force"
    scope = limit.scope
    return LimitView(
        id=limit.id,
        source=limit.source,
        source_text=SOURCE_TEXTS[limit.source],
        legal_basis=limit.legal_basis,
        scope=names.get(scope.node, scope.node) if isinstance(scope, OnNode) else groups.get(scope.group, scope.group),
        bound=limit.bound,
        bound_text=bound_text(limit.bound, limit.direction),
        starts_at=limit.starts_at,
        until=until or limit.until,
        state=state,
        note=limit.note,
        withdrawable=limit.source is LimitSource.OWNER,
    )


def bound_text(bound: Bound, direction: Direction = Direction.CONSUMPTION) -> str:
    """A bound in words; 0 W is a limit and reads as one."""
    fed_in = direction is Direction.PRODUCTION
    match bound:
        case Unlimited():
            return "no limit to what is fed in" if fed_in else "no limit"
        case LimitedPower(power_w=watts) if fed_in:
            return f"at most {watts / 1000:.1f} kW fed in" if watts else "nothing fed in"
        case LimitedPower(power_w=watts):
            return f"at most {watts / 1000:.1f} kW" if watts else "0 kW: no charging"
        case LimitedCurrent(current_a=amps):
            return f"at most {three(amps)} A"
        case LimitedUnbalance(current_a=difference):
            return f"phases within {difference:g} A of each other"
        case Unknown(reason=reason, failsafe_w=None):
            return f"unknown ({reason}): the stations' own fallback holds"
        case Unknown(reason=reason, failsafe_w=watts):
            return f"unknown ({reason}): {(watts or 0) / 1000:.1f} kW hold until it is heard again"


def three(value: PerPhase) -> str:
    """Three figures as an owner would write them: one number when all are the same."""
    return f"{value[0]:g}" if len(set(value)) == 1 else " / ".join(f"{v:g}" for v in value)


def batteries(live: Live, made: Decision | None, now: datetime) -> tuple[BatteryView, ...]:
    commands = {command.battery: command for command in made.batteries} if made else {}
    views = []
    for battery in live.topology.batteries:
        state, command = live.batteries.get(battery.id), commands.get(battery.id)
        stored = state.stored_wh if state else None
        views.append(
            BatteryView(
                id=battery.id,
                name=battery.name,
                power_w=_battery_w(live, battery.id, battery.meter, 15.0, now),
                soc=None if stored is None else stored / battery.capacity_wh,
                reserve=battery.reserve_wh / battery.capacity_wh,
                command_w=command.power_w if command else None,
                reason=command.reason if command else "",
            )
        )
    return tuple(views)


def loads(live: Live, made: Decision | None, now: datetime) -> tuple[LoadView, ...]:
    """In the order of the configuration. One that is away draws nobody knows what."""
    decided = {one.load: one for one in made.loads} if made else {}
    views = []
    for load in live.topology.loads:
        state, told = live.loads[load.id], decided.get(load.id)
        newest = state.limits[-1] if state.limits else None
        views.append(
            LoadView(
                id=load.id,
                name=load.name,
                circuit=load.circuit,
                online=state.online,
                heard_at=state.heard_at,
                power_w=state.power_w if load.meter is None else _power(live, load.meter, LOAD_METER_MAX_AGE_S, now),
                nominal_w=max(load.nominal_w, state.nominal_w or 0.0),
                guaranteed_w=load.guaranteed_w,
                limit_w=told.limit_w if told else None,
                taken=newest is not None
                and newest.outcome is OfferOutcome.ACCEPTED
                and told is not None
                and newest.limit_w == told.limit_w,
                ceiling_w=told.ceiling_w if told else load.nominal_w,
                failsafe_w=state.failsafe_w,
                reason=told.reason if told else "",
            )
        )
    return tuple(views)
