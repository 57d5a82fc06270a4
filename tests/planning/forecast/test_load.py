"""Load forecasts: what they may look at, how their bands lie, and days on which the clocks change."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.planning.forecast.combine import NOTHING
from chargebridge.planning.forecast.grid import EMPTY, Calendar, Floats, Past, grid, on_horizon, quarters, slot_of, start_of
from chargebridge.planning.forecast.load import forecast_load
from chargebridge.planning.forecast.score import pinball, score_band, truth_on
from chargebridge.planning.problem import Band, Horizon

BERLIN = Calendar("Europe/Berlin")
SPRING, AUTUMN = datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)
MOST_W = 11_000.0


def house(first: datetime, days: int, seed: int = 1, calendar: Calendar = BERLIN) -> Past:
    """Breakfast on working days, supper on all, and noise."""
    places = grid(calendar, slot_of(first), days * 96)
    breakfast = 900 * np.exp(-(((places.quarter - 28) / 4) ** 2)) * (places.kind == 0)
    supper = 1500 * np.exp(-(((places.quarter - 76) / 6) ** 2))
    return Past(places.first, 250 + breakfast + supper + np.random.default_rng(seed).gamma(1.0, 60.0, len(places.day)))


def day_ahead(now: datetime) -> Horizon:
    return Horizon(starts_at=now, steps_s=(300.0,) * 12 + (900.0,) * 28 + (3600.0,) * 16)


@given(
    now=st.integers(-20 * 1440, 20 * 1440).map(lambda minutes: SPRING + timedelta(minutes=minutes)),
    known_days=st.integers(0, 40),
    holes=st.lists(st.integers(0, 40 * 96), max_size=200),
    seed=st.integers(0, 99),
)
def test_bands_are_ordered_and_possible_and_nothing_after_now_counts(now: datetime, known_days: int, holes: list[int], seed: int) -> None:
    past = house(now - timedelta(days=known_days), known_days + 3, seed)
    values = past.values.copy()
    values[[hole for hole in holes if hole < len(values)]] = np.nan
    horizon = day_ahead(now)
    told = forecast_load(Past(past.first, values), horizon, BERLIN, now=now, most_w=MOST_W)
    low, likely, high = (np.array(line) for line in (told.band.low, told.band.likely, told.band.high))
    assert len(low) == len(horizon.steps_s)
    assert (low >= 0).all()
    assert (low <= likely).all()
    assert (likely <= high).all()
    assert (high <= MOST_W).all()

    later = values.copy()
    later[slot_of(now) - past.first :] = 9e9
    assert forecast_load(Past(past.first, later), horizon, BERLIN, now=now, most_w=MOST_W) == told


def test_nothing_known_is_told_as_nothing() -> None:
    told = forecast_load(EMPTY, day_ahead(SPRING), BERLIN, now=SPRING, most_w=MOST_W)
    assert told.method == NOTHING
    assert "two days" in told.why
    assert set(told.band.low) == {0.0}
    assert set(told.band.high) == {0.15 * MOST_W}
    evening = house(SPRING - timedelta(hours=6), 1)
    seen = forecast_load(evening, day_ahead(SPRING), BERLIN, now=SPRING, most_w=MOST_W)
    assert seen.method == NOTHING
    assert min(seen.band.high) >= 0.15 * MOST_W
    assert 300 < seen.band.likely[0] < 1500


def test_bands_narrow_as_days_are_learnt() -> None:
    now = datetime(2026, 5, 20, 6, tzinfo=UTC)
    widths = []
    for days in (1, 3, 8, 30):
        band = forecast_load(house(now - timedelta(days=days), days), day_ahead(now), BERLIN, now=now, most_w=MOST_W).band
        widths.append(np.subtract(band.high, band.low).mean())
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < widths[0] / 2


@pytest.mark.parametrize("change", [SPRING, AUTUMN])
def test_breakfast_stays_at_seven_when_the_clocks_change(change: datetime) -> None:
    """The Monday after the change, told on Sunday noon: breakfast by the clock on the wall, an hour beside Friday's in UTC."""
    now = change + timedelta(hours=12)
    past = house(now - timedelta(days=30), 32)
    horizon = Horizon(starts_at=now, steps_s=(900.0,) * 96)
    told = forecast_load(past, horizon, BERLIN, now=now, most_w=MOST_W)
    likely = np.array(told.band.likely)
    places = grid(BERLIN, slot_of(now), 96)
    morning = np.where((places.quarter >= 16) & (places.quarter < 44), likely, 0.0)
    assert abs(int(places.quarter[morning.argmax()]) - 28) <= 2
    score = score_band(told.band, truth_on(past, horizon, now + timedelta(days=2)))
    assert score is not None
    assert score.mae < 90


def test_days_with_a_change_have_92_and_100_quarter_hours() -> None:
    for change, count in ((SPRING, 92), (AUTUMN, 100)):
        places = grid(BERLIN, slot_of(change) - 96, 3 * 96)
        day = (change - datetime(1970, 1, 1, tzinfo=UTC)).days
        assert (places.day == day).sum() == count
        assert set(places.kind[places.day == day]) == {2}


def test_a_holiday_is_told_as_a_sunday() -> None:
    holiday = Calendar("Europe/Berlin", frozenset({date(2026, 5, 14)}))
    now = datetime(2026, 5, 13, 20, tzinfo=UTC)
    past = house(now - timedelta(days=28), 28, calendar=holiday)
    horizon = Horizon(starts_at=now, steps_s=(900.0,) * 80)
    at_seven = [
        forecast_load(past, horizon, calendar, now=now, most_w=MOST_W).band.likely[36] for calendar in (holiday, BERLIN)
    ]  # 5 UTC is 7 in the morning
    assert at_seven[0] < 500 < 900 < at_seven[1]


def test_steps_of_any_length_get_the_mean_of_their_quarter_hours() -> None:
    first = slot_of(SPRING)
    values: Floats = np.arange(8.0)
    horizon = Horizon(starts_at=SPRING + timedelta(minutes=5), steps_s=(300.0, 300.0, 300.0, 900.0, 3600.0))
    assert on_horizon(values, first, horizon) == pytest.approx(
        [0, 0, 1, (2 * 1 + 1 * 2) / 3, (10 * 2 + 15 * 3 + 15 * 4 + 15 * 5 + 5 * 6) / 60]
    )
    values[3] = np.nan
    assert np.isnan(on_horizon(values, first, horizon)).tolist() == [False, False, False, False, True]


def test_samples_become_means_of_quarter_hours() -> None:
    at = SPRING + timedelta(minutes=1)
    past = quarters([(at, 100.0), (at + timedelta(minutes=10), 300.0), (at + timedelta(minutes=45), 50.0), (at, None)])
    assert start_of(past.first) == SPRING
    assert past.values[[0, 3]].tolist() == [200.0, 50.0]
    assert np.isnan(past.values[1:3]).all()
    assert len(past.before(SPRING + timedelta(minutes=44)).values) == 2


def test_scores_are_those_of_the_textbook() -> None:
    band = Band(low=(0.0, 0.0), likely=(10.0, 10.0), high=(20.0, 20.0))
    score = score_band(band, np.array([15.0, 30.0]))
    assert score is not None
    assert (score.mae, score.coverage, score.width, score.steps) == (12.5, 0.5, 20.0, 2)
    # low: 0.1 * 15, 0.1 * 30; likely: 0.5 * 5, 0.5 * 20; high: 0.1 * 5, 0.9 * 10
    assert score.pinball == pytest.approx((1.5 + 3.0 + 2.5 + 10.0 + 0.5 + 9.0) / 6)
    assert pinball(0.9, np.array([0.0]), np.array([-1.0])).tolist() == pytest.approx([0.1])
    assert score_band(band, np.array([np.nan, np.nan])) is None
