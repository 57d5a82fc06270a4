"""A site's side of EEBUS towards plants in the test's own process, and a virtual heat pump over real TLS."""

import asyncio
import contextlib

from chargebridge.links.eebus.settings import StaticPeer
from chargebridge.model.circuit import Battery, Load
from chargebridge.plants.eebus import EebusPlants
from chargebridge.sim.eebus.device import Device
from chargebridge.sim.eebus.heat_pump import HeatPumpPlan, VirtualHeatPump
from chargebridge.sim.world.clock import FastClock
from chargebridge.wire.eebus.spine.local import LocalDevice

LOAD = Load(id="pump", name="Heat pump", circuit="house", nominal_w=9000.0)
BATTERY = Battery(id="b", name="Battery", circuit="house", charge_max_w=5e3, discharge_max_w=5e3, capacity_wh=1e4, reserve_wh=0.0)


async def until(condition, timeout_s=20.0, what=""):
    """Poll until it is true."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    while not (found := condition()):
        assert asyncio.get_running_loop().time() < deadline, what or "not in time"
        await asyncio.sleep(0.02)
    return found


class House:
    """Our side: a hub with the plants' entity, and one load; what it says is read and kept in ``said``."""

    def __init__(self, ski, *, load=LOAD, speed=1.0, identity=None, kind="load"):
        self.clock = FastClock(speed)
        device = LocalDevice("d:_n:Acme_House-1", "EnergyManagementSystem")
        self.device = Device("Acme-House-1", device, self.clock, peers=(StaticPeer(ski),), identity=identity)
        self.plants = EebusPlants(self.device.hub, self.device.hub.node.device.add((4,), "CEM"), self.clock)
        self.plant = {
            "load": lambda: self.plants.load(load, ski),
            "battery": lambda: self.plants.battery(BATTERY, ski),
            "inverter": lambda: self.plants.inverter("inverter pv", ski),
        }[kind]()
        self.said = []

    @property
    def report(self):
        """The newest that is no fault."""
        return next((one for one in reversed(self.said) if not hasattr(one, "cure")), None)

    @property
    def faults(self):
        return [one for one in self.said if hasattr(one, "cure")]

    async def _read(self):
        items = self.plant.readings() if hasattr(self.plant, "readings") else self.plant.states()
        async for item in items:
            self.said.append(item)

    async def __aenter__(self):
        await self.device.start()
        self.task = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *error):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.device.stop()


@contextlib.asynccontextmanager
async def joined(plan=None, speed=1.0, memory=None, **about):
    """House and heat pump, connected."""
    plan, clock = plan or HeatPumpPlan(), FastClock(speed)
    async with VirtualHeatPump(plan, clock, memory=memory) as pump, House(pump.ski, speed=speed, **about) as house:
        await pump.device.hub.pair(house.device.ski, address=house.device.address)
        await until(lambda: house.report is not None and getattr(house.report, "online", True), what="the heat pump is online")
        yield house, pump
