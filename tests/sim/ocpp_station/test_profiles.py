"""Charging profiles in the virtual station: which counts when (1.6 3.13, 2.0.1 part 2 K)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chargebridge.sim.ocpp_station.profiles import Charging, Limit, Period, Profile, ProfileStore, Purpose, limit_of

T0 = datetime(2026, 3, 1, 10, tzinfo=UTC)
IDLE = Charging(evse=1, phases=3)
RUNNING = Charging(evse=1, phases=3, transaction="7", started_at=T0)


def profile(number: int, limit_a: float, purpose: Purpose = Purpose.TX_DEFAULT, level: int = 0, **more: Any) -> Profile:
    more.setdefault("evse", 1)
    return Profile(id=number, purpose=purpose, stack_level=level, periods=(Period(0, limit_a),), **more)


def at(store: ProfileStore, charging: Charging = RUNNING, after_s: float = 0.0, sharers: int = 1) -> float | None:
    limit = store.limit(T0 + timedelta(seconds=after_s), charging, sharers)
    return limit.current_a if limit else None


def test_the_highest_level_leads_while_it_is_valid() -> None:
    store = ProfileStore()
    store.put(profile(1, 6.0))
    store.put(profile(2, 16.0, level=1, starts_at=T0, duration_s=60))
    assert [at(store, after_s=s) for s in (-1, 0, 59, 60)] == [6.0, 16.0, 16.0, 6.0]


def test_a_transactions_profile_goes_before_defaults_of_any_level() -> None:
    store = ProfileStore()
    store.put(profile(1, 6.0, level=5))
    store.put(profile(2, 20.0, Purpose.TX, starts_at=T0, duration_s=60))
    assert at(store, RUNNING) == 20.0
    assert at(store, IDLE) == 6.0
    assert at(store, RUNNING, 60) == 6.0
    store.put(profile(3, 25.0, Purpose.TX, level=1, transaction="8"))
    assert at(store, RUNNING) == 20.0, "another transaction's"
    store.end_transaction(1)
    assert at(store, RUNNING) == 6.0


def test_the_stations_bound_is_shared() -> None:
    store = ProfileStore()
    store.put(profile(1, 16.0))
    store.put(profile(2, 20.0, Purpose.STATION_MAX, evse=0))
    assert at(store) == 16.0
    assert at(store, sharers=2) == 10.0
    store.clear(1)
    assert at(store) == 20.0


def test_a_default_for_all_and_one_for_this() -> None:
    store = ProfileStore()
    store.put(profile(1, 10.0, evse=0))
    assert at(store) == 10.0
    store.put(profile(2, 12.0))
    assert at(store) == 12.0
    assert at(store, Charging(evse=2, phases=3)) == 10.0


def test_what_takes_whose_place() -> None:
    store = ProfileStore()
    store.put(profile(1, 10.0))
    store.put(profile(1, 11.0))
    store.put(profile(2, 12.0))
    assert [p.id for p in store] == [2], "same purpose, level and EVSE"
    store.put(profile(3, 13.0, level=1))
    assert store.clear(None, evse=1, purpose=Purpose.TX_DEFAULT, level=1) == 1
    assert store.clear(99) == 0
    assert store.clear(None) == 1
    assert at(store) is None


@pytest.mark.parametrize(
    ("changes", "after_s", "expected"),
    [
        ({}, 0, 10.0),
        ({"valid_from": T0 + timedelta(seconds=5)}, 4, None),
        ({"valid_to": T0 + timedelta(seconds=5)}, 5, None),
        ({"starts_at": T0 + timedelta(seconds=5)}, 4, None),
        ({"duration_s": 5}, 5, None),
        ({"starts_at": T0, "recurrency": "Daily", "duration_s": 60}, 86_400 * 3 + 30, 10.0),
        ({"starts_at": T0, "recurrency": "Daily", "duration_s": 60}, 86_400 * 3 + 61, None),
        ({"unit": "W", "limit_a": 6900.0}, 0, 10.0),
    ],
)
def test_times_and_units(changes: dict[str, Any], after_s: float, expected: float | None) -> None:
    one = profile(1, changes.pop("limit_a", 10.0), **changes)
    limit = limit_of(one, T0 + timedelta(seconds=after_s), RUNNING)
    assert (limit.current_a if limit else None) == expected


def test_periods_and_phases() -> None:
    store = ProfileStore()
    store.put(
        Profile(
            id=1, evse=1, purpose=Purpose.TX_DEFAULT, stack_level=0, starts_at=T0,
            periods=(Period(0, 16.0, 1), Period(30, 0.0), Period(90, 8.0)), duration_s=120,
        )
    )  # fmt: skip
    assert store.limit(T0, RUNNING) == Limit(16.0, 1)
    assert [at(store, after_s=s) for s in (29, 30, 89, 90, 120)] == [16.0, 0.0, 0.0, 8.0, None]
    schedule = store.composite(T0 + timedelta(seconds=10), 300, RUNNING, Limit(32.0, 3))
    assert schedule == [(0, Limit(16.0, 1)), (20, Limit(0.0, 3)), (80, Limit(8.0, 3)), (110, Limit(32.0, 3))]
