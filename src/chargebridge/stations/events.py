"""What a charging station tells beyond the port's core methods, in one vocabulary for OCPP 1.6, 2.0.1 and 2.1.

A `StationEvent` is a value that can be kept as JSON (`event` says which one it is) and read back. Words in it (statuses, sources, modes) are
those of the newest OCPP that has them; where an older version has another word for the same thing, its language translates it. Parts that
go as deep as OCPP itself (profiles, curves, an EV's parameters, receipts) are kept as the JSON object that 2.1 has for them.

Times are aware UTC by the station's clock. Reports come in pages: `page` counts from 0, `more` says that another one follows.
"""

from datetime import datetime
from typing import Any

from msgspec import Raw, Struct

Said = dict[str, Any]  # a JSON object in OCPP's own spelling


class StationEvent(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event", tag=True):
    """The base of all."""


class Variable(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A configuration key (1.6) or one attribute of a variable (2.x). name: the key, or as `stations.variables` writes a component's variable.

    attribute: Actual, Target, MinSet, MaxSet. value None: it has none, or may not be read. readonly None: not said.
    """

    name: str
    attribute: str = "Actual"
    value: str | None = None
    readonly: bool | None = None
    unit: str | None = None
    type: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    values: str | None = None


class Monitor(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """kind: UpperThreshold, LowerThreshold, Delta, Periodic, PeriodicClockAligned, ... severity: 0 danger to 9 debug (2.x N02)."""

    id: int
    name: str
    kind: str
    value: float
    severity: int
    in_transactions: bool = False
    by: str | None = None


class Notice(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event of the device model (2.x N07). trigger: Alerting, Delta, Periodic. by: HardWired, Preconfigured or Custom monitor."""

    id: int
    name: str
    at: datetime
    trigger: str
    value: str
    by: str
    cleared: bool = False
    cause: int | None = None
    code: str | None = None
    info: str | None = None
    transaction: str | None = None
    monitor: int | None = None
    severity: int | None = None


class DeviceReport(StationEvent, frozen=True, kw_only=True):
    """A page of the device model. request: the id of the report; None for single variables that were read."""

    variables: tuple[Variable, ...]
    request: int | None = None
    page: int = 0
    more: bool = False
    at: datetime | None = None


class MonitoringReport(StationEvent, frozen=True, kw_only=True):
    request: int
    monitors: tuple[Monitor, ...]
    page: int
    more: bool
    at: datetime


class MonitorsSet(StationEvent, frozen=True, kw_only=True):
    """Monitors that the station has just taken from us."""

    monitors: tuple[Monitor, ...]


class MonitorsCleared(StationEvent, frozen=True, kw_only=True):
    ids: tuple[int, ...]


class Notices(StationEvent, frozen=True, kw_only=True):
    notices: tuple[Notice, ...]
    page: int
    more: bool
    at: datetime


class SecurityEvent(StationEvent, frozen=True, kw_only=True):
    """kind: of the list in 2.x appendix 1 and the 1.6 security whitepaper."""

    kind: str
    at: datetime
    info: str | None = None


class FirmwareStatus(StationEvent, frozen=True, kw_only=True):
    """status: Downloading, Downloaded, Installing, Installed, InstallationFailed, InvalidSignature, ... request: None where 1.6 names none."""

    status: str
    request: int | None = None
    info: str | None = None


class FirmwarePublished(StationEvent, frozen=True, kw_only=True):
    """A local controller offers firmware to the stations behind it (2.x L03)."""

    status: str
    locations: tuple[str, ...] = ()
    request: int | None = None
    info: str | None = None


class LogStatus(StationEvent, frozen=True, kw_only=True):
    """status: Idle, Uploading, Uploaded, UploadFailure, BadMessage, PermissionDenied, NotSupportedOperation, AcceptedCanceled.

    1.6's diagnostics are logs as well: no request id, UploadFailure for UploadFailed.
    """

    status: str
    request: int | None = None
    info: str | None = None


class ReservationUpdate(StationEvent, frozen=True, kw_only=True):
    """status: Expired, Removed, NoTransaction."""

    reservation: int
    status: str


class ChargingLimitSet(StationEvent, frozen=True, kw_only=True):
    """Somebody else limits the station. source: EMS, SO, CSO, Other. schedules: 2.1 ChargingScheduleType. evse 0: all of it."""

    source: str
    evse: int = 0
    grid_critical: bool = False
    local_generation: bool = False
    schedules: tuple[Said, ...] = ()


class ChargingLimitCleared(StationEvent, frozen=True, kw_only=True):
    source: str
    evse: int = 0


class ProfilesReported(StationEvent, frozen=True, kw_only=True):
    """profiles: 2.1 ChargingProfileType, as they stand in the station."""

    request: int
    evse: int
    source: str
    profiles: tuple[Said, ...]
    more: bool = False


class ChargingNeeds(StationEvent, frozen=True, kw_only=True):
    """What the car asks for. transfer: AC_single_phase, ..., DC_BPT, AC_DER. parameters: acChargingParameters, v2xChargingParameters, ... of 2.1."""

    evse: int
    transfer: str
    departure_at: datetime | None = None
    energy_wh: float | None = None
    also_possible: tuple[str, ...] = ()
    control_mode: str | None = None
    max_periods: int | None = None
    parameters: Said = {}


class ChargingSchedule(StationEvent, frozen=True, kw_only=True):
    """What the car will do with a profile. schedule: 2.1 ChargingScheduleType, which counts from starts_at.

    outside: where it goes beyond what we have set, in words.
    """

    evse: int
    starts_at: datetime
    schedule: Said
    selected: int | None = None
    tolerance_accepted: bool | None = None
    outside: tuple[str, ...] = ()


class DisplayMessages(StationEvent, frozen=True, kw_only=True):
    """messages: 2.1 MessageInfoType."""

    request: int
    messages: tuple[Said, ...] = ()
    more: bool = False


class CustomerInformation(StationEvent, frozen=True, kw_only=True):
    request: int
    data: str
    page: int
    more: bool
    at: datetime


class DataTransferred(StationEvent, frozen=True, kw_only=True):
    """A vendor's own message. data: as it came; in 1.6 always text."""

    vendor: str
    message: str | None = None
    data: Any = None


class CertificateRequested(StationEvent, frozen=True, kw_only=True):
    """A certificate signing request, PEM. use: ChargingStationCertificate, V2GCertificate, V2G20Certificate."""

    csr: str
    use: str = "ChargingStationCertificate"
    request: int | None = None


class ContractRequested(StationEvent, frozen=True, kw_only=True):
    """A car asks for its contract certificate (ISO 15118). action: Install or Update. exi: base64, as the car sent it."""

    action: str
    schema: str
    exi: str


class RevocationAsked(StationEvent, frozen=True, kw_only=True):
    """A station asks whether certificates are revoked (OCSP or CRL). certificates: OCSPRequestData or CertificateStatusRequestInfo of 2.1."""

    certificates: tuple[Said, ...]


class MeterValuesTold(StationEvent, frozen=True, kw_only=True):
    """Values of no transaction: at the clock's intervals, or asked for. evse 0: the main meter. values: OCPP's meterValue as JSON, untouched."""

    evse: int
    values: Raw


class TransactionGap(StationEvent, frozen=True, kw_only=True):
    """Events of a transaction are missing (2.x E14): found out by us. queued: the station says that it still has messages of it.

    missing: the sequence numbers, "3" or "5-8". filled: they have come meanwhile.
    """

    transaction: str
    missing: tuple[str, ...]
    queued: bool | None = None
    ongoing: bool | None = None
    filled: bool = False


class CostTold(StationEvent, frozen=True, kw_only=True):
    """What the station itself reckons that a transaction costs (2.1 I12). details: CostDetailsType."""

    transaction: str
    details: Said


class Settled(StationEvent, frozen=True, kw_only=True):
    """A payment at the station's terminal. status: Settled, Canceled, Rejected, Failed. details: the whole of 2.1 NotifySettlement."""

    reference: str
    status: str
    amount: float
    at: datetime
    transaction: str | None = None
    details: Said = {}


class WebPaymentStarted(StationEvent, frozen=True, kw_only=True):
    evse: int
    timeout_s: int


class VatNumberAsked(StationEvent, frozen=True, kw_only=True):
    number: str
    evse: int | None = None


class PriorityCharging(StationEvent, frozen=True, kw_only=True):
    transaction: str
    activated: bool


class DynamicScheduleAsked(StationEvent, frozen=True, kw_only=True):
    """The station pulls the present values of a dynamic profile (2.1 K28)."""

    profile: int


class BatterySwap(StationEvent, frozen=True, kw_only=True):
    """kind: BatteryIn, BatteryOut, BatteryOutTimeout. batteries: BatteryDataType."""

    request: int
    kind: str
    token: str
    batteries: tuple[Said, ...]


class DerAlarm(StationEvent, frozen=True, kw_only=True):
    """A car's inverter reacts to the grid (2.1 R). control: the DER control type, such as FreqDroop."""

    control: str
    at: datetime
    ended: bool = False
    fault: str | None = None
    info: str | None = None


class DerStartStop(StationEvent, frozen=True, kw_only=True):
    control: str
    started: bool
    at: datetime
    superseded: tuple[str, ...] = ()


class DerControls(StationEvent, frozen=True, kw_only=True):
    """controls: what ReportDERControl names, list by list (curve, freqDroop, ...)."""

    request: int
    controls: Said
    more: bool = False


class StreamOpened(StationEvent, frozen=True, kw_only=True):
    """A stream of the values that a monitor watches (2.1 N11); every interval_s, or so many values at once."""

    stream: int
    monitor: int
    interval_s: int | None = None
    values: int | None = None


class StreamClosed(StationEvent, frozen=True, kw_only=True):
    stream: int


class Streamed(StationEvent, frozen=True, kw_only=True):
    """values: (s after `since`, value). pending: how many more wait in the station. monitor: what they are of, added by who keeps them."""

    stream: int
    since: datetime
    values: tuple[tuple[float, str], ...]
    pending: int = 0
    monitor: Monitor | None = None


AnyEvent = (
    DeviceReport | MonitoringReport | MonitorsSet | MonitorsCleared | Notices | SecurityEvent | FirmwareStatus | FirmwarePublished | LogStatus
    | ReservationUpdate
    | ChargingLimitSet | ChargingLimitCleared | ProfilesReported | ChargingNeeds | ChargingSchedule | DisplayMessages | CustomerInformation
    | DataTransferred | CertificateRequested | ContractRequested | RevocationAsked | MeterValuesTold | TransactionGap | CostTold | Settled
    | WebPaymentStarted | VatNumberAsked | PriorityCharging | DynamicScheduleAsked | BatterySwap | DerAlarm | DerStartStop | DerControls
    | StreamOpened | StreamClosed | Streamed
)  # fmt: skip
