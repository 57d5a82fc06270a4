"""Figures as a person reads them."""

import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from chargebridge.app.web import words

VIENNA = ZoneInfo("Europe/Vienna")
NOW = datetime(2026, 3, 28, 20, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0 W"),
        (-0.4, "0 W"),
        (640, "640 W"),
        (7360, "7.4 kW"),
        (-1500, "−1.5 kW"),
        (1_234_567, "1\u202f234.6 kW"),
        (None, "not known"),
        (math.inf, "no limit"),
    ],
)
def test_power(value: float | None, text: str) -> None:
    assert words.power(value) == text


@pytest.mark.parametrize(("value", "text"), [(16.0, "16 A"), (8.46, "8.5 A"), (5.99, "6 A"), (math.inf, "no limit"), (None, "not known")])
def test_current(value: float | None, text: str) -> None:
    assert words.current(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0 s"), (59, "59 s"), (120, "2 min"), (3600, "1 h"), (3900, "1 h 05 min"), (3590, "1 h"), (200_000, "2 days")],
)
def test_duration(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("hours", "text"),
    [(0, "21:00"), (4, "tomorrow 01:00"), (6, "tomorrow 04:00"), (-22, "yesterday 23:00"), (48, "Mon 22:00"), (24 * 10, "7 Apr 22:00")],
)
def test_moments_are_local_and_know_summer_time(hours: float, text: str) -> None:
    assert words.moment(NOW + timedelta(hours=hours), NOW, VIENNA) == text


def test_fuses_and_prices() -> None:
    assert words.fuse((63, 63, 63)) == "3 × 63 A"
    assert words.fuse((63, 63, 40)) == "63 / 63 / 40 A"
    assert words.price(0.243, "EUR") == "0.24 €/kWh"
    assert words.price(-0.012, "CHF") == "−0.012 CHF/kWh"
    assert words.several(1, "car") == "1 car"
