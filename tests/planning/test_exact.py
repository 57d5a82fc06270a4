"""The exact plan beside a plain second formulation of the same problem."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.planning.plain import Plain
from tests.planning.random_problems import random_problem

from chargebridge.planning import plan
from chargebridge.planning.schedule import Solver


@given(st.integers(0, 10**6), st.sampled_from([1.0, 0.3]))
def test_cost_and_what_bends_are_those_of_the_plain_formulation(seed: int, tight: float) -> None:
    problem = random_problem(seed, tight=tight)
    made = plan(problem, budget_s=60.0)
    assert made.solver is Solver.LP
    _, cost = Plain(problem).in_order()
    if made.bound > made.cost - 1e-6:  # the plain one lets a store charge and discharge at once
        assert made.cost == pytest.approx(cost, abs=1e-4, rel=1e-4)
