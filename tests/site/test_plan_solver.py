"""The process that solves may hang, die or raise: there is a plan all the same, and it says why it is the rule's."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from chargebridge.planning.problem import Goal, Horizon, Node, Prices, Problem, Store
from chargebridge.planning.schedule import Solver as Made
from chargebridge.site.plan_solver import Solver, SolverError
from tests.site.kit import until

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
CHEAP_LAST = Problem(
    horizon=Horizon(starts_at=NOON, steps_s=(3600.0,) * 4),
    nodes=(Node(id="main", current_a=((16.0, 16.0, 16.0),) * 4),),
    prices=Prices(import_per_kwh=(0.4, 0.3, 0.2, 0.1), export_per_kwh=(0.0,) * 4),
    stores=(
        Store(id="car", node="main", charge_max_w=10_000, full_wh=10_000, goals=(Goal(at=NOON + timedelta(hours=4), stored_wh=10_000),)),
    ),
)


@pytest.fixture
async def solver() -> AsyncIterator[Solver]:
    made = Solver(grace_s=5.0)
    yield made
    await made.close()


async def test_it_stays_for_the_next_question_and_a_death_between_costs_nothing(solver: Solver) -> None:
    first = await solver.solve(CHEAP_LAST, 1.0)
    pid = solver.pid
    assert first.stores[0].power_w == pytest.approx((0, 0, 0, 10_000))
    await solver.solve(CHEAP_LAST, 1.0)
    assert solver.pid == pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await until(lambda: solver.pid is None)
    again = await solver.solve(CHEAP_LAST, 1.0)
    assert again.solver is not Made.RULE


async def test_killed_while_it_solves_the_rule_plans_and_says_why(solver: Solver) -> None:
    await solver.solve(CHEAP_LAST, 1.0)
    pid = solver.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    question = asyncio.create_task(solver.solve(CHEAP_LAST, 1.0))
    await asyncio.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    answer = await question
    assert answer.solver is Made.RULE
    assert "process ended" in answer.note
    assert answer.stores[0].power_w[3] == pytest.approx(10_000), "the rule knows prices too"


async def test_one_that_hangs_is_ended(solver: Solver, monkeypatch: pytest.MonkeyPatch) -> None:
    await solver.solve(CHEAP_LAST, 1.0)
    pid = solver.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    question = asyncio.create_task(solver.solve(CHEAP_LAST, 0.1))
    monkeypatch.setattr(solver, "_grace_s", 0.2)
    await asyncio.sleep(0)
    monkeypatch.setattr(solver, "_grace_s", 10.0)
    answer = await question
    assert "no answer after" in answer.note
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_what_nobody_can_solve_is_told(solver: Solver) -> None:
    nonsense = Problem(horizon=Horizon(starts_at=NOON, steps_s=(-1.0,)), nodes=(), prices=CHEAP_LAST.prices)
    with pytest.raises(SolverError, match="length"):
        await solver.solve(nonsense, 1.0)
