"""Two hubs over real sockets: a house with a limit and its control box."""

import asyncio
from decimal import Decimal

import pytest

from chargebridge.app.clock import WallClock
from chargebridge.links.eebus.peer import Phase
from chargebridge.links.eebus.settings import StaticPeer
from chargebridge.sim.eebus.device import Device
from chargebridge.wire.eebus.spine.local import LocalDevice
from chargebridge.wire.eebus.usecases.controllable_system import ControllableSystem, LimitChanged, Limited
from chargebridge.wire.eebus.usecases.energy_guard import EnergyGuard
from chargebridge.wire.eebus.usecases.limitation import Settings, State
from chargebridge.wire.eebus.usecases.lpc import LPC

SETTINGS = Settings(nominal_w=Decimal(34500), failsafe_w=Decimal(5000))


async def until(condition, timeout_s=20.0):
    async with asyncio.timeout(timeout_s):
        while not (found := condition()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return found


class House(Device):
    def __init__(self, **kwargs):
        clock = WallClock()
        super().__init__("Acme-House-1", LocalDevice("d:_n:Acme_House-1", "EnergyManagementSystem"), clock, **kwargs)
        self.lpc = Limited(LPC, SETTINGS, None, self.hub.now())
        ControllableSystem(self.hub.node, self.hub.node.device.add((1,), "CEM"), (self.lpc,), self.hub.now())


class Box(Device):
    def __init__(self, **kwargs):
        super().__init__("Grid-Box-1", LocalDevice("d:_n:Grid_Box-1", "ElectricitySupplySystem"), WallClock(), **kwargs)
        self.guard = EnergyGuard(self.hub.node, self.hub.node.device.add((1,), "GridGuard"), LPC, self.hub.now())


def phase(device, other):
    return {peer.ski: peer.phase for peer in device.hub.peers()}.get(other.ski)


@pytest.mark.parametrize("house_dials", [False, True])
async def test_a_limit_goes_over_real_tls_in_both_directions(house_dials):
    house, box = House(), Box()
    heard = []

    async def hear(event, now):
        if isinstance(event, LimitChanged):
            heard.append(event.limit_w)

    house.hub.listen(hear)
    async with house, box:
        first, second = (house, box) if house_dials else (box, house)
        await second.hub.pair(first.ski)
        await first.hub.pair(second.ski, address=second.address)
        await until(lambda: house.lpc.machine.state is State.CONTROLLED)
        assert phase(house, box) is phase(box, house) is Phase.CONNECTED
        await box.hub.act(lambda now: box.guard.limit(Decimal(4200), 900, now))
        await until(lambda: box.guard.report((house.ski, (1,))).active)
        assert house.lpc.applied_w == 4200
        assert heard[-1] == 4200
        assert [line for line in house.hub.trace.lines(box.ski) if line.readable and line.readable.classifier == "write"]


async def test_static_peers_find_each_other():
    house = House()
    async with house, Box(peers=(StaticPeer(house.ski, house.address),)) as box:
        await house.hub.pair(box.ski)
        await until(lambda: phase(house, box) is Phase.CONNECTED)
