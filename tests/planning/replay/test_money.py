"""What strategies cost: prices from a table, the score, and those that look ahead."""

from datetime import UTC, datetime

import msgspec
import pytest

from chargebridge.model.circuit import ChargingPoint, Circuit, Topology
from chargebridge.planning.replay.network import of_topology
from chargebridge.planning.replay.planned import Planned, cheapest
from chargebridge.planning.replay.price_file import PriceFileError, read_prices
from chargebridge.planning.replay.run import run
from chargebridge.planning.replay.score import Score, score
from chargebridge.planning.replay.stays import Case, CaseError, Stay
from chargebridge.planning.replay.strategies import STRATEGIES

NIGHT = datetime(2026, 3, 1, 18, tzinfo=UTC)


@pytest.fixture
def house() -> Case:
    """Three cars over one night behind 25 A; from 22:00 to 4:00 a kWh costs a third."""
    points = tuple(ChargingPoint(id=f"p{i}", name=f"Wallbox {i}", circuit="main", station=f"S{i}", maximum_a=16) for i in range(3))
    place = Topology(circuits=(Circuit(id="main", name="House", fuse_a=(25.0, 25.0, 25.0)),), points=points)
    stays = tuple(
        Stay(id=f"car {i}", station=i, arrives=6 * i, departs=156 - 6 * i, energy_wh=15_000.0 + 5000 * i, max_w=11_040.0) for i in range(3)
    )
    price = tuple(0.1 if 48 <= step < 120 else 0.3 for step in range(156))
    base = ((5.0, 5.0, 5.0),) * 156
    network = of_topology(place, {"main": base})
    base_w = (3 * 5 * 230.0,) * 156
    return Case(
        name="night", starts_at=NIGHT, step_s=300, network=network, stays=stays, topology=place, price_per_kwh=price, base_w=base_w,
        co2_g_per_kwh=(400.0,) * 156,
    )  # fmt: skip


def scored(case: Case, name: str) -> Score:
    strategy = {"cheapest": cheapest, "planned": Planned}[name](case) if name not in STRATEGIES else STRATEGIES[name]
    return score(case, name, run(case, strategy))


def test_looking_ahead_costs_less_and_lets_nobody_go_without(house: Case) -> None:
    now, blind, planned = (scored(house, name) for name in ("needed_first", "cheapest", "planned"))
    assert now.short == blind.short == planned.short == 0
    assert planned.overloaded == 0
    assert now.cost is not None
    assert blind.cost is not None
    assert planned.cost is not None
    assert planned.cost == pytest.approx(60 * 0.1, rel=1e-3), "all of it fits into the cheap hours"
    assert planned.cost <= blind.cost < now.cost
    assert planned.co2_kg == pytest.approx(60 * 0.4)


def test_what_cars_make_the_property_not_export_is_paid_for(house: Case) -> None:
    sunny = msgspec.structs.replace(house, base_w=(-20_000.0,) * 156, export_per_kwh=(0.08,) * 156)
    found = scored(sunny, "needed_first")
    assert found.cost == pytest.approx(60 * 0.08, rel=1e-6)
    assert found.co2_kg == 0
    assert found.peak_w == 0


def test_a_peak_has_its_price(house: Case) -> None:
    dear = msgspec.structs.replace(house, capacity_price=10.0)
    plain, found = scored(house, "needed_first"), scored(dear, "needed_first")
    assert plain.cost is not None
    assert found.cost is not None
    assert found.cost - plain.cost == pytest.approx((found.peak_w - 3450) / 1000 * 10)


def test_without_control_the_fuse_would_blow(house: Case) -> None:
    assert scored(house, "at_once").overloaded > 0


def test_a_plan_needs_a_tree_of_circuits(case: Case) -> None:
    with pytest.raises(CaseError, match="no tree"):
        Planned(case)


def test_a_price_holds_until_the_next() -> None:
    text = "at,import_per_kwh,co2_g_per_kwh\n2026-03-01T17:00,0.3,200\n2026-03-01T18:10+00:00,0.1,300\n"
    found = read_prices(text, NIGHT, 300, 4)
    assert found.import_per_kwh == (0.3, 0.3, 0.1, 0.1)
    assert found.co2_g_per_kwh == (200, 200, 300, 300)
    assert found.export_per_kwh is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("at,price\n", "no column import_per_kwh"),
        ("at,import_per_kwh\n2026-03-01T19:00,0.3\n", "begins at 2026-03-01 19:00"),
        ("at,import_per_kwh\n", "is empty"),
        ("at,import_per_kwh\n2026-03-01T17:00,x\n", "line 2: cannot be read"),
        ("at,import_per_kwh\n2026-03-01T17:00,nan\n", "no number"),
        ("at,import_per_kwh\n2026-03-01T17:00,1\n2026-03-01T16:00,1\n", "line 3: is not later"),
        ("at,import_per_kwh\n2026-03-01T17:00\n", "line 2: cannot be read"),
        ("", "no column at"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused(text: str, says: str) -> None:
    with pytest.raises(PriceFileError, match=says):
        read_prices(text, NIGHT, 300, 4)
