"""One fuse, one wallbox by OCPP, one by EEBUS, with cars of one simulated property at both: real sockets, one fast clock for all."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from chargebridge.links.eebus.peer import Address
from chargebridge.sim.eebus.wallbox import VirtualWallbox, WallboxPlan
from chargebridge.sim.ocpp_station import EvsePlan, StationPlan, VirtualStation
from chargebridge.sim.world.clock import FastClock
from chargebridge.sim.world.scenario import Scenario
from chargebridge.sim.world.world import World
from chargebridge.site.config_file import parse

POINTS = """
[site]
name = "Two wallboxes"

[[circuit]]
id = "main"
name = "Main"
fuse_a = 20

[[station]]
id = "CP-1"
open = true

[[point]]
id = "a"
name = "A"
circuit = "main"
station = "CP-1"
maximum_a = 16

[[point]]
id = "b"
name = "B"
circuit = "main"
station = "WB"
maximum_a = 16
fallback_a = 6

[[token]]
id = "TAG"

[[token]]
id = "HOME"
"""
WALLBOX = """
[[station]]
id = "WB"
eebus = "{ski}"
unknown_cars = "HOME"
safe_current_a = 6

[eebus]
serial = "1"
port = {port}
folder = "{folder}"
"""


def config(folder: Path, ski: str, port: int = 0) -> str:
    return POINTS + WALLBOX.format(ski=ski, port=port, folder=folder / "eebus")


class Property:
    """The world with its wallboxes; ``meet`` brings the one by EEBUS to the site, ``charge_ocpp`` runs the other."""

    def __init__(self, speed: float) -> None:
        self.clock = FastClock(speed)
        plan = WallboxPlan(serial="WB")
        text = config(Path("unused"), "0" * 40)
        self.world = World(parse(text).topology(), Scenario(), self.clock, seed=3, dt_s=0.1)
        self.box = VirtualWallbox(plan, self.world.vehicles("WB"), self.clock)

    async def meet(self, ski: str, port: int) -> None:
        await self.box.device.hub.pair(ski, address=Address("127.0.0.1", port))

    @contextlib.asynccontextmanager
    async def ocpp(self, port: int) -> AsyncIterator[VirtualStation]:
        plan = StationPlan(
            identity="CP-1",
            uri=f"ws://127.0.0.1:{port}/ocpp",
            version="ocpp1.6",
            evses=(EvsePlan(maximum_a=16.0),),
            boot_s=0.1,
            sample_interval_s=5,
            backoff_doublings=1,
        )
        station = VirtualStation(plan, self.world.vehicles("CP-1"), self.clock)
        task = asyncio.create_task(station.run())
        try:
            yield station
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def current_a(self, point: str) -> float:
        return max(self.world.measure(point).current_a)

    def energy_wh(self, point: str) -> float:
        return self.world.measure(point).energy_wh


@contextlib.asynccontextmanager
async def property_of(speed: float) -> AsyncIterator[Property]:
    made = Property(speed)
    async with made.world, made.box:
        task = asyncio.create_task(made.world.run())
        try:
            yield made
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
