"""What is known of the weather, on quarter hours: measured up to now, forecast after it."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from msgspec import Struct

from chargebridge.planning.forecast.grid import EMPTY, EPOCH, QUARTER_S, Past

GAP_S = 3 * 3600.0
"""Moments further apart are not joined by a line."""


class Weather(Struct, frozen=True, kw_only=True):
    """irradiance_w_m2: global, on the level ground. cloud: the covered share of the sky, 0..1. Each may reach beyond now; nan is unknown."""

    temperature_c: Past = EMPTY
    irradiance_w_m2: Past = EMPTY
    cloud: Past = EMPTY


UNKNOWN = Weather()


def joined(points: Sequence[tuple[datetime, float]]) -> Past:
    """Quarter hours on the straight lines between what is known at moments, in order of time."""
    if not points:
        return EMPTY
    at = np.array([(moment - EPOCH).total_seconds() for moment, _ in points])
    values = np.array([value for _, value in points], dtype=float)
    first, last = int(at[0] // QUARTER_S), int(at[-1] // QUARTER_S)
    middle = (np.arange(first, last + 1) + 0.5) * QUARTER_S
    after = np.clip(np.searchsorted(at, middle), 0, len(at) - 1)
    gap = at[after] - at[np.maximum(after - 1, 0)] > GAP_S
    return Past(first, np.where(gap, np.nan, np.interp(middle, at, values)))
