"""What cannot be meant is refused with a place, a reason and a cure; what is only impossible or extreme is planned."""

import math
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace
from tests.planning.keeps import check_all
from tests.planning.random_problems import START

from chargebridge.planning import ProblemError, plan, planner
from chargebridge.planning.problem import Band, Generator, Goal, Horizon, Node, Plant, Prices, Problem, Store
from chargebridge.planning.schedule import Solver

END = START + timedelta(hours=1)
CAR = Store(id="car", node="grid", charge_max_w=7400.0, full_wh=40_000.0, goals=(Goal(at=END, stored_wh=5000.0),))
HOUSE = Problem(
    horizon=Horizon(starts_at=START, steps_s=(900.0,) * 4),
    nodes=(Node(id="grid", import_w=(10_000.0,) * 4),),
    prices=Prices(import_per_kwh=(0.3, 0.2, 0.4, 0.3), export_per_kwh=(0.1,) * 4),
    stores=(CAR,),
)


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        (replace(HOUSE, horizon=Horizon(starts_at=START, steps_s=())), "horizon"),
        (replace(HOUSE, horizon=Horizon(starts_at=datetime(2026, 1, 1), steps_s=(900.0,) * 4)), "horizon.starts_at"),  # noqa: DTZ001
        (replace(HOUSE, prices=Prices(import_per_kwh=(0.3,), export_per_kwh=(0.1,) * 4)), "prices.import_per_kwh"),
        (replace(HOUSE, prices=Prices(import_per_kwh=(0.3, math.nan, 0.4, 0.3), export_per_kwh=(0.1,) * 4)), "prices.import_per_kwh"),
        (replace(HOUSE, nodes=()), "nodes"),
        (replace(HOUSE, nodes=(*HOUSE.nodes, Node(id="leaf", parent="roof"))), "leaf.parent"),
        (replace(HOUSE, nodes=(*HOUSE.nodes, Node(id="second"))), "second"),
        (replace(HOUSE, nodes=(*HOUSE.nodes, Node(id="group", members=("bus",)))), "group.members"),
        (replace(HOUSE, nodes=(Node(id="grid", import_w=(-1.0,) * 4),)), "grid.import_w"),
        (replace(HOUSE, nodes=(Node(id="grid", load=Band(likely=(1.0,) * 4, low=(2.0,) * 4, high=(1.0,) * 4)),)), "grid.load"),
        (replace(HOUSE, stores=(replace(CAR, node="garage"),)), "car"),
        (replace(HOUSE, stores=(replace(CAR, charge_max_w=-1.0),)), "car.charge_max_w"),
        (replace(HOUSE, stores=(replace(CAR, charge_efficiency=0.0),)), "car.charge_efficiency"),
        (replace(HOUSE, stores=(replace(CAR, phases=(1, 1)),)), "car.phases"),
        (replace(HOUSE, stores=(replace(CAR, arrives_at=END, departs_at=START),)), "car"),
        (replace(HOUSE, stores=(CAR, CAR)), "ids"),
        (replace(HOUSE, stores=(replace(CAR, goals=(replace(CAR.goals[0], probability=0.6),) * 2),)), "car.goals"),
        (replace(HOUSE, plants=(Plant(id="dryer", node="grid", power_w=1.0, run_s=1.0, earliest_at=END, latest_at=START),)), "dryer"),
        (replace(HOUSE, generators=(Generator(id="pv", node="grid", power=Band.sure((-1.0,) * 4)),)), "pv.power.likely"),
    ],
)
def test_what_cannot_be_meant_is_refused(wrong: Problem, where: str) -> None:
    with pytest.raises(ProblemError) as raised:
        plan(wrong)
    assert raised.value.where == where
    assert raised.value.reason
    assert raised.value.cure


@pytest.mark.parametrize(
    "strange",
    [
        replace(HOUSE, stores=()),
        replace(HOUSE, stores=(replace(CAR, charge_max_w=0.0, goals=()),)),
        replace(HOUSE, nodes=(Node(id="grid", import_w=(0.0,) * 4),)),
        replace(HOUSE, nodes=(Node(id="grid", import_w=(math.inf, 100.0, math.inf, 0.0)),)),
        replace(HOUSE, nodes=(Node(id="grid", import_w=(1000.0,) * 4, load=Band.sure((5000.0,) * 4)),)),
        replace(HOUSE, stores=(replace(CAR, charge_max_w=0.0),)),
        replace(HOUSE, stores=(replace(CAR, full_wh=0.0),)),
        replace(HOUSE, stores=(replace(CAR, stored_wh=60_000.0, discharge_max_w=5000.0),)),
        replace(HOUSE, stores=(replace(CAR, departs_at=START, arrives_at=START - timedelta(hours=1)),)),
        replace(HOUSE, stores=(replace(CAR, arrives_at=END + timedelta(hours=1), departs_at=END + timedelta(hours=2)),)),
        replace(HOUSE, stores=(replace(CAR, charge_min_w=9000.0),)),
        replace(HOUSE, stores=(replace(CAR, stored_wh=1000.0, floor_wh=20_000.0, discharge_max_w=5000.0, rest_price=0.1),)),
        replace(HOUSE, stores=(replace(CAR, taper=0.0, taper_end_w=0.0),)),
        replace(HOUSE, stores=(replace(CAR, goals=(Goal(at=END + timedelta(days=3), stored_wh=40_000.0),)),)),
        replace(HOUSE, prices=Prices(import_per_kwh=(-0.5,) * 4, export_per_kwh=(0.5,) * 4)),
        replace(HOUSE, prices=Prices(import_per_kwh=(0.0,) * 4, export_per_kwh=(0.0,) * 4)),
        replace(HOUSE, horizon=Horizon(starts_at=START, steps_s=(1e-3, 900.0, 86_400.0, 1.0))),
    ],
)
def test_what_is_only_strange_is_planned(strange: Problem) -> None:
    made = plan(strange)
    assert made.solver is not Solver.RULE, made.note
    check_all(strange, made)


def test_a_solver_that_dies_leaves_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(planner, "solve", die)
    made = plan(HOUSE)
    assert (made.solver, made.note) == (Solver.RULE, "by rule: no room")
    assert made.relaxations == ()
    check_all(HOUSE, made)


def test_what_bends_is_named_in_order_for_a_person() -> None:
    """Two cars of 11 kW and 10 kWh each by one hour later, 8 kW of fuse, a wished limit of 4 kW, a dryer of 2 kW."""
    cars = tuple(
        Store(id=name, node="garage", charge_max_w=11_000.0, full_wh=50_000.0, goals=(Goal(at=END, stored_wh=10_000.0),), rest_price=0.5)
        for name in ("red", "blue")
    )
    dryer = Plant(id="dryer", node="grid", power_w=2000.0, run_s=3600.0, earliest_at=START, latest_at=END)
    nodes = (Node(id="grid", import_w=(8000.0,) * 4), Node(id="garage", parent="grid", import_w=(4000.0,) * 4, hard=False))
    made = plan(replace(HOUSE, nodes=nodes, stores=cars, plants=(dryer,)))
    assert [r.order.name for r in made.relaxations] == ["REST", "REST", "SOFT_LIMIT", "GOAL", "GOAL"]
    # 6 kWh are left for the cars: of each goal the last quarter goes, then most of the third, the same of both within a quarter
    missing = [sum(store.missing_wh) for store in made.stores]
    assert sum(missing) == pytest.approx(14_000.0, abs=1.0)
    assert all(5000.0 <= each <= 7500.0 + 1.0 for each in missing)
    goal = made.relaxations[3]
    assert goal.node == "grid"
    assert goal.sentence.startswith("red misses")
    assert goal.sentence.endswith("of 10.0 kWh by Mon 17:00: the limit of grid leaves no more")
    assert sum(made.plants[0].on) == pytest.approx(4.0)
