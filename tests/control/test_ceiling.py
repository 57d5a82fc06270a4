"""The most a point may be drawing, whatever it was told."""

import pytest
from small_site import at, offer, point

from chargebridge.control.ceiling import reckon
from chargebridge.model.circuit import ChargingPoint
from chargebridge.model.session import PointStatus
from chargebridge.model.state import Offer, OfferOutcome, PointState

SENT, ACCEPTED, REJECTED, TIMED_OUT = OfferOutcome.SENT, OfferOutcome.ACCEPTED, OfferOutcome.REJECTED, OfferOutcome.TIMED_OUT
POINT = point("p", fallback_a=6.0)


def ceiling(*offers: Offer, now: float, point: ChargingPoint = POINT, **more: object) -> float:
    known = {"online": True, "status": PointStatus.CHARGING, "heard_at": at(now), "fallback_a": 6.0} | more
    return reckon(point, PointState(point="p", offers=offers, **known), at(now)).peak_a  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("offers", "now", "expected"),
    [
        ((), 0, 32.0),
        ((offer(10, 0, SENT),), 1, 32.0),
        ((offer(10, 0),), 1, 32.0),
        ((offer(10, 0),), 9, 10.0),
        ((offer(16, 0), offer(8, 20, SENT)), 21, 16.0),
        ((offer(16, 0), offer(8, 20, SENT)), 40, 16.0),
        ((offer(16, 0), offer(8, 20, TIMED_OUT)), 40, 16.0),
        ((offer(16, 0), offer(8, 20, REJECTED)), 40, 16.0),
        ((offer(16, 0), offer(20, 20, TIMED_OUT)), 40, 20.0),
        ((offer(16, 0), offer(20, 20, REJECTED)), 40, 16.0),
        ((offer(16, 0), offer(8, 20)), 24, 16.0),
        ((offer(16, 0), offer(8, 20)), 29, 8.0),
        ((offer(16, 0), offer(8, 20, TIMED_OUT), offer(10, 30)), 45, 10.0),
        ((offer(0, 0),), 40, 0.0),
        ((offer(0, 0),), 55, 6.0),
        ((offer(16, 0),), 62, 16.0),
        ((offer(16, 0),), 70, 6.0),
    ],
    ids=[
        "never offered: anything",
        "sent only: anything before it may hold",
        "accepted a moment ago: the car may lag",
        "accepted long enough ago",
        "a reduction under way counts for nothing yet",
        "nor later without an answer",
        "nor when it timed out",
        "nor when it was refused",
        "a raise that timed out may have been taken",
        "a raise that was refused was not",
        "accepted, not settled",
        "accepted, settled",
        "what an accepted offer replaced does not matter",
        "zero is zero",
        "near its end the fallback counts too",
        "just expired: the car may lag",
        "expired: the fallback",
    ],
)
def test_offers(offers: tuple[Offer, ...], now: float, expected: float) -> None:
    assert ceiling(*offers, now=now) == expected


def test_a_measurement_settles_a_reduction_only_after_the_car_had_time_to_react() -> None:
    lower = (offer(16, 0), offer(8, 20))
    early = {"terminal_a": (7.9, 7.9, 7.9), "measured_at": at(22)}
    assert ceiling(*lower, now=26, **early) == 16.0
    assert ceiling(*lower, now=26, **early | {"measured_at": at(25.5)}) == 8.0
    assert ceiling(*lower, now=26, **early | {"measured_at": at(25.5), "terminal_a": (14.0, 14.0, 14.0)}) == 16.0


def test_a_measurement_above_the_offer_counts_for_what_it_shows() -> None:
    found = reckon(
        POINT,
        PointState(
            point="p",
            online=True,
            heard_at=at(40),
            status=PointStatus.CHARGING,
            offers=(offer(8, 20),),
            fallback_a=6.0,
            terminal_a=(16.0, 16.0, 16.0),
            measured_at=at(39),
        ),
        at(40),
    )
    assert found.peak_a == 16.0
    assert found.overdrawn_a == 16.0


def test_an_old_measurement_is_no_argument_against_a_settled_offer() -> None:
    assert ceiling(offer(16, 0), offer(8, 20), now=40, terminal_a=(16.0, 16.0, 16.0), measured_at=at(15)) == 8.0


def test_a_fallback_that_was_never_confirmed_is_the_maximum() -> None:
    assert ceiling(offer(6, 0), now=70, fallback_a=None) == 32.0


@pytest.mark.parametrize(("more", "expected"), [({"online": False}, 16.0), ({"heard_at": at(-100)}, 16.0)])
def test_a_lost_station_keeps_its_last_offer_until_that_expires_then_its_fallback(more: dict[str, object], expected: float) -> None:
    assert ceiling(offer(16, 0), now=20, **more) == expected
    assert ceiling(offer(0, 0), now=20, **more) == 6.0
    assert ceiling(offer(16, 0), now=80, **more) == 6.0
    assert ceiling(offer(16, 0), now=80, fallback_a=None, **more) == 32.0
    assert ceiling(now=20, **more) == 6.0


def test_without_a_car_nothing_is_reserved_but_what_is_measured() -> None:
    assert ceiling(now=0, status=PointStatus.AVAILABLE) == 0.0
    assert ceiling(now=0, status=PointStatus.FAULTED, terminal_a=(3.0, 0.0, 0.0), measured_at=at(0)) == 3.0


@pytest.mark.parametrize(("car", "expected"), [(None, (10, 10, 10)), (1, (0, 10, 0)), (2, (0, 10, 10)), (3, (10, 10, 10))])
def test_terminals_lie_on_the_grids_phases_and_only_those_that_the_car_uses(car: int | None, expected: tuple[float, ...]) -> None:
    rotated = point("p", phases=(2, 3, 1))
    state = PointState(
        point="p", online=True, heard_at=at(20), status=PointStatus.CHARGING, offers=(offer(10, 0),), fallback_a=0.0, car_phases=car
    )
    assert reckon(rotated, state, at(20)).current_a == expected


def test_nonsense_measurements_are_none() -> None:
    assert ceiling(offer(8, 0), now=20, terminal_a=(float("nan"), 0.0, 0.0), measured_at=at(19)) == 8.0
