"""Who may do what: each action of a back end has a group, and the back end's settings say which groups it has.

An action without a group never reaches the station: certificates, connection data and everything else that would cut us off belong to us alone.
"""

from typing import Any

import msgspec

from chargebridge.stations.ocpp.forward.settings import BackendSettings
from chargebridge.stations.sharing import May
from chargebridge.wire.ocpp import Dialect, PayloadError, v16, v201
from chargebridge.wire.ocpp.payload import Payload

GROUPS: dict[May, frozenset[str]] = {
    "start_stop": frozenset({"RemoteStartTransaction", "RemoteStopTransaction", "RequestStartTransaction", "RequestStopTransaction"}),
    "limit": frozenset({"SetChargingProfile", "ClearChargingProfile"}),
    "reserve": frozenset({"ReserveNow", "CancelReservation"}),
    "availability": frozenset({"ChangeAvailability"}),
    "unlock": frozenset({"UnlockConnector"}),
    "read": frozenset(
        {
            *("GetConfiguration", "GetVariables", "GetBaseReport", "GetReport", "GetMonitoringReport", "GetCompositeSchedule"),
            *(
                "GetLocalListVersion",
                "GetTransactionStatus",
                "GetDisplayMessages",
                "TriggerMessage",
                "ExtendedTriggerMessage",
                "GetTariffs",
                "GetPeriodicEventStream",
            ),
        }
    ),
    "configure": frozenset(
        {
            "ChangeConfiguration",
            "SetVariables",
            "SetMonitoringBase",
            "SetMonitoringLevel",
            "SetVariableMonitoring",
            "ClearVariableMonitoring",
            "AdjustPeriodicEventStream",
        }
    ),
    "reset": frozenset({"Reset"}),
    "firmware": frozenset({"UpdateFirmware", "SignedUpdateFirmware", "GetDiagnostics", "GetLog"}),
    "lists": frozenset({"SendLocalList", "ClearCache"}),
    "display": frozenset({"SetDisplayMessage", "ClearDisplayMessage", "CostUpdated"}),
}
GROUP_OF = {action: group for group, actions in GROUPS.items() for action in actions}

TOLD: dict[str, str] = {
    "BootNotification": "boot",
    "StatusNotification": "status",
    "StartTransaction": "transactions",
    "StopTransaction": "transactions",
    "TransactionEvent": "transactions",
    "MeterValues": "meter_values",
    "ReservationStatusUpdate": "status",
    **dict.fromkeys(
        [
            *(
                "SecurityEventNotification",
                "FirmwareStatusNotification",
                "SignedFirmwareStatusNotification",
                "DiagnosticsStatusNotification",
            ),
            *(
                "LogStatusNotification",
                "NotifyEvent",
                "NotifyDERAlarm",
                "NotifyDERStartStop",
                "NotifyChargingLimit",
                "ClearedChargingLimit",
                "OpenPeriodicEventStream",
                "ClosePeriodicEventStream",
            ),
        ],
        "events",
    ),
}
"""What a station says, by who hears it. Not here: what is asked of one alone (Authorize, DataTransfer, certificates), heartbeats, which each
connection has of its own, reports, which go to whoever asked for them, and values of streams, which are not kept (`Link.tell`)."""
REPORTS = frozenset(
    {"NotifyReport", "NotifyMonitoringReport", "NotifyCustomerInformation", "NotifyDisplayMessages", "ReportChargingProfiles"}
)

OURS_16 = frozenset(
    {
        *("AuthorizationKey", "SecurityProfile", "CpoName", "CertificateSignedMaxChainSize", "WebSocketPingInterval", "HeartbeatInterval"),
        *("MeterValueSampleInterval", "MeterValuesSampledData", "ConnectorPhaseRotation"),
    }
)
OURS_2X = frozenset({"SecurityCtrlr", "OCPPCommCtrlr", "SampledDataCtrlr", "SmartChargingCtrlr", "InternalCtrlr"})
"""What we need ourselves, or what would cut us off: nobody else writes it."""


def may(backend: BackendSettings, action: str) -> bool:
    return GROUP_OF.get(action) in backend.may


def touches_ours(request: Payload, fallback_setting: str | None) -> bool:
    """Whether a request would write what is ours."""
    if isinstance(request, v16.ChangeConfigurationRequest):
        return request.key in OURS_16 or request.key == fallback_setting
    if isinstance(request, v201.SetVariablesRequest) or type(request).__name__ == "SetVariablesRequest":
        data: Any = getattr(request, "set_variable_data", ())
        names = {(item.component.name, item.variable.name) for item in data}
        return any(component in OURS_2X or f"{component}.{variable}" == fallback_setting for component, variable in names)
    return False


def refusal(dialect: Dialect, action: str) -> Payload | None:
    """The action's own word for no; None when it has none, and only a CALLERROR says it."""
    try:
        return dialect.decode_response(action, b'{"status":"Rejected"}')
    except PayloadError:
        return None


def convert(payload: Payload, to: Dialect, action: str, *, answer: bool = False) -> Payload | None:
    """The same message in another version's types; None when that version cannot say it in full."""
    raw = msgspec.Raw(to.encode(payload))
    try:
        return to.decode_response(action, raw) if answer else to.decode_request(action, raw)
    except (PayloadError, KeyError):
        return None
