"""Prices of constraints are what a little more of them saves; demand charges; what is liked between plans of the same cost."""

from datetime import timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.planning.random_problems import START, random_problem

from chargebridge.planning import plan
from chargebridge.planning.problem import Band, DemandCharge, Generator, Goal, Horizon, Node, Prices, Problem, Store, Taste
from chargebridge.planning.schedule import Solver


def house(steps: int = 8, **others: object) -> Problem:
    end = START + timedelta(minutes=15 * steps)
    car = Store(id="car", node="grid", charge_max_w=8000.0, full_wh=20_000.0, departs_at=end, goals=(Goal(at=end, stored_wh=8000.0),))
    problem = Problem(
        horizon=Horizon(starts_at=START, steps_s=(900.0,) * steps),
        nodes=(Node(id="grid"),),
        prices=Prices(import_per_kwh=(0.3,) * steps, export_per_kwh=(0.1,) * steps),
        stores=(car,),
    )
    return replace(problem, **others)


@given(st.integers(0, 10**6), st.integers(0, 15))
def test_the_price_of_a_step_is_what_a_little_more_load_costs(seed: int, step: int) -> None:
    """A dual value is one side's slope where the cost has a kink: more costs at least the price, less saves at most it, limits apart."""
    problem = random_problem(seed, plants=False)
    problem = replace(problem, nodes=tuple(replace(node, import_w=None, export_w=None, current_a=None) for node in problem.nodes))
    made = plan(problem, budget_s=20.0)
    assume(made.solver is Solver.LP)
    assume(not made.relaxations)
    change_w = 20.0
    hours = problem.horizon.steps_s[step] / 3600.0
    for sign in (1.0, -1.0):
        load = problem.nodes[0].load
        assert load is not None
        likely = tuple(value + sign * change_w * (t == step) for t, value in enumerate(load.likely))
        top = replace(problem.nodes[0], load=Band.sure(likely))
        other = plan(replace(problem, nodes=(top, *problem.nodes[1:])), budget_s=20.0)
        slope = (other.cost - made.cost) / (sign * change_w / 1000.0 * hours)
        assert sign * slope >= sign * made.price_per_kwh[step] - 1e-3


def test_the_worth_of_a_limit_is_what_a_little_more_of_it_saves() -> None:
    prices = Prices(import_per_kwh=(0.4, 0.4, 0.1, 0.1, 0.4, 0.4, 0.4, 0.4), export_per_kwh=(0.05,) * 8)
    limited = house(prices=prices, nodes=(Node(id="grid", import_w=(6000.0,) * 8),))
    made = plan(limited)
    worth = [worth for worth in made.worths if worth.what == "grid"]
    assert [(each.step, round(each.per_unit, 6)) for each in worth] == [(2, 0.3), (3, 0.3)]
    wider = replace(limited, nodes=(Node(id="grid", import_w=(6000.0, 6000.0, 7000.0, *(6000.0,) * 5)),))
    assert made.cost - plan(wider).cost == pytest.approx(0.3 * 1.0 * 0.25, abs=1e-9)


def test_a_demand_charge_spreads_the_load_over_what_was_not_yet_reached() -> None:
    charge = DemandCharge(price_per_kw=10.0, reached_w=3000.0)
    made = plan(house(prices=Prices(import_per_kwh=(0.3,) * 8, export_per_kwh=(0.1,) * 8, demand=(charge,))))
    assert max(made.grid_w) == pytest.approx(4000.0, abs=0.01)
    assert made.demand_cost == pytest.approx(10.0, abs=1e-5)
    assert any(worth.kind == "peak" and worth.per_unit == 10.0 for worth in made.worths)


def test_the_window_that_runs_counts_what_was_drawn_before() -> None:
    """The horizon begins five minutes into a window in which 1,000 Wh are drawn: 6 kWh an hour were the mean if nothing more came."""
    begins = START + timedelta(minutes=5)
    steps = (600.0, *(900.0,) * 7)
    end = begins + timedelta(seconds=sum(steps))
    charge = DemandCharge(price_per_kw=10.0, reached_w=4000.0, first_window_wh=1000.0)
    car = replace(house().stores[0], departs_at=end, goals=(Goal(at=end, stored_wh=7000.0),))
    prices = Prices(import_per_kwh=(0.1, *(0.3,) * 7), export_per_kwh=(0.05,) * 8, demand=(charge,))
    made = plan(house(horizon=Horizon(starts_at=begins, steps_s=steps), stores=(car,), prices=prices))
    assert made.grid_w[0] == pytest.approx(0.0, abs=1e-6)
    assert max(made.grid_w) == pytest.approx(4000.0, abs=1e-6)
    assert made.demand_cost == pytest.approx(0.0, abs=1e-6)


def test_between_plans_of_the_same_cost_sooner_calm_and_smooth() -> None:
    sooner = plan(house(taste=Taste(sooner=True)))
    assert sooner.stores[0].power_w[:4] == pytest.approx((8000.0,) * 4)
    calm = plan(house(taste=Taste(sooner=False, calm_grid=True)))
    assert max(calm.grid_w) == pytest.approx(4000.0)
    load = (0.0, 3000.0, 0.0, 3000.0, 0.0, 3000.0, 0.0, 3000.0)
    smooth = plan(house(taste=Taste(sooner=False, smooth=True), nodes=(Node(id="grid", load=Band.sure(load)),)))
    assert smooth.stores[0].power_w == pytest.approx((4000.0,) * 8)
    assert sooner.cost == pytest.approx(calm.cost)


def test_a_low_feed_in_at_the_same_cost() -> None:
    sun = (0.0, 2000.0, 6000.0, 6000.0, 2000.0, 0.0, 0.0, 0.0)
    pv = Generator(id="pv", node="grid", power=Band.sure(sun))
    end = START + timedelta(hours=2)
    car = replace(house().stores[0], goals=(Goal(at=end, stored_wh=2000.0),))
    made = plan(house(stores=(car,), generators=(pv,), taste=Taste(sooner=False, calm_feed_in=True)))
    assert min(made.grid_w) == pytest.approx(-2000.0)


def test_an_uncertain_departure_is_bought_for_as_far_as_it_is_worth() -> None:
    """With three chances in ten it leaves after an hour. Energy is dear before that: worth 0.3 times the cap then, and the whole of it later."""
    early, late = START + timedelta(hours=1), START + timedelta(hours=2)
    goals = (
        Goal(at=early, stored_wh=4000.0, price_cap=1.0, probability=0.3),
        Goal(at=late, stored_wh=4000.0, price_cap=1.0, probability=0.7),
    )
    car = replace(house().stores[0], goals=goals)
    dear = Prices(import_per_kwh=(0.6,) * 4 + (0.2,) * 4, export_per_kwh=(0.05,) * 8)
    assert plan(house(stores=(car,), prices=dear)).stores[0].missing_wh == pytest.approx((4000.0, 0.0), abs=0.01)
    cheaper = replace(dear, import_per_kwh=(0.45,) * 4 + (0.2,) * 4)
    assert plan(house(stores=(car,), prices=cheaper)).stores[0].missing_wh == pytest.approx((0.0, 0.0), abs=0.01)


def test_a_full_car_takes_less() -> None:
    car = replace(
        house().stores[0], taper=0.5, taper_end_w=0.0, full_wh=8000.0, goals=(Goal(at=START + timedelta(hours=2), stored_wh=8000.0),)
    )
    made = plan(house(stores=(car,)))
    stock = (0.0, *made.stores[0].stored_wh)
    for power, before, after in zip(made.stores[0].power_w, stock, stock[1:], strict=False):
        assert power <= min(8000.0, 2.0 * (8000.0 - (before + after) / 2.0)) + 0.1
    assert made.stores[0].stored_wh[-1] < 8000.0
