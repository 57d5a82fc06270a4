"""Two meters at one place, and interval values against registers."""

import heapq
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.meters.quality.true_meter import START, Load, TrueMeter, steps

from chargebridge.meters.quality import Comparison, check_complete, check_sum, completeness
from chargebridge.model.finding import Finding, FindingKind
from chargebridge.model.reading import Reading
from chargebridge.model.series import Interval, Quality, Series, local_day

CAR = steps(3, 0, 11_000, 900)
HOUSE = steps(4, 200, 3000)
BERLIN = ZoneInfo("Europe/Berlin")


def told(name: str, load: Load, interval_s: float, hours: float = 2) -> Iterator[Reading]:
    return (replace(r, meter=name) for r in TrueMeter(interval_s=interval_s).readings(load, hours * 3600, seed=len(name)))


def compare(comparison: Comparison, *sources: Iterator[Reading]) -> list[Finding]:
    merged = heapq.merge(*sources, key=lambda r: r.received_at)
    return [v for r in merged for v in comparison.feed(r) if isinstance(v, Finding)]


def test_a_main_meter_is_never_less_than_those_below_it() -> None:
    whole: Load = lambda s: HOUSE(s) + CAR(s)  # noqa: E731
    assert compare(Comparison("main", ("garage",)), told("main", whole, 10), told("garage", CAR, 2.5)) == []
    swapped = compare(Comparison("garage", ("main",)), told("main", whole, 10), told("garage", CAR, 2.5))
    assert swapped[0].kind is FindingKind.DISAGREEMENT
    assert swapped[0].meter == "garage"


def test_two_meters_on_one_line_agree_or_are_told_of() -> None:
    pair = Comparison("p1", ("clamp",), all_metered=True)
    assert compare(pair, told("p1", HOUSE, 1, 1), told("clamp", HOUSE, 5, 1)) == []
    turned = Comparison("p1", ("clamp",), all_metered=True)
    found = compare(turned, told("p1", HOUSE, 1, 1), told("clamp", lambda s: -HOUSE(s), 5, 1))
    assert found
    assert (found[0].at - found[0].since).total_seconds() < 1000


def test_a_meter_that_is_silent_or_hangs_proves_nothing() -> None:
    whole: Load = lambda s: HOUSE(s) + CAR(s)  # noqa: E731
    short = (r for r in told("main", lambda s: 0, 10) if r.received_at < START + timedelta(minutes=20))
    assert compare(Comparison("main", ("garage",)), short, told("garage", whole, 10)) == []


def day_of(day: date, energies: list[int | None]) -> Series:
    start, _ = local_day(day, BERLIN)
    values = tuple(Interval() if e is None else Interval(Decimal(e), Quality.MEASURED) for e in energies)
    return Series(meter="m", start=start, resolution_s=900, values=values)


@given(
    energies=st.lists(st.integers(0, 5000), min_size=92, max_size=100),
    begin=st.integers(0, 10**9),
    step=st.sampled_from([1, 10, 100, 1000]),
    rounding=st.sampled_from([1, 10]),
)
def test_true_intervals_add_up_to_a_true_register(energies: list[int], begin: int, step: int, rounding: int) -> None:
    shown: list[int | None] = [round(e / rounding) * rounding for e in energies]
    before, after = (Decimal(v // step * step) for v in (begin, begin + sum(energies)))
    assert check_sum(day_of(date(2026, 11, 20), shown), before, after, datetime.now(UTC)) is None


def test_intervals_that_miss_energy_or_have_too_much_are_told_of() -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    whole = day_of(date(2026, 11, 20), [251] * 96)
    found = check_sum(whole, Decimal(0), Decimal(251 * 96 + 500), now)
    assert found is not None
    assert found.kind is FindingKind.INTERVAL_SUM
    holed = day_of(date(2026, 11, 20), [251] * 95 + [None])
    assert check_sum(holed, Decimal(0), Decimal(251 * 96), now) is None, "told as missing, not as wrong"
    assert check_sum(holed, Decimal(0), Decimal(251 * 90), now) is not None


@pytest.mark.parametrize(("day", "expected"), [(date(2026, 3, 29), 92), (date(2026, 10, 25), 100), (date(2026, 11, 20), 96)])
def test_a_day_is_complete_with_as_many_values_as_it_has_quarter_hours(day: date, expected: int) -> None:
    now = datetime.now(UTC)
    assert check_complete(day_of(day, [1] * expected), day, BERLIN, now) is None
    assert completeness(day_of(day, [1] * (expected - 4)), day, BERLIN) == pytest.approx(1 - 4 / expected)
    found = check_complete(day_of(day, [1] * (expected - 1) + [None]), day, BERLIN, now)
    assert found is not None
    assert found.figures == {"missing": 1.0, "expected": float(expected)}
    shifted = replace(day_of(day, [1] * expected), start=local_day(day, BERLIN)[0] - timedelta(hours=1))
    found = check_complete(shifted, day, BERLIN, now)
    assert found is not None
    assert found.figures["missing"] == 4
