"""What a charging station can be told or asked, in one vocabulary for OCPP 1.6, 2.0.1 and 2.1.

A command is a value; `OcppStation.command` words it in the station's version and returns the station's own answer. Where a version has no
word for it, its nearest honest thing is said, or the answer is UNSUPPORTED with the reason. Parts that go as deep as OCPP itself (a tariff, a
display message, a DER curve) are JSON objects in 2.1's spelling. Variables are named as in `stations.variables`, configuration keys by their key.
"""

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from chargebridge.stations.events import Said
from chargebridge.stations.port import Answer, Token
from chargebridge.stations.profiles import ChargingProfile, Unit


class Command(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="command", tag=True):
    """The base of all."""


class Reply(Answer, frozen=True, kw_only=True):
    """action, payload: what was said. response: the station's own answer, None when there is none."""

    action: str = ""
    payload: Said | None = None
    response: Said | None = None


# Device model


class GetReport(Command, frozen=True, kw_only=True):
    """The device model as a whole. 1.6 answers at once with its configuration keys, whatever kind is asked for."""

    request: int
    kind: Literal["ConfigurationInventory", "FullInventory", "SummaryInventory"] = "FullInventory"


class GetCustomReport(Command, frozen=True, kw_only=True):
    """criteria: Active, Available, Enabled, Problem. names: components, or variables."""

    request: int
    criteria: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


class GetVariables(Command, frozen=True, kw_only=True):
    """names: none reads all of them in 1.6."""

    names: tuple[str, ...] = ()
    attribute: Literal["Actual", "Target", "MinSet", "MaxSet"] = "Actual"


class SetVariables(Command, frozen=True, kw_only=True):
    """values: by name. 1.6 takes one at a time."""

    values: dict[str, str]
    attribute: Literal["Actual", "Target", "MinSet", "MaxSet"] = "Actual"


class SetNetworkProfile(Command, frozen=True, kw_only=True):
    """profile: NetworkConnectionProfileType."""

    slot: int
    profile: Said


# Monitoring


class SetMonitor(Command, frozen=True, kw_only=True):
    """kind: UpperThreshold, LowerThreshold, Delta, Periodic, PeriodicClockAligned; 2.1: TargetDelta, TargetDeltaRelative. id: to replace one."""

    name: str
    kind: str
    value: float
    severity: int
    id: int | None = None
    in_transactions: bool = False
    stream: Said | None = None


class ClearMonitors(Command, frozen=True, kw_only=True):
    ids: tuple[int, ...]


class GetMonitoringReport(Command, frozen=True, kw_only=True):
    """criteria: ThresholdMonitoring, DeltaMonitoring, PeriodicMonitoring."""

    request: int
    criteria: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


class SetMonitoringBase(Command, frozen=True, kw_only=True):
    base: Literal["All", "FactoryDefault", "HardWiredOnly"]


class SetMonitoringLevel(Command, frozen=True, kw_only=True):
    severity: int


# Authorisation


class ClearCache(Command, frozen=True, kw_only=True):
    pass


class GetLocalListVersion(Command, frozen=True, kw_only=True):
    pass


class SendLocalList(Command, frozen=True, kw_only=True):
    """full: the list as a whole; else what changes, `gone` being taken out. version: greater than the station's."""

    version: int
    tokens: tuple[Token, ...] = ()
    full: bool = True
    gone: tuple[Token, ...] = ()


# Reservation


class ReserveNow(Command, frozen=True, kw_only=True):
    """evse 0: any."""

    reservation: int
    token: Token
    expires_at: datetime
    evse: int = 0
    connector_type: str | None = None


class CancelReservation(Command, frozen=True, kw_only=True):
    reservation: int


# Availability and remote control


class ChangeAvailability(Command, frozen=True, kw_only=True):
    """evse 0: the whole station."""

    operative: bool
    evse: int = 0
    connector: int | None = None


class UnlockConnector(Command, frozen=True, kw_only=True):
    evse: int
    connector: int = 1


class Trigger(Command, frozen=True, kw_only=True):
    """message: as 2.1 names it; what 1.6 calls otherwise is translated."""

    message: str
    evse: int | None = None
    connector: int | None = None


class GetTransactionStatus(Command, frozen=True, kw_only=True):
    transaction: str | None = None


# Firmware, logs


class UpdateFirmware(Command, frozen=True, kw_only=True):
    """certificate, signature: of a signed firmware, PEM and base64."""

    request: int
    location: str
    retrieve_at: datetime
    install_at: datetime | None = None
    certificate: str | None = None
    signature: str | None = None
    retries: int | None = None
    retry_every_s: int | None = None


class PublishFirmware(Command, frozen=True, kw_only=True):
    request: int
    location: str
    checksum: str


class UnpublishFirmware(Command, frozen=True, kw_only=True):
    checksum: str


class GetLog(Command, frozen=True, kw_only=True):
    """kind: DiagnosticsLog, SecurityLog; 2.1 also DataCollectorLog. location: a folder to upload to."""

    request: int
    location: str
    kind: str = "DiagnosticsLog"
    since: datetime | None = None
    until: datetime | None = None
    retries: int | None = None
    retry_every_s: int | None = None


class GetCustomerInformation(Command, frozen=True, kw_only=True):
    """report: to have it told; clear: to have it erased."""

    request: int
    token: Token | None = None
    identifier: str | None = None
    report: bool = True
    clear: bool = False


# Display


class SetDisplayMessage(Command, frozen=True, kw_only=True):
    """message: MessageInfoType."""

    message: Said


class GetDisplayMessages(Command, frozen=True, kw_only=True):
    request: int
    ids: tuple[int, ...] = ()
    priority: str | None = None
    state: str | None = None


class ClearDisplayMessage(Command, frozen=True, kw_only=True):
    id: int


# Tariff and cost


class CostUpdated(Command, frozen=True, kw_only=True):
    transaction: str
    total: float


class SetDefaultTariff(Command, frozen=True, kw_only=True):
    """tariff: TariffType. evse 0: all of them."""

    tariff: Said
    evse: int = 0


class GetTariffs(Command, frozen=True, kw_only=True):
    evse: int = 0


class ClearTariffs(Command, frozen=True, kw_only=True):
    """None named: all."""

    tariffs: tuple[str, ...] = ()
    evse: int | None = None


class ChangeTransactionTariff(Command, frozen=True, kw_only=True):
    transaction: str
    tariff: Said


# Data transfer, certificates


class DataTransfer(Command, frozen=True, kw_only=True):
    vendor: str
    message: str | None = None
    data: Any = None


class GetCertificateIds(Command, frozen=True, kw_only=True):
    """uses: V2GRootCertificate, MORootCertificate, CSMSRootCertificate, V2GCertificateChain, ManufacturerRootCertificate; none: all."""

    uses: tuple[str, ...] = ()


class InstallCertificate(Command, frozen=True, kw_only=True):
    use: str
    certificate: str


class DeleteCertificate(Command, frozen=True, kw_only=True):
    """certificate: CertificateHashDataType, as the station told it."""

    certificate: Said


class SendSignedCertificate(Command, frozen=True, kw_only=True):
    """chain: PEM, its own first. request: of the signing request that it answers (2.1)."""

    chain: str
    use: str = "ChargingStationCertificate"
    request: int | None = None


# Smart charging


class SetProfile(Command, frozen=True, kw_only=True):
    evse: int
    profile: ChargingProfile


class GetProfiles(Command, frozen=True, kw_only=True):
    """Either ids, or any of the rest. sources: CSO, EMS, SO, Other."""

    request: int
    evse: int | None = None
    ids: tuple[int, ...] = ()
    purpose: str | None = None
    stack_level: int | None = None
    sources: tuple[str, ...] = ()


class ClearProfiles(Command, frozen=True, kw_only=True):
    id: int | None = None
    evse: int | None = None
    purpose: str | None = None
    stack_level: int | None = None


class GetCompositeSchedule(Command, frozen=True, kw_only=True):
    evse: int
    duration_s: int
    unit: Unit | None = None


class UsePriorityCharging(Command, frozen=True, kw_only=True):
    transaction: str
    activate: bool


class AllowEnergyTransfer(Command, frozen=True, kw_only=True):
    """modes: AC_single_phase, ..., AC_BPT, DC_BPT, AC_DER. Of a running transaction."""

    transaction: str
    modes: tuple[str, ...]


class Setpoint(Command, frozen=True, kw_only=True):
    """Have a car draw, or give, just that much: a dynamic TxProfile with operation mode CentralSetpoint, which `UpdateSetpoint` then moves.

    power_w: negative to discharge. Versions before 2.1 take it as the most to draw, and cannot discharge.
    """

    evse: int
    transaction: str
    power_w: float
    profile: int
    stack_level: int = 2
    update_every_s: int | None = None


class UpdateSetpoint(Command, frozen=True, kw_only=True):
    """New values for a dynamic profile. discharge_limit_w: 0 or less."""

    profile: int
    power_w: float | None = None
    limit_w: float | None = None
    discharge_limit_w: float | None = None


# Grid


class SetDerControl(Command, frozen=True, kw_only=True):
    """control: the type, such as FreqDroop; settings: that type's part of SetDERControl ({"freqDroop": {...}})."""

    id: str
    control: str
    settings: Said
    default: bool = False


class GetDerControl(Command, frozen=True, kw_only=True):
    request: int
    control: str | None = None
    id: str | None = None
    default: bool | None = None


class ClearDerControl(Command, frozen=True, kw_only=True):
    default: bool = False
    control: str | None = None
    id: str | None = None


class AfrrSignal(Command, frozen=True, kw_only=True):
    """signal: of the transmission system operator, for a profile with operation mode LocalFrequency or CentralFrequency (2.1 Q07)."""

    at: datetime
    signal: int


class AdjustStream(Command, frozen=True, kw_only=True):
    stream: int
    interval_s: int | None = None
    values: int | None = None


class GetStreams(Command, frozen=True, kw_only=True):
    pass


class RequestBatterySwap(Command, frozen=True, kw_only=True):
    request: int
    token: Token


AnyCommand = (
    GetReport | GetCustomReport | GetVariables | SetVariables | SetNetworkProfile | SetMonitor | ClearMonitors | GetMonitoringReport
    | SetMonitoringBase | SetMonitoringLevel | ClearCache | GetLocalListVersion | SendLocalList | ReserveNow | CancelReservation
    | ChangeAvailability | UnlockConnector | Trigger | GetTransactionStatus | UpdateFirmware | PublishFirmware | UnpublishFirmware | GetLog
    | GetCustomerInformation | SetDisplayMessage | GetDisplayMessages | ClearDisplayMessage | CostUpdated | SetDefaultTariff | GetTariffs
    | ClearTariffs | ChangeTransactionTariff | DataTransfer | GetCertificateIds | InstallCertificate | DeleteCertificate
    | SendSignedCertificate | SetProfile | GetProfiles | ClearProfiles | GetCompositeSchedule | UsePriorityCharging | AllowEnergyTransfer
    | Setpoint | UpdateSetpoint | SetDerControl | GetDerControl | ClearDerControl | AfrrSignal | AdjustStream | GetStreams
    | RequestBatterySwap
)  # fmt: skip
