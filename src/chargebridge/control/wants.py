"""What each car may use and what it must have, before any limit of the wiring: TF-EVC 1.1.1.1, 3.2.2 and 3.2.4.

    P_is = min(P_max of the car, P_max of the station, P_max set by the CSM, P_wish of the car)                    (3.2.4)

The third is what ``csm`` decides; here are the others, in amperes per phase, together with the driver's preferences and the failsafe.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo

from chargebridge.control.agreed import asked_w
from chargebridge.control.book import Book
from chargebridge.control.ceiling import Ceiling, terminals_used
from chargebridge.control.figures import sane
from chargebridge.control.loads import Loads
from chargebridge.control.planned import Planned, can_wait
from chargebridge.control.tree import Tree
from chargebridge.model.circuit import ChargingPoint
from chargebridge.model.decision import Cause
from chargebridge.model.limit import LimitSource
from chargebridge.model.phases import PerPhase
from chargebridge.model.session import PointStatus
from chargebridge.model.state import PointMemory, PointState


@dataclass(frozen=True, slots=True)
class Bound:
    """Something at the point itself that keeps its current at ``allowed_a``. sentence: what a driver is told when this one binds."""

    cause: Cause
    node: str
    text: str
    allowed_a: float
    sentence: str
    source: LimitSource | None = None


@dataclass(frozen=True, slots=True)
class Want:
    """needed_a <= wished_a, A per phase: 0, or at least the point's minimum. phases: terminals they are reckoned on. bounds: all that was looked at,
    ``binding`` the tightest. idle: plugged in and offered current, but seen to draw nothing.
    """

    needed_a: float
    wished_a: float
    phases: int
    bounds: tuple[Bound, ...]
    idle: bool

    @property
    def binding(self) -> Bound:
        return min(self.bounds, key=lambda bound: bound.allowed_a)


def failsafes(tree: Tree, loads: Loads, book: Book) -> list[list[Bound]]:
    """For each point the reasons for which it must keep to its station's fallback current: silent meters above it, silent sources of limits."""
    found: list[list[Bound]] = [[] for _ in tree.points]
    for index, node in enumerate(loads.nodes):
        if node.lost is None:
            continue
        circuit = tree.circuits[index]
        for at in tree.below[index]:
            amps = tree.points[at].fallback_a
            text = f"meter of {circuit.name} is silent"
            found[at].append(Bound(Cause.FAILSAFE, circuit.id, text, amps, f"the {text}, so {_amount(amps)} is what is safe without it"))
    scopes: list[tuple[str, tuple[int, ...]]] = [(c.id, tree.below[i]) for i, c in enumerate(tree.circuits)]
    scopes += [(group.id, tree.in_group[i]) for i, group in enumerate(tree.groups)]
    scopes += [(point.id, (i,)) for point, i in ((p, tree.point_index[p.id]) for p in tree.points) if point.id in book.blind]
    for scope, members in scopes:
        unknown = book.blind.get(scope)
        if unknown is None:
            continue
        for at in members:
            amps = tree.points[at].fallback_a
            sentence = f"{unknown.text} tells no limit, so {_amount(amps)} is what is safe without it"
            found[at].append(Bound(Cause.FAILSAFE, scope, f"{unknown.text}: no limit known", amps, sentence, unknown.source))
    return found


def want(
    point: ChargingPoint,
    state: PointState,
    memory: PointMemory,
    ceiling: Ceiling,
    failsafe: list[Bound],
    price_per_kwh: float | None,
    voltage_v: PerPhase,
    now: datetime,
    zone: tzinfo,
    planned: Planned | None = None,
) -> Want:
    """What one point's car may use and must have now. zone: the site's, in which sentences tell the time of day."""
    phases = _terminals(point, ceiling)
    idle = memory.learned_a is not None and ceiling.drawn_a is not None and max(ceiling.drawn_a) < IDLE_A
    bounds = [*_hardware(point, state, memory, idle), *failsafe, *_session(point, state)]
    usable = min(bound.allowed_a for bound in bounds)
    needed = 0.0
    if (given_w := asked_w(point, state, now)) > 0:
        sentence = (
            f"the car gives energy back, up to {given_w / 1000:.1f} kW, until {100 * state.preference.reserve_soc:.0f} % are left in it"
        )
        bounds.append(Bound(Cause.DISCHARGING, point.id, "the car is asked to give energy back", 0.0, sentence))
        usable = 0.0
    if usable >= point.minimum_a:
        used = terminals_used(point, state, phases)
        volts = sum(voltage_v[p - 1] for p in used)
        needed = _needed(point, state, usable, volts, now)
        if planned is not None:
            needed = _planned_need(state, planned, needed, point, usable, volts, now)
            text, sentence = "what is planned", planned.sentence(zone)
            bounds.append(Bound(Cause.PLAN, point.id, text, max(needed, planned.allowed_a(point, volts)), sentence))
        bounds += _prices(point, state, price_per_kwh, needed)
        bounds += _asked(point, state, usable, needed, zone)
        needed = min(needed, min(bound.allowed_a for bound in bounds))
    wished = min(bound.allowed_a for bound in bounds)
    if wished < point.minimum_a:
        needed = wished = 0.0
    return Want(needed_a=needed, wished_a=wished, phases=phases, bounds=tuple(bounds), idle=idle)


IDLE_A = 1.0
"""Below this a car does not charge: pilot electronics and cabin standby draw less."""


def _terminals(point: ChargingPoint, ceiling: Ceiling) -> int:
    """The number of terminals of the standing offer; all of them where none stands."""
    every = len(point.phases)
    return min(ceiling.standing.phases, every) if ceiling.standing is not None and point.can_switch_phases else every


def _hardware(point: ChargingPoint, state: PointState, memory: PointMemory, idle: bool) -> Iterator[Bound]:
    """P_max of the station and of the car, and what the car was seen to make use of (1.1.1.1)."""
    top = point.maximum_a
    yield Bound(Cause.STATION, point.id, f"{point.name} can give", top, f"{top:g} A is all that {point.name} can give")
    if sane(state.car_maximum_a):
        amps = max(state.car_maximum_a, point.minimum_a)
        yield Bound(Cause.CAR, point.id, "the car can take", amps, "that is all that the car can take")
    if memory.learned_a is not None:
        amps = max(memory.learned_a, point.minimum_a)
        said = "the car is not drawing; it gets more as soon as it starts" if idle else "the car uses no more; it gets more when it does"
        yield Bound(Cause.CAR, point.id, "the car was seen to use, and a margin", amps, said)


def _session(point: ChargingPoint, state: PointState) -> Iterator[Bound]:
    if not state.status.has_car:
        out = state.status in (PointStatus.FAULTED, PointStatus.UNAVAILABLE)
        sentence = f"the station says that it is {state.status.value}" if out else "no car is plugged in"
        yield Bound(Cause.STATION if out else Cause.NO_CAR, point.id, sentence, 0.0, sentence)
    elif not state.authorised:
        yield Bound(Cause.NOT_AUTHORISED, point.id, "charging is not authorised", 0.0, "charging is not authorised yet")
    most = state.preference.energy_max_wh
    if most is not None and state.energy_wh >= most:
        who = "the car asked for" if state.car_asks else "were asked for"
        yield Bound(Cause.DONE, point.id, f"{most / 1000:g} kWh {who}", 0.0, f"the {most / 1000:g} kWh that {who} are charged")


def _needed(point: ChargingPoint, state: PointState, usable_a: float, voltage_v: float, now: datetime) -> float:
    """The current that reaches the driver's minimum just by the target time (3.2.2), no more than the car can use.

    A rate below the minimum current cannot be charged; the minimum is then needed, for a shorter time.
    """
    wants = state.preference
    missing_wh = wants.energy_min_wh - state.energy_wh
    if not sane(missing_wh) or missing_wh <= 0 or wants.target_at is None:
        return 0.0
    left_h = (wants.target_at - now).total_seconds() / 3600
    if left_h <= 0:
        return usable_a
    return min(usable_a, max(point.minimum_a, missing_wh / left_h / voltage_v))


def _planned_need(
    state: PointState, planned: Planned, needed_a: float, point: ChargingPoint, usable_a: float, volts: float, now: datetime
) -> float:
    """With a plan that will do it in time, what the plan has for it now, as it gave way before."""
    wants = state.preference
    if needed_a <= 0 or wants.target_at is None:
        return needed_a
    missing_wh, left_s = wants.energy_min_wh - state.energy_wh, (wants.target_at - now).total_seconds()
    return min(usable_a, planned.planned_a(point, volts)) if can_wait(missing_wh, usable_a * volts, left_s) else needed_a


def _asked(point: ChargingPoint, state: PointState, usable_a: float, needed_a: float, zone: tzinfo) -> Iterator[Bound]:
    """What is asked for, for the chain: it bounds nothing, it is why a car goes before others."""
    wants = state.preference
    if wants.energy_min_wh <= 0:
        return
    until = f" until {wants.target_at.astimezone(zone):%H:%M}" if wants.target_at is not None else ""
    who = "the car asked" if state.car_asks else "the driver asked"
    left = max(0.0, wants.energy_min_wh - state.energy_wh) / 1000
    least = f": {needed_a:.1f} A are needed for it" if needed_a else ""
    text = f"{who} for {left:.1f} kWh more{until}{least}"
    yield Bound(Cause.CAR if state.car_asks else Cause.WISHED, point.id, text, usable_a, text)


def _prices(point: ChargingPoint, state: PointState, price: float | None, needed_a: float) -> Iterator[Bound]:
    """Price caps (3.2.2): (a) until the minimum is reached, (b) for all beyond it."""
    wants = state.preference
    if price is None:
        return
    if wants.price_cap_min is not None and price > wants.price_cap_min and state.energy_wh < wants.energy_min_wh:
        sentence = f"the price of {price:g} is above the driver's cap of {wants.price_cap_min:g}"
        yield Bound(Cause.PRICE, point.id, sentence, 0.0, sentence)
    elif wants.price_cap_max is not None and price > wants.price_cap_max:
        cap = f"the price of {price:g} is above the driver's cap of {wants.price_cap_max:g}"
        sentence = f"{cap} for more than what is needed" if needed_a else cap
        yield Bound(Cause.PRICE, point.id, sentence, needed_a, sentence)


def _amount(amps: float) -> str:
    return f"{amps:g} A" if amps else "no charging"
