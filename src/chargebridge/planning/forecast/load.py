"""What is drawn that nobody plans: a house, a heat pump, a workshop."""

from datetime import datetime

import numpy as np
from msgspec.structs import replace

from chargebridge.planning.forecast.combine import NOTHING, REHEARSED_DAYS, Bounds, Forecast, combine
from chargebridge.planning.forecast.grid import DAY, Calendar, Floats, Past, grid, slot_of, slots_of
from chargebridge.planning.forecast.methods import WINDOW_DAYS, Table, tell
from chargebridge.planning.forecast.weather import UNKNOWN, Weather
from chargebridge.planning.problem import Band, Horizon

LIKELY_SHARE, HIGH_SHARE = 0.04, 0.15
"""Of what the connection lets through: the median, and what is rarely exceeded, of a property of which nothing is known. Connections are sized for
what hardly ever happens (DIN 18015-1 wires a single dwelling for 14.5 kW, and it draws some 0.4 kW in the mean)."""
SEEN_SHARE = 1.5
"""Of the highest quarter hour ever seen, as long as less than two days are known."""


def forecast_load(
    past: Past,
    horizon: Horizon,
    calendar: Calendar,
    *,
    now: datetime,
    most_w: float,
    least_w: float = 0.0,
    weather: Weather = UNKNOWN,
    only: str | None = None,
) -> Forecast:
    """past: mean power of quarter hours, W; what is not over at ``now`` is not looked at. most_w, least_w: what the connection lets through at all.

    weather: what was measured, then as forecast. only: the one method that is asked (``methods.tell``); None: the best of late.
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
    bounds = Bounds(low=least_w, high=most_w)
    told = combine(table, origin_slot - first, tell, bounds, horizon, now, only=only)
    return replace(told, band=_guessed(table.values, len(horizon.steps_s), most_w, least_w)) if told.method == NOTHING else told


def _guessed(values: Floats, steps: int, most_w: float, least_w: float) -> Band:
    known = values[~np.isnan(values)]
    likely, high = (float(known.mean()), SEEN_SHARE * float(known.max())) if len(known) else (LIKELY_SHARE * most_w, 0.0)
    if len(known) < DAY:
        high = max(high, HIGH_SHARE * most_w)
    likely = min(max(likely, least_w), most_w)
    return Band(likely=(likely,) * steps, low=(min(likely, least_w),) * steps, high=(min(max(likely, high), most_w),) * steps)
