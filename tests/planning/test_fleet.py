"""The fleet solver against a programme written out car by car, against the exact solver, and at its edges."""

from datetime import timedelta

import numpy as np
import pytest
from msgspec.structs import replace
from tests.planning.fleet_kit import START, fleet, optimum, with_cars

from chargebridge.planning import ProblemError, plan, planner
from chargebridge.planning.check import check
from chargebridge.planning.fleet import Cars, Fleet, plan_fleet, to_fleet
from chargebridge.planning.fleet.audit import audit
from chargebridge.planning.fleet.solve import PLACES
from chargebridge.planning.problem import Goal, Problem, Store
from chargebridge.planning.schedule import Solver

MIXED = (300.0,) * 6 + (900.0,) * 10 + (3600.0,) * 5


def sound(some: Fleet, gap: float) -> float:
    """The cost of a plan that has been looked at."""
    found = plan_fleet(some, gap)
    seen = audit(some, found)
    assert max(seen.over_power_w, seen.over_energy_wh) < 1e-3
    assert seen.under_energy_wh < 1.0
    assert seen.over_limit_w < 1e-3 * max(1.0, found.grid_w.max() * 1e-4)
    assert seen.cost == pytest.approx(found.cost, abs=1e-6 * found.turnover)
    assert found.bound <= found.cost + 1e-9 * found.turnover
    assert found.gap <= gap * 1.01
    return found.cost


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("steps", [(900.0,) * 24, MIXED])
def test_one_limit_is_planned_as_cheaply_as_car_by_car(ragged: bool, steps: tuple[float, ...]) -> None:
    for seed in range(3):
        some = fleet(seed, 60, steps=steps, ragged=ragged, tight=0.3)
        best, missing = optimum(some)
        found = plan_fleet(some, 1e-7)
        assert found.way == "columns"
        if missing < 1e-6:
            assert found.cost == pytest.approx(best, abs=1e-6 * found.turnover)
            assert found.bound <= best + 1e-7 * found.turnover
        assert found.missing_wh.sum() / 1e3 == pytest.approx(missing, abs=1e-3)
        sound(some, 1e-6)


@pytest.mark.parametrize("ragged", [False, True])
def test_a_tree_of_limits_is_planned_as_cheaply_as_car_by_car(ragged: bool) -> None:
    for seed in range(2):
        some = fleet(seed, 60, ragged=ragged, leaves=12, leaf_tight=0.6)
        best, missing = optimum(some)
        found = plan_fleet(some, 1e-6)
        assert found.way == "tree"
        assert found.missing_wh.sum() / 1e3 == pytest.approx(missing, abs=2e-3 * found.cars)
        if missing < 1e-6:
            assert found.cost == pytest.approx(best, abs=2e-6 * found.turnover)
            assert found.bound <= best + 1e-6 * found.turnover
        sound(some, 1e-5)


def test_a_few_nodes_with_limits_need_no_tree() -> None:
    some = fleet(4, 80, leaves=3, leaf_tight=0.5)
    best, missing = optimum(some)
    assert missing < 1e-6
    found = plan_fleet(some, 1e-6)
    assert found.way == "columns"
    assert found.cost == pytest.approx(best, abs=2e-6 * found.turnover)


def test_where_a_tree_is_too_narrow_as_little_as_possible_is_missing_and_every_car_gets_its_first_quarters() -> None:
    some = fleet(1, 80, leaves=3 * PLACES, leaf_tight=0.12)
    _, missing = optimum(some)
    assert missing > 10.0
    found = plan_fleet(some, 1e-4)
    assert found.missing_wh.sum() / 1e3 == pytest.approx(missing, rel=1e-3)
    seen = audit(some, found)
    assert seen.over_limit_w < 1e-3


def test_behind_a_limit_of_nothing_nobody_charges() -> None:
    some = fleet(1, 60, leaves=12, leaf_tight=0.0)
    found = plan_fleet(some)
    assert found.way == "tree"
    assert found.missing_wh.sum() == pytest.approx(some.cars.least_wh.sum())
    assert found.power_w().max() == pytest.approx(0.0, abs=1e-6)
    assert np.isfinite([found.cost, found.bound]).all()


def test_without_time_there_is_a_plan_and_its_gap() -> None:
    for leaves in (0, 12):
        some = fleet(1, 60, leaves=leaves, leaf_tight=0.6)
        found = plan_fleet(some, 1e-9, 1e-3)
        seen = audit(some, found)
        assert max(seen.over_power_w, seen.over_energy_wh, seen.over_limit_w, seen.under_energy_wh) < 1.0
        assert found.bound <= found.cost
        assert not leaves or found.gap > 1e-3


def test_shortage_is_shared_by_quarters() -> None:
    """Four equal cars, room for half of what they need: none has more than a quarter more than another."""
    some = fleet(0, 4, tight=0.0)
    size = len(some.property.horizon.steps_s)
    some = with_cars(
        some, arrival=np.zeros(4), departure=np.full(4, float(size)), power_w=np.full(4, 11000.0), least_wh=np.full(4, 20000.0),
        most_wh=np.full(4, 20000.0),
    )  # fmt: skip
    load = some.property.nodes[0].load
    assert load is not None
    roomy = tuple(value + 40000.0 / 6.0 for value in load.likely)
    some = Fleet(property=replace(some.property, nodes=(replace(some.property.nodes[0], import_w=roomy),)), cars=some.cars)
    found = plan_fleet(some)
    assert found.missing_wh.sum() == pytest.approx(40000.0, rel=1e-4)
    assert found.missing_wh.max() - found.missing_wh.min() <= 5000.0 + 1.0
    first = with_cars(some, priority=np.array([0, 0, 1, 0]))
    assert plan_fleet(first).missing_wh[2] == pytest.approx(0.0, abs=1.0)


def test_no_car_no_cost_but_the_house() -> None:
    some = fleet(0, 5, battery=True)
    empty = Cars(
        **{name: np.zeros(0) for name in ("arrival", "departure", "power_w", "least_wh", "most_wh", "rest_price")},
        node=np.zeros(0, dtype=int),
    )
    found = plan_fleet(Fleet(property=some.property, cars=empty))
    assert found.cost == pytest.approx(plan(some.property).cost, rel=1e-7)
    assert found.power_w().shape == (0, 24)


def test_all_cars_in_one_window() -> None:
    some = fleet(2, 300, tight=0.3)
    some = with_cars(
        some, arrival=np.full(300, 3.0), departure=np.full(300, 21.0), most_wh=some.cars.power_w * 1.3, least_wh=some.cars.power_w
    )
    assert sound(some, 1e-6) == pytest.approx(optimum(some)[0], rel=1e-5)


def test_negative_prices_and_a_bill_near_nothing() -> None:
    """The gap is measured against what passes the meter, so a bill of about 0 needs no endless search."""
    prices = tuple((0.2 if t % 2 else -0.2) for t in range(24))
    some = fleet(3, 100, prices=prices, tight=0.4)
    found = plan_fleet(some, 1e-5)
    best, missing = optimum(some)
    assert missing < 1e-6
    assert found.cost == pytest.approx(best, abs=2e-5 * found.turnover)
    assert found.turnover > abs(found.cost)


def test_what_no_window_can_hold_is_missing_and_the_rest_is_planned() -> None:
    some = fleet(5, 30)
    some = with_cars(some, least_wh=np.where(np.arange(30) == 7, 1e6, some.cars.least_wh))
    found = plan_fleet(some)
    assert found.missing_wh[7] > 0.5e6
    assert found.missing_wh.sum() == pytest.approx(found.missing_wh[7])


def test_a_fine_grid_begins_on_a_coarse_one_and_costs_no_more() -> None:
    some = fleet(6, 60, steps=(300.0,) * 144, tight=0.3)
    assert sound(some, 1e-4) == pytest.approx(optimum(some)[0], rel=3e-4)


def test_efficiency_is_paid_by_the_car_that_has_it() -> None:
    some = with_cars(fleet(7, 40, tight=0.4), efficiency=np.linspace(0.8, 1.0, 40))
    best, missing = optimum(some)
    assert missing < 1e-6
    assert plan_fleet(some, 1e-7).cost == pytest.approx(best, rel=1e-5)


def test_as_many_price_caps_as_cars() -> None:
    """Values are rounded where cars are summed up; what is lost by it is in the bound, and the cost is the true one."""
    some = with_cars(fleet(9, 150, tight=0.3, ragged=True), rest_price=np.random.default_rng(9).uniform(0.05, 0.4, 150))
    found = plan_fleet(some, 1e-4)
    assert found.gap <= 1e-3
    best, missing = optimum(some)
    assert missing < 1e-6
    assert found.bound <= best + 1e-7 * found.turnover
    assert audit(some, found).cost == pytest.approx(found.cost, abs=1e-6 * found.turnover)
    assert found.cost == pytest.approx(best, abs=1e-3 * found.turnover)


def as_problem(some: Fleet) -> Problem:
    """The same cars as stores."""
    edges = np.concatenate(([0.0], np.cumsum(some.property.horizon.steps_s)))
    grid, cars = np.arange(len(edges)), some.cars
    stores = []
    for i in range(len(cars)):
        leaves = START + timedelta(seconds=float(np.interp(cars.departure[i], grid, edges)))
        stores.append(
            Store(
                id=f"car {i}", node=some.property.nodes[cars.node[i]].id, charge_max_w=cars.power_w[i], full_wh=cars.most_wh[i],
                arrives_at=START + timedelta(seconds=float(np.interp(cars.arrival[i], grid, edges))), departs_at=leaves,
                goals=(Goal(at=leaves, stored_wh=cars.least_wh[i], price_cap=0.3 if i % 3 == 0 else None),), rest_price=cars.rest_price[i],
            )
        )  # fmt: skip
    return replace(some.property, stores=(*some.property.stores, *stores))


@pytest.mark.parametrize("leaves", [0, 12])
def test_a_problem_of_many_stores_becomes_the_same_schedule(leaves: int) -> None:
    problem = as_problem(fleet(8, 60, ragged=True, leaves=leaves, leaf_tight=0.6, battery=True))
    check(problem)
    kept, cars = to_fleet(problem)
    assert len(kept.cars) == 60
    assert [store.id for store in kept.property.stores] == ["battery"]
    assert cars.tolist() == list(range(1, 61))
    found, exact = plan_fleet(problem, 1e-5), plan(problem, budget_s=20.0)
    assert found.solver is Solver.FLEET
    turnover = sum(abs(w) for w in exact.grid_w) / 1e3 * 0.25 * 0.25
    assert found.cost == pytest.approx(exact.cost, abs=2e-4 * turnover)
    assert found.bound <= exact.cost + 1e-5 * turnover
    assert len(found.stores) == 61
    assert found.relaxations == exact.relaxations


def test_many_cars_are_handed_over_and_without_time_the_rule_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner, "MANY", 300)
    problem = as_problem(fleet(10, 300, leaves=20, leaf_tight=0.6))
    assert plan(problem, budget_s=20.0).solver is Solver.FLEET
    late = plan(problem, budget_s=0.01)
    assert late.solver is Solver.RULE
    assert "bound" in late.note


def test_columns_that_contradict_each_other_are_refused() -> None:
    some = fleet(0, 3)
    for column, value in (("power_w", -1.0), ("node", 9), ("arrival", np.nan), ("departure", -5.0), ("efficiency", 0.0)):
        with pytest.raises(ProblemError, match=column):
            plan_fleet(with_cars(some, **{column: np.full(3, value)}))
    with pytest.raises(ProblemError, match="shape"):
        plan_fleet(with_cars(some, least_wh=np.zeros(2)))
