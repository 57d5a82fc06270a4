"""A card for each charging point, and the whole why-chain of one."""

import math
from typing import Any
from zoneinfo import ZoneInfo

from chargebridge.app.web import words
from chargebridge.model.decision import Cause, Why
from chargebridge.model.session import Preference
from chargebridge.site.config import station_group
from chargebridge.site.view import PointView, SiteView

_TONE = {
    Cause.WISHED: "good",
    Cause.CAR: "good",
    Cause.DONE: "good",
    Cause.DISCHARGING: "good",
    Cause.STATION: "good",
    Cause.NO_CAR: "quiet",
    Cause.FAILSAFE: "bad",
    Cause.OFFLINE: "bad",
}
"""How a cause looks: all others hold the car back and are "held"."""


def cards(view: SiteView, zone: ZoneInfo) -> list[dict[str, Any]]:
    return [card(point, view, zone) for point in view.points]


def card(point: PointView, view: SiteView, zone: ZoneInfo) -> dict[str, Any]:
    occupied = point.session is not None or (point.online and point.status.has_car)
    return {
        "id": point.id,
        "name": point.name,
        "status": words.STATUS[point.status] if point.online else "offline",
        "key": point.status.value if point.online else "offline",
        "occupied": occupied,
        "error": point.error or "",
        "power": words.power(point.power_w),
        "phases": [_phase(point, index) for index in range(3)],
        "offered": _offered(point),
        "energy": words.energy(point.energy_wh),
        "soc": f"{words.number(100 * point.soc)} %" if point.soc is not None else "",
        "finish": words.moment(point.finish_at, view.at, zone) if point.finish_at else "",
        "finish_text": point.finish_text,
        "car": point.token or "",
        "priority": point.priority,
        **_why(point),
    }


def _why(point: PointView) -> dict[str, str]:
    if point.why is None:
        return {"why": "Nothing decided yet.", "cause": "", "tone": "quiet"}
    return {"why": words.sentence(point.why.sentence), "cause": words.CAUSE[point.why.cause], "tone": _TONE.get(point.why.cause, "held")}


def _phase(point: PointView, index: int) -> dict[str, Any]:
    wired = index + 1 in point.phases
    return {
        "label": f"L{index + 1}",
        "wired": wired,
        "fill": round(min(1.0, max(0.0, point.grid_a[index] / max(point.maximum_a, 1.0))), 4),
        "offer": round(min(1.0, (point.offered_a or 0.0) / max(point.maximum_a, 1.0)), 4) if wired and _used(point, index) else 0.0,
        "text": words.current(point.grid_a[index]) if wired else "",
    }


def _used(point: PointView, index: int) -> bool:
    """Whether the offer reaches this grid phase: a point switched to one phase uses its first terminal only."""
    return index + 1 in point.phases[: point.offered_phases or len(point.phases)]


def _offered(point: PointView) -> str:
    if point.offered_a is None:
        return "nothing offered yet"
    if point.discharge_w > 0:
        return f"{words.power(point.discharge_w)} to be given back"
    phases = point.offered_phases or len(point.phases)
    text = f"{words.current(point.offered_a)} × {phases} offered" if point.offered_a > 0 else "0 A offered"
    if point.goal_a is not None and point.goal_a > point.offered_a + 0.5:
        text += f", rising to {words.current(point.goal_a)}"
    return text


def detail(point: PointView, view: SiteView, zone: ZoneInfo) -> dict[str, Any]:
    """What the sheet of one point shows: its card, the chain and the facts."""
    names = {circuit.id: circuit.name for circuit in view.circuits} | {p.id: p.name for p in view.points}
    names |= {station_group(p.station): p.station for p in view.points}
    return {
        **card(point, view, zone),
        "chain": chain(point.why, names, point.maximum_a) if point.why else [],
        "facts": _facts(point, view, zone, names),
    }


def chain(why: Why, names: dict[str, str], maximum_a: float) -> list[dict[str, Any]]:
    """Every bound that was looked at, with what it left over; the binding one marked."""
    longest = max([maximum_a, *(step.allowed_a for step in why.steps if math.isfinite(step.allowed_a))], default=1.0)
    steps = []
    for step in why.steps:
        sum_text = ""
        if step.limit is not None and math.isfinite(step.limit) and step.used is not None:
            unit = words.power if step.unit == "W" else words.current
            sum_text = f"{unit(step.limit)} {words.MINUS} {unit(step.used)} of others"
        steps.append(
            {
                "where": names.get(step.node, step.node),
                "text": step.text,
                "source": words.SOURCE[step.source] if step.source else "",
                "phase": f"L{step.phase}" if step.phase else "",
                "sum": sum_text,
                "allowed": words.current(step.allowed_a),
                "fill": round(min(1.0, max(0.0, step.allowed_a / max(longest, 0.1))), 4) if math.isfinite(step.allowed_a) else 1.0,
                "binding": step.binding,
            }
        )
    return steps


def _facts(point: PointView, view: SiteView, zone: ZoneInfo, names: dict[str, str]) -> list[tuple[str, str]]:
    facts = [
        ("Circuit", names.get(point.circuit, point.circuit)),
        ("Station", f"{point.station} ({point.protocol})" if point.protocol else point.station),
        ("Wired to", " ".join(f"L{phase}" for phase in point.phases) + f", up to {words.current(point.maximum_a)}"),
        ("Priority", str(point.priority)),
    ]
    if point.started_at is not None:
        facts.append(("Session since", words.moment(point.started_at, view.at, zone)))
    if point.session is not None:
        facts += wishes(point.preference, view, zone)
    if point.car_asks:
        facts.append(("The car itself", words.sentence(point.car_asks)))
    if point.discharge_w > 0:
        facts.append(("Gives back", words.power(point.discharge_w)))
    return facts


def wishes(preference: Preference, view: SiteView, zone: ZoneInfo) -> list[tuple[str, str]]:
    """A preference in words."""
    facts = [("At least", words.energy(preference.energy_min_wh))] if preference.energy_min_wh else []
    facts.append(
        ("At most", words.energy(preference.energy_max_wh) if preference.energy_max_wh is not None else "as much as the car takes")
    )
    if preference.target_at is not None:
        facts.append(("Ready by", words.moment(preference.target_at, view.at, zone)))
    if preference.price_cap_min is not None:
        facts.append(("Price until the minimum", f"up to {words.price(preference.price_cap_min, view.currency)}"))
    if preference.price_cap_max is not None:
        facts.append(("Price beyond it", f"up to {words.price(preference.price_cap_max, view.currency)}"))
    if preference.may_discharge:
        facts.append(("May give energy back", f"down to {words.number(100 * preference.reserve_soc)} % of its battery"))
    return facts
