"""The plan of one car as its driver looks at it: when it charges, when it is ready, what that costs, and what would be if he asked otherwise."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from chargebridge.app.web import words
from chargebridge.model.phases import NOMINAL_V
from chargebridge.model.session import Preference
from chargebridge.site.plan_view import CarPlan, PlanView, Trial
from chargebridge.site.view import PointView, SiteView

LEAST_SPAN = timedelta(hours=12)
AFTER = timedelta(hours=2)
"""The chart goes on for so long after the departure, that it can be dragged to later."""
ROOM = timedelta(hours=24)
MOST_KWH = 80
UNSAID_AFTER = timedelta(hours=8)
"""Where the handle stands as long as nobody has said when he leaves."""
CENT = 0.005


def shown(point: PointView, view: SiteView, plan: PlanView | None, silence: str, trial: Trial | None) -> dict[str, Any]:
    """What ``live/car_plan.js`` draws; silence: why there is nothing to draw."""
    zone = ZoneInfo(view.timezone)
    car = None if plan is None else next((car for car in plan.cars if car.point == point.id), None)
    if point.session is None:
        silence = "Plug in and start charging: then you see here when it charges and what it costs."
    elif plan is None or car is None:
        silence = words.sentence(silence or "the plan for this car is being made")
    elif not plan.alive:
        silence = "The last plan is too old: it charges without one until there is a new one."
    if plan is None or car is None or silence:
        return {"silence": silence}
    wish, now = point.preference, view.at
    leaves = wish.target_at if wish.target_at is not None and wish.target_at > now else None
    unsaid = (now + UNSAID_AFTER).replace(minute=0, second=0, microsecond=0)
    need_wh = wish.energy_min_wh or wish.energy_max_wh or max(20_000.0, point.energy_wh + 10_000.0)
    until = max(now + LEAST_SPAN, (leaves or unsaid) + AFTER)
    until = min(max(until, now + ROOM), plan.starts[-1] + timedelta(seconds=plan.steps_s[-1]))
    return {
        "silence": "",
        "zone": view.timezone,
        "now": _ms(now.replace(second=0, microsecond=0)),
        "until": _ms(until),
        "leaves": None if leaves is None else _ms(leaves),
        **({} if leaves is not None else {"unsaid": _ms(unsaid)}),
        "kwh": round(need_wh / 1000),
        "has_kwh": round(point.energy_wh / 1000, 1),
        "most_kwh": max(MOST_KWH, round(need_wh / 1000)),
        "most_kw": point.maximum_a * len(point.phases) * NOMINAL_V / 1000,
        "saved": f"{wish.target_at} {wish.energy_min_wh}",
        "plan": _drawn(car, plan.starts, plan.steps_s, plan.price_per_kwh, view, zone),
        "trial": None
        if trial is None
        else _drawn(trial.car, trial.starts, trial.steps_s, trial.price_per_kwh, view, zone) | {"more": _more(trial, car, view)},
    }


def wished(preference: Preference, said: dict[str, Any]) -> Preference:
    """The driver's preference with what he has just moved."""
    energy_wh = float(said["kwh"]) * 1000
    most_wh = preference.energy_max_wh
    return replace(
        preference,
        target_at=datetime.fromtimestamp(float(said["leaves"]) / 1000, UTC),
        energy_min_wh=energy_wh,
        energy_max_wh=None if most_wh is None else max(most_wh, energy_wh),
    )


def _drawn(
    car: CarPlan, starts: Sequence[datetime], steps_s: Sequence[float], prices: Sequence[float], view: SiteView, zone: ZoneInfo
) -> dict[str, Any]:
    steps = [
        {"at": _ms(at), "s": seconds, "kw": round(power / 1000, 2), "price": round(price, 4)}
        for at, seconds, power, price in zip(starts, steps_s, car.power_w, prices, strict=True)
    ]
    missing = car.missing_wh > 1
    begins = "–" if car.starts_at is None else "now" if car.starts_at <= view.at else _clock(car.starts_at, view.at, zone)
    return {
        "steps": steps,
        "begins": begins,
        "ready": "not in time" if missing else "–" if car.done_at is None else _clock(car.done_at, view.at, zone),
        "energy": words.energy(car.energy_wh),
        "cost": words.money(car.cost, view.currency),
        "top_price": words.price(max(prices), view.currency),
        "sentence": words.sentence(
            f"{car.missing_wh / 1000:.1f} kWh of what you need cannot be had until then" if missing else car.sentence
        ),
    }


def _more(trial: Trial, car: CarPlan, view: SiteView) -> str:
    """What it costs more or less than by the plan that stands; where it also charges another amount, the amounts tell."""
    if abs(trial.car.energy_wh - car.energy_wh) > 500:
        return ""
    more = trial.more
    if abs(more) < CENT:
        return "Costs the same."
    return f"Costs {words.money(abs(more), view.currency)} {'more' if more > 0 else 'less'}."


def _clock(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    """22:15, or Sun 03:15 where that is another day: short, as four of these stand side by side on a phone."""
    local = at.astimezone(zone)
    return f"{local:%H:%M}" if local.date() == now.astimezone(zone).date() else f"{local:%a %H:%M}"


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
