"""The figures of a day: how complete, how damaged, how late."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from tests.meters.quality.true_meter import START, TrueMeter, run, steps

from chargebridge.meters.quality import MeterChecker


def test_a_day_tells_how_much_was_heard_and_how_late() -> None:
    checker = MeterChecker("m", ZoneInfo("Europe/Berlin"))
    readings = list(TrueMeter(interval_s=10, delay_s=1.0).readings(steps(1, 0, 5000), 7200))
    for number, reading in enumerate(readings):
        if number % 10 == 3:
            checker.fault("checksum", reading.received_at)
            continue
        checker.feed(reading)
    checker.fault("link", readings[-1].received_at)
    first, second = checker.yesterday, checker.today()
    assert first is not None
    assert (first.day, second.day) == (date(2026, 3, 28), date(2026, 3, 29)), "Berlin's midnight is at 23:00 UTC"
    assert first.telegrams + second.telegrams == 648
    assert second.completeness == pytest.approx(0.9, abs=0.01)
    assert second.fault_rate == pytest.approx(0.1, abs=0.01)
    assert second.faults["link"] == 1
    assert second.delay_p50_s is not None
    assert second.delay_p95_s is not None
    assert 1.0 <= second.delay_p50_s <= second.delay_p95_s <= 2.4
    assert second.interval_s == pytest.approx(10, abs=0.5)


def test_nothing_is_told_of_what_nobody_can_know() -> None:
    checker = MeterChecker("m", live=False)
    assert run(TrueMeter(clock=False).readings(steps(1, 0, 5000), 60), checker) == []
    told = checker.today()
    assert (told.completeness, told.delay_p95_s, told.clock_offset_s) == (None, None, None)
    assert told.day == (START + timedelta(seconds=30)).date()
