"""The hour that Aidon meters now and then tell twice, on the captures of amsreader-firmware issue 1119."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from chargebridge.meters.files import decode_file
from chargebridge.meters.quality import MeterChecker
from chargebridge.meters.quantities import reading_of
from chargebridge.model.finding import FindingKind
from chargebridge.model.reading import Reading
from chargebridge.wire.meter import Telegram

VECTORS = Path(os.environ.get("CHARGEBRIDGE_VECTORS", Path(__file__).parents[4] / "shared" / "vectors")) / "meters" / "norway_han_dlms"
FOUR = datetime(2025, 12, 14, 16, 0, 11, tzinfo=UTC)


def hour(name: str, hours: int) -> Reading:
    path = VECTORS / f"ams_aidon_gh1119-{name}.hex"
    if not path.is_file():
        pytest.skip(f"no capture {path}; CHARGEBRIDGE_VECTORS names another place")
    telegram = next(iter(decode_file(path)))
    assert isinstance(telegram, Telegram)
    return reading_of(telegram, meter="m", received_at=FOUR + timedelta(hours=hours))


def hours() -> tuple[Reading, Reading, Reading, Reading]:
    """16:00, 17:00 (the thread tells its 319 W), 18:00 with the time and registers of 17:00, and 19:00 with both hours' energy."""
    four, repeated = hour("1", 0), hour("3", 2)
    five = replace(repeated, received_at=FOUR + timedelta(hours=1), power_w=319.0, current_a=(0.2, 0.2, 1.4))
    assert repeated.energy_import_wh is not None
    assert repeated.measured_at is not None
    told_at = repeated.measured_at + timedelta(hours=2)
    seven = replace(
        repeated,
        received_at=FOUR + timedelta(hours=3),
        measured_at=told_at,
        energy_import_wh=repeated.energy_import_wh + 8050,
        power_w=763.0,
    )
    return four, five, repeated, replace(seven, current_a=(1.0, 1.0, 1.3))


def test_the_repeated_hour_is_found_when_it_comes_and_cleared_by_the_next() -> None:
    checker = MeterChecker("m", live=False)
    changes = [[(c.kind, c.cleared_at is None) for c in checker.feed(r)] for r in hours()]
    assert changes == [[], [], [(FindingKind.REGISTER_STUCK, True)], [(FindingKind.REGISTER_STUCK, False)]]


def test_among_the_telegrams_between_it_is_found_too_and_the_doubled_hour_is_no_alarm_of_scale() -> None:
    """Between the hours power comes every 2.5 s without a time: 1.77 kWh, then 0.6 kWh that are not told, then 7.45 kWh."""
    watts = (1770.0, 600.0, 7450.0)
    found = []
    checker = MeterChecker("m")
    for number, reading in enumerate(hours()):
        found += checker.feed(reading)
        for second in range(0, 3595 if number < 3 else 0, 5):
            at = reading.received_at + timedelta(seconds=2.5 + second)
            found += checker.feed(Reading(meter="m", received_at=at, power_w=watts[number]))
    told = [(f.kind, f.cleared_at is None) for f in found if f.kind is not FindingKind.CLOCK_HOUR]
    assert told == [(FindingKind.REGISTER_STUCK, True), (FindingKind.REGISTER_STUCK, False)]
    assert checker.open == ()
