"""Two machines on one network find each other by mDNS alone, pair, lose the network and find each other again."""

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from interop.eebus.namespaces import INTERFACE, Room, joined, why_not

ROOT = Path(__file__).parents[3]

ASK = """
import socket, sys
question = b"\\0\\0\\0\\0\\0\\1\\0\\0\\0\\0\\0\\0" + b"\\5_ship\\4_tcp\\5local\\0" + b"\\0\\14\\x80\\1"
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
    asker.bind((sys.argv[1], 0))
    asker.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(sys.argv[1]))
    asker.settimeout(1.5)
    asker.sendto(question, ("224.0.0.251", 5353))
    try:
        while True:
            print(asker.recv(9000).hex())
    except TimeoutError:
        pass
"""
"""Who is there? With the wish for an answer to this socket only."""


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
async def machine(room: Room, folder: Path, interfaces: str = INTERFACE, host: str | None = None) -> AsyncIterator[Machine]:
    words = (str(folder), folder.name, interfaces, host or room.address)
    command = room.command(sys.executable, "-m", "tests.links.eebus.lone_node", *words)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, cwd=ROOT)
    try:
        yield Machine(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def run(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    told, _ = await process.communicate()
    assert process.returncode == 0, command
    return told.decode()


async def second_network(room: Room) -> None:
    """Another interface, with a cable that leads nowhere else."""
    await run("ip", "-n", room.name, "link", "add", "garden", "type", "veth", "peer", "name", "fence")
    await run("ip", "-n", room.name, "address", "add", "10.99.0.1/24", "dev", "garden")
    for end in ("garden", "fence"):
        await run("ip", "-n", room.name, "link", "set", end, "up")


def phase(ski: str) -> Callable[[dict[str, Any]], object]:
    return lambda peers: peers.get(ski, {}).get("phase") == "connected"


@pytest.mark.skipif(why_not() is not None, reason=why_not() or "")
async def test_two_machines_find_each_other_and_pair_by_mdns_alone(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        first_room, second_room = stack.enter_context(joined())
        await second_network(first_room)
        house = await stack.enter_async_context(machine(first_room, tmp_path / "house", f"{INTERFACE},garden", "0.0.0.0"))  # noqa: S104
        box = await stack.enter_async_context(machine(second_room, tmp_path / "box"))
        await house.until(lambda peers: len(peers) == 1)
        await box.until(lambda peers: house.ski in peers and peers[house.ski]["hosts"])
        assert box.said["peers"][house.ski] == {"phase": "seen", "register": False, "hosts": [first_room.address]}, "no IPv6 link-local one"
        answers: list[bytes] = []
        async with asyncio.timeout(60):
            while not any(socket.inet_aton(first_room.address) in answer for answer in answers):
                told = await run(*second_room.command(sys.executable, "-c", ASK, second_room.address))
                answers += map(bytes.fromhex, told.split())
        assert not [answer for answer in answers if socket.inet_aton("10.99.0.1") in answer], "of a network that the box is not in"

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
