"""Kirchhoff, energy conservation, rotation, protection and determinism of the whole world."""

import time
from datetime import UTC, datetime

import pytest

from chargebridge.model.circuit import ChargingPoint, Circuit, Topology
from chargebridge.sim.world.demo import LOST_COURTYARD_A, LOST_MAIN_A, demo_scenario, demo_topology
from chargebridge.sim.world.event import Arrive
from chargebridge.sim.world.physics import Physics
from chargebridge.sim.world.scenario import Scenario

START = datetime(2026, 4, 14, 8, 0, tzinfo=UTC)


def demo(seed: int = 3, amperes: float = 8.0) -> Physics:
    """The demo with its cars at their places, everyone offered ``amperes``."""
    scenario = demo_scenario()
    world = Physics(demo_topology(), scenario, START, seed=seed)
    for event in scenario.story:
        if isinstance(event, Arrive):
            world.plug(event.point, event.kind, event.soc)
    offer_all(world, amperes)
    return world


def offer_all(world: Physics, amperes: float) -> None:
    for point in world.topology.points:
        world.draw(point.id, amperes, 3, world.now)


def one_point(phases: tuple[int, ...] = (1, 2, 3), fuse: float = 32.0) -> Physics:
    topology = Topology(
        circuits=(
            Circuit(id="root", name="root", fuse_a=(63.0, 63.0, 63.0)),
            Circuit(id="sub", name="sub", fuse_a=(fuse, fuse, fuse), parent="root"),
        ),
        points=(ChargingPoint(id="p", name="p", circuit="sub", station="S", phases=phases),),  # type: ignore[arg-type]
    )
    return Physics(topology, Scenario(day_s=0.0), START)


def test_energy_is_conserved_at_every_circuit():
    world = demo()
    world.batteries["battery"].set_power(3000, 0.0, revert_s=3600)
    world.advance(1800)
    for branch in world.network.branches.values():
        below = sum(d.flow.import_j - d.flow.export_j for d in branch.devices) + sum(
            c.flow.import_j - c.flow.export_j for c in branch.children
        )
        head = branch.flow.import_j - branch.flow.export_j
        assert head == pytest.approx(below + branch.loss_j, rel=1e-9)
        if branch.parent:
            assert 0 < branch.loss_j < 0.02 * head


def test_what_a_car_gets_is_what_its_points_register_counted_less_the_chargers_loss():
    world = demo()
    begin = {name: outlet.car.stored_wh for name, outlet in world.outlets.items() if outlet.car}
    world.advance(1200)
    for name, stored in begin.items():
        car = world.outlets[name].car
        assert car is not None
        assert car.stored_wh - stored == pytest.approx(world.measure(name).energy_wh * car.kind.efficiency, rel=1e-9)
        assert world.measure(name).energy_wh > 0


def test_the_battery_stores_what_it_takes_less_its_loss_and_gives_back_less_again():
    world = demo()
    battery = world.batteries["battery"]
    start = battery.stored_wh
    battery.set_power(4000, world.t_s, revert_s=600)
    world.advance(600)
    stored = battery.stored_wh - start
    assert stored == pytest.approx(battery.flow.import_wh * 0.96, rel=1e-6)
    battery.set_power(-4000, world.t_s, revert_s=600)
    world.advance(600)
    assert battery.flow.export_wh == pytest.approx((start + stored - battery.stored_wh) * 0.96, rel=1e-2)


def test_an_unrenewed_battery_set_point_reverts_and_an_empty_battery_gives_nothing():
    world = demo()
    battery = world.batteries["battery"]
    battery.set_power(-9999, 0.0)
    world.advance(30)
    assert battery.flow.power_w == pytest.approx(-6000)
    world.advance(40)
    assert battery.flow.power_w == 0
    battery.stored_wh = 0.0
    battery.set_power(-5000, world.t_s)
    world.advance(5)
    assert battery.flow.power_w == 0


def test_rotation_puts_a_single_phase_car_on_the_wired_phase():
    world = one_point(phases=(2, 3, 1))
    world.plug("p", "one_phase", 0.3)
    world.draw("p", 16, 3, world.now)
    world.advance(30)
    assert world.current_a("root") == pytest.approx((0, 16, 0), abs=0.3)
    assert world.measure("p").current_a == pytest.approx((16, 0, 0), abs=0.3)
    assert world.measure("p").voltage_v[0] == world.branch("sub").voltage_v[1]


def test_phases_change_only_while_nothing_flows():
    world = one_point()
    world.plug("p", "family", 0.3)
    world.draw("p", 16, 1, world.now)
    world.advance(30)
    assert world.current_a("sub") == pytest.approx((16, 0, 0), abs=0.3)
    world.draw("p", 16, 3, world.now)
    seen = []
    for _ in range(150):
        world.step()
        seen.append(tuple(a > 0 for a in world.current_a("sub")))
    pause = seen.index((False, False, False))
    assert set(seen[:pause]) == {(True, False, False)}
    assert (True, False, False) not in seen[pause:]
    assert world.current_a("sub") == pytest.approx((16, 16, 16), abs=0.3)


def test_without_pilot_or_car_nothing_flows_and_the_contactor_cuts_a_stubborn_car():
    world = one_point()
    world.plug("p", "stubborn", 0.3)
    world.advance(30)
    assert world.current_a("sub") == (0, 0, 0)
    world.draw("p", 16, 3, world.now)
    world.advance(30)
    world.draw("p", 0, 3, world.now)
    world.advance(5.8)
    assert world.current_a("sub")[0] > 15
    world.advance(0.4)
    assert world.current_a("sub") == (0, 0, 0)


def test_overload_opens_the_protection_of_that_circuit_only_and_everything_behind_it_is_dead():
    world = one_point(fuse=10.0)
    world.plug("p", "family", 0.3)
    world.draw("p", 16, 3, world.now)
    world.advance(120)
    assert [m.where for m in world.mishaps] == ["sub"]
    assert world.current_a("root") == (0, 0, 0)
    assert world.measure("p").voltage_v == (0, 0, 0)
    assert [f.opened for f in world.fuses() if f.circuit == "sub"] == [True] * 3
    assert not any(f.opened for f in world.fuses() if f.circuit == "root")
    world.draw("p", 6, 3, world.now)
    world.network.close("sub")
    world.advance(30)
    assert world.current_a("sub")[0] == pytest.approx(6, abs=0.3)


def test_all_at_full_power_would_blow_the_fuses_so_the_demo_has_something_to_prove():
    world = demo(amperes=32.0)
    world.advance(300)
    assert world.mishaps


@pytest.mark.parametrize("seed", range(2))
def test_house_and_workshop_stay_within_the_owners_worst_case_on_every_phase_all_day(seed: int):
    scenario = demo_scenario()
    world = Physics(demo_topology(), scenario, START, seed=seed, dt_s=2.0)
    for _ in range(24 * 60):
        world.advance(60)
        house, workshop = world.current_a("house"), world.current_a("workshop")
        sauna_a = 3600 / 3 / 225
        for k in range(3):
            assert house[k] + workshop[k] + sauna_a <= LOST_MAIN_A[k]
            assert workshop[k] <= LOST_COURTYARD_A[k]


def test_the_demos_fallback_currents_fit_every_fuse_beside_the_worst_case_load():
    topology = demo_topology()
    loads = {"main": LOST_MAIN_A, "courtyard": LOST_COURTYARD_A}
    for circuit in topology.circuits:
        inside = [p for p in topology.points if circuit.id in ("main", p.circuit)]
        for phase in (1, 2, 3):
            fallback = sum(p.fallback_a for p in inside if phase in p.phases)
            assert fallback + loads.get(circuit.id, (0.0,) * 3)[phase - 1] <= circuit.fuse_a[phase - 1]


def test_the_same_seed_gives_the_same_world_and_another_seed_another():
    def run(seed: int) -> list[object]:
        world = demo(seed)
        seen: list[object] = []
        for k in range(60):
            offer_all(world, 6.0 + k % 5)
            world.advance(3)
            seen.append([world.flow(name).power_w for name in ("main", "house", "pv", "g1", "v2")])
        return [*seen, world.flow("main").import_j]

    assert run(5) == run(5)
    assert run(5) != run(6)


def test_a_simulated_minute_of_the_demo_takes_well_under_a_second():
    world = demo()
    begin = time.perf_counter()
    world.advance(60)
    assert time.perf_counter() - begin < 0.5
