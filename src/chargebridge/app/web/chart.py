"""The chart of the last hours: who drew what, and the limit that held then."""

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from nicegui import ui

from chargebridge.app.web import chart_frame
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


def draw(history: Sequence[HistoryPoint], zone: ZoneInfo) -> ui.echart:
    return chart_frame.draw(options(history, zone))


def options(history: Sequence[HistoryPoint], zone: ZoneInfo) -> dict[str, Any]:
    """ECharts options, see `chart_frame.over_time`."""
    spoken = "v => v == null ? 'not known' : v.toFixed(1) + ' kW'"
    return chart_frame.over_time(chart_frame.value_axis("kW", align="right"), top=44, right=14, spoken=spoken, series=series(history, zone))


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
