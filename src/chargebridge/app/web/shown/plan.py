"""The plan as the owner reads it: what it costs and saves, what each car does, what could not be had."""

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from chargebridge.app.web import words
from chargebridge.site.plan_view import CarPlan, PlanView, Saved
from chargebridge.site.view import SiteView

SOLVERS = {"lp": "exactly", "milp": "exactly", "fleet": "for a fleet", "rule": "by the rule"}
CENT = 0.005


def facts(plan: PlanView | None, silence: str, view: SiteView, saved: Saved | None = None) -> dict[str, Any]:
    """What ``live/plan_facts.js`` draws."""
    if plan is None:
        return {"silence": words.sentence(silence)}
    zone = ZoneInfo(view.timezone)
    money = plan.currency
    until = words.moment(plan.starts[-1], view.at, zone)
    saves = plan.saves or 0.0
    known = "" if plan.known_until >= plan.starts[-1] else f"Prices are known until {words.moment(plan.known_until, view.at, zone)}. "
    how = f"{SOLVERS.get(plan.solver, plan.solver)} in {plan.took_s * 1000:.0f} ms"
    ran = f"Made at {words.moment(plan.made_at, view.at, zone)} for {plan.cause}, {how}."
    return {
        "silence": "" if plan.alive else "This plan is too old: charging goes on without one until there is a new one.",
        "figures": [
            {"name": f"energy until {until} costs", "value": words.money(plan.cost, money)},
            *([_saved(saves, money)] if abs(saves) >= CENT else []),
            *([] if saved is None else [_was_saved(saved, money, view, zone)]),
            *([{"name": "CO₂ of it", "value": f"{words.number(plan.co2_kg, 1)} kg"}] if plan.co2_kg > 0 else []),
        ],
        "cars": [_car(car, view, zone, money) for car in sorted(plan.cars, key=lambda c: c.name) if car.waits],
        "others": _others([car for car in plan.cars if not car.waits], any(car.waits for car in plan.cars)),
        "bent": [words.sentence(text) for text in plan.bent],
        "foot": f"{known}{ran}" + (f" {words.sentence(plan.note)}" if plan.note else ""),
    }


def _saved(saves: float, money: str) -> dict[str, Any]:
    """More than at once it costs where the connection is full either way and forecasts leave room on the bad side."""
    name = f"{'less' if saves > 0 else 'more'} than charging at once"
    return {"name": name, "value": words.money(abs(saves), money), "good": saves > 0}


def _was_saved(saved: Saved, money: str, view: SiteView, zone: ZoneInfo) -> dict[str, Any]:
    less = saved.at_once_cost - saved.cost
    since = words.moment(saved.since, view.at, zone)
    charged = f"{words.energy(saved.energy_wh)} in {words.several(saved.stays, 'stay')} cost {words.money(saved.cost, money)}"
    name = f"{'less' if less >= 0 else 'more'} than at once since {since}: {charged}"
    return {"name": name, "value": words.money(abs(less), money), "good": less >= CENT}


def _others(cars: Sequence[CarPlan], some_wait: bool) -> str:
    if not cars:
        return "" if some_wait else "No car is plugged in; house, sun and battery are planned."
    count = words.several(len(cars), "other car" if some_wait else "car")
    return f"{count} {'charges' if len(cars) == 1 else 'charge'} at once, as nobody said by when: {', '.join(sorted(car.name for car in cars))}."


def _car(car: CarPlan, view: SiteView, zone: ZoneInfo, currency: str) -> dict[str, Any]:
    return {
        "point": car.point,
        "name": car.name,
        "sentence": words.sentence(car.sentence),
        "leaves": "" if car.leaves_at is None else f"leaves {words.moment(car.leaves_at, view.at, zone)}",
        "cost": words.money(car.cost, currency),
        "missing": car.missing_wh > 1,
    }
