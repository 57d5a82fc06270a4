"""How a station proves who it is, and its connections to other back ends, as its page draws them."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from chargebridge.app.web import words
from chargebridge.app.web.shown.stations import OUTCOME, PROFILE
from chargebridge.site.operation.security_view import GivenCertificate, StationSecurity
from chargebridge.stations.ocpp.forward import LinkState


def security(found: StationSecurity, now: datetime, zone: ZoneInfo) -> list[list[str]]:
    """Rows: what, state."""
    rows = [
        ["Profile it has to come by", PROFILE[found.security_profile]],
        ["Profile it came by", "not connected" if found.came_by is None else PROFILE[found.came_by]],
    ]
    if found.upgrade_to is not None:
        rows.append(["Profile it was told to use", PROFILE[found.upgrade_to]])
    if found.password_pending:
        rows.append(["New password", "sent; the old one counts until it has shown it"])
    return rows + [[f"Certificate {one.serial[:12]}", _certificate(one, now, zone)] for one in found.certificates]


def _certificate(one: GivenCertificate, now: datetime, zone: ZoneInfo) -> str:
    until = one.expires_at.astimezone(zone)
    said = "not answered yet" if one.outcome is None else f"{OUTCOME.get(one.outcome, one.outcome)} {one.detail}".rstrip()
    return f"{'until' if one.expires_at > now else 'ended'} {until.day} {until:%b %Y}, {said}"


def backends(states: Sequence[LinkState], now: datetime, zone: ZoneInfo) -> list[list[str]]:
    """Rows: back end, state."""
    return [[state.backend, f"{_connection(state, now, zone)}; {_told(state)}; {_asked(state)}"] for state in states]


def _told(state: LinkState) -> str:
    refused = f", {state.refused} refused" if state.refused else ""
    return f"{words.several(state.delivered, 'message')} told{refused}, {state.waiting or 'none'} waiting"


def _asked(state: LinkState) -> str:
    if not state.commands:
        return "it has asked for nothing"
    refused = f", {state.commands_refused} of them refused" if state.commands_refused else ""
    return f"{words.several(state.commands, 'command')} from it{refused}"


def _connection(state: LinkState, now: datetime, zone: ZoneInfo) -> str:
    if state.connected:
        since = "" if state.connected_at is None else f" since {words.moment(state.connected_at, now, zone)}"
        return f"connected{since}"
    return f"not connected: {state.trouble}" if state.trouble else "not connected"
