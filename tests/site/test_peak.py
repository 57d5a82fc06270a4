"""The quarter-hour budget: nothing unmeasured is given away, over gaps, restarts and a clock that is set back."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from chargebridge.model.reading import Reading
from chargebridge.site.config_file import parse
from chargebridge.site.peak import PeakWindow, window_of
from chargebridge.site.site import Site
from chargebridge.stations.ocpp import CentralSystem, ServerSettings
from chargebridge.store import Database
from tests.site.kit import CONFIG

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def told(second: float, power_w: float | None, wh: int | None = None) -> Reading:
    at = NOON + timedelta(seconds=second)
    return Reading(meter="m", received_at=at, power_w=power_w, energy_import_wh=None if wh is None else Decimal(wh))


def drawn(*readings: Reading, second: float = 0) -> float:
    window = PeakWindow(9000)
    for reading in readings:
        window.add(reading)
    return window.budget(max(NOON + timedelta(seconds=second), readings[-1].received_at)).drawn_wh


def test_power_counts_from_reading_to_reading_and_export_saves_nothing() -> None:
    assert drawn(told(0, 3600), told(10, 7200), told(20, -5000), told(30, 0)) == pytest.approx(30)


def test_over_a_gap_the_register_tells_and_without_one_the_budget_counts() -> None:
    assert drawn(told(0, 3600, 1000), told(300, 0, 1500)) == pytest.approx(500)
    assert drawn(told(0, 0), told(300, 0)) == pytest.approx(750)
    assert drawn(told(0, 0, 1500), told(300, 0, 1000)) == pytest.approx(750), "a register that runs backwards is none"


def test_what_was_before_the_first_reading_counts_as_the_budget() -> None:
    assert drawn(told(600, 0)) == pytest.approx(1500)


def test_a_gap_over_the_end_of_a_window_counts_for_its_part() -> None:
    assert drawn(told(800, 0, 1000), told(1000, 0, 2000)) == pytest.approx(500)


def test_each_quarter_begins_anew_and_so_does_a_clock_that_is_set_back() -> None:
    window = PeakWindow(9000)
    for second in range(0, 900, 30):
        window.add(told(second, 9000))
    at = NOON + timedelta(seconds=905)
    assert window.budget(at).drawn_wh == 0
    assert window.budget(at).window_started_at == NOON + timedelta(seconds=900)
    back = NOON - timedelta(hours=1)
    assert window.budget(back).window_started_at == back
    window.add(told(-3600, 9000))
    window.add(told(-3590, 9000))
    assert window.budget(back + timedelta(seconds=10)).drawn_wh == pytest.approx(25)


def test_numbers_that_are_none_are_passed_over() -> None:
    assert drawn(told(0, 3600), told(5, float("nan")), told(6, None), told(10, 0)) == pytest.approx(10)


class Still:
    """A clock that stands still ten minutes into a quarter."""

    def now(self) -> datetime:
        return NOON + timedelta(minutes=10)

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody sleeps here")


async def test_a_restart_in_the_middle_of_a_quarter_remembers_what_was_drawn(tmp_path: Path) -> None:
    text = CONFIG.replace("fuse_a = 63", 'fuse_a = 63\nmeter = "m"') + '\n[[meter]]\nid = "m"\nurl = "tcp://127.0.0.1:9"\n'
    config, clock = parse(text), Still()

    async def opened() -> Site:
        return await Site.open(config, clock, database, lambda sink: CentralSystem(ServerSettings(port=0), (), sink, clock), ())

    database = Database.open(tmp_path / "site.db")
    first = await opened()
    for second in range(0, 600, 30):
        first.read(told(second, 40_000))
    database.close()
    database = Database.open(tmp_path / "site.db")
    again = await opened()
    assert again._peak is not None
    assert again._peak.budget(clock.now()).drawn_wh == pytest.approx(40_000 * 570 / 3600)
    assert window_of(clock.now()) == NOON
    database.close()
