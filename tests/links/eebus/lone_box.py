"""A control box in a process of its own, to be killed:

    python -m tests.links.eebus.lone_box <folder with key.pem and certificate.pem> <SKI of the house> <host> <port>

It dials the house and limits it to 4200 W as soon as it can.
"""

import asyncio
import sys
from decimal import Decimal
from pathlib import Path

from tests.links.eebus.hubs import Box

from chargebridge.links.eebus.peer import Address
from chargebridge.links.eebus.settings import StaticPeer
from chargebridge.wire.eebus.ship.identity import Identity, load_identity


async def main(identity: Identity, ski: str, host: str, port: str) -> None:
    async with Box(identity=identity, peers=(StaticPeer(ski, Address(host, int(port))),)) as box:
        await box.hub.act(lambda now: box.guard.limit(Decimal(4200), None, now))
        await asyncio.Event().wait()


folder, *where = sys.argv[1:]
own = load_identity(Path(folder, "key.pem").read_bytes(), Path(folder, "certificate.pem").read_bytes())
asyncio.run(main(own, *where))
