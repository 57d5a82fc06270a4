"""The settings that a station's behaviour hangs on, and the name of each in OCPP 1.6 and in 2.x."""

from enum import Enum


class Knob(Enum):
    """(configuration key of 1.6, component and variable of 2.x)"""

    HEARTBEAT = ("HeartbeatInterval", "OCPPCommCtrlr.HeartbeatInterval")
    SAMPLE = ("MeterValueSampleInterval", "SampledDataCtrlr.TxUpdatedInterval")
    ALIGNED = ("ClockAlignedDataInterval", "AlignedDataCtrlr.Interval")
    MEASURANDS = ("MeterValuesSampledData", "SampledDataCtrlr.TxUpdatedMeasurands")
    ALIGNED_MEASURANDS = ("MeterValuesAlignedData", "AlignedDataCtrlr.Measurands")
    FALLBACK = ("FallbackCurrent", "SmartChargingCtrlr.FallbackCurrent")
    PASSWORD = ("AuthorizationKey", "SecurityCtrlr.BasicAuthPassword")
    PROFILE = ("SecurityProfile", "SecurityCtrlr.SecurityProfile")
    ORGANISATION = ("CpoName", "SecurityCtrlr.OrganizationName")
    CACHE = ("AuthorizationCacheEnabled", "AuthCacheCtrlr.Enabled")
    LOCAL_LIST = ("LocalAuthListEnabled", "LocalAuthListCtrlr.Enabled")
    LOCAL_OFFLINE = ("LocalAuthorizeOffline", "AuthCtrlr.LocalAuthorizeOffline")
    PRE_AUTHORISE = ("LocalPreAuthorize", "AuthCtrlr.LocalPreAuthorize")
    UNKNOWN_OFFLINE = ("AllowOfflineTxForUnknownId", "AuthCtrlr.OfflineTxForUnknownIdEnabled")
    AUTHORISE_REMOTE = ("AuthorizeRemoteTxRequests", "AuthCtrlr.AuthorizeRemoteStart")
    CONNECTION_TIMEOUT = ("ConnectionTimeOut", "TxCtrlr.EVConnectionTimeOut")
    STOP_INVALID = ("StopTransactionOnInvalidId", "TxCtrlr.StopTxOnInvalidId")
    STOP_UNPLUGGED = ("StopTransactionOnEVSideDisconnect", "TxCtrlr.StopTxOnEVSideDisconnect")
    ATTEMPTS = ("TransactionMessageAttempts", "OCPPCommCtrlr.MessageAttempts[TransactionEvent]")
    RETRY = ("TransactionMessageRetryInterval", "OCPPCommCtrlr.MessageAttemptInterval[TransactionEvent]")
    BACKOFF_TIMES = ("RetryBackOffRepeatTimes", "OCPPCommCtrlr.RetryBackOffRepeatTimes")
    BACKOFF_RANDOM = ("RetryBackOffRandomRange", "OCPPCommCtrlr.RetryBackOffRandomRange")
    BACKOFF_MINIMUM = ("RetryBackOffWaitMinimum", "OCPPCommCtrlr.RetryBackOffWaitMinimum")
    PING = ("WebSocketPingInterval", "OCPPCommCtrlr.WebSocketPingInterval")
    SIGN = ("SampledDataSignReadings", "SampledDataCtrlr.SignReadings")
    SIGN_STARTED = ("SampledDataSignStartedReadings", "SampledDataCtrlr.SignStartedReadings")
    KEY_WITH = ("PublicKeyWithSignedMeterValue", "OCPPCommCtrlr.PublicKeyWithSignedMeterValue")
    STACK = ("ChargeProfileMaxStackLevel", "SmartChargingCtrlr.ProfileStackLevel")
