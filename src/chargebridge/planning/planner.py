"""The plan of a property: the exact one where the solver is in time, the rule's where it is not."""

import numpy as np

from chargebridge.planning.arrays import Arrays, arrays
from chargebridge.planning.check import check
from chargebridge.planning.exact import Solved, powers_of, solve
from chargebridge.planning.fleet.convert import fitting, plan_problem
from chargebridge.planning.lp import formulate
from chargebridge.planning.money import grid_kw, money
from chargebridge.planning.problem import Problem
from chargebridge.planning.result import schedule
from chargebridge.planning.rule import follow_rule
from chargebridge.planning.schedule import Schedule, Solver
from chargebridge.planning.whole import decide
from chargebridge.planning.worth import step_prices, worths

MANY = 2000
"""Cars from which on they are planned as a fleet."""


def plan(problem: Problem, budget_s: float = 2.0) -> Schedule:
    """The cheapest schedule. budget_s: of the solver's time, s. ProblemError for what cannot be meant; all else has a plan."""
    check(problem)
    if len(problem.stores) >= MANY and int(fitting(problem).sum()) >= MANY:
        try:
            return plan_problem(problem, budget_s=budget_s)
        except Exception as error:  # as below
            return by_rule(arrays(problem), f"by rule: {error or type(error).__name__}")
    a = arrays(problem)
    try:
        first = solve(formulate(a), a, budget_s)
        solved, whole = decide(first, a, budget_s)
    except Exception as error:  # whatever becomes of the solver, there is a plan
        return by_rule(a, f"by rule: {error or type(error).__name__}")
    powers = powers_of(solved.form, a, solved.x)
    price = step_prices(solved, a)
    grid = grid_kw(a, powers)
    twisted = solved.form.twisted
    price[twisted] = np.where(grid[twisted] < 0, a.export_price[twisted], a.import_price[twisted])
    bound = np.inf  # an LP's plan is its own bound
    if solved is not first or first.slack or len(twisted):
        bound = money(a, powers_of(first.form, a, first.x)).total - first.slack - twist(first, a)
    if whole:
        bound = max(bound, money(a, powers).total - solved.slack)
    proven = solved.answer.proven and solved.ordered
    return schedule(
        a, powers, Solver.MILP if whole else Solver.LP, price=price, bound=bound if proven else -np.inf, limits=solved.form.every_limit,
        blame=blame(solved, a) if solved.bends else None, worths=worths(solved, a, price), note="" if proven else "stopped by the clock",
    )  # fmt: skip


def twist(solved: Solved, a: Arrays) -> float:
    """Money: what the LP may have missed where exporting pays more than importing costs, for all that could flow out."""
    steps = solved.form.twisted
    most = np.maximum(a.discharge_kw.sum(axis=0) - a.base, 0.0)[steps]
    return float(((a.export_price - a.import_price) * a.hours)[steps] @ most)


def by_rule(a: Arrays, note: str) -> Schedule:
    """The rule's plan. Its prices are those of the grid connection; no bound is known."""
    powers = follow_rule(a)
    price = np.where(grid_kw(a, powers) < 0, a.export_price, a.import_price)
    return schedule(a, powers, Solver.RULE, price=price, bound=-np.inf, note=note)


def blame(solved: Solved, a: Arrays) -> dict[str, str]:
    """Of each store, the node whose limit makes its energy dearest while it is there."""
    found: dict[str, str] = {}
    dearest = np.zeros(len(a.stored))
    for limit in solved.form.limits:
        dual = -solved.answer.row_dual[limit.rows] * limit.sign
        total = (a.charge_kw[:, limit.steps] > 0) @ np.maximum(dual, 0.0) * a.store_below[limit.node]
        for i in np.flatnonzero(total > dearest + 1e-9):
            found[a.problem.stores[i].id] = a.problem.nodes[limit.node].id
            dearest[i] = total[i]
    return found
