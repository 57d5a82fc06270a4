"""The chart of the plan: who is to draw what over the next day, what a kWh costs then, and of the last hours what was planned and what was."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from nicegui import ui

from chargebridge.app.web import chart_frame, words
from chargebridge.site.plan_view import PlanView, QuarterHour

BACK = timedelta(hours=6)
_USED = (("House", "#8a8f98"), ("Cars", "#12a17d"), ("Battery charges", "#9b7be0"))
_GIVEN = (("Solar", "#d9a514"), ("Battery gives", "#7453c0"))


def draw(currency: str) -> ui.echart:
    axes = chart_frame.value_axis("kW"), chart_frame.value_axis(words.price_unit(currency), lines=False)
    spoken = "v => v == null ? '' : Number(v).toFixed(2)"
    return chart_frame.draw(chart_frame.over_time(*axes, top=64, right=8, spoken=spoken, series=[]))


def series(plan: PlanView, before: PlanView | None, actual: Sequence[QuarterHour], now: datetime, zone: ZoneInfo) -> list[dict[str, Any]]:
    """before: the plan that stood when the chart begins. Uses stand above the line, what is given below; times as the site's local clock reads."""
    cars = _added([car.power_w for car in plan.cars], len(plan.starts))
    charge, give = [max(0.0, w) for w in plan.battery_w], [min(0.0, w) for w in plan.battery_w]
    areas = [(*_USED[0], plan.house_w), (*_USED[1], cars), (*_USED[2], charge), (*_GIVEN[0], [-w for w in plan.pv_w]), (*_GIVEN[1], give)]
    found = [
        _line(name, colour, _stairs(plan, values, zone), width=0.5, area=0.45, stack="used" if at < len(_USED) else "given")
        for at, (name, colour, values) in enumerate(areas)
        if any(abs(value) >= 1 for value in values)
    ]
    found.append(_line("Grid by plan", "#6f83b5", _stairs(plan, plan.grid_w, zone), width=2))
    if plan.at_once_grid_w is not None:
        found.append(_line("if all charged at once", "#e0503f", _stairs(plan, plan.at_once_grid_w, zone), width=1.5, dash="dotted"))
    since = now - BACK
    was = [[_clock(q.at + timedelta(minutes=7.5), zone), _kilo(q.grid_w)] for q in actual if q.at >= since and q.grid_w is not None]
    if was:
        found.append(_line("Grid as it was", "#17211d", was, width=2))
    if before is not None and before.made_at < plan.made_at - timedelta(minutes=30):
        told = f"as planned at {before.made_at.astimezone(zone):%H:%M}"
        found.append(_line(told, "#6f83b5", _stairs(before, before.grid_w, zone, until=plan.made_at), width=1.5, dash="dashed"))
    found.append(_line("Price", "#c48a00", _stairs(plan, plan.price_per_kwh, zone, scale=1.0), width=1.6) | {"yAxisIndex": 1, "z": 1})
    return found


def _line(
    name: str, colour: str, data: list[list[Any]], *, width: float, area: float = 0.0, stack: str | None = None, dash: str = "solid"
) -> dict[str, Any]:
    return {
        "name": name,
        "type": "line",
        "showSymbol": False,
        "step": False if name == "Grid as it was" else "end",
        "color": colour,
        "lineStyle": {"width": width, "type": dash},
        "data": data,
        **({"areaStyle": {"opacity": area}} if area else {}),
        **({"stack": stack} if stack else {}),
    }


def _stairs(
    plan: PlanView, values: Sequence[float], zone: ZoneInfo, *, scale: float = 0.001, until: datetime | None = None
) -> list[list[Any]]:
    """Each value holds until the next point, the last to the end."""
    end = plan.starts[-1] + timedelta(seconds=plan.steps_s[-1])
    found = [
        [_clock(at, zone), round(value * scale, 3)] for at, value in zip(plan.starts, values, strict=True) if until is None or at <= until
    ]
    if until is None and found:
        found.append([_clock(end, zone), found[-1][1]])
    return found


def _added(series: Sequence[Sequence[float]], count: int) -> list[float]:
    return [sum(values) for values in zip(*series, strict=True)] if series else [0.0] * count


def _clock(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S")


def _kilo(watts: float | None) -> float | None:
    return None if watts is None else round(watts / 1000, 2)
