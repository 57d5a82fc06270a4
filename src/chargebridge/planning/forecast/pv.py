"""What a PV plant will give: from where the sun stands and what reaches the ground, by a scale that is learnt for each hour of solar time.

The scale holds the plant's size, tilt and direction, what shades it, and, where no weather is known, how clear it has been of late.
"""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from msgspec.structs import replace

from chargebridge.planning.forecast.combine import NOTHING, REHEARSED_DAYS, Bounds, Forecast, combine
from chargebridge.planning.forecast.grid import DAY, QUARTER_S, Calendar, Floats, Past, grid, on_horizon, slot_of, slots_of
from chargebridge.planning.forecast.methods import HALF_LIFE_DAYS, WINDOW_DAYS, Table, weighted_medians
from chargebridge.planning.forecast.sun import Place, sun, under_clouds
from chargebridge.planning.forecast.weather import UNKNOWN, Weather
from chargebridge.planning.problem import Band, Horizon

FULL_SUN_W_M2 = 1000.0
"""At which a plant gives its peak power (IEC 60904-3, standard test conditions)."""
YIELD = 0.8
"""What it gives of that in practice, as long as nothing is learnt."""
LEARNT_W_M2 = 200.0
"""Less certain hours are drawn towards the mean of all: this irradiance, seen for a quarter hour, counts as one observation of it."""
NUDGE_SLOTS = 8
NUDGE_FADES_S = 3 * 3600.0
LEAST_SHARE = 0.02
"""Errors are in proportion to what a clear sky gives, but never to less than this share of the peak power."""


def forecast_pv(
    past: Past, horizon: Horizon, place: Place | None, *, now: datetime, peak_w: float, weather: Weather = UNKNOWN, only: str | None = None
) -> Forecast:
    """past: mean power of quarter hours, W, positive; what is not over at ``now`` is not looked at. place: None where it is not known: then only
    earlier days are looked at. peak_w: more than this is never told; the connection's power where the plant's is not known. only: the one
    method that is asked; None: the best of late."""
    known = past.before(now)
    first_told, count_told = slots_of(horizon)
    origin_slot = min(slot_of(now), first_told)
    end = first_told + count_told
    first = min(origin_slot, max(known.first, origin_slot - (WINDOW_DAYS + REHEARSED_DAYS) * DAY)) if len(known.values) else origin_slot
    count, origin = end - first, origin_slot - first
    values = np.where(np.arange(count) < origin, known.on(first, count), np.nan)
    table = Table(
        grid=grid(Calendar(), first, count),
        values=values,
        temperature_c=weather.temperature_c.on(first, count),
        irradiance_w_m2=weather.irradiance_w_m2.on(first, count),
    )
    bounds = Bounds(high=peak_w)
    if place is None:
        told = combine(table, origin, _Plant(None, None, None).tell, bounds, horizon, now, only=only)
        return replace(told, band=_unseen(values, len(horizon.steps_s), peak_w)) if told.method == NOTHING else told
    shines = sun(place, first, count)
    clouded = under_clouds(shines.clear_w_m2, weather.cloud.on(first, count))
    told_w_m2 = np.where(np.isnan(table.irradiance_w_m2), clouded, table.irradiance_w_m2)
    reaches = _filled(told_w_m2, shines.clear_w_m2)
    dark = (shines.clear_w_m2 == 0) & (np.arange(count) < origin)  # when many inverters, and their meters, say nothing
    table = replace(table, values=np.where(dark & np.isnan(values), 0.0, values))
    plant = _Plant(shines.clear_w_m2, shines.hour, reaches)
    top = np.where(shines.clear_w_m2 > 0, peak_w, 0.0)
    scale = np.maximum(shines.clear_w_m2 / FULL_SUN_W_M2, LEAST_SHARE) * peak_w
    told = combine(table, origin, plant.tell, bounds, horizon, now, scale=scale, top=top, only=only)
    if told.method != NOTHING:
        return told
    line = np.where(np.isnan(told_w_m2), shines.clear_w_m2 / 2, told_w_m2)[origin:] / FULL_SUN_W_M2 * YIELD * peak_w
    lines = np.stack(
        [0.2 * line, line, np.minimum(np.maximum(1.5 * line, shines.clear_w_m2[origin:] / FULL_SUN_W_M2 * peak_w), top[origin:])]
    )
    low, likely, high = np.minimum(on_horizon(lines, origin_slot, horizon), peak_w)
    band = Band(likely=tuple(likely.tolist()), low=tuple(low.tolist()), high=tuple(high.tolist()))
    why = "Less than two days of this plant are known, so this is what its peak power and the sun let expect."
    return replace(told, band=band, why=why)


def _filled(reaches_w_m2: Floats, clear_w_m2: Floats) -> Floats | None:
    """Where the weather has gaps, as clear as where it has none; nights are dark. None: nothing is known of it by day."""
    known = ~np.isnan(reaches_w_m2) & (clear_w_m2 > 0)
    if not known.any():
        return None
    clearness = float(reaches_w_m2[known].sum() / clear_w_m2[known].sum())
    return np.where(clear_w_m2 > 0, np.where(known, reaches_w_m2, clearness * clear_w_m2), 0.0)


def _unseen(values: Floats, steps: int, peak_w: float) -> Band:
    """Of a plant of which neither the place nor two days are known: nobody counts on it."""
    known = values[~np.isnan(values)]
    likely = min(float(known.mean()), peak_w) if len(known) >= DAY else 0.0
    return Band(likely=(likely,) * steps, low=(0.0,) * steps, high=(peak_w,) * steps)


class _Plant:
    """clear_w_m2, hour, reaches_w_m2 (M): see ``Sun``; what reaches the ground by the weather, nan where unknown."""

    def __init__(self, clear_w_m2: Floats | None, hour: Floats | None, reaches_w_m2: Floats | None) -> None:
        self._clear, self._hour, self._reaches = clear_w_m2, hour, reaches_w_m2

    def tell(self, table: Table, origins: Sequence[int], count: int) -> dict[str, Floats]:
        """persistence, recent days, and where the place is known: sun, and weather where that is known too."""
        lines: dict[str, list[Floats]] = {"persistence": [], "recent days": []}
        for origin in origins:
            days = _days_before(table, origin)
            place = (np.arange(count)) % DAY
            lines["persistence"].append(days[0][place])
            age = np.arange(1.0, len(days) + 1)
            lines["recent days"].append(weighted_medians(days, 0.5 ** (age / HALF_LIFE_DAYS)[None, :])[0][place])
            for name, irradiance in (("sun", self._clear), ("weather", self._reaches)):
                if irradiance is not None:
                    lines.setdefault(name, []).append(self._scaled(table, origin, count, irradiance))
        return {name: np.stack(each) for name, each in lines.items()}

    def _scaled(self, table: Table, origin: int, count: int, irradiance: Floats) -> Floats:
        assert self._hour is not None
        first = max(0, origin - WINDOW_DAYS * DAY)
        given, shone = table.values[first:origin], irradiance[first:origin]
        known = ~np.isnan(given) & ~np.isnan(shone) & (shone > 0)
        if known.sum() < DAY // 4:
            return np.full(count, np.nan)
        given, shone = given[known], shone[known]
        age = (origin - first - np.flatnonzero(known)) / DAY
        weight = 0.5 ** (age / HALF_LIFE_DAYS)
        mean = float((weight * given * shone).sum() / (weight * shone**2).sum())
        hour = self._hour[first:origin][known].astype(int)
        above = np.bincount(hour, weight * given * shone, 24) + mean * LEARNT_W_M2**2
        profile = above / (np.bincount(hour, weight * shone**2, 24) + LEARNT_W_M2**2)

        def fitted(where: slice) -> Floats:
            assert self._hour is not None
            return np.asarray(
                irradiance[where] * np.interp(self._hour[where], np.arange(-0.5, 25), np.r_[profile[-1], profile, profile[0]])
            )

        told, recent = fitted(slice(origin, origin + count)), slice(max(0, origin - NUDGE_SLOTS), origin)
        beside, came = fitted(recent), table.values[recent]
        both = ~np.isnan(beside) & ~np.isnan(came)
        if beside[both].sum() < NUDGE_SLOTS / 2 * LEAST_SHARE * max(float(given.max()), 1.0):
            return told
        ratio = min(3.0, float(came[both].sum() / beside[both].sum()))
        return np.asarray(told * (1.0 + (ratio - 1.0) * np.exp(-(np.arange(count) + 0.5) * QUARTER_S / NUDGE_FADES_S)))


def _days_before(table: Table, origin: int) -> Floats:
    """(days, 96): what is known of the whole days of UTC time before the origin, the newest first; a gap of the newest is filled from before it."""
    blocks = min(origin // DAY, WINDOW_DAYS)
    if not blocks:
        return np.full((1, DAY), np.nan)
    days = table.values[origin - blocks * DAY : origin].reshape(blocks, DAY)[::-1].copy()
    for older in days[1:]:
        days[0] = np.where(np.isnan(days[0]), older, days[0])
    return days
