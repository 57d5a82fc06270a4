"""Commands to the station as a device: its variables and monitors, firmware, logs, certificates."""

from datetime import datetime
from typing import Any, Literal

from chargebridge.stations.commands.command import Command
from chargebridge.stations.events import Said
from chargebridge.stations.port import Token

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


class ConfigureNetwork(Command, frozen=True, kw_only=True):
    """A network configuration by variables (2.1 B09.FR.10). settings: by the variable's name, such as OcppCsmsUrl, SecurityProfile, Apn."""

    slot: int
    settings: dict[str, str]


class SetNetworkProfile(Command, frozen=True, kw_only=True):
    """profile: NetworkConnectionProfileType."""

    slot: int
    profile: Said


class Reset(Command, frozen=True, kw_only=True):
    """hard: at once; else once nothing charges. evse None: the whole station (1.6 knows no other)."""

    hard: bool = False
    evse: int | None = None


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


class AdjustStream(Command, frozen=True, kw_only=True):
    stream: int
    interval_s: int | None = None
    values: int | None = None


class GetStreams(Command, frozen=True, kw_only=True):
    pass


# Asking for a message


class Trigger(Command, frozen=True, kw_only=True):
    """message: as 2.1 names it; what 1.6 calls otherwise is translated."""

    message: str
    evse: int | None = None
    connector: int | None = None


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
    """report: to have it told; clear: to have it erased. certificate: CertificateHashDataType as `GetCertificateIds` told it, so that the hash is
    the one that the station knows it by (2.x N09.FR.08, N10.FR.09)."""

    request: int
    token: Token | None = None
    identifier: str | None = None
    certificate: Said | None = None
    report: bool = True
    clear: bool = False


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
