"""The head of the page, what a person should know now, and what happened."""

from typing import Any
from zoneinfo import ZoneInfo

from chargebridge.app.web import words
from chargebridge.app.web.shown.circuits import fullness
from chargebridge.site.view import SiteView

_STALE_S = 10.0
"""A decision is due every second: older than this and the page says so."""
_LINES = 40
_ORDER = ("critical", "error", "alarm", "warning", "info")
_SERIOUS = ("critical", "error", "alarm")
_ICON = {
    "session": "electric_car",
    "limit": "speed",
    "meter": "sensors",
    "station": "ev_station",
    "eebus": "hub",
    "story": "auto_stories",
    "alert": "warning",
}


def head(view: SiteView, zone: ZoneInfo) -> dict[str, Any]:
    local = view.at.astimezone(zone)
    return {
        "name": view.name,
        "demo": view.demo,
        "clock": f"{local:%H:%M:%S}",
        "day": f"{local:%A} {local.day} {local:%B}",
        "zone": f"{view.timezone} ({local:%Z})",
        "price": words.price(view.price_per_kwh, view.currency) if view.price_per_kwh is not None else "",
        "reaction": f"decides in {words.number(view.reaction_ms, 0 if view.reaction_ms >= 10 else 1)} ms" if view.reaction_ms else "",
        **_health(view),
    }


def _health(view: SiteView) -> dict[str, str]:
    if view.decided_at is None:
        return {"level": "tight", "health": "starting: nothing decided yet"}
    age = (view.at - view.decided_at).total_seconds()
    if age > _STALE_S:
        return {"level": "over", "health": f"no decision for {words.duration(age)}"}
    over = sum(fullness(circuit) == "over" for circuit in view.circuits)
    if over:
        return {"level": "over", "health": f"{words.several(over, 'circuit')} over the limit"}
    serious = [alert for alert in view.alerts if alert.severity != "info"]
    if serious:
        return {"level": "tight", "health": words.several(len(serious), "thing") + " to look at"}
    return {"level": "ok", "health": "all within limits"}


def alerts(view: SiteView) -> list[dict[str, Any]]:
    names = {circuit.id: circuit.name for circuit in view.circuits} | {point.id: point.name for point in view.points}
    ranked = sorted(view.alerts, key=lambda alert: _ORDER.index(alert.severity) if alert.severity in _ORDER else 0)
    return [
        {
            "level": "info" if alert.severity == "info" else "over" if alert.severity in _SERIOUS else "tight",
            "severity": alert.severity,
            "where": names.get(alert.node, alert.node),
            "text": words.sentence(alert.text),
            "cure": words.sentence(alert.cure),
        }
        for alert in ranked
    ]


def lines(view: SiteView, zone: ZoneInfo) -> list[dict[str, Any]]:
    """The newest first."""
    newest = sorted(view.happenings, key=lambda happening: happening.at, reverse=True)[:_LINES]
    return [
        {
            "key": f"{happening.at.timestamp()}{happening.subject}{happening.text}",
            "at": f"{happening.at.astimezone(zone):%H:%M:%S}",
            "kind": happening.kind,
            "icon": _ICON.get(happening.kind, "circle"),
            "text": happening.text[:1].upper() + happening.text[1:],
        }
        for happening in newest
    ]
