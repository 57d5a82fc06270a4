"""A site's side of EEBUS in the test's own process: hub, adapter, durable sink; and a virtual wallbox over real TLS with a car that obeys at once."""

import asyncio
import contextlib
from pathlib import Path

from tests.stations.ocpp_kit import DurableSink

from chargebridge.links.eebus.settings import StaticPeer
from chargebridge.links.eebus.trust_store import MemoryTrust
from chargebridge.sim.eebus.device import Device
from chargebridge.sim.eebus.wallbox import VirtualWallbox, WallboxPlan
from chargebridge.sim.ocpp_station.garage import Garage
from chargebridge.sim.world.car import CarKind
from chargebridge.sim.world.clock import FastClock
from chargebridge.stations.eebus.settings import PointSettings, WallboxSettings
from chargebridge.stations.eebus.wallboxes import Wallboxes
from chargebridge.store import Database
from chargebridge.wire.eebus.ship.identity import make_identity
from chargebridge.wire.eebus.spine.local import LocalDevice
from chargebridge.wire.eebus.usecases.coordinator import Coordinator
from chargebridge.wire.eebus.usecases.energy_guard import EnergyGuard
from chargebridge.wire.eebus.usecases.energy_manager import EnergyManager
from chargebridge.wire.eebus.usecases.lpc import LPC
from chargebridge.wire.eebus.usecases.monitoring import MonitoringAppliance
from chargebridge.wire.eebus.usecases.quantities import MPC

QUICK = CarKind(
    name="quick", capacity_wh=60_000, maximum_a=16, reaction_s=(0.0, 0.0), ramp_a_per_s=1000, wake_s=0.0, noise_a=0.0, resolution_a=0.1
)


async def until(condition, timeout_s=20.0, what=""):
    """Poll until it is true."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    while not (found := condition()):
        assert asyncio.get_running_loop().time() < deadline, what or "not in time"
        await asyncio.sleep(0.02)
    return found


class House:
    """Our side; ``stop`` it without a word and ``start`` it again in the same folder to see what was kept."""

    def __init__(
        self, folder: Path, ski: str, *, unknown_cars="HOME", safe_current_a=6.0, fallback_a=6.0, phases=3, speed=1.0, identity=None
    ):
        clock = FastClock(speed)
        self.database = Database.open(folder / "site.db")
        self.sink = DurableSink(folder / "sink.db")
        self.sink.known = {"HOME", "00:11:22:33:44:55"}
        device = LocalDevice("d:_n:Acme_House-1", "EnergyManagementSystem")
        self.identity = identity or make_identity("Acme-House-1", "Acme", clock.now())
        self.device = Device("Acme-House-1", device, clock, peers=(StaticPeer(ski),), identity=self.identity, trust=MemoryTrust())
        hub = self.device.hub
        entity = hub.node.device.add((2,), "CEM")
        self.manager = EnergyManager(hub.node, entity, hub.now())
        self.coordinator = Coordinator(hub.node, entity, self.manager)
        self.guard = EnergyGuard(hub.node, entity, LPC, hub.now())
        MonitoringAppliance(hub.node, entity, MPC)
        points = {evse: PointSettings(phases=phases, maximum_a=16.0, fallback_a=fallback_a) for evse in (1, 2)}
        settings = WallboxSettings(identity="WB", ski=ski, points=points, unknown_cars=unknown_cars, safe_current_a=safe_current_a)
        self.boxes = Wallboxes([settings], hub, self.manager, self.coordinator, self.guard, self.sink, self.database, clock)
        self.box = self.boxes.station("WB")

    async def start(self):
        await self.device.start()
        self.task = asyncio.create_task(self.boxes.run())
        return self

    async def stop(self):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.device.stop()
        self.database.close()
        self.sink.database.close()

    @property
    def stay(self):
        return self.box.bays[1].evse._stay

    def statuses(self):
        return [status.value for _, _, status, _ in self.sink.statuses]

    @property
    def energy_wh(self):
        """What the newest event of the sink says."""
        told = [event.meter_wh for event in self.sink.events() if event.meter_wh is not None]
        return told[-1] if told else None


@contextlib.asynccontextmanager
async def wallbox(plan=None, kind=QUICK, soc=0.2, clock=None):
    """A wallbox that runs, with a car before it that is not plugged in yet; it dials whom ``pair`` names."""
    garage = Garage()
    garage.arrive(1, "car", kind, soc)
    async with VirtualWallbox(plan or WallboxPlan(), garage, clock or FastClock(1.0)) as box:
        box.garage = garage
        yield box


@contextlib.asynccontextmanager
async def joined(folder, plan=None, **about):
    """House and wallbox, connected; the fallback is confirmed as the site would have it."""
    speed = about.get("speed", 1.0)
    async with wallbox(plan, clock=FastClock(speed)) as box:
        house = await House(folder, box.ski, **about).start()
        try:
            await box.device.hub.pair(house.device.ski, address=house.device.address)
            await until(lambda: house.box.online, what="the wallbox is online")
            yield house, box
        finally:
            await house.stop()
