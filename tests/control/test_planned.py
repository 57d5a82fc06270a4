"""Real time inside a plan: it lets cars wait and batteries work, raises nothing, and counts for nothing when it is old."""

from datetime import timedelta

import pytest
from tests.control.small_site import NOON, SmallSite, at, goals, limit, point, root, told

from chargebridge.model.circuit import Battery, Group
from chargebridge.model.decision import Cause
from chargebridge.model.limit import LimitedPower
from chargebridge.model.plan import BatteryPlan, PlanNow, PointPlan
from chargebridge.model.session import Preference
from chargebridge.model.state import BatteryState, PeakBudget

EIGHT_HOURS = Preference(energy_min_wh=10_000, target_at=NOON + timedelta(hours=8))


def planned(name: str = "a", watts: float = 0.0, **more: object) -> PointPlan:
    kind = {"session": f"session of {name}", "price": 0.34, "start_price": 0.11, "starts_at": NOON + timedelta(hours=2, minutes=15)} | more
    return PointPlan(point=name, charge_w=watts, **kind)  # type: ignore[arg-type]


def site(*points: PointPlan, dies_s: float = 900, batteries: tuple[BatteryPlan, ...] = (), **more: object) -> SmallSite:
    made = SmallSite(circuits=(root(),), points=(point("a"), point("b")), **more)  # type: ignore[arg-type]
    made.plan = PlanNow(made_at=NOON, dies_at=at(dies_s), points=points, batteries=batteries)
    made.change("a", preference=EIGHT_HOURS)
    return made


def test_a_car_waits_for_its_hour_and_is_told_why() -> None:
    decision = site(planned()).run(30)
    mine = told(decision, "a")
    assert (mine.goal_a, mine.needed_a, mine.why.cause) == (0.0, 0.0, Cause.PLAN)
    assert mine.why.sentence == "waiting: charging starts at 14:15, when it costs 0.11 instead of 0.34"
    assert goals(decision)["b"] == 32.0, "who has no plan charges"


def test_it_charges_with_what_is_planned_and_a_part_of_a_step_with_the_minimum() -> None:
    assert told(site(planned(watts=6900.0, starts_at=None)).run(30), "a").goal_a == pytest.approx(10.0, abs=0.1)
    assert told(site(planned(watts=1000.0, starts_at=None)).run(30), "a").goal_a == 6.0


def test_an_old_plan_counts_for_nothing_and_a_person_is_told() -> None:
    house = site(planned(), dies_s=60)
    assert house.run(59).alerts == ()
    late = house.run(30)
    assert told(late, "a").goal_a > 0
    assert any("too old" in alert.text for alert in late.alerts)


def test_the_plan_of_another_car_is_not_this_ones() -> None:
    assert told(site(planned(session="somebody else's")).run(30), "a").goal_a > 0


def test_whose_time_runs_out_charges_whatever_was_planned() -> None:
    house = site(planned())
    house.change("a", preference=Preference(energy_min_wh=11_000, target_at=NOON + timedelta(minutes=35)))
    assert told(house.run(30), "a").needed_a > 16.0
    house.change("a", preference=Preference(energy_min_wh=11_000, target_at=NOON + timedelta(hours=2)))
    assert told(house.run(30), "a").needed_a == 0.0


def test_a_limit_binds_below_the_plan_at_once() -> None:
    house = site(planned(watts=11_000.0, starts_at=None))
    house.change("b", authorised=False)
    assert told(house.run(60), "a").goal_a == pytest.approx(15.9, abs=0.2)
    house.limits = (limit(LimitedPower(5000.0), since=house.t),)
    assert told(house.step(), "a").goal_a == pytest.approx(7.2, abs=0.1)
    house.limits = (limit(LimitedPower(0.0), since=house.t),)
    assert told(house.step(), "a").current_a == 0.0


def test_what_the_property_has_left_over_is_taken_and_given_up_again() -> None:
    house = site(planned(surplus=True), house=(-10.0, -10.0, -10.0))
    house.change("b", authorised=False)
    sunny = told(house.run(60), "a")
    assert sunny.goal_a == pytest.approx(10.0, abs=0.2)
    assert "left over" in sunny.why.sentence
    house.house = (2.0, 2.0, 2.0)
    assert told(house.run(60), "a").goal_a == 0.0


def test_without_the_plans_leave_or_with_too_little_the_sun_goes_out() -> None:
    house = site(planned(surplus=False), house=(-10.0, -10.0, -10.0))
    house.change("b", authorised=False)
    assert told(house.run(60), "a").goal_a == 0.0
    few = site(planned(surplus=True), house=(-4.0, -4.0, -4.0))
    few.change("b", authorised=False)
    assert told(few.run(60), "a").goal_a == 0.0


def test_the_peak_budget_holds_whatever_was_planned() -> None:
    house = site(planned(watts=11_000.0, starts_at=None))
    house.peak = PeakBudget(window_started_at=NOON, drawn_wh=0.0, budget_w=5_000.0)
    house.change("b", authorised=False)
    decision = house.run(30)
    assert told(decision, "a").goal_a * 690 <= 5_000.0 * 900 / (900 - 30) + 50


def test_a_car_gives_back_by_the_plan_where_all_agree_and_by_nothing_else() -> None:
    agreed = {"soc": 0.8, "car_discharge_w": 9000.0, "preference": Preference(may_discharge=True, target_at=NOON + timedelta(hours=8))}

    def gives(**more: object) -> float:
        house = SmallSite(circuits=(root(),), points=(point("a", discharge_max_w=6000.0),), house=(10.0, 10.0, 10.0))
        house.plan = PlanNow(made_at=NOON, dies_at=at(900), points=(planned(discharge_w=5000.0, starts_at=None),))
        house.change("a", **(agreed | more))
        return told(house.run(30), "a").discharge_w

    assert gives() == 5000.0
    assert gives(preference=Preference()) == 0.0
    assert gives(session="somebody else's") == 0.0
    assert gives(soc=0.5) == 0.0


BATTERY = Battery(id="bat", name="B", circuit="house", charge_max_w=5000, discharge_max_w=5000, capacity_wh=10_000, reserve_wh=1000)


def with_battery(order_w: float, present_w: float = 0.0, *, to_grid: bool = False, stored_wh: float = 6000, **more: object) -> SmallSite:
    state = BatteryState(battery="bat", heard_at=NOON, power_w=present_w, stored_wh=stored_wh)
    orders = (BatteryPlan(battery="bat", power_w=order_w, to_grid=to_grid),)
    house = site(batteries=orders, **more)
    house.batteries, house.battery_states = (BATTERY,), (state,)
    house.change("a", authorised=False)
    house.change("b", authorised=False)
    return house


def command(house: SmallSite) -> float:
    return house.run(30).batteries[0].power_w


def test_a_battery_does_what_is_planned() -> None:
    assert command(with_battery(3000.0)) == pytest.approx(3000.0)
    assert command(with_battery(0.0, house=(5.0, 5.0, 5.0))) == 0.0, "it keeps what it has, though the house draws"


def test_what_it_gives_by_the_plan_is_not_owed_to_cars() -> None:
    made = with_battery(-1000.0, house=(5.0, 5.0, 5.0)).run(30)
    assert made.batteries[0].power_w == pytest.approx(-1000.0)
    assert made.grant.battery_w == 0.0


def test_it_gives_no_more_than_the_property_draws_unless_the_plan_sells() -> None:
    assert command(with_battery(-4000.0, house=(2.0, 2.0, 2.0))) == pytest.approx(-1380.0, abs=5)
    assert command(with_battery(-4000.0, to_grid=True, house=(2.0, 2.0, 2.0))) == pytest.approx(-4000.0)
    assert command(with_battery(-4000.0, house=(9.0, 9.0, 9.0), stored_wh=1010)) == pytest.approx(-600.0), "3.2.6.4: its reserve"


def test_sun_that_was_not_foreseen_goes_in() -> None:
    assert command(with_battery(0.0, house=(-3.0, -3.0, -3.0))) == pytest.approx(2070.0, abs=5)


def test_planned_charging_gives_way_to_cars_and_limits() -> None:
    house = with_battery(5000.0)
    house.limits = (limit(LimitedPower(2000.0)),)
    assert command(house) <= 2000.0
    grouped = with_battery(5000.0)
    grouped.groups = (Group(id="g", name="G", members=("a", "b", "bat")),)
    grouped.limits = (limit(LimitedPower(1500.0), "g", group=True),)
    assert command(grouped) <= 1500.0


def test_what_is_needed_beyond_the_grid_comes_before_the_plan() -> None:
    house = with_battery(3000.0, house=(14.0, 14.0, 14.0))
    house.limits = (limit(LimitedPower(12_000.0)),)
    house.change("a", authorised=True, preference=Preference(energy_min_wh=8000, target_at=NOON + timedelta(hours=1)))
    assert house.run(30).batteries[0].power_w < -3000.0, "it gives, by 3.2.6.3"


def test_without_a_plan_it_runs_its_own_programme() -> None:
    house = with_battery(3000.0)
    house.plan = None
    assert house.run(30).batteries == ()
