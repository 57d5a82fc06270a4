"""What a driver asks for (TF-EVC 3.2.2), from what he typed to a Preference, with messages that he understands."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from chargebridge.model.phases import NOMINAL_V
from chargebridge.model.session import Preference
from chargebridge.site.view import PointView

_MOST_KWH = 500.0
_RESERVE_PERCENT = 50.0
_FARTHEST = timedelta(days=7)
_FIELD_FORMAT = "%Y-%m-%dT%H:%M"


@dataclass
class Typed:
    """The fields as they stand in the form. target: "2026-03-01T07:30" in the site's local time, or empty."""

    energy_min_kwh: float | None = None
    energy_max_kwh: float | None = None
    target: str = ""
    price_cap_min: float | None = None
    price_cap_max: float | None = None
    may_discharge: bool = False
    reserve_percent: float | None = None


def typed(preference: Preference, zone: ZoneInfo) -> Typed:
    """The form as it shows what is in force."""
    return Typed(
        energy_min_kwh=preference.energy_min_wh / 1000 or None,
        energy_max_kwh=preference.energy_max_wh / 1000 if preference.energy_max_wh is not None else None,
        target=preference.target_at.astimezone(zone).strftime(_FIELD_FORMAT) if preference.target_at else "",
        price_cap_min=preference.price_cap_min,
        price_cap_max=preference.price_cap_max,
        may_discharge=preference.may_discharge,
        reserve_percent=round(100 * preference.reserve_soc, 1) if preference.may_discharge else None,
    )


def read(form: Typed, now: datetime, zone: ZoneInfo) -> tuple[Preference | None, dict[str, str]]:
    """The preference, or what is wrong, by field."""
    wrong: dict[str, str] = {}
    for name in ("energy_min_kwh", "energy_max_kwh"):
        value = getattr(form, name)
        if value is not None and not (math.isfinite(value) and 0 <= value <= _MOST_KWH):
            wrong[name] = f"Between 0 and {_MOST_KWH:.0f} kWh, please."
    for name in ("price_cap_min", "price_cap_max"):
        value = getattr(form, name)
        if value is not None and not (math.isfinite(value) and 0 <= value <= 10):
            wrong[name] = "A price per kWh between 0 and 10, please, or nothing for any price."
    if form.reserve_percent is not None and not 0 <= form.reserve_percent <= 100:
        wrong["reserve_percent"] = "Between 0 and 100 %, please."
    if not wrong and form.energy_max_kwh is not None and (form.energy_min_kwh or 0.0) > form.energy_max_kwh:
        wrong["energy_max_kwh"] = "At most cannot be less than at least."
    target_at = None
    if form.target:
        try:
            target_at = datetime.strptime(form.target[:16], _FIELD_FORMAT).replace(tzinfo=zone).astimezone(UTC)
        except ValueError:
            wrong["target"] = "A day and a time, please, or nothing for as soon as possible."
        else:
            if target_at <= now:
                wrong["target"] = "That time is already past."
            elif target_at > now + _FARTHEST:
                wrong["target"] = "At most 7 days ahead, please."
    if wrong:
        return None, wrong
    return (
        Preference(
            energy_min_wh=(form.energy_min_kwh or 0.0) * 1000,
            energy_max_wh=form.energy_max_kwh * 1000 if form.energy_max_kwh is not None else None,
            target_at=target_at,
            price_cap_min=form.price_cap_min,
            price_cap_max=form.price_cap_max,
            may_discharge=form.may_discharge,
            reserve_soc=(_RESERVE_PERCENT if form.reserve_percent is None else form.reserve_percent) / 100,
        ),
        {},
    )


def too_much(preference: Preference, point: PointView, now: datetime) -> str | None:
    """Says so when even the whole power of the point could not reach the minimum in time. It is saved all the same."""
    if preference.target_at is None:
        return None
    hours = (preference.target_at - now).total_seconds() / 3600
    reach_wh = point.maximum_a * len(point.phases) * NOMINAL_V * hours
    missing_wh = preference.energy_min_wh - point.energy_wh
    if missing_wh <= reach_wh:
        return None
    return f"Saved, but until then this point can give {reach_wh / 1000:.1f} kWh at most: you will get as much of it as possible."
