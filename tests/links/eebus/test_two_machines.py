"""Two machines on one network find each other by mDNS alone, pair, lose the network and find each other again."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from interop.eebus.namespaces import Room, joined, why_not

ROOT = Path(__file__).parents[3]


class Machine:
    """A hub in a process of its own in one of the two network namespaces."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.said: dict[str, Any] = {}

    @property
    def ski(self) -> str:
        return str(self.said["ski"])

    def tell(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n".encode())

    async def until(self, condition: Callable[[dict[str, Any]], object], timeout_s: float = 60.0) -> None:
        """Until `condition` holds for what it knows of its peers."""
        assert self._process.stdout is not None
        async with asyncio.timeout(timeout_s):
            while not (self.said and condition(self.said["peers"])):
                line = await self._process.stdout.readline()
                assert line, "the process has ended"
                if line.startswith(b'{"ski"'):
                    self.said = json.loads(line)


@asynccontextmanager
async def machine(room: Room, folder: Path) -> AsyncIterator[Machine]:
    command = room.command(sys.executable, "-m", "tests.links.eebus.lone_node", str(folder), folder.name, room.interface, room.address)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, cwd=ROOT)
    try:
        yield Machine(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def phase(ski: str) -> Callable[[dict[str, Any]], object]:
    return lambda peers: peers.get(ski, {}).get("phase") == "connected"


@pytest.mark.skipif(why_not() is not None, reason=why_not() or "")
async def test_two_machines_find_each_other_and_pair_by_mdns_alone(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        first_room, second_room = stack.enter_context(joined())
        house = await stack.enter_async_context(machine(first_room, tmp_path / "house"))
        box = await stack.enter_async_context(machine(second_room, tmp_path / "box"))
        await house.until(lambda peers: len(peers) == 1)
        await box.until(lambda peers: house.ski in peers and peers[house.ski]["hosts"])
        assert box.said["peers"][house.ski] == {"phase": "seen", "register": False, "hosts": [first_room.address]}, "no IPv6 link-local one"

        house.tell("window 100")
        await box.until(lambda peers: peers[house.ski]["register"])
        box.tell(f"pair {house.ski}")
        await house.until(lambda peers: peers[box.ski]["phase"] == "asking")
        house.tell(f"pair {box.ski}")
        await house.until(phase(box.ski))
        await box.until(phase(house.ski))

        second_room.take_address()
        await house.until(lambda peers: not phase(box.ski)(peers))
        second_room.give_address()
        await house.until(phase(box.ski))
