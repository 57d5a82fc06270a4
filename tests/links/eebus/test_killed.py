"""A peer's process that is killed, and comes back."""

import asyncio
import signal
import sys
from contextlib import asynccontextmanager

from tests.links.eebus.hubs import House, new_identity, peer, until

from chargebridge.links.eebus.peer import Phase
from chargebridge.wire.eebus.usecases.limitation import State


@asynccontextmanager
async def process(folder, house):
    arguments = ("-m", "tests.links.eebus.lone_box", str(folder), house.ski, house.address.host, str(house.address.port))
    child = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.DEVNULL)
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


def writes(house, ski):
    return sum(line.readable is not None and line.readable.classifier == "write" for line in house.hub.trace.lines(ski))


async def test_a_box_that_is_killed_leaves_its_limit_and_is_taken_back(tmp_path):
    identity = new_identity("Grid-Box-1")
    (tmp_path / "key.pem").write_bytes(identity.key_pem)
    (tmp_path / "certificate.pem").write_bytes(identity.certificate_pem)
    async with House() as house:
        await house.hub.pair(identity.ski)
        async with process(tmp_path, house) as child:
            await until(lambda: house.lpc.machine.state is State.LIMITED, 60)
            child.send_signal(signal.SIGKILL)
            await until(lambda: not house.hub.node.links)
            assert peer(house, identity.ski).phase is not Phase.CONNECTED
            assert "switched on" in (await until(lambda: peer(house, identity.ski).trouble)).cure
            assert house.lpc.applied_w == 4200
        async with process(tmp_path, house):
            await until(lambda: house.hub.node.links, 60)
            await until(lambda: writes(house, identity.ski) >= 2, 60)
            assert peer(house, identity.ski).phase is Phase.CONNECTED
            assert house.lpc.applied_w == 4200
