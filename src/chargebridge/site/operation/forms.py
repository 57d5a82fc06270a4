"""What can be asked of a station: the commands that have a name, with what a person enters for each, and every action of its version."""

from chargebridge.site.operation.view import CommandField, CommandForm
from chargebridge.wire.ocpp import Dialect

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


def forms(dialect: Dialect | None) -> tuple[CommandForm, ...]:
    """Those that the version has words for; all while it is not known."""
    if dialect is None or dialect.name != "ocpp1.6":
        return FORMS
    return tuple(form for form in FORMS if form.name != "report")


_EVSE = CommandField(name="evse", label="EVSE (1.6: connector)", kind="number", default="1", needed=True)
_WHOLE = CommandField(name="evse", label="EVSE (1.6: connector); 0: the whole station", kind="number", default="0", needed=True)
_MAYBE = CommandField(name="evse", label="EVSE (1.6: connector); empty: the whole station", kind="number")
_MESSAGES = ("StatusNotification", "MeterValues", "BootNotification", "Heartbeat", "FirmwareStatusNotification", "LogStatusNotification",
             "DiagnosticsStatusNotification", "TransactionEvent", "SignChargingStationCertificate")  # fmt: skip
FORMS = (
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
