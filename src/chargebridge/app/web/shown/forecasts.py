"""Forecasts as the owner reads them: what is expected, how sure it is, and who told prices and weather."""

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from chargebridge.app.web import words
from chargebridge.site.forecasts.view import DriverRecord, ForecastView, Record, SourceState
from chargebridge.site.view import SiteView

NAMES = {"load": "House", "pv": "Solar", "cars": "Cars to come"}
SOURCES = {"prices": "Prices", "weather": "Weather"}
PROMISED = 0.8


def facts(
    forecasts: Sequence[ForecastView],
    records: Sequence[Record],
    drivers: DriverRecord | None,
    sources: Sequence[SourceState],
    view: SiteView,
) -> dict[str, Any]:
    """What ``live/forecast_facts.js`` draws."""
    told = {record.kind: record for record in records}
    return {
        "kinds": [_kind(made, told.get(made.kind)) for made in forecasts],
        "drivers": "" if drivers is None else _drivers(drivers),
        "sources": [_source(source, view, ZoneInfo(view.timezone)) for source in sources],
    }


def _kind(made: ForecastView, record: Record | None) -> dict[str, Any]:
    day_kwh = [sum(line[:96]) / 4000 for line in (made.likely_w, made.low_w, made.high_w)]
    score = "" if made.kind == "cars" else "No forecast of it is over yet."
    if record is not None:
        score = (
            f"Of the last week's it was off by {words.number(record.mae)} W on average, and {words.number(100 * record.coverage)} % of what came "
            f"lay in the band ({words.number(100 * PROMISED)} % is meant)."
        )
        if record.naive_mae:
            score += f" The day before, told again, was off by {words.number(record.naive_mae)} W."
    return {
        "name": NAMES[made.kind],
        "energy": f"{words.number(day_kwh[0], 1)} kWh in the next 24 hours",
        "why": words.sentence(made.why),
        "score": score,
    }


def _drivers(record: DriverRecord) -> str:
    text = (
        f"Of {words.several(record.sessions, 'visit')}, departures would have been guessed to within {words.number(record.departure_h, 1)} h "
        f"and energies to within {words.number(record.energy_kwh, 1)} kWh on average."
    )
    if record.said_departure_h is not None:
        text += f" What drivers said themselves was off by {words.number(record.said_departure_h, 1)} h."
    return text


def _source(source: SourceState, view: SiteView, zone: ZoneInfo) -> dict[str, Any]:
    came = "nothing has come yet" if source.fetched_at is None else f"last came {words.moment(source.fetched_at, view.at, zone)}"
    reach = "" if source.known_until is None else f", known until {words.moment(source.known_until, view.at, zone)}"
    return {"name": f"{SOURCES[source.source]} from {source.name}", "text": f"{came}{reach}", "trouble": words.sentence(source.trouble)}
