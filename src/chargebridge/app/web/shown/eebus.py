"""Grid and EEBUS as their page draws them: finished words, so that the browser only has to place them."""

import json
from collections.abc import Container, Iterable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from chargebridge.app.web import words
from chargebridge.app.web.qr import svg
from chargebridge.app.web.shown.stations import heard
from chargebridge.links.eebus.peer import Origin, Phase
from chargebridge.site.eebus_peers import written
from chargebridge.site.eebus_view import EebusNode, EebusView, GridLimit, LimitWrite, PeerView, TracedMessage
from chargebridge.site.eebus_words import power, span

PHASE_LEVEL = {
    Phase.SEEN: "quiet",
    Phase.ASKING: "tight",
    Phase.TRUSTED: "over",
    Phase.CONNECTING: "tight",
    Phase.WAITING: "tight",
    Phase.DENIED: "over",
    Phase.CONNECTED: "ok",
}
ORIGIN = {
    Origin.CONFIGURATION: "by the configuration file",
    Origin.USER: "by you",
    Origin.WINDOW: "in a pairing window",
    Origin.PAIRING_SERVICE: "by our QR code's secret",
}
KIND_ICON = {
    "control box": "electrical_services",
    "wallbox": "ev_station",
    "heat pump or heating": "heat_pump",
    "inverter": "solar_power",
    "battery": "battery_charging_full",
    "meter": "speed",
    "energy manager": "hub",
}
STATE_LEVEL = {
    "init": "tight",
    "unlimited/controlled": "ok",
    "limited": "tight",
    "failsafe": "over",
    "unlimited/autonomous": "quiet",
}
USE_CASE = {"LPC": "Consumption (LPC)", "LPP": "Feed-in (LPP)"}
WRITES_HEAD = ["When", "What it wrote", "Outcome", "Answered", "Stations told", "Meter within it"]
ROUTINE = {"deviceDiagnosisHeartbeatData", "measurementListData"}
"""What comes all the time while nothing happens."""


def node(found: EebusNode, zone: ZoneInfo) -> dict[str, Any]:
    """Who we are."""
    told = [
        ("SHIP ID", found.ship_id),
        ("Brand, model, serial", " · ".join(part for part in (found.brand, found.model, found.serial) if part)),
        ("Port", str(found.port) if found.port else "not listening"),
        ("Found by mDNS on", ", ".join(found.announced_on) or "no network: others reach us only by our address"),
        ("Fingerprint (SHA-256)", " ".join(found.fingerprint[at : at + 8] for at in range(0, len(found.fingerprint), 8))),
        ("Certificate until", f"{found.not_after.astimezone(zone):%-d %b %Y}"),
    ]
    return {"ski": written(found.ski), "facts": told, "qr": svg(found.code, "QR code of our SKI"), "secret": found.pairing_service}


def window(view: EebusView) -> dict[str, Any]:
    """The pairing window with its countdown."""
    left_s = 0 if view.window_until is None else max(0, round((view.window_until - view.at).total_seconds()))
    return {"open": left_s > 0, "left": f"{left_s // 60}:{left_s % 60:02d}"}


def peers(view: EebusView, zone: ZoneInfo) -> list[dict[str, Any]]:
    return [_peer(peer, view.at, zone) for peer in view.peers]


def _peer(peer: PeerView, now: datetime, zone: ZoneInfo) -> dict[str, Any]:
    make = " ".join(part for part in (peer.brand, peer.model) if part)
    facts = []
    if make and make != peer.name:
        facts.append(("Make and model", make))
    if peer.ship_id:
        facts.append(("SHIP ID", peer.ship_id))
    if peer.address:
        facts.append(("Address", peer.address + (" (it has dialled us)" if peer.incoming else "")))
    if peer.serves:
        facts.append(("Serves as", peer.serves))
    if peer.uses:
        facts.append(("Use cases", ", ".join(peer.uses)))
    if peer.phase is Phase.CONNECTED and peer.connected_at is not None:
        facts.append(("Connected since", words.moment(peer.connected_at, now, zone)))
    elif peer.last_connected is not None:
        facts.append(("Last connected", words.moment(peer.last_connected, now, zone)))
    if peer.last_heard is not None:
        facts.append(("Last heard", heard(peer.last_heard, now, zone)))
    if peer.since is not None and peer.origin is not None:
        facts.append(("Paired", f"{words.moment(peer.since, now, zone)}, {ORIGIN[peer.origin]}"))
    trouble = peer.trouble
    return {
        "ski": peer.ski,
        "written": written(peer.ski),
        "name": peer.name,
        "kind": peer.kind,
        "icon": KIND_ICON.get(peer.kind, "device_unknown"),
        "phase": peer.said,
        "level": PHASE_LEVEL[peer.phase],
        "advice": words.sentence(peer.advice),
        "trouble": "" if trouble is None else words.sentence(trouble.reason),
        "cure": "" if trouble is None else words.sentence(trouble.cure),
        "troubled": "" if trouble is None else heard(trouble.at, now, zone),
        "facts": facts,
        "asks": peer.asks,
        "pairable": peer.origin is None and not peer.asks,
        "unpairable": peer.origin is not None,
    }


def refusals(view: EebusView, zone: ZoneInfo) -> list[dict[str, Any]]:
    """Who came and got no further than the door."""
    return [
        {
            "host": one.host,
            "reason": words.sentence(one.reason),
            "cure": words.sentence(one.cure),
            "times": f"{words.several(one.times, 'time')}, last {heard(one.at, view.at, zone)}",
        }
        for one in view.refusals
    ]


def limits(view: EebusView, zone: ZoneInfo) -> list[dict[str, Any]]:
    return [_limit(limit, view.at, zone) for limit in view.limits]


def _limit(limit: GridLimit, now: datetime, zone: ZoneInfo) -> dict[str, Any]:
    age_s = None if limit.heartbeat_at is None else (now - limit.heartbeat_at).total_seconds()
    facts = [
        ("Control box", limit.guard_name or "none yet"),
        ("Since", words.moment(limit.since, now, zone)),
        ("Most by contract", power(limit.nominal_w)),
        ("Failsafe", f"{power(limit.failsafe_w)} for at least {span(limit.failsafe_s)}"),
        ("Writes since the start", f"{limit.accepted} accepted, {limit.refused} refused"),
    ]
    return {
        "name": USE_CASE[limit.use_case],
        "state": limit.state,
        "level": STATE_LEVEL.get(limit.state, "tight"),
        "said": words.sentence(limit.said),
        "beat": "none heard yet" if age_s is None else f"{words.duration(age_s)} ago",
        "share": 1.0 if age_s is None else min(1.0, max(0.0, age_s / limit.silent_after_s)),
        "never": age_s is None,
        "after": words.duration(limit.silent_after_s),
        "facts": facts,
    }


def writes(found: Sequence[LimitWrite], now: datetime, zone: ZoneInfo) -> dict[str, Any]:
    several = len({write.use_case for write in found}) > 1
    rows = [
        [
            _exact(write.at, now, zone),
            f"{write.use_case}: {write.said}" if several else write.said,
            "accepted" if write.accepted else f"refused: {write.why}",
            *(_took(ms) for ms in (write.answered_ms, write.told_ms, write.kept_ms)),
        ]
        for write in found
    ]
    return {"head": WRITES_HEAD, "empty": "No control box has written anything yet.", "rows": rows}


def _took(ms: float | None) -> str:
    if ms is None:
        return ""
    return f"{words.number(ms)} ms" if ms < 1000 else f"{words.number(ms / 1000, 1)} s"


def trace(found: Iterable[TracedMessage], opened: Container[int], now: datetime, zone: ZoneInfo) -> dict[str, Any]:
    """The newest first."""
    rows = [_traced(message, message.number in opened, now, zone) for message in found]
    return {"rows": rows[::-1], "empty": "Nothing was said yet."}


def _traced(message: TracedMessage, opened: bool, now: datetime, zone: ZoneInfo) -> dict[str, Any]:
    bad = message.classifier == "unreadable" or message.result.startswith("error")
    ends = (message.source, message.destination)
    return {
        "number": message.number,
        "time": f"{_exact(message.at, now, zone)}.{message.at.microsecond // 1000:03d}",
        "direction": message.direction,
        "peer": message.peer_name,
        "classifier": message.classifier,
        "function": message.function,
        "ends": f"{ends[0]} → {ends[1]}" if any(ends) else "",
        "value": message.value,
        "result": message.result,
        "level": "over" if bad else "",
        "open": opened,
        "raw": _pretty(message.raw) if opened else "",
    }


def _exact(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    day = "" if local.date() == now.astimezone(zone).date() else f"{local.day} {local:%b} "
    return f"{day}{local:%H:%M:%S}"


def _pretty(raw: str) -> str:
    try:
        return json.dumps(json.loads(raw), indent=1, ensure_ascii=False)
    except ValueError:
        return raw
