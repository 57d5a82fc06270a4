"""The configuration keys of a station that speaks OCPP 1.6, as it leaves the factory (1.6 chapter 9, security whitepaper)."""

from collections.abc import Iterator

from chargebridge.sim.ocpp_station.plan import StationPlan
from chargebridge.sim.ocpp_station.profiles import MAX_PROFILES, MAX_STACK_LEVEL
from chargebridge.sim.ocpp_station.values import DEFAULT_MEASURANDS, MEASURANDS
from chargebridge.sim.ocpp_station.variables import Variable

KEY_WITH = ("Never", "OncePerTransaction", "EveryMeterValue")
PROFILES = "Core,FirmwareManagement,LocalAuthListManagement,Reservation,SmartCharging,RemoteTrigger"


def factory_16(plan: StationPlan) -> Iterator[Variable]:
    """Every key, in the order of the specification."""
    yield Variable("AllowOfflineTxForUnknownId", "true", "boolean")
    yield Variable("AuthorizationCacheEnabled", "false", "boolean")
    yield Variable("AuthorizeRemoteTxRequests", "false", "boolean")
    yield Variable("ClockAlignedDataInterval", "0", "integer", low=0, high=86_400)
    yield Variable("ConnectionTimeOut", "60", "integer", low=0)
    yield Variable("GetConfigurationMaxKeys", "100", "integer", readonly=True)
    yield Variable("HeartbeatInterval", "60", "integer", low=1)
    yield Variable("LocalAuthorizeOffline", "true", "boolean")
    yield Variable("LocalPreAuthorize", "false", "boolean")
    yield Variable("MeterValuesAlignedData", DEFAULT_MEASURANDS, "MemberList", allowed=MEASURANDS)
    yield Variable("MeterValuesSampledData", DEFAULT_MEASURANDS, "MemberList", allowed=MEASURANDS)
    yield Variable("MeterValueSampleInterval", str(plan.sample_interval_s), "integer", low=0)
    yield Variable("NumberOfConnectors", str(len(plan.evses)), "integer", readonly=True)
    yield Variable("ResetRetries", "1", "integer", low=0)
    yield Variable("ConnectorPhaseRotation", "NotApplicable")
    yield Variable("StopTransactionOnEVSideDisconnect", "true", "boolean")
    yield Variable("StopTransactionOnInvalidId", "true", "boolean")
    yield Variable("StopTxnAlignedData", "", "MemberList", allowed=MEASURANDS)
    yield Variable("StopTxnSampledData", "", "MemberList", allowed=MEASURANDS)
    yield Variable("SupportedFeatureProfiles", PROFILES, readonly=True)
    yield Variable("TransactionMessageAttempts", "3", "integer", low=1)
    yield Variable("TransactionMessageRetryInterval", f"{plan.retry_s:g}", "integer", low=0)
    yield Variable("UnlockConnectorOnEVSideDisconnect", "true", "boolean")
    yield Variable("WebSocketPingInterval", "0", "integer", low=0)
    yield Variable("LocalAuthListEnabled", "true", "boolean")
    yield Variable("LocalAuthListMaxLength", "1000", "integer", readonly=True)
    yield Variable("SendLocalListMaxLength", "1000", "integer", readonly=True)
    yield Variable("ReserveConnectorZeroSupported", "true", "boolean", readonly=True)
    yield Variable("ChargeProfileMaxStackLevel", str(MAX_STACK_LEVEL), "integer", readonly=True)
    yield Variable("ChargingScheduleAllowedChargingRateUnit", "Current,Power", readonly=True)
    yield Variable("ChargingScheduleMaxPeriods", "1024", "integer", readonly=True)
    yield Variable("MaxChargingProfilesInstalled", str(MAX_PROFILES), "integer", readonly=True)
    yield Variable("AuthorizationKey", "", secret=True, low=16, high=40)
    yield Variable("CertificateSignedMaxChainSize", "10000", "integer", readonly=True)
    yield Variable("CertificateStoreMaxLength", "20", "integer", readonly=True)
    yield Variable("CpoName", "", high=255)
    yield Variable("SecurityProfile", "0", "integer", low=0, high=3)
    yield Variable("FallbackCurrent", "" if plan.fallback_a is None else f"{plan.fallback_a:g}", "decimal", low=0, unit="A")
    yield Variable("RetryBackOffRepeatTimes", str(plan.backoff_doublings), "integer", low=0)
    yield Variable("RetryBackOffRandomRange", f"{plan.backoff_random_s:g}", "decimal", low=0)
    yield Variable("RetryBackOffWaitMinimum", f"{plan.reconnect_s:g}", "decimal", low=0)
    if plan.signing is not None:  # OCA application note on signed meter values, clause 3.3
        yield Variable("SampledDataSignReadings", "true", "boolean")
        yield Variable("SampledDataSignStartedReadings", str(plan.signing.records == "two").lower(), "boolean")
        yield Variable("PublicKeyWithSignedMeterValue", "OncePerTransaction", "OptionList", allowed=KEY_WITH)
