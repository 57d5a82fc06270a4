"""Commands by name, and how each version of OCPP words them: from what a person enters to an action and its payload.

Every command of either kind goes out through the one generic call, which checks the payload against the version's schema.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from chargebridge.model.errors import ModelError
from chargebridge.site.operation.view import CommandField, CommandForm
from chargebridge.wire.ocpp import Dialect

Worded = tuple[str, dict[str, Any]]
DATE = "%Y-%m-%dT%H:%M:%SZ"

FROM_STATIONS = frozenset(
    {
        "Authorize", "BatterySwap", "BootNotification", "ClearedChargingLimit", "ClosePeriodicEventStream", "DiagnosticsStatusNotification",
        "FirmwareStatusNotification", "Get15118EVCertificate", "GetCertificateChainStatus", "GetCertificateStatus", "Heartbeat",
        "LogStatusNotification", "MeterValues", "NotifyChargingLimit", "NotifyCustomerInformation", "NotifyDERAlarm", "NotifyDERStartStop",
        "NotifyDisplayMessages", "NotifyEVChargingNeeds", "NotifyEVChargingSchedule", "NotifyEvent", "NotifyMonitoringReport",
        "NotifyPriorityCharging", "NotifyReport", "NotifySettlement", "OpenPeriodicEventStream", "PublishFirmwareStatusNotification",
        "PullDynamicScheduleUpdate", "ReportChargingProfiles", "ReportDERControl", "ReservationStatusUpdate", "SecurityEventNotification",
        "SignCertificate", "SignedFirmwareStatusNotification", "StartTransaction", "StatusNotification", "StopTransaction",
        "TransactionEvent", "VatNumberValidation",
    }
)  # fmt: skip
"""Actions that only stations call (DataTransfer goes both ways)."""


def callable_actions(dialect: Dialect) -> tuple[str, ...]:
    """The actions of a version that a Central System may call, by name."""
    return tuple(sorted(action for action in dialect.messages if action not in FROM_STATIONS))


class Given(Struct, frozen=True):
    """What a person entered, read with care. Raises ModelError naming the argument. old: OCPP 1.6."""

    command: str
    arguments: dict[str, Any]
    old: bool
    now: datetime

    def text(self, name: str, otherwise: str | None = None) -> str:
        value = self.arguments.get(name)
        if value is None or value == "":
            if otherwise is None:
                raise self.wrong(name, "is missing", "give it")
            return otherwise
        if isinstance(value, bool | dict | list):
            raise self.wrong(name, f"{value!r} is no text", "give a text")
        return str(value).strip()

    def number(self, name: str, otherwise: int | None = None) -> int:
        text = self.text(name, None if otherwise is None else str(otherwise))
        try:
            return int(text)
        except ValueError:
            raise self.wrong(name, f"{text!r} is no whole number", "give one") from None

    def given(self, name: str) -> bool:
        return self.arguments.get(name) not in (None, "")

    def choice(self, name: str, choices: dict[str, Any], otherwise: str | None = None) -> Any:
        text = self.text(name, otherwise)
        if text not in choices:
            raise self.wrong(name, f"{text!r} is not among what can be chosen", f"give one of {', '.join(choices)}")
        return choices[text]

    def lines(self, name: str) -> list[str]:
        value = self.arguments.get(name) or []
        items = value if isinstance(value, list) else str(value).replace(",", "\n").splitlines()
        return [str(item).strip() for item in items if str(item).strip()]

    def object(self, name: str) -> dict[str, Any]:
        value = self.arguments.get(name)
        if isinstance(value, str):
            try:
                value = msgspec.json.decode(value)
            except msgspec.MsgspecError as error:
                raise self.wrong(name, f"is not JSON: {error}", "give a JSON object") from None
        if not isinstance(value, dict):
            raise self.wrong(name, "is no JSON object", 'give one, such as {"stackLevel": 0, ...}')
        return value

    def variable(self, text: str, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """`Component.Variable`, either with an instance in brackets: `Component[x].Variable[y]`."""
        component, dot, variable = text.partition(".")
        if not dot or not component or not variable:
            raise self.wrong(name, f"{text!r} names no variable", "write Component.Variable, such as SampledDataCtrlr.TxUpdatedInterval")
        return _instanced(component), _instanced(variable)

    def wrong(self, name: str, reason: str, cure: str) -> ModelError:
        return ModelError(f"{self.command}: {name}", reason, cure)

    @property
    def request_id(self) -> int:
        return int(self.now.timestamp()) & 0x7FFFFFFF


def _instanced(text: str) -> dict[str, Any]:
    name, bracket, instance = text.partition("[")
    return {"name": name, "instance": instance.rstrip("]")} if bracket else {"name": name}


def word(name: str, arguments: dict[str, Any], dialect: Dialect, now: datetime) -> Worded:
    """The action and payload of a named command. Raises ModelError."""
    for form in _FORMS:
        if form.name == name:
            unknown = set(arguments) - {field.name for field in form.fields}
            if unknown:
                known = ", ".join(field.name for field in form.fields) or "none"
                raise ModelError(f"{name}: {min(unknown)}", "is not known here", f"its arguments are: {known}")
            return _WORDS[name](Given(name, arguments, dialect.name == "ocpp1.6", now))
    raise ModelError(name, "there is no such command", f"give one of {', '.join(form.name for form in _FORMS)}, or call an action")


def forms(dialect: Dialect | None) -> tuple[CommandForm, ...]:
    """Those that the version has words for; all while it is not known."""
    if dialect is None or dialect.name != "ocpp1.6":
        return _FORMS
    return tuple(form for form in _FORMS if form.name != "report")


def _reset(given: Given) -> Worded:
    hard = given.choice("how", {"soft": False, "hard": True}, "soft")
    if given.old:
        return "Reset", {"type": "Hard" if hard else "Soft"}
    return "Reset", {"type": "Immediate" if hard else "OnIdle"} | ({"evseId": given.number("evse")} if given.given("evse") else {})


def _unlock(given: Given) -> Worded:
    if given.old:
        return "UnlockConnector", {"connectorId": given.number("evse", 1)}
    return "UnlockConnector", {"evseId": given.number("evse", 1), "connectorId": given.number("connector", 1)}


def _trigger(given: Given) -> Worded:
    message = {"requestedMessage": given.text("message")}
    if not given.given("evse"):
        return "TriggerMessage", message
    evse = given.number("evse")
    return "TriggerMessage", message | ({"connectorId": evse} if given.old else {"evse": {"id": evse}})


def _availability(given: Given) -> Worded:
    state, evse = given.choice("state", {"operative": "Operative", "inoperative": "Inoperative"}), given.number("evse", 0)
    if given.old:
        return "ChangeAvailability", {"connectorId": evse, "type": state}
    return "ChangeAvailability", {"operationalStatus": state} | ({"evse": {"id": evse}} if evse else {})


def _get_settings(given: Given) -> Worded:
    names = given.lines("names")
    if given.old:
        return "GetConfiguration", {"key": names} if names else {}
    if not names:
        raise given.wrong("names", "are missing", "name variables as Component.Variable; `report` asks for all")
    pairs = [given.variable(name, "names") for name in names]
    return "GetVariables", {"getVariableData": [{"component": component, "variable": variable} for component, variable in pairs]}


def _set_setting(given: Given) -> Worded:
    name, value = given.text("name"), given.text("value", "")
    if given.old:
        return "ChangeConfiguration", {"key": name, "value": value}
    component, variable = given.variable(name, "name")
    return "SetVariables", {"setVariableData": [{"attributeValue": value, "component": component, "variable": variable}]}


def _report(given: Given) -> Worded:
    base = given.choice("base", {n: n for n in ("FullInventory", "ConfigurationInventory", "SummaryInventory")}, "FullInventory")
    return "GetBaseReport", {"requestId": given.request_id, "reportBase": base}


def _log(given: Given) -> Worded:
    kind = given.choice("kind", {"diagnostics": "DiagnosticsLog", "security": "SecurityLog"}, "diagnostics")
    if given.old and kind == "DiagnosticsLog":
        return "GetDiagnostics", {"location": given.text("url")}
    return "GetLog", {"logType": kind, "requestId": given.request_id, "log": {"remoteLocation": given.text("url")}}


def _local_list(given: Given) -> Worded:
    version, tokens = given.number("version"), given.lines("tokens")
    update = given.choice("update", {"full": "Full", "differential": "Differential"}, "full")
    if given.old:
        entries: list[dict[str, Any]] = [{"idTag": token, "idTagInfo": {"status": "Accepted"}} for token in tokens]
        return "SendLocalList", {"listVersion": version, "updateType": update, "localAuthorizationList": entries}
    entries = [{"idToken": {"idToken": token, "type": "ISO14443"}, "idTokenInfo": {"status": "Accepted"}} for token in tokens]
    return "SendLocalList", {"versionNumber": version, "updateType": update} | ({"localAuthorizationList": entries} if entries else {})


def _reserve(given: Given) -> Worded:
    minutes = given.number("minutes", 30)
    if not 0 < minutes <= 7 * 1440:
        raise given.wrong("minutes", f"{minutes} is too few or too many", "give 1 to 10080")
    until, token, evse = (given.now + timedelta(minutes=minutes)).strftime(DATE), given.text("token"), given.number("evse", 1)
    number = given.number("reservation", given.request_id)
    if given.old:
        return "ReserveNow", {"connectorId": evse, "expiryDate": until, "idTag": token, "reservationId": number}
    return "ReserveNow", {"id": number, "expiryDateTime": until, "evseId": evse, "idToken": {"idToken": token, "type": "ISO14443"}}


def _set_profile(given: Given) -> Worded:
    evse, profile = given.number("evse", 0), given.object("profile")
    if given.old:
        return "SetChargingProfile", {"connectorId": evse, "csChargingProfiles": profile}
    return "SetChargingProfile", {"evseId": evse, "chargingProfile": profile}


def _start(given: Given) -> Worded:
    evse, token = given.number("evse", 1), given.text("token")
    if given.old:
        return "RemoteStartTransaction", {"connectorId": evse, "idTag": token}
    card = {"idToken": token, "type": "Central"}
    return "RequestStartTransaction", {"evseId": evse, "remoteStartId": given.request_id, "idToken": card}


def _stop(given: Given) -> Worded:
    if given.old:
        return "RemoteStopTransaction", {"transactionId": given.number("transaction")}
    return "RequestStopTransaction", {"transactionId": given.text("transaction")}


def _schedule(given: Given) -> Worded:
    place = "connectorId" if given.old else "evseId"
    return "GetCompositeSchedule", {place: given.number("evse", 1), "duration": given.number("duration", 3600)}


_EVSE = CommandField(name="evse", label="EVSE (1.6: connector)", kind="number", default="1", needed=True)
_WHOLE = CommandField(name="evse", label="EVSE (1.6: connector); 0: the whole station", kind="number", default="0", needed=True)
_MAYBE = CommandField(name="evse", label="EVSE (1.6: connector); empty: the whole station", kind="number")
_MESSAGES = ("StatusNotification", "MeterValues", "BootNotification", "Heartbeat", "FirmwareStatusNotification", "LogStatusNotification",
             "DiagnosticsStatusNotification", "TransactionEvent", "SignChargingStationCertificate")  # fmt: skip
_FORMS = (
    CommandForm(name="reset", label="Reset", risk="A hard reset ends what charges.", fields=(
        CommandField(name="how", label="How", kind="choice", choices=("soft", "hard"), default="soft", needed=True),
        CommandField(name="evse", label="EVSE (2.x only); empty: the whole station", kind="number"))),
    CommandForm(name="unlock", label="Unlock connector", risk="Ends what charges there, with most makes.", fields=(
        _EVSE, CommandField(name="connector", label="Connector (2.x)", kind="number", default="1"))),
    CommandForm(name="trigger", label="Ask for a message", fields=(
        CommandField(name="message", label="Message", kind="choice", choices=_MESSAGES, default=_MESSAGES[0], needed=True), _MAYBE)),
    CommandForm(name="availability", label="Availability", fields=(
        CommandField(name="state", label="State", kind="choice", choices=("operative", "inoperative"), default="operative", needed=True), _WHOLE)),
    CommandForm(name="get_settings", label="Read settings", fields=(
        CommandField(name="names", label="Keys, or Component.Variable; one a line (1.6: none reads all)", kind="lines"),)),
    CommandForm(name="set_setting", label="Write a setting", risk="A wrong value may make the station unreachable.", fields=(
        CommandField(name="name", label="Key, or Component.Variable", needed=True), CommandField(name="value", label="Value"))),
    CommandForm(name="report", label="Report all variables", fields=(
        CommandField(name="base", label="Which", kind="choice", choices=("FullInventory", "ConfigurationInventory", "SummaryInventory"),
                     default="FullInventory", needed=True),)),
    CommandForm(name="get_log", label="Fetch a log", fields=(
        CommandField(name="kind", label="Log", kind="choice", choices=("diagnostics", "security"), default="diagnostics", needed=True),
        CommandField(name="url", label="Where the station puts it (ftp:// or https://)", needed=True))),
    CommandForm(name="clear_cache", label="Clear the card cache", fields=()),
    CommandForm(name="local_list", label="Send the local list", fields=(
        CommandField(name="version", label="Version", kind="number", default="1", needed=True),
        CommandField(name="update", label="Kind", kind="choice", choices=("full", "differential"), default="full", needed=True),
        CommandField(name="tokens", label="Cards that may charge, one a line", kind="lines"))),
    CommandForm(name="local_list_version", label="Version of the local list", fields=()),
    CommandForm(name="reserve", label="Reserve", fields=(
        _EVSE, CommandField(name="token", label="Card", needed=True),
        CommandField(name="minutes", label="For minutes", kind="number", default="30", needed=True),
        CommandField(name="reservation", label="Its number; empty: a new one", kind="number"))),
    CommandForm(name="cancel_reservation", label="Cancel a reservation", fields=(
        CommandField(name="reservation", label="Its number", kind="number", needed=True),)),
    CommandForm(name="start", label="Start a transaction", fields=(_EVSE, CommandField(name="token", label="Card", needed=True))),
    CommandForm(name="stop", label="Stop a transaction", risk="The car stops charging.", fields=(
        CommandField(name="transaction", label="The station's id of it", needed=True),)),
    CommandForm(name="set_profile", label="Set a charging profile", risk="The site's own limits are profiles too: levels 0 and 1 are its.", fields=(
        _WHOLE, CommandField(name="profile", label="Profile, as JSON", kind="json", needed=True))),
    CommandForm(name="clear_profile", label="Clear a charging profile", risk="The site writes its own limits again within a minute.", fields=(
        CommandField(name="profile", label="Its id", kind="number", needed=True),)),
    CommandForm(name="schedule", label="Composite schedule", fields=(
        _EVSE, CommandField(name="duration", label="Seconds ahead", kind="number", default="3600", needed=True))),
)  # fmt: skip

_WORDS: dict[str, Callable[[Given], Worded]] = {
    "reset": _reset,
    "unlock": _unlock,
    "trigger": _trigger,
    "availability": _availability,
    "get_settings": _get_settings,
    "set_setting": _set_setting,
    "report": _report,
    "get_log": _log,
    "clear_cache": lambda given: ("ClearCache", {}),
    "local_list": _local_list,
    "local_list_version": lambda given: ("GetLocalListVersion", {}),
    "reserve": _reserve,
    "cancel_reservation": lambda given: ("CancelReservation", {"reservationId": given.number("reservation")}),
    "start": _start,
    "stop": _stop,
    "set_profile": _set_profile,
    "clear_profile": lambda given: (
        "ClearChargingProfile",
        {"id" if given.old else "chargingProfileId": given.number("profile")},
    ),
    "schedule": _schedule,
}
