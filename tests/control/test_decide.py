"""What the points of a small property are told, rule by rule."""

import msgspec
import pytest
from small_site import SmallSite, amps, at, circuit, goals, limit, offer, point, root, told

from chargebridge.control.decide import decide
from chargebridge.model.circuit import Circuit, Group
from chargebridge.model.decision import Cause, Decision, MeterView, Move
from chargebridge.model.limit import LimitedPower, LimitedUnbalance, Unlimited
from chargebridge.model.reading import Reading
from chargebridge.model.session import PointStatus, Preference
from chargebridge.model.state import Memory, OfferOutcome, PointMemory, SiteState

SETTLED_S = 90


def site(*names: str, fuse_a: float = 32.0, **more: object) -> SmallSite:
    return SmallSite((root(fuse_a),), tuple(point(name) for name in names), **more)  # type: ignore[arg-type]


def test_a_single_car_gets_what_the_fuse_leaves() -> None:
    found = site("a", house=(9.0, 2.0, 2.0), fuse_a=16.0).run(SETTLED_S)
    assert goals(found) == {"a": 7.0}
    assert told(found, "a").why.cause is Cause.LIMIT
    assert told(found, "a").why.sentence == "6.5 A: fuse of House on L1 carries 16 A, the house takes 9 A"


def test_a_driver_is_told_what_others_take() -> None:
    found = site("a", "b", house=(9.0, 2.0, 2.0), fuse_a=25.0).run(SETTLED_S)
    assert told(found, "a").why.sentence == "7.7 A: fuse of House on L1 carries 25 A, the house takes 9 A, one other car takes 8 A"


def test_two_cars_share_alike_and_a_heavier_one_gets_more() -> None:
    assert goals(site("a", "b").run(SETTLED_S)) == {"a": 16.0, "b": 16.0}
    points = (point("a"), point("b", weight=3.0))
    assert goals(SmallSite((root(),), points).run(SETTLED_S)) == {"a": 8.0, "b": 24.0}


def test_higher_priority_is_served_first() -> None:
    points = (point("a"), point("b", priority=1))
    assert goals(SmallSite((root(),), points).run(SETTLED_S)) == {"a": 6.0, "b": 26.0}


def test_single_phase_points_on_different_phases_do_not_share() -> None:
    points = (point("a", phases=(1,)), point("b", phases=(2,)), point("c", phases=(2,)))
    assert goals(SmallSite((root(),), points).run(SETTLED_S)) == {"a": 32.0, "b": 16.0, "c": 16.0}


def test_rotation_puts_the_load_on_the_right_phase() -> None:
    points = (point("a", phases=(2, 3, 1)), point("b", phases=(1,)))
    found = SmallSite((root(),), points, uses={"a": 1}, house=(10.0, 0.0, 0.0)).run(SETTLED_S)
    assert goals(found) == {"a": 32.0, "b": 22.0}


def test_every_circuit_on_the_way_up_counts() -> None:
    circuits = (root(32.0), circuit("garage", 20.0), circuit("box", 25.0, "garage"))
    assert goals(SmallSite(circuits, (point("a", "box"), point("b"))).run(SETTLED_S)) == {"a": 16.0, "b": 16.0}
    assert goals(SmallSite(circuits, (point("a", "box"),)).run(SETTLED_S)) == {"a": 20.0}


def test_a_limit_on_a_group_leaves_the_house_alone() -> None:
    cars = (Group(id="cars", name="Cars", members=("a", "b")),)
    lpc = (limit(LimitedPower(9660.0), "cars", group=True),)
    assert goals(site("a", "b", house=(10.0, 10.0, 10.0), groups=cars, limits=lpc).run(SETTLED_S)) == {"a": 7.0, "b": 7.0}


def test_a_limit_on_one_point() -> None:
    assert goals(site("a", "b", limits=(limit(LimitedPower(6900.0), "a"),)).run(SETTLED_S)) == {"a": 10.0, "b": 22.0}


def test_unlimited_is_no_limit_and_zero_is() -> None:
    assert goals(site("a", limits=(limit(Unlimited()),)).run(SETTLED_S)) == {"a": 32.0}
    small = site("a", "b")
    small.run(SETTLED_S)
    small.limits = (limit(LimitedPower(0.0), since=small.t),)
    found = small.step()
    assert amps(found) == {"a": 0.0, "b": 0.0}
    assert {p.move for p in found.points} == {Move.DECREASE}
    assert {p.why.cause for p in found.points} == {Cause.LIMIT}


def test_4_2_kw_are_enough_to_charge_on_three_phases() -> None:
    found = site("a", limits=(limit(LimitedPower(4200.0)),)).run(SETTLED_S)
    assert told(found, "a").current_a == 6.0


def test_unbalance_counts_cars_on_one_phase_only() -> None:
    points = (point("a", phases=(1,)), point("b"))
    unbalance = (limit(LimitedUnbalance(20.0)),)
    assert goals(SmallSite((root(63.0),), points, limits=unbalance).run(SETTLED_S)) == {"a": 20.0, "b": 32.0}
    uneven = SmallSite((root(63.0),), points, limits=unbalance, house=(12.0, 4.0, 4.0)).run(SETTLED_S)
    assert goals(uneven) == {"a": 12.0, "b": 32.0}
    assert goals(SmallSite((root(63.0),), points, limits=unbalance, uses={"b": 1}).run(SETTLED_S)) == {"a": 10.0, "b": 10.0}


def test_a_car_that_draws_less_is_offered_less_and_more_again_when_it_takes_it() -> None:
    small = site("a", "b", takes={"a": 8.0})
    assert goals(small.run(SETTLED_S)) == {"a": 10.0, "b": 22.0}
    assert told(small.step(), "a").why.cause is Cause.CAR
    small.takes.clear()
    assert goals(small.run(SETTLED_S)) == {"a": 16.0, "b": 16.0}


def test_a_car_that_draws_more_than_offered_is_reckoned_with_and_reported() -> None:
    small = site("a", "b", takes={"a": 20.0})
    small.greedy = frozenset({"a"})
    found = small.run(SETTLED_S)
    assert goals(found)["b"] == pytest.approx(12.0, abs=0.2)
    assert any(alert.node == "a" and "draws 20.0 A" in alert.text for alert in found.alerts)


def test_a_car_that_does_not_obey_is_told_to_stop_where_it_overloads_a_fuse() -> None:
    small = site("a", house=(20.0, 20.0, 20.0), takes={"a": 20.0})
    small.greedy = frozenset({"a"})
    found = small.run(SETTLED_S)
    assert told(found, "a").goal_a == 0.0


def test_without_authorisation_or_car_nothing_is_offered() -> None:
    small = site("a", "b")
    small.change("a", authorised=False)
    small.change("b", status=PointStatus.AVAILABLE, session=None)
    found = small.run(5)
    assert goals(found) == {"a": 0.0, "b": 0.0}
    assert [p.why.cause for p in found.points] == [Cause.NOT_AUTHORISED, Cause.NO_CAR]


def test_decreases_go_out_at_once_and_raises_wait_for_what_they_release() -> None:
    small = site("a", "b")
    small.change("b", authorised=False)
    small.run(SETTLED_S)
    assert small.seen["a"].offers[-1].current_a == pytest.approx(31.5, abs=0.6)
    small.change("b", authorised=True)
    first = small.step()
    assert told(first, "a").move is Move.DECREASE
    assert told(first, "a").current_a == 16.0
    assert told(first, "b").current_a == 0.0
    assert told(first, "b").why.cause is Cause.WAITING_RELEASE
    raised_after = 0
    while told(small.step(), "b").current_a == 0:
        raised_after += 1
    assert raised_after >= 4


def test_raises_wait_for_ever_when_the_release_is_refused() -> None:
    small = site("a", "b")
    small.change("b", authorised=False)
    small.run(SETTLED_S)
    small.change("b", authorised=True)
    for _ in range(40):
        small.measure()
        decision = decide(small.state(), at(small.t))
        small.memory = decision.memory
        assert told(decision, "b").current_a == 0.0
        if told(decision, "a").move is Move.DECREASE:
            refused = offer(told(decision, "a").current_a, small.t, OfferOutcome.REJECTED)
            small.change("a", offers=(*small.seen["a"].offers, refused))
        small.t += 1
    assert any("refused" in alert.text for alert in decision.alerts)


def test_small_raises_are_held_back_for_a_while_and_small_reductions_never() -> None:
    small = site("a", fuse_a=20.0, house=(4.0, 4.0, 4.0))
    small.run(25)
    before = small.seen["a"].offers[-1].current_a
    small.house = (3.7, 3.7, 3.7)
    small.run(20)
    assert small.seen["a"].offers[-1].current_a == before
    small.house = (4.8, 4.8, 4.8)
    found = small.step()
    assert told(found, "a").move is Move.DECREASE
    assert told(found, "a").current_a == pytest.approx(15.2)


def test_offers_are_renewed_before_half_of_their_time_is_left_and_never_let_expire() -> None:
    small = site("a")
    small.run(SETTLED_S)
    moves = [told(small.step(), "a").move for _ in range(120)]
    assert moves.count(Move.RENEW) == 4
    assert set(moves) == {Move.RENEW, Move.HOLD}


def test_a_lost_meter_sends_its_circuit_to_fallback_and_no_other() -> None:
    circuits = (
        root(63.0),
        circuit("garage", 32.0, meter="sub", meter_max_age_s=10.0, lost_meter_load_a=(5.0, 5.0, 5.0)),
        circuit("yard", 32.0),
    )
    points = (point("a", "garage", fallback_a=6.0), point("b", "garage"), point("c", "yard"))
    small = SmallSite(circuits, points)
    assert goals(small.run(3)) == {"a": 6.0, "b": 0.0, "c": 32.0}
    found = small.step()
    assert told(found, "a").why.cause is Cause.FAILSAFE
    assert next(n for n in found.nodes if n.node == "garage").meter is MeterView.ASSUMED
    assert any("sub" in alert.text for alert in found.alerts)


def test_the_grid_meter_going_silent_is_acted_on_within_its_age_limit_and_recovers() -> None:
    small = SmallSite((root(32.0, meter_max_age_s=15.0, lost_meter_load_a=(10.0, 10.0, 10.0)),), (point("a", fallback_a=8.0), point("b")))
    small.run(SETTLED_S)
    small.silent.add("grid")
    small.run(15)
    assert amps(small.step()) == {"a": 8.0, "b": 0.0}
    small.silent.clear()
    assert goals(small.run(120)) == {"a": 16.0, "b": 16.0}


def test_a_circuit_without_a_meter_is_the_sum_of_what_is_below_it() -> None:
    circuits = (root(63.0), circuit("garage", 32.0), circuit("shop", 25.0, "garage", meter="sub"))
    small = SmallSite(circuits, (point("a", "garage"), point("b", "shop")))

    def step() -> Decision:
        small.measure()
        shop = small.seen["b"].terminal_a or (0.0, 0.0, 0.0)
        state = small.state()
        sub = Reading(meter="sub", received_at=at(small.t), current_a=(shop[0] + 10.0, shop[1], shop[2]))
        decision = decide(msgspec.structs.replace(state, readings=(*state.readings, sub)), at(small.t))
        small.memory = decision.memory
        for point_ in decision.points:
            if point_.move is not Move.HOLD:
                small.change(point_.point, offers=(*small.seen[point_.point].offers[-3:], offer(point_.current_a, small.t)))
        small.t += 1
        return decision

    for _ in range(60):
        found = step()
    garage = next(n for n in found.nodes if n.node == "garage")
    assert garage.meter is MeterView.SUM
    assert garage.base_a == pytest.approx((10.0, 0.0, 0.0))
    assert goals(found) == {"a": 11.0, "b": 11.0}


def test_above_a_lost_meter_the_owners_worst_case_is_what_flows() -> None:
    """A parent without a meter of its own has nothing else to go by."""
    top = Circuit(id="house", name="House", fuse_a=(32.0, 32.0, 32.0))
    shop = circuit("shop", 25.0, meter="sub", lost_meter_load_a=(10.0, 12.0, 0.0))
    found = SmallSite((top, shop), (point("a"),)).run(3)
    assert found.nodes[0].base_a == (10.0, 12.0, 0.0)
    assert goals(found) == {"a": 20.0}


def test_a_ramp_that_the_meter_shows_before_the_station_is_not_taken_for_a_household_load_and_gives_nobody_more() -> None:
    small = SmallSite((root(20.0),), (point("a", phases=(1,)), point("b", phases=(1,))))
    small.measure()
    small.change("a", offers=(offer(14.0, -2.0, phases=1),), measured_at=at(-3))
    small.change("b", offers=(), measured_at=at(-3))
    small.memory = Memory(decided_at=at(-1), points=(PointMemory(point="a", session="session of a", raised_at=at(-2)),))
    for load in (0.0, 14.0):
        small.reading = Reading(meter="grid", received_at=at(0), current_a=(load, load, load))
        found = decide(small.state(), at(0))
        assert sum(goals(found).values()) <= 20.0
        assert goals(found)["a"] >= 6.0


def test_a_meter_that_tells_only_the_sum_may_have_all_of_it_on_any_phase() -> None:
    small = site("a")
    state = small.state()
    reading = Reading(meter="grid", received_at=at(0), power_w=2300.0)
    found = decide(msgspec.structs.replace(state, readings=(reading,)), at(0))
    assert found.nodes[0].base_a == (10.0, 10.0, 10.0)
    assert told(found, "a").goal_a == 22.0


def test_a_reading_without_any_figure_is_a_lost_meter() -> None:
    state = site("a").state()
    silent = Reading(meter="grid", received_at=at(0), current_a=(float("nan"), 1.0, 1.0))
    assert decide(msgspec.structs.replace(state, readings=(silent,)), at(0)).nodes[0].meter is MeterView.ASSUMED


def test_a_reading_from_the_future_is_no_reading() -> None:
    state = site("a").state()
    ahead = Reading(meter="grid", received_at=at(3600), current_a=(1.0, 1.0, 1.0))
    assert decide(msgspec.structs.replace(state, readings=(ahead,)), at(0)).nodes[0].meter is MeterView.ASSUMED


def test_a_lost_station_keeps_its_share_reserved() -> None:
    small = site("a", "b")
    small.run(SETTLED_S)
    held = small.seen["a"].offers[-1].current_a
    small.silent.add("a")
    small.change("a", online=False)
    found = small.run(5)
    assert told(found, "a").ceiling_a == held
    assert told(found, "a").move is Move.HOLD
    assert told(found, "a").why.cause is Cause.OFFLINE
    assert told(found, "b").current_a <= 32.0 - held


def test_a_silent_source_of_limits_without_failsafe_sends_its_scope_to_fallback() -> None:
    points = (point("a", fallback_a=6.0), point("b"))
    small = SmallSite((root(),), points, limits=(limit(LimitedPower(20000.0), max_age_s=30.0),))
    small.run(25)
    assert max(goals(small.step()).values()) > 6.0
    small.run(10)
    found = small.step()
    assert goals(found) == {"a": 6.0, "b": 0.0}
    assert told(found, "a").why.cause is Cause.FAILSAFE


def test_three_phases_are_left_when_they_do_not_fit_and_taken_again_with_room_to_spare() -> None:
    small = SmallSite((root(20.0),), (point("a", can_switch_phases=True),), house=(4.0, 16.0, 4.0))
    found = small.run(SETTLED_S)
    assert (told(found, "a").phases, told(found, "a").goal_a) == (1, 16.0)
    small.house = (4.0, 13.5, 4.0)
    assert told(small.run(400), "a").phases == 1
    small.house = (4.0, 12.0, 4.0)
    found = small.run(60)
    assert (told(found, "a").phases, told(found, "a").current_a) == (3, pytest.approx(7.5, abs=0.6))
    small.house = (4.0, 16.0, 4.0)
    found = small.step()
    assert told(found, "a").phases == 1
    small.house = (4.0, 4.0, 4.0)
    assert told(small.run(250), "a").phases == 1
    assert told(small.run(100), "a").phases == 3


def test_a_return_to_three_phases_takes_all_that_is_free_in_one_step() -> None:
    small = SmallSite((root(),), (point("a", can_switch_phases=True),), limits=(limit(LimitedPower(3000.0)),))
    assert (told(small.run(400), "a").phases, told(small.step(), "a").current_a) == (1, 11.5)
    small.limits = ()
    found = small.step()
    assert (told(found, "a").phases, told(found, "a").current_a) == (3, 31.5)


@pytest.mark.parametrize(
    ("price", "needed", "goal"), [(0.20, 6.0, 32.0), (0.35, 6.0, 6.0), (0.60, 0.0, 0.0)], ids=["below both", "above for more", "above all"]
)
def test_price_caps(price: float, needed: float, goal: float) -> None:
    wants = Preference(energy_min_wh=4140.0, target_at=at(3600), price_cap_min=0.50, price_cap_max=0.30)
    small = site("a", price=price)
    small.change("a", preference=wants)
    found = told(small.run(2), "a")
    assert (found.needed_a, found.goal_a) == (pytest.approx(needed, abs=0.01), pytest.approx(goal, abs=0.01))
    assert (found.why.cause is Cause.PRICE) == (goal < 32.0)


def test_what_is_needed_comes_before_what_is_wished_whatever_the_priority() -> None:
    points = (point("a"), point("b", priority=1))
    small = SmallSite((root(),), points)
    small.change("a", preference=Preference(energy_min_wh=690 * 20.0, target_at=at(3600)))
    found = small.run(2)
    assert goals(found) == {"a": pytest.approx(20.0, abs=0.1), "b": pytest.approx(12.0, abs=0.1)}
    assert told(found, "a").needed_a == pytest.approx(20.0, abs=0.1)


def test_a_missed_target_needs_all_that_the_car_can_take_and_a_reached_maximum_nothing() -> None:
    small = site("a", "b")
    small.change("a", preference=Preference(energy_min_wh=20000.0, target_at=at(-1)))
    small.change("b", preference=Preference(energy_max_wh=5000.0), energy_wh=5000.0)
    found = small.run(2)
    assert told(found, "a").needed_a == 32.0
    assert told(found, "b").why.cause is Cause.DONE


def test_the_same_state_gives_the_same_decision_bit_by_bit_also_after_a_journey_through_json() -> None:
    small = site("a", "b", "c", house=(3.3, 7.1, 0.2))
    small.run(30)
    small.measure()
    state = small.state()
    first = msgspec.json.encode(decide(state, at(small.t)))
    again = msgspec.json.decode(msgspec.json.encode(state), type=SiteState)
    assert msgspec.json.encode(decide(again, at(small.t))) == first
    assert msgspec.json.encode(msgspec.json.decode(first, type=Decision)) == first


def test_each_chain_has_its_numbers_and_marks_what_binds() -> None:
    found = told(site("a", house=(9.0, 2.0, 2.0), fuse_a=16.0).run(SETTLED_S), "a").why
    binding = [link for link in found.steps if link.binding]
    assert [(link.text, link.limit, link.used, link.phase, link.allowed_a) for link in binding] == [("fuse of House", 16.0, 9.0, 1, 7.0)]


@pytest.mark.parametrize("count", [20, 200])
def test_all_points_reach_a_new_limit_in_one_control_step(count: int) -> None:
    points = tuple(point(f"p{n}") for n in range(count))
    small = SmallSite((root(17.0 * count),), points, house=(1.0, 1.0, 1.0))
    small.run(40)
    assert min(amps(small.step()).values()) >= 6.0
    small.limits = (limit(LimitedPower(count * 0.4 * 690 * 16), since=small.t),)
    found = small.step()
    assert sum(amps(found).values()) * 690 <= count * 0.4 * 690 * 16
    assert min(amps(found).values()) >= 6.0
