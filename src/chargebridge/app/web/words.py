"""Figures and states as a person reads them: units, local time, plain words."""

import math
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from chargebridge.model.decision import Cause, MeterView
from chargebridge.model.limit import LimitSource
from chargebridge.model.phases import PerPhase
from chargebridge.model.session import PointStatus

MINUS = "\u2212"
NARROW = "\u202f"

STATUS = {
    PointStatus.AVAILABLE: "free",
    PointStatus.PREPARING: "plugged in",
    PointStatus.CHARGING: "charging",
    PointStatus.SUSPENDED_EV: "car paused",
    PointStatus.SUSPENDED_EVSE: "waiting",
    PointStatus.FINISHING: "finished",
    PointStatus.RESERVED: "reserved",
    PointStatus.UNAVAILABLE: "out of service",
    PointStatus.FAULTED: "fault",
    PointStatus.UNKNOWN: "not heard yet",
}
CAUSE = {
    Cause.WISHED: "as wished",
    Cause.CAR: "the car's own pace",
    Cause.STATION: "the station's most",
    Cause.LIMIT: "limited",
    Cause.SHARE: "sharing",
    Cause.WAITING_TURN: "waiting its turn",
    Cause.WAITING_RELEASE: "about to rise",
    Cause.PRICE: "waiting for the price",
    Cause.PLAN: "by the plan",
    Cause.FAILSAFE: "safe mode",
    Cause.OFFLINE: "offline",
    Cause.NO_CAR: "no car",
    Cause.NOT_AUTHORISED: "not authorised",
    Cause.DONE: "done",
    Cause.DISCHARGING: "giving energy back",
}
SOURCE = {
    LimitSource.GRID_CONNECTION: "grid connection",
    LimitSource.FUSE: "fuse",
    LimitSource.UNBALANCE: "phase balance",
    LimitSource.GRID_OPERATOR: "grid operator",
    LimitSource.AGREEMENT: "connection agreement",
    LimitSource.PEAK_BUDGET: "15-minute budget",
    LimitSource.OWNER: "owner",
    LimitSource.BACK_END: "other back end",
    LimitSource.EXTERNAL: "energy manager at the station",
}
METER = {MeterView.MEASURED: "measured", MeterView.SUM: "sum of what is below", MeterView.ASSUMED: "assumed"}


def number(value: float, digits: int = 0) -> str:
    """A figure with a true minus sign and thousands apart; -0 is 0."""
    text = f"{value:,.{digits}f}".replace(",", NARROW)
    if text.startswith("-"):
        text = text[1:] if float(text[1:].replace(NARROW, "")) == 0 else MINUS + text[1:]
    return text


def power(value_w: float | None) -> str:
    """640 W, 7.4 kW, 22 kW."""
    if value_w is None or not math.isfinite(value_w):
        return "not known" if value_w is None or math.isnan(value_w) else "no limit"
    if abs(value_w) < 950:
        return f"{number(value_w)} W"
    return f"{number(value_w / 1000, 1)} kW"


def energy(value_wh: float) -> str:
    return f"{number(value_wh / 1000, 1 if abs(value_wh) < 99_950 else 0)} kWh"


def current(value_a: float | None) -> str:
    if value_a is None:
        return "not known"
    if not math.isfinite(value_a):
        return "no limit"
    whole = abs(value_a) >= 99.5 or abs(value_a - round(value_a)) < 0.05
    return f"{number(value_a, 0 if whole else 1)} A"


def fuse(value_a: PerPhase) -> str:
    """3 × 63 A, or each phase where they differ."""
    if value_a[0] == value_a[1] == value_a[2]:
        return f"3 × {current(value_a[0])}"
    return " / ".join(number(a, 0 if a == round(a) else 1) for a in value_a) + " A"


def duration(seconds: float) -> str:
    seconds = max(0, round(seconds))
    if seconds < 100:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min" if minutes else f"{hours} h"
    return f"{round(hours / 24)} days"


def moment(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    """18:40; tomorrow 18:40; Wed 18:40; 3 Mar 18:40, in the site's own time."""
    local, today = at.astimezone(zone), now.astimezone(zone).date()
    clock = f"{local:%H:%M}"
    away = (local.date() - today).days
    if away == 0:
        return clock
    if away in (1, -1):
        return f"{'tomorrow' if away == 1 else 'yesterday'} {clock}"
    if abs(local.date() - today) < timedelta(days=7):
        return f"{local:%a} {clock}"
    return f"{local.day} {local:%b} {clock}"


def price(value: float, currency: str) -> str:
    return f"{number(value, 3 if abs(value) < 0.1 else 2)} {price_unit(currency)}"


def money(value: float, currency: str) -> str:
    """1.32 €"""
    return f"{number(value, 2)} {symbol(currency)}"


def symbol(currency: str) -> str:
    return {"EUR": "€", "USD": "$", "GBP": "£"}.get(currency, currency)


def price_unit(currency: str) -> str:
    return symbol(currency) + "/kWh"


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".") if text else ""


def several(count: int, one: str, many: str | None = None) -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"
