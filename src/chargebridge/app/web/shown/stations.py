"""The charging stations as their pages draw them: finished words, so that the browser only has to place them."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from chargebridge.app.web import words
from chargebridge.site.ledger import PRESUMED
from chargebridge.site.operation.roll import EEBUS
from chargebridge.site.operation.view import (
    Change,
    CommandRecord,
    EvseView,
    LoggedMessage,
    StationDetail,
    StationRow,
)
from chargebridge.stations.events import SecurityEvent, StationEvent

STATE = {"online": "online", "connected": "connecting", "offline": "offline", "unseen": "never heard"}
PROFILE = {0: "0: none", 1: "1: password", 2: "2: password and TLS", 3: "3: certificates"}
ENDED = {PRESUMED: "its end was never told"}
STATE_LEVEL = {"online": "ok", "connected": "tight", "offline": "over", "unseen": "quiet"}
OUTCOME_LEVEL = {"accepted": "ok", "rejected": "over", "unsupported": "tight", "timed_out": "tight", "offline": "over", "unknown": "tight"}
OUTCOME = {"timed_out": "no answer", "unsupported": "cannot do that", "offline": "not connected", "unknown": "not known"}
SUMMARY = 120
EVENTS = 60
SETTINGS = 4
_VALUE = re.compile(r"\[([^\[\]]+)\]\.value$")
"""The end of a path to a measured value: what was measured says enough."""
_TIME = re.compile(r"\d{4}-\d\d-\d\dT")


def protocol(name: str | None) -> str:
    if name == EEBUS:
        return "EEBUS"
    return f"OCPP {name.removeprefix('ocpp')}" if name else ""


def rows(stations: Iterable[StationRow], now: datetime, zone: ZoneInfo) -> list[dict[str, Any]]:
    return [row(station, now, zone) for station in stations]


def row(station: StationRow, now: datetime, zone: ZoneInfo) -> dict[str, Any]:
    notes = []
    if station.setup_refused:
        notes.append(f"{words.several(station.setup_refused, 'setting')} not taken")
    if station.mended:
        notes.append(f"{words.several(sum(station.mended.values()), 'repair')} by {station.tolerance}")
    if station.proposed:
        notes.append(f"tolerance profile {' or '.join(station.proposed)} was made for it")
    if station.faulty_messages:
        notes.append(f"{words.several(station.faulty_messages, 'faulty message')}")
    return {
        "id": station.identity,
        "state": STATE[station.state],
        "level": STATE_LEVEL[station.state],
        "protocol": protocol(station.protocol),
        "make": f"{station.vendor} {station.model}".strip(),
        "firmware": station.firmware or "",
        "heard": heard(station.heard_at, now, zone),
        "evses": [
            {"evse": e.evse, "name": e.name or f"EVSE {e.evse}", "key": str(e.status), "status": words.STATUS[e.status]}
            for e in station.evses
        ],
        "note": ", ".join(notes),
    }


def heard(at: datetime | None, now: datetime, zone: ZoneInfo) -> str:
    if at is None:
        return ""
    age_s = (now - at).total_seconds()
    if age_s < 3:
        return "now"
    return f"{words.duration(age_s)} ago" if age_s < 3600 else words.moment(at, now, zone)


def facts(station: StationRow, now: datetime, zone: ZoneInfo) -> dict[str, Any]:
    """The head of a station's own page."""
    told = [
        ("Protocol", protocol(station.protocol) or "not known yet"),
        ("Security", "TLS, its key known by its SKI")
        if station.security_profile is None
        else ("Security profile", PROFILE.get(station.security_profile, str(station.security_profile))),
        ("Make and model", f"{station.vendor} {station.model}".strip() or "not told yet"),
        ("Firmware", station.firmware or "not told"),
        ("Serial number", station.serial or "not told"),
        ("Address", station.remote or "not connected"),
        ("Last heard", heard(station.heard_at, now, zone) or "never"),
        ("Last boot", words.moment(station.booted_at, now, zone) if station.booted_at else "not seen"),
    ]
    if station.tolerance is not None:
        times = sum(station.mended.values())
        told.append(("Tolerance profile", station.tolerance + (f", {words.several(times, 'repair')}" if times else "")))
    elif station.proposed:
        told.append(("Tolerance profile", f"none; made for such stations: {', '.join(station.proposed)}"))
    return {**row(station, now, zone), "facts": told, "evses": [_evse(evse) for evse in station.evses]}


def _evse(evse: EvseView) -> dict[str, Any]:
    connectors = ", ".join(f"{number} {word}" for number, word in sorted(evse.connectors.items()))
    told = []
    if evse.transaction is not None:
        told.append(f"transaction {evse.transaction}")
    if evse.energy_wh is not None:
        told.append(words.energy(evse.energy_wh))
    if evse.power_w is not None and evse.transaction is not None:
        told.append(words.power(evse.power_w))
    if evse.offered_a is not None and evse.transaction is not None:
        told.append(f"{words.current(evse.offered_a)} offered")
    if connectors:
        told.append(f"connectors: {connectors}")
    if evse.point is None:
        told.append("no charging point of the site")
    return {
        "evse": evse.evse,
        "name": evse.name or f"EVSE {evse.evse}",
        "key": str(evse.status),
        "status": words.STATUS[evse.status],
        "told": " · ".join(told),
        "error": evse.error or "",
    }


# Messages


def messages(found: Iterable[LoggedMessage], opened: set[int], now: datetime, zone: ZoneInfo) -> list[dict[str, Any]]:
    return [_message(message, message.number in opened, zone, now) for message in found]


def _message(message: LoggedMessage, opened: bool, zone: ZoneInfo, now: datetime) -> dict[str, Any]:
    local = message.at.astimezone(zone)
    day = "" if local.date() == now.astimezone(zone).date() else f"{local.day} {local:%b} "
    level = "over" if message.kind in ("error", "result_error", "unreadable") or (message.fault and message.fault.position) else ""
    return {
        "number": message.number,
        "time": f"{day}{local:%H:%M:%S}",
        "direction": message.direction,
        "action": message.action or ("unreadable" if message.kind == "unreadable" else "answer"),
        "kind": {"call": "", "result": "answer", "send": "told", "error": "refused", "result_error": "disputed"}.get(message.kind, ""),
        "level": level,
        "summary": summary(message),
        "changes": [] if message.changes is None else [_change(change) for change in message.changes],
        "same": message.changes == (),
        "fault": "" if message.fault is None else _fault(message),
        "open": opened,
        "body": _body(message) if opened else "",
    }


def _fault(message: LoggedMessage) -> str:
    assert message.fault is not None
    at = f"at {message.fault.position}: " if message.fault.position else ""
    return f"{at}{message.fault.reason}" + (f"; {message.fault.cure}" if message.fault.cure else "")


def _body(message: LoggedMessage) -> str:
    if message.payload is None:
        return message.frame or ""
    return msgspec.json.format(msgspec.json.encode(message.payload), indent=2).decode()


def _change(change: Change) -> dict[str, str]:
    measured = _VALUE.search(change.path)
    return {"path": measured[1] if measured else change.path, "before": _short(change.before), "after": _short(change.after)}


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else "none" if value is None else msgspec.json.encode(value).decode()
    return text if len(text) <= 60 else text[:57] + "..."


def summary(message: LoggedMessage) -> str:
    """What a payload says, on one line: its measured values, else its simple fields."""
    if message.payload is None:
        return (message.frame or "")[:SUMMARY]
    said = _measured(message.payload) or _fields(message.payload)
    text = ", ".join(said)
    return text if len(text) <= SUMMARY else text[: SUMMARY - 3] + "..."


def _measured(payload: Any) -> list[str]:
    if not isinstance(payload, dict) or not isinstance(payload.get("meterValue"), list):
        return []
    head = [f"{name} {payload[name]}" for name in ("eventType", "connectorId", "evseId", "transactionId") if name in payload]
    values = [v for m in payload["meterValue"] if isinstance(m, dict) for v in m.get("sampledValue") or [] if isinstance(v, dict)]
    return head + [_value(value) for value in values]


def _value(value: dict[str, Any]) -> str:
    unit = value.get("unit") or (value.get("unitOfMeasure") or {}).get("unit", "")
    name = str(value.get("measurand", "Energy.Active.Import.Register")).replace(".Import", "").replace(".Register", "")
    return " ".join(str(part) for part in (name, value.get("phase", ""), value.get("value", ""), unit) if part != "")


def _fields(payload: Any, prefix: str = "") -> list[str]:
    if not isinstance(payload, dict):
        return [_short(payload)]
    said = []
    for name, value in payload.items():
        if isinstance(value, dict):
            said += _fields(value, f"{name}.")
        elif isinstance(value, list) and (named := [_setting(item) for item in value[:SETTINGS]]) and all(named):
            said += [text for text in named if text] + (["and more"] if len(value) > SETTINGS else [])
        elif isinstance(value, list):
            said.append(f"{words.several(len(value), 'entry', 'entries')} of {prefix}{name}" if value else f"no {prefix}{name}")
        elif not (isinstance(value, str) and _TIME.match(value)):
            said.append(f"{prefix}{name} {_short(value)}")
    return said


def _setting(item: Any) -> str | None:
    """A variable (2.x) or key (1.6) with its value or status."""
    if not isinstance(item, dict):
        return None
    component, variable = item.get("component"), item.get("variable")
    name = item.get("key")
    if isinstance(component, dict) and isinstance(variable, dict):
        name = f"{component.get('name')}.{variable.get('name')}"
    if name is None:
        return None
    return f"{name} {_short(item.get('attributeValue', item.get('value', item.get('attributeStatus', ''))))}".strip()


# What was done


def commands(records: Iterable[CommandRecord], now: datetime, zone: ZoneInfo) -> list[dict[str, Any]]:
    return [
        {
            "number": record.number,
            "action": record.action,
            "asked": f"{words.moment(record.asked_at, now, zone)} by {record.by}",
            "payload": ", ".join(_fields(record.payload))[:SUMMARY],
            "outcome": OUTCOME.get(record.outcome or "", record.outcome or "waiting for the answer"),
            "level": OUTCOME_LEVEL.get(record.outcome or "", "tight"),
            "detail": record.detail,
            "took": ""
            if record.answered_at is None
            else f"after {words.number((record.answered_at - record.asked_at).total_seconds() * 1000)} ms",
            "response": "" if not record.response else msgspec.json.format(msgspec.json.encode(record.response), indent=2).decode(),
        }
        for record in records
    ]


def settings(detail: StationDetail) -> list[list[str]]:
    """Rows: name, value, answer."""
    return [
        [w.name, w.value or "", " ".join((OUTCOME.get(w.outcome, w.outcome), w.detail)).strip() + (f" ({w.by})" if w.by != "site" else "")]
        for w in detail.written
    ]


def transactions(detail: StationDetail, now: datetime, zone: ZoneInfo) -> list[list[str]]:
    return [
        [
            words.moment(t.started_at, now, zone),
            words.moment(t.ended_at, now, zone) if t.ended_at else "running",
            words.energy(t.energy_wh),
            t.token or "",
            ENDED.get(t.end_reason or "", t.end_reason or ""),
        ]
        for t in detail.transactions
    ]


def events(detail: StationDetail, now: datetime, zone: ZoneInfo) -> list[list[str]]:
    """What happened and what it told, together, the newest first."""
    # A security event is told to people at once: it is among what happened.
    lines = [*detail.events, *((one.received_at, _told(one.event)) for one in detail.told if not isinstance(one.event, SecurityEvent))]
    return [[words.moment(at, now, zone), text] for at, text in sorted(lines, key=lambda line: line[0], reverse=True)[:EVENTS]]


def _told(event: StationEvent) -> str:
    """tells log status: status Uploaded."""
    fields = {name: value for name, value in msgspec.to_builtins(event).items() if name not in ("event", "at")}
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(event).__name__).lower()
    return f"tells {name}: {', '.join(_fields(fields))}"[:SUMMARY]


def variables(detail: StationDetail) -> list[list[str]]:
    """Rows: name, value."""
    return [
        [
            f"{v.name} ({v.attribute})" if v.attribute != "Actual" else v.name,
            " ".join(p for p in (v.value or "", v.unit or "") if p) + (" (read only)" if v.readonly else ""),
        ]
        for v in detail.variables
    ]
