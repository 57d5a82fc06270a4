"""What all charts over time look like: colours, grid, legend and the axis of the site's local clock."""

from typing import Any

from nicegui import ui

_MUTED = "#8b9692"


def draw(options: dict[str, Any]) -> ui.echart:
    return ui.echart(options, renderer="svg").classes("cb-chart")


def value_axis(name: str, *, lines: bool = True, **name_style: str) -> dict[str, Any]:
    return {
        "type": "value",
        "name": name,
        "nameTextStyle": {"color": _MUTED, **name_style},
        "axisLabel": {"color": _MUTED},
        "splitLine": {"lineStyle": {"color": "#8b969233"}} if lines else {"show": False},
    }


def over_time(*axes: dict[str, Any], top: int, right: int, spoken: str, series: list[dict[str, Any]]) -> dict[str, Any]:
    """ECharts options. Times are to be given as the site's local clock reads, since the browser's may be another. axes: of the values. top, right:
    room left free, px. spoken: a JavaScript function from a value to its text.
    """
    return {
        "animation": False,
        "textStyle": {"fontFamily": "Roboto, system-ui, sans-serif"},
        "grid": {"left": 8, "right": right, "top": top, "bottom": 6, "containLabel": True},
        "legend": {"top": 0, "left": 0, "itemWidth": 16, "itemHeight": 8, "textStyle": {"color": _MUTED}, "inactiveColor": "#8b969255"},
        "tooltip": {"trigger": "axis", "confine": True, ":valueFormatter": spoken},
        "xAxis": {
            "type": "time",
            "minInterval": 60_000,
            "axisLabel": {"color": _MUTED, "hideOverlap": True, "fontSize": 12, "formatter": "{HH}:{mm}"},
            "axisLine": {"lineStyle": {"color": "#8b969266"}},
            "splitLine": {"show": False},
        },
        "yAxis": list(axes),
        "series": series,
    }
