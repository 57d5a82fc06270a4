"""The device model of a station that speaks OCPP 2.x, as it leaves the factory (part 2 appendix 3: the variables that are required, and
those of the blocks that this station has)."""

from collections.abc import Iterator

from chargebridge.model.phases import NOMINAL_V
from chargebridge.sim.ocpp_station.factory16 import KEY_WITH
from chargebridge.sim.ocpp_station.plan import StationPlan
from chargebridge.sim.ocpp_station.profiles import MAX_PROFILES, MAX_STACK_LEVEL
from chargebridge.sim.ocpp_station.values import DEFAULT_MEASURANDS, MEASURANDS, SETPOINT
from chargebridge.sim.ocpp_station.variables import Variable

REGISTER = "Energy.Active.Import.Register"
AVAILABILITY = ("Available", "Occupied", "Reserved", "Unavailable", "Faulted")
FORMATS = ("ASCII", "UTF8", "URI")
OPERATION_MODES = (
    "Idle", "ChargingOnly", "CentralSetpoint", "ExternalSetpoint", "ExternalLimits", "CentralFrequency", "LocalFrequency", "LocalLoadBalancing",
)  # fmt: skip


def factory_second(plan: StationPlan) -> Iterator[Variable]:
    """Every variable."""
    yield from _communication(plan)
    yield from _authorisation()
    yield from _charging(plan)
    yield from _hardware(plan)
    if plan.version == "ocpp2.1":
        yield from _additions(plan)


def _fixed(name: str, value: object, kind: str = "string", unit: str = "", allowed: tuple[str, ...] = ()) -> Variable:
    return Variable(name, str(value), kind, readonly=True, unit=unit, allowed=allowed)  # type: ignore[arg-type]


def _communication(plan: StationPlan) -> Iterator[Variable]:
    yield Variable("ClockCtrlr.DateTime", "", "dateTime", readonly=True)
    yield Variable("ClockCtrlr.TimeSource", "Heartbeat", "SequenceList", allowed=("Heartbeat",))
    for message, items in (("GetReport", 50), ("GetVariables", 50), ("SetVariables", 50)):
        yield _fixed(f"DeviceDataCtrlr.ItemsPerMessage[{message}]", items, "integer")
        yield _fixed(f"DeviceDataCtrlr.BytesPerMessage[{message}]", 65_536, "integer")
    yield Variable("OCPPCommCtrlr.HeartbeatInterval", "60", "integer", low=1, unit="s")
    yield Variable("OCPPCommCtrlr.WebSocketPingInterval", "0", "integer", low=0, unit="s")
    yield Variable("OCPPCommCtrlr.RetryBackOffRepeatTimes", str(plan.backoff_doublings), "integer", low=0)
    yield Variable("OCPPCommCtrlr.RetryBackOffRandomRange", f"{plan.backoff_random_s:g}", "integer", low=0, unit="s")
    yield Variable("OCPPCommCtrlr.RetryBackOffWaitMinimum", f"{plan.reconnect_s:g}", "integer", low=0, unit="s")
    yield _fixed("OCPPCommCtrlr.FileTransferProtocols", "HTTP,HTTPS", "MemberList")
    yield _fixed("OCPPCommCtrlr.MessageTimeout[Default]", int(plan.call_timeout_s), "integer", "s")
    yield Variable("OCPPCommCtrlr.MessageAttempts[TransactionEvent]", "3", "integer", low=1)
    yield Variable("OCPPCommCtrlr.MessageAttemptInterval[TransactionEvent]", f"{plan.retry_s:g}", "integer", low=0, unit="s")
    yield Variable("OCPPCommCtrlr.NetworkConfigurationPriority", "0")
    yield _fixed("OCPPCommCtrlr.NetworkProfileConnectionAttempts", 3, "integer")
    yield Variable("OCPPCommCtrlr.OfflineThreshold", "0", "integer", low=0, unit="s")
    yield Variable("OCPPCommCtrlr.ResetRetries", "1", "integer", low=0)
    yield _fixed("OCPPCommCtrlr.UnlockOnEVSideDisconnect", "true", "boolean")
    yield Variable("SecurityCtrlr.BasicAuthPassword", "", secret=True, low=16, high=40)
    yield _fixed("SecurityCtrlr.Identity", plan.identity)
    yield Variable("SecurityCtrlr.OrganizationName", "", high=255)
    yield _fixed("SecurityCtrlr.SecurityProfile", 0, "integer")
    yield _fixed("SecurityCtrlr.CertificateEntries", 0, "integer")
    yield _fixed("SecurityCtrlr.MaxCertificateChainSize", 10_000, "integer")


def _authorisation() -> Iterator[Variable]:
    yield _fixed("AuthCtrlr.Enabled", "true", "boolean")
    yield Variable("AuthCtrlr.AuthorizeRemoteStart", "false", "boolean")
    yield Variable("AuthCtrlr.LocalAuthorizeOffline", "true", "boolean")
    yield Variable("AuthCtrlr.LocalPreAuthorize", "false", "boolean")
    yield Variable("AuthCtrlr.OfflineTxForUnknownIdEnabled", "true", "boolean")
    yield Variable("AuthCacheCtrlr.Enabled", "false", "boolean")
    yield Variable("LocalAuthListCtrlr.Enabled", "true", "boolean")
    yield _fixed("LocalAuthListCtrlr.Entries", 0, "integer")
    yield _fixed("LocalAuthListCtrlr.ItemsPerMessage", 1000, "integer")
    yield _fixed("LocalAuthListCtrlr.BytesPerMessage", 262_144, "integer")
    yield _fixed("ReservationCtrlr.Enabled", "true", "boolean")
    yield _fixed("ReservationCtrlr.NonEvseSpecific", "true", "boolean")


def _charging(plan: StationPlan) -> Iterator[Variable]:
    measurands = (*MEASURANDS, SETPOINT) if plan.version == "ocpp2.1" else MEASURANDS
    yield Variable("SampledDataCtrlr.TxUpdatedInterval", str(plan.sample_interval_s), "integer", low=0, unit="s")
    yield Variable("SampledDataCtrlr.TxEndedInterval", "0", "integer", low=0, unit="s")
    for moment, default in (("TxStarted", REGISTER), ("TxUpdated", DEFAULT_MEASURANDS), ("TxEnded", REGISTER)):
        yield Variable(f"SampledDataCtrlr.{moment}Measurands", default, "MemberList", allowed=measurands)
    if plan.signing is not None:
        yield Variable("SampledDataCtrlr.SignReadings", "true", "boolean")
        yield Variable("SampledDataCtrlr.SignStartedReadings", str(plan.signing.records == "two").lower(), "boolean")
        yield Variable("OCPPCommCtrlr.PublicKeyWithSignedMeterValue", "OncePerTransaction", "OptionList", allowed=KEY_WITH)
    yield Variable("AlignedDataCtrlr.Interval", "0", "integer", low=0, unit="s")
    yield Variable("AlignedDataCtrlr.Measurands", DEFAULT_MEASURANDS, "MemberList", allowed=measurands)
    yield Variable("AlignedDataCtrlr.TxEndedInterval", "0", "integer", low=0, unit="s")
    yield Variable("AlignedDataCtrlr.TxEndedMeasurands", "", "MemberList", allowed=measurands)
    yield Variable("TxCtrlr.EVConnectionTimeOut", "60", "integer", low=0, unit="s")
    yield Variable("TxCtrlr.StopTxOnEVSideDisconnect", "true", "boolean")
    yield Variable("TxCtrlr.StopTxOnInvalidId", "true", "boolean")
    yield Variable("TxCtrlr.TxStartPoint", "PowerPathClosed", "MemberList", allowed=("EVConnected", "Authorized", "PowerPathClosed"))
    yield _fixed("TxCtrlr.TxStopPoint", "EVConnected,Authorized", "MemberList")
    yield _fixed("SmartChargingCtrlr.Enabled", "true", "boolean")
    yield _fixed("SmartChargingCtrlr.Entries[ChargingProfiles]", 0, "integer")
    yield _fixed("SmartChargingCtrlr.MaxEntries[ChargingProfiles]", MAX_PROFILES, "integer")
    yield Variable("SmartChargingCtrlr.LimitChangeSignificance", "1", "decimal", low=0, high=100, unit="Percent")
    yield _fixed("SmartChargingCtrlr.PeriodsPerSchedule", 1024, "integer")
    yield _fixed("SmartChargingCtrlr.ProfileStackLevel", MAX_STACK_LEVEL, "integer")
    yield _fixed("SmartChargingCtrlr.RateUnit", "A,W", "MemberList")
    fallback = "" if plan.fallback_a is None else f"{plan.fallback_a:g}"
    yield Variable("SmartChargingCtrlr.FallbackCurrent", fallback, "decimal", low=0, unit="A")
    yield _fixed("MonitoringCtrlr.Enabled", "true", "boolean")
    yield _fixed("MonitoringCtrlr.ItemsPerMessage[SetVariableMonitoring]", 50, "integer")
    yield _fixed("MonitoringCtrlr.BytesPerMessage[SetVariableMonitoring]", 65_536, "integer")
    yield _fixed("DisplayMessageCtrlr.Available", "true", "boolean")
    yield _fixed("DisplayMessageCtrlr.DisplayMessages", 0, "integer")
    yield _fixed("DisplayMessageCtrlr.SupportedFormats", ",".join(FORMATS), "MemberList")
    yield _fixed("DisplayMessageCtrlr.SupportedPriorities", "AlwaysFront,InFront,NormalCycle", "MemberList")
    yield _fixed("TariffCostCtrlr.Available[Cost]", "true", "boolean")
    yield _fixed("TariffCostCtrlr.Currency", "EUR")


def _hardware(plan: StationPlan) -> Iterator[Variable]:
    yield _fixed("ChargingStation.Available", "true", "boolean")
    yield _fixed("ChargingStation.AvailabilityState", "Available", "OptionList", allowed=AVAILABILITY)
    yield _fixed("ChargingStation.Problem", "false", "boolean")
    yield _fixed("ChargingStation.SupplyPhases", max(evse.phases for evse in plan.evses), "integer")
    yield _fixed("ChargingStation.Model", plan.model)
    yield _fixed("ChargingStation.VendorName", plan.vendor)
    for number, evse in enumerate(plan.evses, 1):
        yield _fixed(f"EVSE.Available@{number}", "true", "boolean")
        yield _fixed(f"EVSE.AvailabilityState@{number}", "Available", "OptionList", allowed=AVAILABILITY)
        yield _fixed(f"EVSE.Problem@{number}", "false", "boolean")
        yield _fixed(f"EVSE.SupplyPhases@{number}", evse.phases, "integer")
        power = Variable(f"EVSE.Power@{number}", "0", "decimal", readonly=True, unit="W", high=evse.maximum_a * evse.phases * NOMINAL_V)
        yield power
        yield _fixed(f"EVSE.ACVoltage@{number}", 230.0, "decimal", "V")
        yield _fixed(f"EVSE.ACCurrent@{number}", 0.0, "decimal", "A")
        yield _fixed(f"Connector.Available@{number}.1", "true", "boolean")
        yield _fixed(f"Connector.AvailabilityState@{number}.1", "Available", "OptionList", allowed=AVAILABILITY)
        yield _fixed(f"Connector.ConnectorType@{number}.1", "cType2")
        yield _fixed(f"Connector.SupplyPhases@{number}.1", evse.phases, "integer")


def _additions(plan: StationPlan) -> Iterator[Variable]:
    """What 2.1 adds."""
    yield Variable("TariffCostCtrlr.Enabled[Tariff]", "true", "boolean")
    yield _fixed("TxCtrlr.SupportedLimits", "maxCost,maxEnergy,maxTime,maxSoC", "MemberList")
    yield _fixed("MonitoringCtrlr.MaxPeriodicEventStreams", 10, "integer")
    for number, evse in enumerate(plan.evses, 1):
        if evse.bidirectional:
            yield Variable(f"V2XChargingCtrlr.Enabled@{number}", "true", "boolean")
            yield _fixed(f"V2XChargingCtrlr.SupportedEnergyTransferModes@{number}", "AC_three_phase,AC_BPT,AC_BPT_DER", "MemberList")
            yield _fixed(f"V2XChargingCtrlr.SupportedOperationModes@{number}", ",".join(OPERATION_MODES), "MemberList")
            yield _fixed(f"EVSE.DischargePower@{number}", 0, "decimal", "W")
            yield _fixed(
                f"ACDERCtrlr.ModesSupported@{number}", "FreqDroop,FreqWatt,VoltWatt,LimitMaxDischarge,HVMustTrip,LVMustTrip", "MemberList"
            )
    if plan.batteries:
        yield Variable("BatterySwapCtrlr.BatterySwapInTimeout", "60", "integer", low=1, unit="s")
        yield Variable("BatterySwapCtrlr.BatterySwapOutTimeout", "60", "integer", low=1, unit="s")
