"""What was decided, for whom, and why."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from chargebridge.model.limit import Direction, LimitSource
from chargebridge.model.phases import PerPhase
from chargebridge.model.state import Memory


class Demand(Struct, frozen=True, kw_only=True):
    """What the CSM asks of the EMS (TF-EVC 3.2.6): P_needed and P_wished of all cars, W."""

    needed_w: float
    wished_w: float


class Grant(Struct, frozen=True, kw_only=True):
    """What the EMS answers (TF-EVC 3.2.6.1-4): P_granted for all cars, W, and what the battery must add to it.

    battery_w: discharge owed by 3.2.6.3/4, W, 0 or more. short_w: how much of what is needed cannot be granted, W. reason: one sentence.
    """

    granted_w: float
    battery_w: float = 0.0
    short_w: float = 0.0
    reason: str = ""


class Cause(StrEnum):
    """What holds a point at its current. Everything but WISHED and CAR is something that somebody could change."""

    WISHED = "wished"
    CAR = "car"
    STATION = "station"
    LIMIT = "limit"
    SHARE = "share"
    WAITING_TURN = "waiting_turn"
    WAITING_RELEASE = "waiting_release"
    PRICE = "price"
    PLAN = "plan"
    FAILSAFE = "failsafe"
    OFFLINE = "offline"
    NO_CAR = "no_car"
    NOT_AUTHORISED = "not_authorised"
    DONE = "done"
    DISCHARGING = "discharging"


class WhyStep(Struct, frozen=True, kw_only=True):
    """One link of the why-chain: a bound that was looked at, with its number.

    node: circuit, group or point it lies on. source: of the limit, None where it is none (the car, the station). allowed_a: what it left to this
    point, A per phase. limit/used: the bound itself and what others take of it, in ``unit`` ("A" or "W"). phase: 1..3 where it binds on one phase.
    """

    node: str
    text: str
    allowed_a: float
    source: LimitSource | None = None
    limit: float | None = None
    used: float | None = None
    unit: str = "A"
    phase: int | None = None
    binding: bool = False


class Why(Struct, frozen=True, kw_only=True):
    """cause: the kind of the binding bound; sentence: for a driver; steps: the chain with all numbers, the binding one marked."""

    cause: Cause
    sentence: str
    steps: tuple[WhyStep, ...] = ()


class Move(StrEnum):
    """DECREASE is sent first; INCREASE only into headroom that has been released; RENEW repeats a standing offer before it expires."""

    DECREASE = "decrease"
    INCREASE = "increase"
    RENEW = "renew"
    HOLD = "hold"


class PointDecision(Struct, frozen=True, kw_only=True):
    """current_a: to be offered now on each of ``phases`` terminals. goal_a: where it is going once headroom is released.

    needed_a, wished_a: bounds of the grant for this point. ceiling_a: the most it may be drawing at this moment whatever it was told.
    valid_s: how long the offer is to stand; ``move`` HOLD means that nothing is sent.
    discharge_w: what the car is to give back, W; current_a is 0 then.
    """

    point: str
    move: Move
    current_a: float
    phases: int
    goal_a: float
    needed_a: float
    wished_a: float
    ceiling_a: float
    valid_s: float
    why: Why
    discharge_w: float = 0.0


class MeterView(StrEnum):
    """How a node's load is known: by its MEASURED meter, as the SUM of what is below, or ASSUMED because its meter is lost."""

    MEASURED = "measured"
    SUM = "sum"
    ASSUMED = "assumed"


class Effective(Struct, frozen=True, kw_only=True):
    """One limit in force on a node at the time of the decision, with where it comes from.

    Without any of ``current_a``, ``power_w`` and ``unbalance_a`` it is an answer that limits nothing. Only CONSUMPTION is acted on with cars.
    """

    limit: str
    source: LimitSource
    legal_basis: str
    text: str
    current_a: PerPhase | None = None
    power_w: float | None = None
    unbalance_a: float | None = None
    until: datetime | None = None
    failsafe: bool = False
    direction: Direction = Direction.CONSUMPTION


class NodeDecision(Struct, frozen=True, kw_only=True):
    """A circuit or a group: what flows, what may flow, and what binds.

    load_a: present current, A per phase (import positive); load_w: its power. base_a: the part that is not charging points.
    allowed_a: what the limits on this node let flow, A per phase, always finite (a group without a limit in force: what its points can
    draw at most, as JSON has no infinity).
    allowed_w: None where no limit in watts is in force. planned_a: with all goals reached.
    """

    node: str
    meter: MeterView
    load_a: PerPhase
    load_w: float
    base_a: PerPhase
    planned_a: PerPhase
    allowed_a: PerPhase
    allowed_w: float | None
    limits: tuple[Effective, ...] = ()
    overloaded: bool = False


class BatteryCommand(Struct, frozen=True, kw_only=True):
    """power_w: charging positive, discharging negative."""

    battery: str
    power_w: float
    reason: str


class LoadDecision(Struct, frozen=True, kw_only=True):
    """limit_w: what a controllable load is to keep to, W; None: nothing. ceiling_w: the most it may be drawing at this moment whatever it was told.

    reserved_w: what counts as its own in groups that are limited. reason: one sentence; node, source: of the limit that binds.
    """

    load: str
    limit_w: float | None
    ceiling_w: float
    reserved_w: float
    reason: str
    node: str | None = None
    source: LimitSource | None = None


class Alert(Struct, frozen=True, kw_only=True):
    """Something a person should know, with what to do about it."""

    severity: str
    node: str
    text: str
    cure: str = ""


class Decision(Struct, frozen=True, kw_only=True):
    """The output of ``control.decide``."""

    at: datetime
    demand: Demand
    grant: Grant
    points: tuple[PointDecision, ...]
    nodes: tuple[NodeDecision, ...]
    batteries: tuple[BatteryCommand, ...] = ()
    alerts: tuple[Alert, ...] = ()
    loads: tuple[LoadDecision, ...] = ()
    memory: Memory
