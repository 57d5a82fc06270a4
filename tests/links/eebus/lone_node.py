"""A hub in a process of its own, in whatever network that has:

    python -m tests.links.eebus.lone_node <folder> <name> <interfaces, with commas between> <address to listen at>

It prints what it knows of others, a line of JSON for each change, and takes commands: `pair <ski>`, `window <seconds>`.
"""

import asyncio
import json
import sys
from pathlib import Path

from chargebridge.app.clock import WallClock
from chargebridge.links.eebus.hub import Hub
from chargebridge.links.eebus.identity_folder import IdentityFolder, NewNode
from chargebridge.links.eebus.mdns import Mdns
from chargebridge.links.eebus.settings import Bounds, HubSettings
from chargebridge.links.eebus.trust_store import FileTrust
from chargebridge.links.eebus.window import PairingWindow
from chargebridge.wire.eebus.spine.local import LocalDevice


async def main(folder: str, name: str, interfaces: str, host: str) -> None:
    clock = WallClock()
    identity_folder = IdentityFolder(Path(folder))
    own = identity_folder.open(NewNode("Acme", name, "1"), clock.now())
    window = PairingWindow(clock, start_s=0)
    settings = HubSettings(
        ship_id=own.ship_id,
        host=host,
        brand="Acme",
        model=name,
        serial="1",
        interfaces=tuple(interfaces.split(",")),
        dial_s=((0, 0.1), (0.2, 0.5)),
        bounds=Bounds(ping_s=0.5, pong_s=2.0, connect_s=1.0),
    )
    mdns = Mdns(settings, own.identity.ski, window, clock, check_s=0.1)
    device = LocalDevice(own.device_address, "EnergyManagementSystem")
    hub = Hub(settings, own.identity, FileTrust(identity_folder.trust_file), device, clock, finder=mdns, window=window)

    def tell() -> None:
        peers = {
            peer.ski: {
                "phase": peer.phase.value,
                "register": peer.announced is not None and peer.announced.register,
                "hosts": [address.host for address in peer.announced.addresses] if peer.announced else [],
            }
            for peer in hub.peers()
        }
        print(json.dumps({"ski": own.identity.ski, "peers": peers}), flush=True)

    hub.on_change(tell)
    running = asyncio.create_task(hub.run())
    await hub.opened()
    tell()
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := (await reader.readline()).decode().split():
        match line:
            case ["pair", ski]:
                await hub.pair(ski)
            case ["window", seconds]:
                hub.open_window(float(seconds))
    running.cancel()
    await asyncio.wait({running})


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
