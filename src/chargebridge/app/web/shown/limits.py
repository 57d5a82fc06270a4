"""The limit book as a person reads it: what binds, from whom, on what ground, for how long."""

from typing import Any
from zoneinfo import ZoneInfo

from chargebridge.app.web import words
from chargebridge.model.limit import LimitSource, Unknown
from chargebridge.site.view import LimitView, SiteView

_ICON = {
    LimitSource.GRID_CONNECTION: "power",
    LimitSource.FUSE: "electric_bolt",
    LimitSource.UNBALANCE: "balance",
    LimitSource.GRID_OPERATOR: "cell_tower",
    LimitSource.AGREEMENT: "handshake",
    LimitSource.PEAK_BUDGET: "timer",
    LimitSource.OWNER: "person",
    LimitSource.BACK_END: "cloud",
    LimitSource.EXTERNAL: "ev_station",
}


def book(view: SiteView, zone: ZoneInfo) -> list[dict[str, Any]]:
    names = {circuit.id: circuit.name for circuit in view.circuits} | {point.id: point.name for point in view.points}
    return [_entry(limit, view, zone, names) for limit in view.limits]


def _entry(limit: LimitView, view: SiteView, zone: ZoneInfo, names: dict[str, str]) -> dict[str, Any]:
    return {
        "id": limit.id,
        "entry": f"{limit.id} {limit.starts_at.isoformat()}",
        "icon": _ICON[limit.source],
        "source": limit.source_text,
        "bound": limit.bound_text,
        "scope": names.get(limit.scope, limit.scope),
        "basis": limit.legal_basis,
        "state": limit.state,
        "silent": isinstance(limit.bound, Unknown),
        "coming": limit.starts_at > view.at,
        "since": words.moment(limit.starts_at, view.at, zone),
        "time": _time(limit, view, zone),
        "note": limit.note,
        "withdrawable": limit.withdrawable,
    }


def _time(limit: LimitView, view: SiteView, zone: ZoneInfo) -> str:
    if limit.starts_at > view.at:
        begins = f"begins {words.moment(limit.starts_at, view.at, zone)}"
        return f"{begins}, ends {words.moment(limit.until, view.at, zone)}" if limit.until else begins
    if limit.until is None:
        return "until withdrawn"
    return f"until {words.moment(limit.until, view.at, zone)}, {words.duration((limit.until - view.at).total_seconds())} left"
