"""PV forecasts: the sun's place against an almanac, a shaded plant, weather, and what may be looked at."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.planning.forecast.grid import EMPTY, Past, slot_of
from chargebridge.planning.forecast.pv import forecast_pv
from chargebridge.planning.forecast.score import score_band, truth_on
from chargebridge.planning.forecast.sun import Place, sun, under_clouds
from chargebridge.planning.forecast.weather import Weather
from chargebridge.planning.problem import Horizon

BERLIN = Place(52.52, 13.405)
PEAK_W = 8000.0
NOW = datetime(2026, 5, 20, 6, 7, tzinfo=UTC)


def day(now: datetime) -> Horizon:
    return Horizon(starts_at=now, steps_s=(900.0,) * 96)


def plant(now: datetime, days: int, more: int, seed: int) -> tuple[Past, Weather]:
    """A plant that a tree shades before ten in the morning, under clouds that stay for half a day; and that weather."""
    first, count = slot_of(now) - days * 96, (days + more) * 96
    shines = sun(BERLIN, first, count)
    cloud = np.repeat(np.random.default_rng(seed).uniform(0, 1, count // 48), 48)
    reaches = under_clouds(shines.clear_w_m2, cloud)
    power = reaches / 1000 * 0.75 * PEAK_W * np.where(shines.hour < 10, 0.3, 1.0)
    return Past(first, power), Weather(cloud=Past(first, cloud))


def test_the_sun_stands_where_the_almanac_says() -> None:
    """Berlin, 21 June 2026: sunrise 04:43, noon 13:08, sunset 21:33 in summer time (within a quarter hour: the disc, refraction)."""
    first = slot_of(datetime(2026, 6, 21, tzinfo=UTC))
    shines = sun(BERLIN, first, 96)
    up = np.flatnonzero(shines.clear_w_m2 > 0)
    assert up[0] / 4 == pytest.approx(2.72, abs=0.3)
    assert up[-1] / 4 == pytest.approx(19.55, abs=0.4)
    noon = np.interp(12.0, shines.hour[40:60], np.arange(40, 60)) + 0.5
    assert noon / 4 == pytest.approx(11 + 8 / 60, abs=0.05)
    # 90 - 52.52 + 23.44 degrees high at noon: Haurwitz 1945
    height = np.sin(np.radians(60.92))
    assert shines.clear_w_m2.max() == pytest.approx(1098 * height * np.exp(-0.059 / height), rel=0.005)
    assert under_clouds(np.array([800.0, 800.0]), np.array([0.0, 1.0])) == pytest.approx([800.0, 200.0])


@given(hours=st.integers(0, 23), days=st.integers(0, 30), seed=st.integers(0, 99), placed=st.booleans())
def test_bands_are_ordered_and_possible_and_nothing_after_now_counts(hours: int, days: int, seed: int, placed: bool) -> None:
    now = NOW + timedelta(hours=hours)
    past, _ = plant(now, days, 2, seed)
    place = BERLIN if placed else None
    told = forecast_pv(past, day(now), place, now=now, peak_w=PEAK_W)
    low, likely, high = (np.array(line) for line in (told.band.low, told.band.likely, told.band.high))
    assert (low >= 0).all()
    assert (low <= likely + 1e-9).all()
    assert (likely <= high + 1e-9).all()
    assert (high <= PEAK_W).all()
    if placed:
        dark = sun(BERLIN, slot_of(now), 98).clear_w_m2
        assert high[(dark[:96] == 0) & (dark[1:97] == 0)].max(initial=0.0) == 0.0
    later = past.values.copy()
    later[days * 96 :] = 9e9
    assert forecast_pv(Past(past.first, later), day(now), place, now=now, peak_w=PEAK_W) == told


def test_weather_and_shade_are_learnt() -> None:
    past, weather = plant(NOW, 21, 2, seed=3)
    score = {}
    for name, known in (("with", weather), ("without", Weather())):
        told = forecast_pv(past, day(NOW), BERLIN, now=NOW, peak_w=PEAK_W, weather=known)
        score[name] = score_band(told.band, truth_on(past, day(NOW), NOW + timedelta(days=2)))
        assert told.method == ("weather" if name == "with" else told.method)
    assert score["with"] is not None
    assert score["without"] is not None
    assert score["with"].mae < 0.02 * PEAK_W
    assert score["with"].mae < score["without"].mae / 4


def test_a_new_plant_is_told_by_its_peak_power_and_the_sun() -> None:
    told = forecast_pv(EMPTY, day(NOW), BERLIN, now=NOW, peak_w=PEAK_W)
    assert "peak power" in told.why
    assert 0.2 * PEAK_W < max(told.band.likely) < 0.5 * PEAK_W
    assert max(told.band.high) > 0.7 * PEAK_W
    past, weather = plant(NOW, 0, 2, seed=3)
    informed = forecast_pv(EMPTY, day(NOW), BERLIN, now=NOW, peak_w=PEAK_W, weather=weather)
    truth = past.values[1:96]
    assert np.corrcoef(informed.band.likely[:95], truth)[0, 1] > np.corrcoef(told.band.likely[:95], truth)[0, 1]
