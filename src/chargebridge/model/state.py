"""All that a decision is made from: a value, so that the same decision can be made again, live, in a replay or in a test."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from chargebridge.model.circuit import Topology
from chargebridge.model.limit import Limit
from chargebridge.model.phases import PerPhase
from chargebridge.model.plan import PlanNow
from chargebridge.model.reading import Reading
from chargebridge.model.session import PointStatus, Preference


class OfferOutcome(StrEnum):
    """What the station said to an offer. ``SENT`` and ``TIMED_OUT``: it may or may not have taken it, so both are reckoned with."""

    SENT = "sent"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    TIMED_OUT = "timed_out"


class Offer(Struct, frozen=True, kw_only=True):
    """A limit given to a charging point: ``current_a`` on each of its first ``phases`` terminals, until ``expires_at``.

    When it expires unrenewed, the station goes to its own fallback current. answered_at: when the outcome came. discharge_w: a set point at which
    the car gives so much back, W; 0: none. With one, current_a is 0.
    """

    current_a: float
    phases: int
    sent_at: datetime
    expires_at: datetime
    outcome: OfferOutcome = OfferOutcome.SENT
    answered_at: datetime | None = None
    discharge_w: float = 0.0


class PointState(Struct, frozen=True, kw_only=True):
    """What is known of one charging point.

    online: its station's connection is up, since connected_at; heard_at: its last message.
    terminal_a: measured current on terminals L1, L2, L3 (not yet rotated
    to the grid's phases), A, at measured_at. offers: newest last; the older ones are kept for as long as they may still be in force.
    fallback_a: what the station itself confirmed as its fallback, None if it did not. car_phases: the number of phases on which the car draws
    or was seen to draw, None when not yet seen. car_maximum_a, car_minimum_a: what the car said that it takes at most, and at least; None: unknown.
    preference: what driver and car ask for together; car_asks: its energy and time are the car's own. car_discharge_w: what the car can give, W.
    discharge_w: what a plan asks it to give, W, until discharge_until. prior: its driver has asked at the station to go before others (2.1 K22).
    energy_wh: charged in the session. soc: state of charge 0..1 where the car tells.
    authorised: the session may draw; without that the offer is 0 A.
    """

    point: str
    online: bool = False
    connected_at: datetime | None = None
    status: PointStatus = PointStatus.UNKNOWN
    heard_at: datetime | None = None
    session: str | None = None
    session_started_at: datetime | None = None
    authorised: bool = False
    terminal_a: PerPhase | None = None
    power_w: float | None = None
    measured_at: datetime | None = None
    energy_wh: float = 0.0
    soc: float | None = None
    offers: tuple[Offer, ...] = ()
    fallback_a: float | None = None
    car_phases: int | None = None
    car_maximum_a: float | None = None
    car_minimum_a: float | None = None
    preference: Preference = Preference()
    car_asks: bool = False
    car_discharge_w: float = 0.0
    discharge_w: float = 0.0
    discharge_until: datetime | None = None
    prior: bool = False


class BatteryState(Struct, frozen=True, kw_only=True):
    """power_w: charging positive, discharging negative. stored_wh: None when it does not tell."""

    battery: str
    heard_at: datetime
    power_w: float
    stored_wh: float | None = None


class LoadLimit(Struct, frozen=True, kw_only=True):
    """A limit told to a controllable load, W; None: it was released. It holds until another one takes its place."""

    limit_w: float | None
    sent_at: datetime
    outcome: OfferOutcome = OfferOutcome.SENT
    answered_at: datetime | None = None


class LoadState(Struct, frozen=True, kw_only=True):
    """What is known of one controllable load. Powers in W.

    online: it is connected, and since then; where not, since when not (None: it never was). heard_at: its last sign of life. power_w: what it says
    that it draws, at measured_at. limits: newest last; the older ones are kept for as long as they may still be in force. nominal_w: the most that
    it draws by its own word. failsafe_w, failsafe_s: what it keeps to without us, and how long at least, as it has confirmed; None: not told.
    """

    load: str
    online: bool = False
    since: datetime | None = None
    heard_at: datetime | None = None
    power_w: float | None = None
    measured_at: datetime | None = None
    limits: tuple[LoadLimit, ...] = ()
    nominal_w: float | None = None
    failsafe_w: float | None = None
    failsafe_s: float | None = None


class PointMemory(Struct, frozen=True, kw_only=True):
    """What the last decisions left behind for the next ones about one point: the timers of fairness and of calm.

    served_s: how long this session has had at least its minimum (rotation uses it). turn_since: begin of the present turn, None when waiting.
    raised_at, lowered_at: last raise and last reduction. stopped_at: when limits last took the offer from at least the minimum to 0.
    switched_at: last change of the number of phases. underuse_since: since when the car draws clearly less than offered.
    learned_a: what the car was seen to make use of, plus a margin; None while it takes what it is given.
    """

    point: str
    session: str | None = None
    served_s: float = 0.0
    turn_since: datetime | None = None
    raised_at: datetime | None = None
    lowered_at: datetime | None = None
    stopped_at: datetime | None = None
    switched_at: datetime | None = None
    underuse_since: datetime | None = None
    learned_a: float | None = None


class NodeMemory(Struct, frozen=True, kw_only=True):
    """The highest base (what is not charging points) of one circuit, A per phase and W: since ``since``, and in the span before that."""

    node: str
    since: datetime
    peak_a: PerPhase
    peak_w: float
    before_a: PerPhase
    before_w: float


class LoadMemory(Struct, frozen=True, kw_only=True):
    """What a controllable load was told last: limit_w, since changed_at; None: it was released. ordered: an order, not the wiring, limited it."""

    load: str
    changed_at: datetime
    limit_w: float | None = None
    ordered: bool = False


class QuietMemory(Struct, frozen=True, kw_only=True):
    """The lowest that a circuit above controllable loads carried without them, cars away, A per phase and W: since ``since``, and before that."""

    node: str
    since: datetime
    low_a: PerPhase
    low_w: float
    before_a: PerPhase
    before_w: float


class Memory(Struct, frozen=True, kw_only=True):
    """Carried from one decision to the next. ``decided_at`` is None before the first."""

    decided_at: datetime | None = None
    points: tuple[PointMemory, ...] = ()
    nodes: tuple[NodeMemory, ...] = ()
    lost_meters: tuple[str, ...] = ()
    loads: tuple[LoadMemory, ...] = ()
    quiet: tuple[QuietMemory, ...] = ()


class PeakBudget(Struct, frozen=True, kw_only=True):
    """The running 15-minute window of the grid connection: energy drawn so far and what the owner allows as its mean power."""

    window_started_at: datetime
    drawn_wh: float
    budget_w: float
    window_s: float = 900.0


class SiteState(Struct, frozen=True, kw_only=True):
    """The input of ``control.decide``, together with the moment ``now``."""

    topology: Topology
    readings: tuple[Reading, ...] = ()
    points: tuple[PointState, ...] = ()
    batteries: tuple[BatteryState, ...] = ()
    limits: tuple[Limit, ...] = ()
    peak: PeakBudget | None = None
    price_per_kwh: float | None = None
    memory: Memory = Memory()
    plan: PlanNow | None = None
    loads: tuple[LoadState, ...] = ()
