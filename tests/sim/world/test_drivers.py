"""Drivers press the buttons of the station that they stand before, one after the other."""

import asyncio
from datetime import UTC, datetime

from chargebridge.sim.world.clock import ManualClock
from chargebridge.sim.world.demo import demo_topology
from chargebridge.sim.world.drivers import Drivers
from chargebridge.sim.world.event import Arrive, Depart
from chargebridge.sim.world.physics import Physics
from chargebridge.sim.world.scenario import Scenario

START = datetime(2026, 4, 14, tzinfo=UTC)


class Buttons:
    """Writes down what was pressed and when."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.pressed: list[tuple[float, str]] = []

    def plug(self, evse: int) -> None:
        self._note(f"plug {evse}")

    async def present(self, evse: int, token: str) -> bool:
        self._note(f"{token} {evse}")
        return True

    def unplug(self, evse: int) -> None:
        self._note(f"unplug {evse}")

    def _note(self, what: str) -> None:
        self.pressed.append(((self.clock.now() - START).total_seconds(), what))


async def test_who_arrives_at_an_occupied_point_waits_until_the_other_one_is_gone():
    clock = ManualClock(START)
    physics = Physics(demo_topology(), Scenario(), START)
    drivers, buttons = Drivers(physics, clock), Buttons(clock)
    drivers.join("CB-G1", buttons)
    anna = Arrive(at_s=0, point="g1", kind="family", soc=0.5, card="ANNA")
    ben = Arrive(at_s=0, point="g1", kind="lazy", soc=0.4, card="BEN")
    assert not drivers.at_once(anna)
    tasks = [asyncio.create_task(drivers.go(event)) for event in (anna, ben, Depart(at_s=0, point="g1"))]
    await clock.advance(30)
    assert buttons.pressed == [
        (0.0, "plug 1"),
        (1.5, "ANNA 1"),
        (1.5, "ANNA 1"),
        (3.5, "unplug 1"),
        (3.5, "plug 1"),
        (5.0, "BEN 1"),
        (5.0, "BEN 1"),
        (7.0, "unplug 1"),
    ]
    assert not physics.plugged("g1")
    await asyncio.gather(*tasks)


def test_where_no_station_has_joined_cars_come_and_go_at_once():
    physics = Physics(demo_topology(), Scenario(), START)
    drivers = Drivers(physics, ManualClock(START))
    assert drivers.at_once(Arrive(at_s=0, point="g1", kind="family", soc=0.5, card="ANNA"))
    assert drivers.at_once(Arrive(at_s=0, point="g1", kind="lazy", soc=0.4, card="BEN"))
    assert physics.measure("g1").soc == 0.4
    assert drivers.at_once(Depart(at_s=0, point="g1"))
    assert not physics.plugged("g1")
