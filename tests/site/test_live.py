"""What is learned from samples: only what is true of the car and of now."""

from datetime import UTC, datetime, timedelta

import pytest

from chargebridge.model.state import Offer, OfferOutcome
from chargebridge.site.config_file import parse
from chargebridge.site.live import Live, LivePoint
from chargebridge.stations.port import EvseMeasurement
from tests.site.kit import CONFIG

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def point() -> LivePoint:
    return Live(parse(CONFIG).topology()).points["a"]


def see(point: LivePoint, second: float, *amps: float, station_s: float | None = None) -> None:
    """A sample that comes at ``second``; measured then too by the station's clock, or at ``station_s``."""
    at = NOON + timedelta(seconds=second if station_s is None else station_s)
    point.measure(EvseMeasurement(measured_at=at, current_a=(amps[0], amps[1], amps[2])), NOON + timedelta(seconds=second))


def test_a_car_that_connects_its_phases_one_by_one_is_not_taken_for_a_single_phase_one(point: LivePoint) -> None:
    """Else the other two phases would be given to others while it draws there."""
    for second in (0, 5, 10):
        see(point, second, 6, 0, 0)
        assert point.car_phases is None
    see(point, 15, 16, 16, 16)
    assert point.car_phases == 3
    for second in (20, 40, 60, 80):
        see(point, second, 16, 0, 0)
    assert point.car_phases == 3, "it can use three, so it may do so again"


def test_a_single_phase_car_is_believed_after_a_while_and_corrected_at_once(point: LivePoint) -> None:
    for second in range(0, 25, 5):
        see(point, second, 16, 0, 0)
    assert point.car_phases == 1
    see(point, 30, 16, 16, 0)
    assert point.car_phases == 2


def test_while_fewer_phases_are_offered_nothing_is_learned(point: LivePoint) -> None:
    def offer(phases: int) -> None:
        sent = {"sent_at": NOON, "expires_at": NOON + timedelta(hours=1), "outcome": OfferOutcome.ACCEPTED}
        point.send(Offer(current_a=16, phases=phases, **sent))  # type: ignore[arg-type]

    offer(1)
    for second in range(0, 90, 5):
        see(point, second, 16, 0, 0)
    assert point.car_phases is None
    offer(3)
    for second in (90, 95, 100, 105):
        see(point, second, 16, 0, 0)
    assert point.car_phases is None, "the change may be under way"


def test_another_car_is_learned_anew(point: LivePoint) -> None:
    see(point, 0, 16, 16, 16)
    point.forget_car()
    assert point.car_phases is None


def test_old_samples_are_history(point: LivePoint) -> None:
    see(point, 100, 16, 16, 16)
    see(point, 101, 0, 0, 0, station_s=60)
    assert point.terminal_a == (16, 16, 16)
    see(point, 900, 0, 0, 0, station_s=300)
    assert point.terminal_a == (16, 16, 16), "kept while the line was down, sent after it"
    see(point, 901, 10, 10, 10)
    assert point.terminal_a == (10, 10, 10)


def test_a_station_whose_clock_is_wrong_is_measured_all_the_same(point: LivePoint) -> None:
    for second in (0, 5, 10):
        see(point, second, second, 0, 0, station_s=second - 7200)
        assert point.terminal_a == (second, 0, 0)


def test_a_station_whose_clock_is_set_back_is_believed_after_a_minute_at_the_latest(point: LivePoint) -> None:
    see(point, 0, 16, 0, 0, station_s=40)
    for second in range(5, 70, 5):
        see(point, second, 8, 0, 0, station_s=second - 20)
    assert point.terminal_a == (8, 0, 0)


def test_our_own_clock_being_set_back_loses_no_sample(point: LivePoint) -> None:
    see(point, 0, 16, 0, 0)
    see(point, -3600, 8, 0, 0, station_s=5)
    assert point.terminal_a == (8, 0, 0)
    assert point.measured_at == NOON - timedelta(hours=1)
