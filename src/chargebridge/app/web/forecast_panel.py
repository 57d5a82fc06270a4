"""The owner's panel of what is expected: a chart of house and sun with their bands, and how well it was told before."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from chargebridge.app.web import chart, chart_frame, parts
from chargebridge.app.web.shown import forecasts as shown
from chargebridge.site.forecasts.view import ForecastView
from chargebridge.site.view import SiteService, SiteView

COLOURS = {"load": "#8a8f98", "pv": "#d9a514", "cars": "#12a17d"}
STEPS = 96


class ForecastPanel:
    """``renew`` now and then: what is expected changes each quarter hour."""

    def __init__(self, service: SiteService, view: SiteView) -> None:
        self._service = service
        zone = ZoneInfo(view.timezone)
        options = chart.options((), zone)
        options["legend"]["data"] = list(shown.NAMES.values())
        options["series"] = series(service.forecasts.forecasts(), zone)
        self._chart = chart_frame.draw(options)
        self._facts = parts.ForecastFacts(self._told((), view))

    async def renew(self, view: SiteView) -> None:
        records = await self._service.forecasts.records()
        self._facts.show(self._told(records, view))
        self._chart.options["series"] = series(self._service.forecasts.forecasts(), ZoneInfo(view.timezone))
        self._chart.update()

    def _told(self, records: Sequence[Any], view: SiteView) -> dict[str, Any]:
        office = self._service.forecasts
        return shown.facts(office.forecasts(), records, office.drivers(), office.sources(), view)


def series(forecasts: Sequence[ForecastView], zone: ZoneInfo) -> list[dict[str, Any]]:
    """ECharts: for each kind the lower edge, unseen, the band on it, and the likely line."""
    found: list[dict[str, Any]] = []
    for made in forecasts:
        moments = [(made.first_at + timedelta(minutes=15 * n)).astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S") for n in range(STEPS)]
        name, colour = shown.NAMES[made.kind], COLOURS[made.kind]
        spread = [high - low for low, high in zip(made.low_w, made.high_w, strict=True)]
        for line, values, style in (
            ("", made.low_w, {"lineStyle": {"width": 0}, "stack": made.kind, "silent": True, "tooltip": {"show": False}}),
            (" band", spread, {"lineStyle": {"width": 0}, "stack": made.kind, "areaStyle": {"opacity": 0.16}, "tooltip": {"show": False}}),
            ("", made.likely_w, {"lineStyle": {"width": 2}}),
        ):
            data = [[at, round(value / 1000, 2)] for at, value in zip(moments, values, strict=False)]
            found.append({"name": name + line, "type": "line", "showSymbol": False, "color": colour, "data": data, **style})
    return found
