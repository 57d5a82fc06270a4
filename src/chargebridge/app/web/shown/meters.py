"""The meters: when each was heard last, how well it is heard, and what is odd about it with what to do."""

from typing import Any
from zoneinfo import ZoneInfo

from chargebridge.app.web import words
from chargebridge.model.finding import Finding, Severity
from chargebridge.site.view import MeterState, SiteView

_LEVEL = {Severity.INFO: "info", Severity.WARNING: "tight", Severity.ERROR: "over"}
_STATE = {"ok": "nothing odd", "info": "note", "tight": "look at it", "over": "do not rely on it"}


def cards(view: SiteView, zone: ZoneInfo) -> list[dict[str, Any]]:
    return [_card(meter, view, zone) for meter in view.meters]


def _card(meter: MeterState, view: SiteView, zone: ZoneInfo) -> dict[str, Any]:
    level = _LEVEL[meter.findings[0].severity] if meter.findings else "ok"
    return {
        "id": meter.id,
        "place": meter.place,
        "level": level,
        "state": _STATE[level] if meter.heard_at is not None or meter.findings else "not heard yet",
        "heard": _heard(meter),
        "odd": [_odd(finding, view, zone) for finding in meter.findings],
    }


def _heard(meter: MeterState) -> str:
    """Of today, where there is enough to tell."""
    today, parts = meter.today, []
    if today.interval_s is not None:
        parts.append(f"speaks every {words.number(today.interval_s, 0 if today.interval_s >= 10 else 1)} s")
    if today.completeness is not None:
        parts.append(f"{words.number(100 * today.completeness)} % heard today")
    if today.delay_p95_s is not None and not any(f.kind.startswith("clock") for f in meter.findings):
        parts.append(f"{words.number(max(0.0, today.delay_p95_s))} s late at most")
    return ", ".join(parts)


def _odd(finding: Finding, view: SiteView, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "kind": finding.kind.value,
        "level": _LEVEL[finding.severity],
        "text": words.sentence(finding.text),
        "cure": words.sentence(finding.cure),
        "since": f"since {words.moment(finding.since, view.at, zone)}" + (f", {finding.times} times" if finding.times > 1 else ""),
    }
