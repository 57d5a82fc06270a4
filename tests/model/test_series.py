"""Interval values: what a series says of itself, and how many of them a day has."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.model.errors import ModelError
from chargebridge.model.series import Interval, Quality, Series, expected_count, local_day

START = datetime(2026, 3, 28, 23, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def measured(*energies: int) -> tuple[Interval, ...]:
    return tuple(Interval(Decimal(e), Quality.MEASURED) for e in energies)


def series(*energies: int) -> Series:
    return Series(meter="house", start=START, resolution_s=900, values=measured(*energies))


def test_a_series_knows_its_end_and_its_sum() -> None:
    values = (*measured(10, 20), Interval(), Interval(Decimal(5), Quality.ESTIMATED))
    told = Series(meter="house", start=START, resolution_s=900, values=values)
    assert told.end == START + timedelta(hours=1)
    assert told.energy_wh == 35
    assert [told.count(q) for q in Quality] == [2, 1, 1]


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 3, 28), 24), (date(2026, 3, 29), 23), (date(2026, 10, 25), 25)],
    ids=["usual", "spring", "autumn"],
)
def test_a_day_has_as_many_intervals_as_it_has_hours(day: date, hours: int) -> None:
    assert expected_count(day, BERLIN, 900) == 4 * hours
    assert expected_count(day, BERLIN, 3600) == hours


@given(day=st.dates(date(2000, 1, 1), date(2050, 12, 31)), zone=st.sampled_from(["Europe/Lisbon", "Europe/Oslo", "Europe/Vilnius", "UTC"]))
def test_days_follow_each_other_without_holes(day: date, zone: str) -> None:
    end, start = local_day(day, ZoneInfo(zone))[1], local_day(day + timedelta(days=1), ZoneInfo(zone))[0]
    assert end == start
    assert expected_count(day, ZoneInfo(zone), 900) in (92, 96, 100)


@given(before=st.integers(-5000, 5000), after=st.integers(-5000, 5000), count=st.integers(0, 8))
def test_a_cut_keeps_whole_intervals_only(before: int, after: int, count: int) -> None:
    whole = series(*range(count))
    start, end = START + timedelta(seconds=before), START + timedelta(seconds=after)
    cut = whole.between(start, end)
    kept = [int(v.energy_wh or 0) for v in cut.values]
    assert kept == [i for i in range(count) if start <= whole.at(i) and whole.at(i + 1) <= end]
    assert not kept or cut.start == whole.at(kept[0])


@pytest.mark.parametrize(
    ("start", "resolution_s", "values"),
    [
        (START, 7, ()),
        (START, 0, ()),
        (START, 86_400, ()),
        (START.replace(tzinfo=None), 900, ()),
        (START.astimezone(timezone(timedelta(hours=1))), 900, ()),
        (START, 900, (Interval(Decimal(1)),)),
        (START, 900, (Interval(None, Quality.MEASURED),)),
    ],
    ids=["no divisor", "nothing", "a day", "naive", "local", "missing with energy", "measured without"],
)
def test_what_cannot_be_is_refused(start: datetime, resolution_s: int, values: tuple[Interval, ...]) -> None:
    with pytest.raises(ModelError):
        Series(meter="house", start=start, resolution_s=resolution_s, values=values)
