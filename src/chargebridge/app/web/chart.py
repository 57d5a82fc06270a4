"""The chart of the last hours: who drew what, and the limit that held then."""

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from nicegui import ui

from chargebridge.site.view import HistoryPoint

HOURS = (1, 3, 12, 24)
_SERIES = (
    ("Grid", "grid_w", "#6f83b5", {"width": 2}, 0.0),
    ("Cars", "cars_w", "#12a17d", {"width": 2}, 0.22),
    ("Solar", "pv_w", "#d9a514", {"width": 1.6}, 0.0),
    ("House", "house_w", "#8a8f98", {"width": 1.6}, 0.0),
    ("Battery", "battery_w", "#9b7be0", {"width": 1.6}, 0.0),
    ("Limit", "limit_w", "#e0503f", {"width": 2, "type": "dashed"}, 0.0),
)
_MUTED = "#8b9692"


def draw(history: Sequence[HistoryPoint], zone: ZoneInfo) -> ui.echart:
    return ui.echart(options(history, zone), renderer="svg").classes("cb-chart")


def options(history: Sequence[HistoryPoint], zone: ZoneInfo) -> dict[str, Any]:
    """ECharts options; times as the site's local clock reads, since the browser's may be another."""
    return {
        "animation": False,
        "textStyle": {"fontFamily": "Roboto, system-ui, sans-serif"},
        "grid": {"left": 8, "right": 14, "top": 44, "bottom": 6, "containLabel": True},
        "legend": {"top": 0, "left": 0, "itemWidth": 16, "itemHeight": 8, "textStyle": {"color": _MUTED}, "inactiveColor": "#8b969255"},
        "tooltip": {"trigger": "axis", "confine": True, ":valueFormatter": "v => v == null ? 'not known' : v.toFixed(1) + ' kW'"},
        "xAxis": {
            "type": "time",
            "minInterval": 60_000,
            "axisLabel": {"color": _MUTED, "hideOverlap": True, "fontSize": 12, "formatter": "{HH}:{mm}"},
            "axisLine": {"lineStyle": {"color": "#8b969266"}},
            "splitLine": {"show": False},
        },
        "yAxis": {
            "type": "value",
            "name": "kW",
            "nameTextStyle": {"color": _MUTED, "align": "right"},
            "axisLabel": {"color": _MUTED},
            "splitLine": {"lineStyle": {"color": "#8b969233"}},
        },
        "series": series(history, zone),
    }


def series(history: Sequence[HistoryPoint], zone: ZoneInfo) -> list[dict[str, Any]]:
    clock = [point.at.astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S") for point in history]
    return [
        {
            "name": name,
            "type": "line",
            "showSymbol": False,
            "step": "end" if name == "Limit" else False,
            "color": colour,
            "lineStyle": line,
            "areaStyle": {"opacity": area},
            "data": [[at, _kilo(getattr(point, key))] for at, point in zip(clock, history, strict=True)],
        }
        for name, key, colour, line, area in _SERIES
    ]


def _kilo(watts: float | None) -> float | None:
    return None if watts is None else round(watts / 1000, 2)
