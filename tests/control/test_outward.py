"""What cars give back: only where all agree, never beyond a fuse or a limit, in either direction, and never to others' peril."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from small_site import SmallSite, at, limit, point, root, told

from chargebridge.model.decision import Cause, Decision
from chargebridge.model.limit import Direction, LimitedPower
from chargebridge.model.session import Preference
from chargebridge.model.state import OfferOutcome

AGREED = {
    "soc": 0.8, "car_discharge_w": 9000.0, "discharge_w": 7000.0, "discharge_until": at(3600), "preference": Preference(may_discharge=True),
}  # fmt: skip


def site(*names: str, fuse_a: float = 32.0, house: float = 10.0, most_w: float = 11000.0, **more: object) -> SmallSite:
    made = SmallSite((root(fuse_a),), tuple(point(name, discharge_max_w=most_w) for name in names or ("a",)), house=(house,) * 3)
    for name in names or ("a",):
        made.change(name, **(AGREED | more))
    return made


def given_w(decision: Decision) -> float:
    return sum(p.discharge_w for p in decision.points)


def test_a_car_gives_what_is_asked_when_all_agree() -> None:
    made = site()
    decision = told(made.run(30), "a")
    assert (decision.discharge_w, decision.current_a) == (7000.0, 0.0)
    assert decision.why.cause is Cause.DISCHARGING
    assert decision.why.sentence.startswith("the car gives energy back, up to 7.0 kW, until 50 % are left in it")


@pytest.mark.parametrize(
    "without",
    [
        {"preference": Preference()},
        {"car_discharge_w": 0.0},
        {"car_discharge_w": float("nan")},
        {"discharge_w": float("inf")},
        {"soc": None},
        {"soc": 0.5},
        {"authorised": False},
        {"discharge_until": at(-1)},
        {"preference": Preference(may_discharge=True, energy_min_wh=9000.0, target_at=at(7200))},
        {"online": False},
    ],
    ids=str,
)
def test_without_any_one_of_them_it_gives_nothing(without: dict[str, object]) -> None:
    assert given_w(site(**without).run(5)) == 0.0


def test_without_the_owners_leave_it_gives_nothing_and_no_more_than_he_allows() -> None:
    assert given_w(site(most_w=0.0).run(5)) == 0.0
    assert given_w(site(most_w=3000.0).run(5)) == 3000.0


def test_a_fuse_carries_as_much_out_as_in() -> None:
    made = site("a", "b", fuse_a=16.0, house=-6.0)  # PV feeds 6 A a phase already: 10 A are left outward
    for _ in range(60):
        decision = made.step()
        flow = made.reading.current_a if made.reading is not None else (0.0,)
        assert min(amps for amps in flow if amps is not None) >= -16.0
    assert 6400 <= given_w(decision) <= 6900
    assert "fuse of House" in told(decision, "b").why.sentence or "fuse of House" in told(decision, "a").why.sentence


def test_limits_on_production_hold_it_to_what_the_house_uses() -> None:
    made = site(house=5.0)
    made.limits = (limit(LimitedPower(0.0), direction=Direction.PRODUCTION),)
    decision = made.run(60)
    assert 3300 <= given_w(decision) <= 3450
    made.house = (2.0,) * 3  # the house takes less: the car follows at once
    assert given_w(made.step()) <= 1380.0


def test_a_limit_at_the_point_itself_holds_it() -> None:
    made = site()
    made.limits = (limit(LimitedPower(2000.0), "a", direction=Direction.PRODUCTION),)
    assert given_w(made.run(5)) == 2000.0


def test_what_one_car_gives_is_no_room_for_another() -> None:
    """A car that gives back may stop at any moment; another one that charged with it would then blow the fuse."""
    made = site("a", "b", fuse_a=20.0, house=12.0)
    made.change("b", discharge_w=0.0)
    for _ in range(90):
        decision = made.step()
        house_and_cars = 12.0 + sum(p.current_a for p in decision.points)
        assert house_and_cars <= 20.0 + 1e-6
    assert told(decision, "a").discharge_w > 0
    assert told(decision, "b").current_a >= 6.0


def test_behind_a_silent_meter_nothing_is_fed_in() -> None:
    made = site()
    assert given_w(made.run(5)) > 0
    made.silent = {"grid"}
    assert given_w(made.run(30)) == 0.0


def test_a_station_that_may_or_may_not_have_taken_a_set_point_is_reckoned_with() -> None:
    made = site("a", "b", fuse_a=16.0, house=0.0)
    made.step()
    *before, unsure = made.seen["a"].offers
    made.change("a", offers=(*before, replace(unsure, outcome=OfferOutcome.TIMED_OUT, discharge_w=9000.0)))
    made.measure()
    assert told(made.step(), "b").discharge_w <= 16 * 690 - 9000 + 1e-6


def test_when_the_asking_ends_it_charges_again() -> None:
    made = site()
    made.run(30)
    made.change("a", discharge_until=at(made.t))
    decision = made.run(90)
    assert told(decision, "a").discharge_w == 0.0
    assert told(decision, "a").current_a >= 6.0


def test_a_driver_with_priority_goes_before_all_others() -> None:
    made = SmallSite((root(10.0),), (point("a", priority=100), point("b")))
    made.change("b", prior=True)
    decision = made.run(60)
    assert (told(decision, "a").current_a, told(decision, "b").current_a >= 6.0) == (0.0, True)


@settings(max_examples=15, deadline=None)
@given(
    fuse_a=st.floats(10, 63),
    house=st.lists(st.floats(-40, 40), min_size=3, max_size=8),
    asked=st.lists(st.floats(0, 22000), min_size=2, max_size=2),
    soc=st.lists(st.floats(0, 1), min_size=2, max_size=2),
)
def test_whatever_is_asked_no_fuse_is_exceeded_outward_by_what_cars_give(
    fuse_a: float, house: list[float], asked: list[float], soc: list[float]
) -> None:
    """Only what the house itself feeds in may be beyond: that the cars cannot help."""
    made = site("a", "b", fuse_a=fuse_a, most_w=22000.0)
    for name, watts, charge in zip(("a", "b"), asked, soc, strict=True):
        made.change(
            name, discharge_w=watts, soc=charge, car_discharge_w=22000.0, discharge_until=made.seen[name].heard_at + timedelta(hours=1)
        )
    for load in house:
        made.house = (load,) * 3
        made.step()  # the meter sees it
        decision = made.step()
        for _ in range(12):
            decision = made.step()
        given_a = given_w(decision) / 690
        assert given_a == 0 or given_a - load <= fuse_a + 0.01
        for which in decision.points:
            assert which.discharge_w == 0 or which.current_a == 0
