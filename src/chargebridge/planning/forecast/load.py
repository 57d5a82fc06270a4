"""What is drawn that nobody plans: a house, a heat pump, a workshop."""

from datetime import datetime

import numpy as np

from chargebridge.planning.forecast.combine import REHEARSED_DAYS, Bounds, Forecast, combine
from chargebridge.planning.forecast.grid import DAY, Calendar, Past, grid, slot_of, slots_of
from chargebridge.planning.forecast.methods import WINDOW_DAYS, Table, tell
from chargebridge.planning.forecast.weather import UNKNOWN, Weather
from chargebridge.planning.problem import Horizon

LIKELY_W = 500.0
"""Of a property of which nothing is known."""


def forecast_load(
    past: Past, horizon: Horizon, calendar: Calendar, *, now: datetime, most_w: float, least_w: float = 0.0, weather: Weather = UNKNOWN
) -> Forecast:
    """past: mean power of quarter hours, W; what is not over at ``now`` is not looked at. most_w, least_w: what the connection lets through at all.

    weather: what was measured, then as forecast.
    """
    known = past.before(now)
    end = sum(slots_of(horizon))
    origin_slot = min(slot_of(now), slots_of(horizon)[0])
    first = min(origin_slot, max(known.first, origin_slot - (WINDOW_DAYS + REHEARSED_DAYS) * DAY)) if len(known.values) else origin_slot
    count = end - first
    table = Table(
        grid=grid(calendar, first, count),
        values=np.where(np.arange(first, end) < origin_slot, known.on(first, count), np.nan),
        temperature_c=weather.temperature_c.on(first, count),
        irradiance_w_m2=weather.irradiance_w_m2.on(first, count),
    )
    bounds = Bounds(low=least_w, likely=min(LIKELY_W, most_w), high=most_w)
    return combine(table, origin_slot - first, tell, bounds, horizon, now)
