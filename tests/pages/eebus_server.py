"""A whole site with a grid side in a process of its own, and at its EEBUS port two devices that ask to be paired: a control box, and a stranger.

Once it is trusted the control box limits: 4.2 kW for an hour, then it writes nonsense.
"""

import asyncio
import contextlib
import json
import sys
from pathlib import Path

import structlog
from page_tools import PASSWORD

from chargebridge.app.clock import WallClock
from chargebridge.app.serve import Running, serve
from chargebridge.links.eebus.peer import Address
from chargebridge.links.eebus.settings import StaticPeer
from chargebridge.sim.eebus.control_box import ControlBox
from chargebridge.site.config_file import parse
from chargebridge.store.passwords import hash_password


def config(folder: Path) -> str:
    return f"""
[site]
name = "Lindenhof 12"
timezone = "Europe/Vienna"
store = "{folder / "site.db"}"
open_to_all = true

[web]
port = 0
password_hash = "{hash_password(PASSWORD)}"

[ocpp]
port = 0

[[circuit]]
id = "main"
name = "Grid connection"
fuse_a = 63

[[station]]
id = "CARPORT"
open = true

[[point]]
id = "carport"
name = "Carport"
circuit = "main"
station = "CARPORT"

[[group]]
id = "controllable"
name = "Controllable devices"
members = ["carport"]

[eebus]
folder = "{folder / "eebus"}"
port = 0

[eebus.grid]
group = "controllable"
nominal_w = 43000
"""


async def life(running: Running) -> None:
    assert running.eebus is not None
    hub, clock = running.eebus.hub, WallClock()
    await hub.opened()
    site = (StaticPeer(hub.identity.ski, Address("127.0.0.1", hub.port)),)
    async with ControlBox(clock, name="Wacht-0815", peers=site) as box, ControlBox(clock, name="Stranger-1", peers=site) as stranger:
        told = {"page": running.web_url, "token": running.api_token, "box": box.ski, "stranger": stranger.ski, "port": hub.port}
        print(json.dumps(told), flush=True)
        await box.found(600)
        await box.limit(4200, duration_s=3600)
        await box.write(-1)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(serve(parse(config(Path(sys.argv[1]))), WallClock(), beside=life))
