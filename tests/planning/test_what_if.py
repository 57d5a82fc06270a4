"""What leaving later, more energy, or no V2G would change."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from chargebridge.planning import ProblemError, plan
from chargebridge.planning.problem import Goal, Horizon, Node, Prices, Problem, Store
from chargebridge.planning.what_if import Keep, Leave, More, what_if

START = datetime(2026, 1, 5, 18, 0, tzinfo=UTC)


def evening(**store: object) -> Problem:
    """A car of 10 kW from 18:00 to 22:00 that needs 20 kWh, and a price that falls from 40 to 20 cents at 22:00."""
    leaves = START + timedelta(hours=4)
    car = Store(
        id="car", node="grid", charge_max_w=10_000.0, full_wh=60_000.0, departs_at=leaves, goals=(Goal(at=leaves, stored_wh=20_000.0),)
    )
    car = msgspec.structs.replace(car, **store)
    prices = Prices(import_per_kwh=(0.4,) * 16 + (0.2,) * 16, export_per_kwh=(0.05,) * 32)
    return Problem(horizon=Horizon(starts_at=START, steps_s=(900.0,) * 32), nodes=(Node(id="grid"),), prices=prices, stores=(car,))


def test_an_hour_later_saves_the_difference_of_one_hour_at_full_power() -> None:
    problem = evening()
    outcome = what_if(problem, plan(problem), Leave(store="car", later_s=3600.0))
    assert outcome.saves == pytest.approx(10.0 * 0.2, abs=1e-6)
    assert outcome.was_done_at == START + timedelta(hours=2)
    assert outcome.done_at == START + timedelta(hours=5)
    assert outcome.sentence == "leaving an hour later would save 2.00, done Mon 23:00"


def test_the_worth_of_a_departure_is_what_an_hour_more_saves() -> None:
    problem = evening()
    made = plan(problem)
    worth = next(worth for worth in made.worths if worth.kind == "departure")
    assert worth.per_unit == pytest.approx(what_if(problem, made, Leave(store="car", later_s=3600.0)).saves, abs=1e-6)


def test_earlier_than_it_can_be_is_named() -> None:
    problem = evening()
    outcome = what_if(problem, plan(problem), Leave(store="car", later_s=-3 * 3600.0))
    assert outcome.missing_wh == pytest.approx(10_000.0, abs=1.0)
    assert outcome.sentence.startswith("leaving 3 hours earlier would save")
    assert "10.0 kWh would be missing" in outcome.sentence


def test_ten_kwh_more_cost_their_price() -> None:
    problem = evening()
    outcome = what_if(problem, plan(problem), More(store="car", energy_wh=10_000.0))
    assert outcome.saves == pytest.approx(-4.0, abs=1e-6)
    assert outcome.sentence == "10 kWh more would cost 4.00 more, done Mon 21:00"


def test_without_giving_back() -> None:
    problem = evening(
        stored_wh=40_000.0, discharge_max_w=10_000.0, departs_at=None, goals=(Goal(at=START + timedelta(hours=8), stored_wh=40_000.0),)
    )
    sells = Prices(import_per_kwh=problem.prices.import_per_kwh, export_per_kwh=(0.3,) * 16 + (0.1,) * 16)
    problem = Problem(horizon=problem.horizon, nodes=problem.nodes, prices=sells, stores=problem.stores)
    outcome = what_if(problem, plan(problem), Keep(store="car"))
    assert outcome.saves == pytest.approx(-40.0 * 0.1, abs=1e-6)


def test_a_store_that_is_not_there() -> None:
    problem = evening()
    with pytest.raises(ProblemError, match="no store 'bus'"):
        what_if(problem, plan(problem), Keep(store="bus"))
