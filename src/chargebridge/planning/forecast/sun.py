"""Where the sun stands, and what it gives under a clear sky and under clouds."""

import numpy as np
from msgspec import Struct

from chargebridge.planning.forecast.grid import DAY, QUARTER_S, Floats, Ints

CLOUDED = 0.75
"""What a wholly covered sky keeps back (Kasten and Czeplak 1980, Solar Energy 24, eq. 4: 1 - 0.75 (N/8)^3.4)."""


class Place(Struct, frozen=True):
    """Degrees, north and east positive."""

    latitude: float
    longitude: float


class Sun(Struct, frozen=True):
    """Means of quarter hours, each (M). clear_w_m2: on the level ground under a clear sky. hour: of solar time, 0..24."""

    clear_w_m2: Floats
    hour: Floats


def sun(place: Place, first: int, count: int) -> Sun:
    """Declination and equation of time after Spencer 1971 (Iqbal 1983, An Introduction to Solar Radiation, eq. 1.3.1 and
    1.4.1), clear sky after Haurwitz 1945: 1098 cos z exp(-0.059 / cos z), W/m2; the mean of three moments of each quarter hour."""
    slots = np.arange(first, first + count)
    clear = np.zeros(count)
    for within in (1 / 6, 1 / 2, 5 / 6):
        _, height = _stands(place, slots, within)
        above = np.maximum(height, 1e-3)
        clear += np.where(height > 0, 1098.0 * above * np.exp(-0.059 / above), 0.0) / 3
    return Sun(clear, _stands(place, slots, 1 / 2)[0])


def _stands(place: Place, slots: Ints, within: float) -> tuple[Floats, Floats]:
    """(solar time in hours, cosine of the zenith angle)."""
    utc_hour = ((slots % DAY) + within) * QUARTER_S / 3600.0
    days = (slots * QUARTER_S // 86_400).astype("datetime64[D]")
    year = 2 * np.pi * ((days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(float) + (utc_hour - 12) / 24) / 365.2422
    declination = (
        0.006918
        - 0.399912 * np.cos(year)
        + 0.070257 * np.sin(year)
        - 0.006758 * np.cos(2 * year)
        + 0.000907 * np.sin(2 * year)
        - 0.002697 * np.cos(3 * year)
        + 0.00148 * np.sin(3 * year)
    )
    minutes = 229.18 * (
        0.000075 + 0.001868 * np.cos(year) - 0.032077 * np.sin(year) - 0.014615 * np.cos(2 * year) - 0.04089 * np.sin(2 * year)
    )
    hour = (utc_hour + place.longitude / 15.0 + minutes / 60.0) % 24.0
    latitude, angle = np.radians(place.latitude), np.radians(15.0 * (hour - 12.0))
    return hour, np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(angle)


def under_clouds(clear_w_m2: Floats, cloud: Floats) -> Floats:
    """cloud: the covered share of the sky, 0..1."""
    return np.asarray(clear_w_m2 * (1.0 - CLOUDED * np.clip(cloud, 0.0, 1.0) ** 3.4))
