"""Fleets: from thousands of cars to a million, planned by prices; `docs/planning.md`, "A fleet"."""

from typing import overload

from chargebridge.planning.fleet.cars import Cars, Fleet
from chargebridge.planning.fleet.convert import fitting, plan_problem, to_fleet
from chargebridge.planning.fleet.solve import FleetSchedule, plan_cars
from chargebridge.planning.problem import Problem
from chargebridge.planning.schedule import Schedule

__all__ = ["Cars", "Fleet", "FleetSchedule", "fitting", "plan_fleet", "to_fleet"]


@overload
def plan_fleet(what: Fleet, gap: float = 1e-4, budget_s: float = 20.0) -> FleetSchedule: ...


@overload
def plan_fleet(what: Problem, gap: float = 1e-4, budget_s: float = 20.0) -> Schedule: ...


def plan_fleet(what: Fleet | Problem, gap: float = 1e-4, budget_s: float = 20.0) -> FleetSchedule | Schedule:
    """The cheapest plan of a fleet in columns, or of a problem with many stores, to within ``gap`` of the turnover.

    budget_s: roughly the solver's time, s. ProblemError for what cannot be meant; all else has a plan.
    """
    return plan_problem(what, gap, budget_s) if isinstance(what, Problem) else plan_cars(what, gap, budget_s)
