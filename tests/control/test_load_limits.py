"""Controllable loads beside cars: who gets what under which limit, in which order, and what is told."""

import pytest
from msgspec.structs import replace
from small_site import SmallSite, amps, at, limit, point, root

from chargebridge.control.topology import RangeError, UnknownError, check
from chargebridge.model.circuit import Battery, Circuit, Group, Load, Topology
from chargebridge.model.limit import LimitedCurrent, LimitedPower, LimitSource, Unknown
from chargebridge.model.state import BatteryState, LoadLimit, LoadState, OfferOutcome, PeakBudget

ALL = Group(id="all", name="Controllable devices", members=("a", "pump"))


def pump(**more):
    return Load(**({"id": "pump", "name": "Heat pump", "circuit": "house", "nominal_w": 9000.0} | more))


def site(*, loads=None, points=None, likes=9000.0, fuse_a=63.0, groups=(ALL,), **more):
    loads = (pump(),) if loads is None else loads
    return SmallSite(
        circuits=(root(fuse_a),),
        points=(point("a"),) if points is None else points,
        loads=loads,
        likes={load.id: likes for load in loads},
        groups=groups,
        **more,
    )


def load(decision, name="pump"):
    return next(one for one in decision.loads if one.load == name)


def order(watts, since=0.0, **more):
    return replace(limit(LimitedPower(watts), "all", group=True, since=since, **more), received_at=at(0))


def test_without_a_limit_it_is_told_nothing_and_cars_give_way_to_what_it_draws():
    s = site(fuse_a=32)
    made = s.run(60)
    assert load(made).limit_w is None
    assert load(made).reason == "Heat pump draws what it likes: nothing limits it"
    left_a = 32 - 9000 / 690
    assert left_a - 1.0 <= amps(made)["a"] <= left_a


def test_a_section_14a_order_leaves_it_its_guarantee_and_the_car_the_rest():
    s = site(limits=(order(8400, 60),))
    s.run(60)
    made = s.step()
    assert load(made).limit_w == 4200, "in the same second"
    assert load(made).reason == (
        "Heat pump gets 4.2 kW: the grid operator (section 14a EnWG) allows 8.4 kW for Controllable devices, shared by 2"
    )
    made = s.run(30)
    assert 6.0 <= amps(made)["a"] <= 4200 / 690
    assert s.draws(s.loads[0]) + amps(made)["a"] * 690 <= 8400
    (car,) = made.points
    assert car.why.sentence == "6 A: the grid operator allows 8.4 kW for Controllable devices, Heat pump has 4.2 kW"


def test_what_the_car_does_not_wish_goes_to_the_load_in_steps():
    s = site(limits=(order(8400, 60),), takes={"a": 0.0})
    s.change("a", authorised=False)
    s.run(60)
    made = s.run(3)
    assert load(made).limit_w == 8200, "its guarantee and eight whole steps of the 4.2 kW besides"


def test_what_is_too_little_for_any_car_goes_to_the_load():
    s = site(limits=(order(6000, 60),))
    s.run(60)
    made = s.run(3)
    assert load(made).limit_w == 5700, "1.8 kW are no charging current on three phases"
    assert amps(s.run(20))["a"] == 0
    s = site(limits=(order(6000, 60),), points=(point("a", can_switch_phases=True),))
    s.run(60)
    assert load(s.run(3)).limit_w == 4200, "on one phase they are"


def test_of_higher_priority_it_goes_before_the_cars():
    s = site(loads=(pump(priority=1),), limits=(order(11_000, 60),))
    s.run(60)
    made = s.run(90)
    assert load(made).limit_w is None, "it can have all that it can use"
    assert amps(made)["a"] == 0, "2 kW are no charging current on three phases"


def test_an_order_below_the_guarantees_is_shared_in_their_proportion():
    both = (pump(), pump(id="cooler", name="Cooler", minimum_w=2100.0, nominal_w=3000.0))
    group = replace(ALL, members=("a", "pump", "cooler"))
    s = site(loads=both, groups=(group,), limits=(order(3000, 60),), likes=3000.0)
    s.run(60)
    made = s.step()
    assert (load(made).limit_w, load(made, "cooler").limit_w) == (2000, 1000)
    assert "less than its guarantee of 4.2 kW" in load(made).reason
    assert amps(s.run(20))["a"] == 0


def test_zero_is_zero():
    s = site(limits=(order(0, 60),))
    s.run(60)
    assert load(s.step()).limit_w == 0
    assert amps(s.run(10))["a"] == 0
    assert s.draws(s.loads[0]) == 0


def test_the_end_of_the_order_releases_it_at_once():
    s = site(limits=(order(8400, 60, duration_s=120.0),))
    s.run(179)
    assert load(s.step()).limit_w == 4200
    s.step()
    assert load(s.step()).limit_w is None


def test_a_limit_on_the_load_itself():
    s = site(limits=(replace(limit(LimitedPower(3000), "pump", since=30), received_at=at(0)),))
    s.run(30)
    made = s.run(2)
    assert load(made).limit_w == 3000
    assert load(made).reason == (
        "Heat pump gets 3.0 kW: the grid operator (section 14a EnWG) allows no more; that is less than its guarantee of 4.2 kW"
    )
    assert amps(made)["a"] > 25, "the car has nothing to do with it"


def test_an_order_on_the_whole_connection_counts_the_house_and_what_the_load_truly_draws():
    s = site(house=(5.0, 5.0, 5.0), limits=(limit(LimitedPower(12_000)),), groups=())
    s.run(60)
    made = s.run(40)
    assert load(made).limit_w == 4200
    assert "of which the rest of the house takes 3.5 kW" in load(made).reason
    assert amps(made)["a"] == pytest.approx((12_000 - 3450 - 4200) / 690, abs=0.6)
    s.likes["pump"] = 500.0
    made = s.run(60)
    assert amps(made)["a"] == pytest.approx((12_000 - 3450 - 500) / 690, abs=0.6), "what it leaves unused on a circuit the cars may have"


def test_a_fuse_limits_it_only_where_the_house_alone_leaves_too_little():
    s = site(fuse_a=16, house=(2.0, 2.0, 2.0))
    assert load(s.run(60)).limit_w is None, "13 A fit beside 2 A, once the car is gone"
    s.house = (6.0, 6.0, 6.0)
    made = s.run(60)
    assert load(made).limit_w == 6700, "10 A are left: its guarantee and five steps"
    s.house = (12.0, 12.0, 12.0)
    made = s.run(25)
    assert load(made).limit_w == 2700, "4 A are left, which is less than its guarantee"
    s.house = (2.0, 2.0, 2.0)
    made = s.run(30)
    assert load(made).limit_w == 2700, "raises wait"
    assert "2.7 kW: no limit follows in" in load(made).reason
    assert load(s.run(30)).limit_w is None


def test_a_step_that_the_meter_shows_before_the_load_tells_it_sends_it_nothing():
    s = site(fuse_a=16, house=(2.0, 2.0, 2.0), likes=0.0)
    s.run(60)
    for _ in range(4):
        s.likes["pump"] = 9000.0
        s.measure()
        s.load_seen["pump"] = replace(s.load_seen["pump"], power_w=0.0)
        seen, s.silent = s.load_seen["pump"], {"pump"}
        made = s.step()
        s.silent, s.load_seen["pump"] = set(), seen
        assert load(made).limit_w is None


def test_the_peak_budget_is_for_cars_only():
    s = site(peak=PeakBudget(window_started_at=at(0), drawn_wh=0.0, budget_w=3000.0))
    assert load(s.run(60)).limit_w is None


def test_a_limit_in_amperes_counts_on_the_phases_that_the_load_is_on():
    single = pump(phases=(2,), nominal_w=6000.0, minimum_w=2000.0)
    entry = replace(limit(LimitedCurrent((50.0, 18.0, 50.0)), "all", group=True, since=30), received_at=at(0))
    s = site(loads=(single,), limits=(entry,), likes=6000.0)
    s.run(30)
    made = s.run(3)
    assert load(made).limit_w == 2000
    assert "on L2 of Controllable devices" in load(made).reason
    assert 9.0 <= amps(s.run(30))["a"] <= 18 - 2000 / 230
    s.change("a", authorised=False)
    assert load(s.run(90)).limit_w == 4000, "4140 W, in whole steps above the guarantee"


def test_a_limit_that_nobody_knows_sends_it_to_its_failsafe_limit():
    s = site(loads=(pump(failsafe_w=1500.0),), limits=(limit(Unknown("silent"), "all", group=True),))
    made = s.run(3)
    assert load(made).limit_w == 1500
    assert "its failsafe limit" in load(made).reason


def test_one_that_refuses_counts_with_what_it_draws_and_the_car_gives_way():
    s = site(limits=(order(12_000, 60),))
    s.run(60)
    s.silent = {"pump"}
    refused = LoadLimit(limit_w=4200.0, sent_at=at(60), outcome=OfferOutcome.REJECTED, answered_at=at(60))
    seen = s.load_seen["pump"]
    s.load_seen["pump"] = replace(seen, heard_at=at(60), power_w=9000.0, limits=(*seen.limits, refused))
    made = s.run(20)
    assert load(made).ceiling_w == 9000
    assert amps(made)["a"] == 0, "3 kW are left"
    assert any(a.node == "pump" and "refused 4.2 kW" in a.text for a in made.alerts)


def test_a_silent_one_counts_with_its_worst_then_with_its_failsafe_limit_then_with_its_worst_again():
    s = site(limits=(order(12_000, 60),), loads=(pump(failsafe_w=3000.0),))
    s.run(50)
    s.silent = {"pump"}
    s.load_seen["pump"] = replace(s.load_seen["pump"], online=False, since=at(50))
    made = s.run(100)
    assert load(made).ceiling_w == 9000
    assert amps(made)["a"] == 0
    made = s.run(140)
    assert load(made).ceiling_w == 3000
    assert amps(made)["a"] == pytest.approx((12_000 - 4200) / 690, abs=0.6), "the rest beside the 4.2 kW that it is told when it is back"
    s.t += 7200
    made = s.run(3)
    assert load(made).ceiling_w == 9000
    assert any("no word from it" in a.text for a in made.alerts)


def test_one_that_is_connected_and_says_nothing_keeps_its_limit_or_its_failsafe_limit():
    s = site(limits=(order(20_000, 0),), loads=(pump(failsafe_w=6000.0),))
    s.run(60)
    s.silent = {"pump"}
    assert load(s.run(100)).ceiling_w == 4200
    made = s.run(30)
    assert load(made).ceiling_w == 6000, "120 s without its heartbeat"
    assert any("no word from it for 1" in a.text for a in made.alerts)
    s.t += 7200
    assert load(s.step()).ceiling_w == 9000


def test_one_that_never_spoke_is_reckoned_with_its_most():
    s = site(limits=(order(12_000, 0),))
    s.silent = {"pump"}
    s.load_seen["pump"] = LoadState(load="pump")
    made = s.run(30)
    assert load(made).ceiling_w == 9000
    assert amps(made)["a"] == 0


def test_after_a_new_connection_its_failsafe_limit_counts_until_it_has_answered():
    s = site(limits=(order(20_000, 0),), loads=(pump(failsafe_w=6000.0),), likes=2000.0)
    s.change("a", authorised=True)
    s.run(60)
    before = load(s.step())
    assert (before.limit_w, before.ceiling_w) == (4200, 4200)
    s.silent = {"pump"}
    s.load_seen["pump"] = replace(s.load_seen["pump"], since=at(s.t), heard_at=at(s.t))
    assert load(s.step()).ceiling_w == 6000


def test_one_that_draws_more_than_it_took_is_told_of_and_given_way_to():
    s = site(limits=(order(12_000, 0),))
    s.run(120)
    s.silent = {"pump"}
    s.load_seen["pump"] = replace(s.load_seen["pump"], heard_at=at(s.t), power_w=8000.0, measured_at=at(s.t))
    made = s.step()
    assert load(made).ceiling_w == 8000
    assert any(a.severity == "error" and "draws 8.0 kW" in a.text for a in made.alerts)
    assert amps(s.run(15))["a"] == 0


def test_its_own_meter_tells_what_it_draws():
    metered = Circuit(id="plant", name="Plant", fuse_a=(32.0, 32.0, 32.0), parent="house")
    s = site(loads=(pump(circuit="plant", meter="grid"),))
    s.circuits = (root(63.0), metered)
    s.change("a", authorised=False)
    made = s.run(5)
    node = next(n for n in made.nodes if n.node == "plant")
    assert node.load_w == pytest.approx(9000), "the sum of what hangs there, by the load's meter"


def test_batteries_in_a_group_give_way_to_its_guarantee():
    battery = Battery(id="b", name="Battery", circuit="house", charge_max_w=5000, discharge_max_w=5000, capacity_wh=10_000, reserve_wh=0)
    s = site(groups=(replace(ALL, members=("a", "pump", "b")),), limits=(order(6000, 0),), batteries=(battery,))
    s.battery_states = (BatteryState(battery="b", heard_at=at(0), power_w=5000.0, stored_wh=5000.0),)
    s.change("a", authorised=False)
    s.likes["pump"] = 4200.0
    s.run(70)
    s.battery_states = (BatteryState(battery="b", heard_at=at(0), power_w=0.0, stored_wh=5000.0),)
    s.run(70)
    s.battery_states = (BatteryState(battery="b", heard_at=at(0), power_w=5000.0, stored_wh=5000.0),)
    made = s.run(3)
    (command,) = made.batteries
    assert command.power_w <= 6000 - 1000 - 0, "what the load keeps to stays its own"


def test_a_circuit_that_is_a_member_stands_for_the_loads_beneath_it():
    s = site(groups=(Group(id="all", name="All", members=("house",)),), limits=(order(8400, 0),))
    assert load(s.run(3)).limit_w == 4200


def test_the_same_state_gives_the_same_limits_and_a_quiet_site_sends_nothing_twice():
    s = site(limits=(order(8400, 60),), house=(3.0, 3.0, 3.0))
    s.run(300)
    told = s.load_seen["pump"].limits
    assert [one.limit_w for one in told] == [None, 4200.0]


def test_what_cannot_be_is_told():
    wrong = (pump(nominal_w=0.0), pump(id="p2", failsafe_s=60.0), pump(id="p3", circuit="nowhere"), pump(id="p4", minimum_w=-1.0))
    found = check(Topology(circuits=(root(),), points=(), loads=wrong))
    assert [(type(p), p.where) for p in found] == [(UnknownError, "p3"), (RangeError, "pump"), (RangeError, "p2"), (RangeError, "p4")]


def test_the_owners_limit_on_the_group_is_an_order_too():
    s = site(limits=(order(9000, 10, source=LimitSource.OWNER, legal_basis="the owner's wish"),))
    s.run(10)
    assert load(s.run(2)).limit_w == 4200
