"""What every plan keeps, by the solver and by the rule, over random properties."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.planning.keeps import bent, check_all
from tests.planning.random_problems import random_problem

from chargebridge.planning import plan
from chargebridge.planning.arrays import arrays
from chargebridge.planning.planner import by_rule
from chargebridge.planning.problem import Goal, Node, Problem, Yield
from chargebridge.planning.schedule import Solver

SEEDS = st.integers(0, 10**6)
TIGHT = st.sampled_from([1.0, 0.3, 0.05])


@given(SEEDS, TIGHT, st.booleans(), st.booleans())
def test_a_plan_keeps_every_limit_stock_and_balance(seed: int, tight: float, whole: bool, strange: bool) -> None:
    problem = random_problem(seed, tight=tight, whole=whole, strange_prices=strange, steps=10)
    made = plan(problem, budget_s=20.0)
    assert made.solver is not Solver.RULE, made.note
    check_all(problem, made)
    assert made.bound <= made.cost + 1e-9


@given(SEEDS, TIGHT, st.booleans(), st.booleans())
def test_the_rule_always_has_a_plan_that_keeps_everything(seed: int, tight: float, whole: bool, strange: bool) -> None:
    problem = random_problem(seed, tight=tight, whole=whole, strange_prices=strange)
    check_all(problem, by_rule(arrays(problem), "by rule"))


@given(SEEDS)
def test_the_rule_is_never_cheaper_than_the_exact_plan_when_both_meet_all(seed: int) -> None:
    problem = random_problem(seed)
    exact, rule = plan(problem, budget_s=20.0), by_rule(arrays(problem), "by rule")
    if not exact.relaxations and not rule.relaxations:
        assert exact.cost <= rule.cost + 1e-4


@given(SEEDS)
def test_without_time_the_rule_plans_and_says_why(seed: int) -> None:
    made = plan(random_problem(seed), budget_s=0.0)
    if made.solver is Solver.RULE:
        assert made.note.startswith("by rule: ")


@given(SEEDS, st.sampled_from(["limit", "power", "longer", "curtail", "efficiency"]))
def test_more_freedom_never_costs_more(seed: int, freedom: str) -> None:
    problem = random_problem(seed, plants=False)
    before, after = plan(problem, budget_s=20.0), plan(_freer(problem, freedom), budget_s=20.0)
    if not before.relaxations and before.solver is after.solver is Solver.LP:
        assert after.relaxations == ()
        assert after.cost <= before.cost + 1e-5 * max(1.0, abs(before.cost))


def _freer(problem: Problem, freedom: str) -> Problem:
    replace = msgspec.structs.replace
    if freedom == "limit":
        wider = lambda values: tuple(value * 1.3 for value in values) if values else None  # noqa: E731
        nodes: tuple[Node, ...] = tuple(
            replace(node, import_w=wider(node.import_w), export_w=wider(node.export_w)) for node in problem.nodes
        )
        return replace(problem, nodes=nodes)
    if freedom == "curtail":
        return replace(problem, generators=tuple(replace(gen, curtailable=True) for gen in problem.generators))
    stores = []
    for store in problem.stores:
        if freedom == "power" and store.taper is None:
            store = replace(store, charge_max_w=store.charge_max_w * 1.5)
        if freedom == "longer" and store.departs_at is not None and store.discharge_max_w == 0.0:
            later = timedelta(hours=1)
            goals = tuple(replace(goal, at=goal.at + later) for goal in store.goals)
            store = replace(store, departs_at=store.departs_at + later, goals=goals)
        stores.append(store)
    return replace(problem, stores=tuple(stores))


@given(SEEDS)
def test_goals_go_before_rest(seed: int) -> None:
    """What is missing of the goals, level by level, is no more than if nobody wished for anything beyond them."""
    problem = random_problem(seed, tight=0.05, plants=False)
    made = plan(problem, budget_s=20.0)
    if not any(r.order is Yield.GOAL for r in made.relaxations) or made.solver is not Solver.LP:
        return
    bare = msgspec.structs.replace(
        problem,
        stores=tuple(msgspec.structs.replace(s, rest_price=None if s.discharge_max_w == 0 else s.rest_price) for s in problem.stores),
    )
    other = plan(bare, budget_s=20.0)
    if any(r.order is Yield.OVERLOAD for r in (*made.relaxations, *other.relaxations)):
        return  # a store that takes its rest helps against an overload of feed-in, which goes before goals
    for ours, without in zip(bent(problem, made), bent(bare, other), strict=True):
        assert ours <= without + 1e-3
        if ours < without - 1e-3:
            return


def test_a_price_cap_is_kept() -> None:
    problem = random_problem(3, plants=False)
    prices = msgspec.structs.replace(
        problem.prices, import_per_kwh=tuple(0.2 + 0.02 * t for t in range(16)), network_per_kwh=None, demand=()
    )
    end = problem.horizon.starts_at + timedelta(hours=4)
    car = msgspec.structs.replace(
        problem.stores[0], node="grid", arrives_at=None, departs_at=end, stored_wh=0.0, floor_wh=0.0, full_wh=60_000.0, discharge_max_w=0.0,
        charge_efficiency=1.0, charge_limit_w=None, taper=None, charge_max_w=11_000.0, rest_price=None,
        goals=(Goal(at=end, stored_wh=40_000.0, price_cap=0.301),),
    )  # fmt: skip
    problem = msgspec.structs.replace(
        problem, stores=(car,), generators=(), nodes=(Node(id="grid"),), prices=msgspec.structs.replace(prices, co2_g_per_kwh=None),
        horizon=msgspec.structs.replace(problem.horizon, steps_s=(900.0,) * 16),
    )  # fmt: skip
    made = plan(problem)
    for price, power in zip(made.price_per_kwh, made.stores[0].power_w, strict=True):
        assert power == pytest.approx(11_000.0 if price <= 0.301 else 0.0, abs=1e-6)
    assert made.stores[0].missing_wh[0] == pytest.approx(40_000.0 - 6 * 2750.0)
    assert made.relaxations == ()
