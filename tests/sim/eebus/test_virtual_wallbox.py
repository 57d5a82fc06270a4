"""The virtual wallbox at a bare energy manager: what flows is what OPEV or LPC allow, and each deviation is what its name says."""

import contextlib
from decimal import Decimal

import pytest
from tests.stations.eebus.kit import until, wallbox

from chargebridge.app.clock import WallClock
from chargebridge.sim.eebus.deviations import LIKE_ELLI, Deviation
from chargebridge.sim.eebus.device import Device
from chargebridge.sim.eebus.wallbox import WallboxPlan
from chargebridge.wire.eebus.spine.errors import ErrorNumber
from chargebridge.wire.eebus.spine.local import LocalDevice
from chargebridge.wire.eebus.usecases.energy_manager import CurrentsAnswered, EnergyManager
from chargebridge.wire.eebus.usecases.opev import OPEV


class Manager(Device):
    def __init__(self):
        super().__init__("Acme-Cem-1", LocalDevice("d:_n:Acme_Cem-1", "EnergyManagementSystem"), WallClock())
        self.cem = EnergyManager(self.hub.node, self.hub.node.device.add((1,), "CEM"), self.hub.now())
        self.answers = []
        self.hub.listen(self._hear)

    async def _hear(self, event, now):
        if isinstance(event, CurrentsAnswered):
            self.answers.append(event.number)

    async def limit(self, box, amps):
        """Written to the car; returns the answer."""
        before, value = len(self.answers), Decimal(str(amps))
        await self.hub.act(lambda now: self.cem.limit((box.ski, (1,)), (value, value, value), now))
        await until(lambda: len(self.answers) > before)
        return self.answers[-1]

    def car(self, box):
        return evse.car if (evse := self.cem.evse((box.ski, (1,)))) is not None else None


@contextlib.asynccontextmanager
async def managed(plan=None):
    """A wallbox with a car, and its energy manager."""
    async with wallbox(plan) as box, Manager() as manager:
        box.plug()
        await until(lambda: box.station.vehicle is not None)
        await manager.hub.pair(box.ski)
        await box.device.hub.pair(manager.ski, address=manager.address)
        await until(
            lambda: ((car := manager.car(box)) is not None and OPEV.name in car.use_cases) or Deviation.NO_OPEV in box.plan.deviations
        )
        yield box, manager


async def test_nobody_watches_and_so_it_takes_what_is_safe():
    async with wallbox(WallboxPlan(safe_a=8.0)) as box:
        assert box.allowed_a == 0.0
        box.plug()
        await until(lambda: box.garage.measure(1).current_a == (8.0, 8.0, 8.0))
        box.unplug()
        await until(lambda: box.station.vehicle is None)


async def test_it_obeys_and_falls_to_what_is_safe_when_the_manager_goes():
    async with managed() as (box, manager):
        await until(lambda: all(manager.car(box).obligation))
        assert await manager.limit(box, 12) is ErrorNumber.NONE
        await until(lambda: box.garage.measure(1).current_a == (12.0, 12.0, 12.0))
        await until(lambda: manager.car(box).measured.currents_a == (12, 12, 12), what="and says so")
        await manager.stop()
        await until(lambda: box.allowed_a == 6.0, 6.0)


@pytest.mark.parametrize(
    ("deviations", "answer", "allowed"),
    [
        ({Deviation.REFUSES}, ErrorNumber.COMMAND_REJECTED, 6.0),
        ({Deviation.IGNORES}, ErrorNumber.NONE, 16.0),
        ({Deviation.DEAF}, ErrorNumber.NONE, 6.0),
        (LIKE_ELLI, ErrorNumber.NONE, 10.0),
    ],
)
async def test_a_deviation_is_what_its_name_says(deviations, answer, allowed):
    async with managed(WallboxPlan(deviations=frozenset(deviations))) as (box, manager):
        await until(lambda: any(manager.car(box).obligation))
        assert await manager.limit(box, 10) is answer
        await until(lambda: box.allowed_a == allowed)


async def test_without_opev_there_is_nothing_to_limit():
    async with managed(WallboxPlan(deviations=frozenset({Deviation.NO_OPEV}))) as (box, manager):
        await until(lambda: (car := manager.car(box)) is not None and car.use_cases)
        assert OPEV.name not in manager.car(box).use_cases
        assert manager.car(box).obligation == (None, None, None)
