"""From what a driver typed to a Preference."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from chargebridge.app.web.preference_form import Typed, read, typed
from chargebridge.model.session import Preference

VIENNA = ZoneInfo("Europe/Vienna")
NOW = datetime(2026, 3, 28, 20, 0, tzinfo=UTC)


def test_an_empty_form_asks_for_nothing() -> None:
    assert read(Typed(), NOW, VIENNA) == (Preference(), {})


def test_what_is_read_can_be_shown_again() -> None:
    form = Typed(energy_min_kwh=12.5, energy_max_kwh=40, target="2026-03-29T07:30", price_cap_min=0.4, price_cap_max=0.0)
    preference, wrong = read(form, NOW, VIENNA)
    assert wrong == {}
    assert preference is not None
    assert preference.target_at == datetime(2026, 3, 29, 5, 30, tzinfo=UTC)
    assert typed(preference, VIENNA) == form


@pytest.mark.parametrize(
    ("form", "field"),
    [
        (Typed(energy_min_kwh=-1), "energy_min_kwh"),
        (Typed(energy_max_kwh=float("nan")), "energy_max_kwh"),
        (Typed(energy_min_kwh=1e9), "energy_min_kwh"),
        (Typed(energy_min_kwh=20, energy_max_kwh=10), "energy_max_kwh"),
        (Typed(target="2026-03-28T20:59"), "target"),
        (Typed(target="2027-03-28T20:59"), "target"),
        (Typed(target="soon"), "target"),
        (Typed(price_cap_min=-0.1), "price_cap_min"),
        (Typed(price_cap_max=float("inf")), "price_cap_max"),
    ],
)
def test_what_cannot_be_meant_is_told_at_its_field(form: Typed, field: str) -> None:
    preference, wrong = read(form, NOW, VIENNA)
    assert preference is None
    assert list(wrong) == [field]


def test_an_hour_that_summer_time_skips_is_still_a_time() -> None:
    preference, wrong = read(Typed(target="2026-03-29T02:30"), NOW, VIENNA)
    assert wrong == {}
    assert preference is not None
    assert preference.target_at is not None
    assert preference.target_at - NOW < timedelta(hours=6)
