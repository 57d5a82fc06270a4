"""Charging that goes on until full, whatever it costs: the rows that bring the LP close to whole numbers leave out no plan."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.planning.random_problems import random_problem

from chargebridge.planning import plan, whole
from chargebridge.planning.problem import Problem
from chargebridge.planning.schedule import Solver

STEPS = 10


def until_full(seed: int) -> Problem:
    """Some stores charge at once in some steps, and are full within the horizon or not."""
    rng = Random(seed)
    problem = random_problem(seed, whole=rng.random() < 0.6, plants=False, steps=STEPS, tight=rng.choice([1.0, 1.0, 0.3]))
    stores = []
    for store in problem.stores:
        if rng.random() < 0.6:
            most = store.charge_max_w
            store = replace(
                store,
                charge_now_w=tuple(rng.choice([0.0, 0.4 * most, most]) for _ in range(STEPS)),
                full_wh=store.stored_wh + rng.uniform(0.05, 0.8) * 2.0 * most,
                goals=tuple(replace(goal, stored_wh=min(goal.stored_wh, store.stored_wh * 1.02)) for goal in store.goals),
            )
        stores.append(store)
    return replace(problem, stores=tuple(stores))


@given(st.integers(0, 10**6))
def test_what_follows_for_whole_numbers_leaves_out_no_plan(seed: int) -> None:
    problem = until_full(seed)
    made = plan(problem, budget_s=60.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(whole, "_while_not_full", lambda *_: None)
        bare = plan(problem, budget_s=60.0)
    assert made.solver == bare.solver != Solver.RULE
    assert bool(made.relaxations) == bool(bare.relaxations)
    if not made.relaxations:
        assert made.cost == pytest.approx(bare.cost, abs=1e-3, rel=1e-4)
