"""What a page or an API sees of a site: one value for everything that is shown, and the few things a person can do."""

from datetime import datetime
from typing import Protocol

from msgspec import Struct

from chargebridge.model.decision import Alert, MeterView, Move, Why
from chargebridge.model.finding import DayFigures, Finding
from chargebridge.model.limit import Bound, Limit, LimitSource
from chargebridge.model.phases import PerPhase
from chargebridge.model.session import PointStatus, Preference
from chargebridge.site.eebus_view import EebusService
from chargebridge.site.forecasts.view import ForecastService
from chargebridge.site.money.office import MoneyOffice
from chargebridge.site.operation.view import StationService
from chargebridge.site.plan_view import PlanService
from chargebridge.site.proof.view import ProofMark, ProofService
from chargebridge.stations.ocpp.forward.link import LinkState
from chargebridge.stations.port import Answer


class PowerFlow(Struct, frozen=True, kw_only=True):
    """Present power of each party, W: grid import positive, PV production positive, battery charging positive, house and cars as drawn.

    None: not known, as there is none, or no meter there; or its meter is lost, and then ``silent`` names it: "grid", "pv", "battery".
    """

    grid_w: float | None
    pv_w: float | None
    battery_w: float | None
    house_w: float | None
    cars_w: float
    silent: tuple[str, ...] = ()


class CircuitView(Struct, frozen=True, kw_only=True):
    """One node of the tree. load_a: present, allowed_a: by all limits, A per phase (inf: none). binding: the tightest limit in words."""

    id: str
    name: str
    parent: str | None
    depth: int
    fuse_a: PerPhase
    load_a: PerPhase
    base_a: PerPhase
    planned_a: PerPhase
    allowed_a: PerPhase
    allowed_w: float | None
    power_w: float
    meter: str | None
    meter_view: MeterView
    meter_age_s: float | None
    meter_lost: bool
    overloaded: bool
    binding: str | None


class PointView(Struct, frozen=True, kw_only=True):
    """One charging point's card. terminal_a and offered_a in A per terminal; grid_a rotated onto L1..L3 of the site.

    finish_at: when the car is expected to be done (its wish or its minimum), None if it cannot be told; finish_text says so in words.
    car_asks: what the car itself asked for, in words. discharge_w: what it is to give back now, discharge_max_w: the most that it and the site can.
    """

    id: str
    name: str
    circuit: str
    station: str
    protocol: str | None
    online: bool
    status: PointStatus
    error: str | None
    phases: tuple[int, ...]
    maximum_a: float
    priority: int
    session: str | None
    token: str | None
    started_at: datetime | None
    power_w: float
    grid_a: PerPhase
    offered_a: float | None
    offered_phases: int | None
    goal_a: float | None
    move: Move | None
    energy_wh: float
    soc: float | None
    preference: Preference
    finish_at: datetime | None
    finish_text: str
    why: Why | None
    car_asks: str = ""
    discharge_w: float = 0.0
    discharge_max_w: float = 0.0


class LimitView(Struct, frozen=True, kw_only=True):
    """A limit in the book: in force, still to come, or silent (its failsafe binds)."""

    id: str
    source: LimitSource
    source_text: str
    legal_basis: str
    scope: str
    bound: Bound
    bound_text: str
    starts_at: datetime
    until: datetime | None
    state: str
    note: str
    withdrawable: bool


class BatteryView(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    power_w: float | None
    soc: float | None
    reserve: float
    command_w: float | None
    reason: str


class LoadView(Struct, frozen=True, kw_only=True):
    """A controllable load's card. Powers in W. power_w: what it draws, None: not known. limit_w: what it is to keep to, None: nothing; taken: whether
    it has said that it does. ceiling_w: the most that it may be drawing, whatever it was told. failsafe_w: what it keeps to without us.
    """

    id: str
    name: str
    circuit: str
    online: bool
    heard_at: datetime | None
    power_w: float | None
    nominal_w: float
    guaranteed_w: float
    limit_w: float | None
    taken: bool
    ceiling_w: float
    failsafe_w: float | None
    reason: str


class MeterState(Struct, frozen=True, kw_only=True):
    """How a meter is heard, and what is odd about it.

    place: the names of what it measures. heard_at: its last news, None before the first. findings: those that stand open. telegrams, faults and
    found (by kind) count since the start.
    """

    id: str
    place: str
    heard_at: datetime | None
    today: DayFigures
    yesterday: DayFigures | None
    findings: tuple[Finding, ...]
    telegrams: int
    faults: dict[str, int]
    found: dict[str, int]


class Happening(Struct, frozen=True, kw_only=True):
    """A line of the event log. kind: "session", "limit", "meter", "station", "story", "alert"."""

    at: datetime
    kind: str
    text: str
    subject: str = ""


class SiteView(Struct, frozen=True, kw_only=True):
    """Everything the pages show, at one moment."""

    at: datetime
    name: str
    currency: str
    timezone: str
    demo: bool
    flow: PowerFlow
    needed_w: float
    wished_w: float
    granted_w: float
    grant_reason: str
    price_per_kwh: float | None
    circuits: tuple[CircuitView, ...]
    points: tuple[PointView, ...]
    limits: tuple[LimitView, ...]
    batteries: tuple[BatteryView, ...]
    alerts: tuple[Alert, ...]
    happenings: tuple[Happening, ...]
    reaction_ms: float | None
    decided_at: datetime | None
    meters: tuple[MeterState, ...] = ()
    backends: tuple[LinkState, ...] = ()
    loads: tuple[LoadView, ...] = ()


class HistoryPoint(Struct, frozen=True, kw_only=True):
    """One sample of the chart, W; limit_w: the tightest power that bound the grid connection then, None if only the fuse did."""

    at: datetime
    grid_w: float | None
    pv_w: float | None
    battery_w: float | None
    house_w: float | None
    cars_w: float
    limit_w: float | None


class SessionRow(Struct, frozen=True, kw_only=True):
    """A line of the list of sessions. billed_by: another back end that bills it; None: this site. proof: None where none is due."""

    id: str
    point: str
    token: str
    started_at: datetime
    ended_at: datetime | None
    energy_wh: int
    end_reason: str | None
    billed_by: str | None = None
    proof: ProofMark | None = None


class SiteService(Protocol):
    """What faces may ask of a running site. Errors are ``ChargebridgeError`` with a cure."""

    money: MoneyOffice
    planning: PlanService
    forecasts: ForecastService

    @property
    def proof(self) -> ProofService | None:
        """Of sessions at points under calibration law; None where there is no such point."""
        ...

    @property
    def eebus(self) -> EebusService | None:
        """All about EEBUS; None where the site is not configured to speak it."""
        ...

    def view(self) -> SiteView:
        """The present moment; cheap, the pages ask once a second."""
        ...

    async def history(self, since: datetime, points: int = 240) -> tuple[HistoryPoint, ...]:
        """The chart's samples from ``since`` to now, thinned to about ``points``."""
        ...

    async def sessions(self, point: str | None = None, limit: int = 50) -> tuple[SessionRow, ...]: ...

    async def findings(self, meter: str | None = None, limit: int = 100) -> tuple[Finding, ...]:
        """What was found odd about meters, open and cleared, the newest first."""
        ...

    async def meter_days(self, meter: str | None = None, limit: int = 31) -> tuple[DayFigures, ...]:
        """How meters were heard on the days that are over, the newest first."""
        ...

    async def prefer(self, point: str, preference: Preference, by: str) -> None:
        """Set what the driver at ``point`` asks for; decides anew at once. Raises ModelError when it contradicts itself."""
        ...

    async def start(self, point: str, by: str) -> Answer:
        """Remote start of a session at ``point``; the station's own answer."""
        ...

    async def stop(self, point: str, by: str) -> Answer: ...

    async def set_owner_limit(self, node: str, power_w: float | None, duration_s: float | None, by: str) -> None:
        """The owner's own wish on a circuit, W (0 is a limit); None withdraws it."""
        ...

    async def enter_limit(self, limit: Limit, by: str) -> None:
        """Put a limit into the book; it is decided on at once. Raises ModelError when its scope or its figure cannot be."""
        ...

    async def withdraw_limit(self, limit: str, by: str, starts_at: datetime | None = None) -> None:
        """Take the entries with this id out of the book, or only the one that begins then. Raises UnknownNameError when there is none."""
        ...

    async def discharge(self, point: str, power_w: float, duration_s: float, by: str) -> None:
        """Ask the car at a point to give energy back; 0 W ends it."""
        ...

    async def set_priority(self, point: str, priority: int, by: str) -> None: ...

    @property
    def stations(self) -> StationService:
        """All about the charging stations."""
        ...

    def driver_key(self, point: str) -> str:
        """The secret part of the link by which a driver gets in for this charging point."""
        ...
