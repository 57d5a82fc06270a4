"""The schedule that follows from several charging profiles, by hand-reckoned examples."""

from datetime import UTC, datetime, timedelta
from typing import Any

from chargebridge.stations.profiles import ChargingProfile, Period, Reckoned, composite, differences

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)


def profile(number: int, purpose: Any, level: int, *periods: tuple[int, float], **more: Any) -> ChargingProfile:
    told = tuple(Period(start_s=start, limit=limit) for start, limit in periods)
    return ChargingProfile(id=number, purpose=purpose, stack_level=level, unit=more.pop("unit", "A"), periods=told, **more)


DEFAULT = profile(1, "TxDefaultProfile", 0, (0, 6.0), kind="Relative")
GRANT = profile(2, "TxProfile", 1, (0, 16.0), starts_at=NOW - timedelta(seconds=5), duration_s=35, transaction="tx")
STATION = profile(3, "ChargingStationMaxProfile", 0, (0, 10.0), starts_at=NOW + timedelta(seconds=10), duration_s=10)


def test_grant_then_fallback_under_the_stations_own_limit() -> None:
    there = [(1, DEFAULT), (1, GRANT), (0, STATION)]
    found = composite(there, 1, NOW, 60, "A", transaction="tx", started_at=NOW - timedelta(hours=1))
    assert found == [Reckoned(0, 16.0), Reckoned(10, 10.0), Reckoned(20, 16.0), Reckoned(30, 6.0)]
    assert composite(there, 2, NOW, 60, "A") == [Reckoned(0, None), Reckoned(10, 10.0), Reckoned(20, None)]
    assert composite(there, 1, NOW, 60, "A")[0] == Reckoned(0, 6.0), "no transaction, no TxProfile"


def test_the_higher_level_counts_while_it_has_something_to_say() -> None:
    night = profile(4, "TxDefaultProfile", 2, (0, 32.0), (3600, 20.0), kind="Recurring", recurrency="Daily",
                    starts_at=NOW - timedelta(days=3, minutes=30), duration_s=5400)  # fmt: skip
    found = composite([(0, night), (1, DEFAULT)], 1, NOW, 90_000, "A")
    assert [(step.start_s, step.limit) for step in found] == [(0, 32.0), (1800, 20.0), (3600, 6.0), (84_600, 32.0), (88_200, 20.0)]


def test_units_and_validity() -> None:
    watts = profile(5, "TxDefaultProfile", 0, (0, 11_040.0), unit="W", kind="Relative", valid_from=NOW + timedelta(seconds=30))
    assert composite([(1, watts)], 1, NOW, 60, "A") == [Reckoned(0, None), Reckoned(30, 16.0)]
    assert composite([(1, DEFAULT)], 1, NOW, 60, "W", phases=1) == [Reckoned(0, 1380.0)]


def test_a_set_point_counts_as_what_flows() -> None:
    period = Period(setpoint=-3000.0, mode="CentralSetpoint")
    steered = ChargingProfile(id=9, purpose="TxProfile", stack_level=2, unit="W", kind="Dynamic", periods=(period,), transaction="tx")
    assert composite([(1, steered)], 1, NOW, 60, "W", transaction="tx") == [Reckoned(0, -3000.0)]


def test_differences() -> None:
    ours = [Reckoned(0, 16.0), Reckoned(30, 6.0)]
    assert differences(ours, [Reckoned(0, 16.04), Reckoned(27, 6.0)], 120, "A") == []
    assert differences(ours, [Reckoned(0, 10.0), Reckoned(30, 6.0)], 120, "A") == ["from 0 s: 16 A by our reckoning, 10 A by the station's"]
    assert differences([Reckoned(0, None)], [Reckoned(0, 32.0)], 120, "A") == [], "what we do not limit, the station may"
