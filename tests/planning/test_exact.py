"""The exact plan beside a plain second formulation of the same problem: cost, what bends, and in which order."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.planning.keeps import bent
from tests.planning.plain import Plain
from tests.planning.random_problems import random_problem

from chargebridge.planning import plan
from chargebridge.planning.problem import Problem
from chargebridge.planning.schedule import Solver

SEEDS = st.integers(0, 10**6)


def sum_of(problem: Problem) -> timedelta:
    return timedelta(seconds=sum(problem.horizon.steps_s))


@given(SEEDS, st.sampled_from([1.0, 0.3]))
def test_cost_and_what_bends_are_those_of_a_pure_lexicographic_solve(seed: int, tight: float) -> None:
    problem = random_problem(seed, tight=tight, plants=False)
    made = plan(problem, budget_s=60.0)
    assert made.solver is not Solver.RULE, made.note
    levels, cost = Plain(problem).in_order()
    if made.solver is Solver.LP:
        _overload, *ours_levels, _soft = levels
        if not any(goal.at > problem.horizon.starts_at + sum_of(problem) for store in problem.stores for goal in store.goals):
            assert bent(problem, made) == pytest.approx(ours_levels, abs=2e-4)
        assert made.cost == pytest.approx(cost, abs=1e-4, rel=1e-4)
        if max(levels) < 1e-6:
            assert made.relaxations == ()
    elif not made.relaxations:
        # a step cannot both charge and discharge a store: the plain LP may be cheaper, never dearer
        assert cost <= made.cost + 1e-4


@given(SEEDS, st.booleans())
def test_what_is_on_or_off_costs_as_little_as_a_plain_milp_finds(seed: int, strange: bool) -> None:
    problem = random_problem(seed, whole=True, plants=False, strange_prices=strange, steps=8)
    made = plan(problem, budget_s=60.0)
    assert made.solver is not Solver.RULE, made.note
    levels, cost = Plain(problem, whole=True).in_order()
    if max(levels) < 1e-6:
        # never dearer; cheaper only where it stops within its last step, which the plain one does not know
        assert made.cost <= cost + 1e-3 * max(1.0, abs(cost))
        if made.solver is Solver.MILP:
            assert made.cost == pytest.approx(cost, abs=1e-3, rel=1e-3)
            assert made.bound <= cost + 1e-3
