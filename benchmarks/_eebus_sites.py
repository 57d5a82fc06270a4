"""Houses with an LPC limit, each a hub with a port of its own: python -m benchmarks._eebus_sites COUNT NAME

It prints their SKIs; on `SKI PORT` at its standard input they dial that Energy Guard, and a line is printed when all are connected. It ends with
its standard input.
"""

import asyncio
import json
import logging
import resource
import sys
from decimal import Decimal

import structlog

from chargebridge.app.clock import WallClock
from chargebridge.links.eebus.hub import Hub
from chargebridge.links.eebus.peer import Address, Phase
from chargebridge.links.eebus.settings import Bounds, HubSettings
from chargebridge.links.eebus.trust_store import MemoryTrust
from chargebridge.wire.eebus.ship.identity import make_identity
from chargebridge.wire.eebus.spine.local import LocalDevice
from chargebridge.wire.eebus.usecases.controllable_system import ControllableSystem, Limited
from chargebridge.wire.eebus.usecases.limitation import Settings
from chargebridge.wire.eebus.usecases.lpc import LPC

AT_ONCE = 20


def unbounded() -> Bounds:
    """All sites come from one address, and at once."""
    return Bounds(openings=10_000, openings_per_address=10_000, openings_per_s=1e6, openings_burst=10_000, opening_s=120.0)


def site(name: str, clock: WallClock) -> Hub:
    settings = HubSettings(ship_id=f"Bench-{name}", dial_s=((0.0, 0.0), (1.0, 5.0)), bounds=unbounded())
    identity = make_identity(f"Bench-{name}", "Chargebridge", clock.now())
    hub = Hub(settings, identity, MemoryTrust(), LocalDevice(f"d:_n:Bench_{name}", "EnergyManagementSystem"), clock)
    limit = Limited(LPC, Settings(nominal_w=Decimal(34500), failsafe_w=Decimal(4200)), None, hub.now())
    ControllableSystem(hub.node, hub.node.device.add((1,), "CEM"), (limit,), hub.now())
    return hub


async def main(count: int, name: str) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    clock = WallClock()
    sites = [site(f"{name}-{number}", clock) for number in range(count)]
    print(json.dumps([hub.identity.ski for hub in sites]), flush=True)
    loop = asyncio.get_running_loop()
    ski, port = (await loop.run_in_executor(None, sys.stdin.readline)).split()
    tasks = [asyncio.create_task(hub.run()) for hub in sites]
    gate = asyncio.Semaphore(AT_ONCE)

    async def join(hub: Hub) -> None:
        async with gate:
            await hub.opened()
            changed = asyncio.Event()
            hub.on_change(changed.set)
            await hub.pair(ski, address=Address("127.0.0.1", int(port)))
            while not any(peer.phase is Phase.CONNECTED for peer in hub.peers()):
                await changed.wait()
                changed.clear()

    await asyncio.gather(*map(join, sites))
    print(count, flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
