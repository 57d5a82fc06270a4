from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.wire.eebus.spine.errors import SpineError
from chargebridge.wire.eebus.spine.functions.common import (
    ScaledNumber,
    duration,
    duration_s,
    instant,
    number,
    scaled,
    seconds_until,
    timestamp,
)

NOW = datetime(2026, 11, 21, 0, 57, 39, tzinfo=UTC)


@pytest.mark.parametrize(("text", "seconds"), [("PT4S", 4), ("PT2H", 7200), ("PT1H2M3S", 3723), ("P1D", 86400), ("PT0S", 0), ("PT0.5S", 0.5), ("-PT1M", -60)])  # noqa: E501  # fmt: skip
def test_durations(text, seconds):
    assert duration_s(text) == seconds


@pytest.mark.parametrize("text", ["P1Y", "P1M", "PT", "P", "", "4S", "PT1H1H", "PT٣S" * 30])
def test_what_is_no_duration(text):
    with pytest.raises(SpineError):
        duration_s(text)


@given(st.integers(0, 10**8))
def test_a_duration_comes_back(seconds):
    assert duration_s(duration(seconds)) == seconds


def test_a_duration_never_ends_early():
    assert duration(19.2) == "PT20S"
    assert duration(0) == "PT0S"


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=3))
def test_a_number_comes_back(value):
    assert number(scaled(value)) == value


def test_numbers_of_peers():
    assert number(ScaledNumber(number=102, scale=-1)) == Decimal("10.2")
    assert number(ScaledNumber(number=4200)) == 4200
    assert number(ScaledNumber()) is None
    assert scaled(4200) == ScaledNumber(number=4200, scale=0)
    assert scaled(Decimal("4.2E+3")) == ScaledNumber(number=4200, scale=0)
    for wrong in (ScaledNumber(number=1, scale=10**9), ScaledNumber(number=10**30)):
        with pytest.raises(SpineError):
            number(wrong)


def test_times():
    assert timestamp(NOW) == "2026-11-21T00:57:39Z"
    assert instant("2026-11-21T00:57:39Z") == instant("2026-11-21T01:57:39+01:00") == instant("2026-11-21T00:57:39") == NOW
    assert seconds_until("2026-11-21T00:58:39Z", NOW) == seconds_until("PT1M", NOW) == 60
    with pytest.raises(SpineError):
        instant("yesterday")
