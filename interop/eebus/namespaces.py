"""Two network namespaces joined by a cable: two machines in one, which find each other by mDNS as on a real network.

Go's and C's mDNS libraries refuse the loopback interface, so a foreign peer needs this to be found. Root is needed, and `ip` of iproute2.

    with joined() as (house, grid):
        subprocess.Popen(house.command("python", "-m", "..."))   # 10.88.0.1 on the interface lan0
        subprocess.Popen(grid.command("./box", "--port", "4712"))  # 10.88.0.2 on the interface lan0
        house.unplug(); house.plug()                             # the cable, for tests of what happens then

Both have `lo` besides, and IPv6 link-local addresses as every real machine has. Namespaces are taken away at the end; end the processes in
them before. By hand: `python -m interop.eebus.namespaces` sets up two until Enter is pressed and prints how to run commands in them.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count

from msgspec import Struct

INTERFACE = "lan0"
NETWORK = "10.88.0"
_numbers = count()


class Room(Struct, frozen=True):
    """One of the two. name: of the namespace. address: IPv4, on `interface`."""

    name: str
    address: str
    interface: str = INTERFACE

    def command(self, *command: str) -> list[str]:
        """To run `command` in here."""
        return ["ip", "netns", "exec", self.name, *command]

    def unplug(self) -> None:
        """Both ends lose their link; addresses stay."""
        _ip("-n", self.name, "link", "set", self.interface, "down")

    def plug(self) -> None:
        _ip("-n", self.name, "link", "set", self.interface, "up")
        self._routes()

    def take_address(self) -> None:
        """As a DHCP lease that ends."""
        _ip("-n", self.name, "address", "flush", "dev", self.interface, "scope", "global")

    def give_address(self) -> None:
        _ip("-n", self.name, "address", "add", f"{self.address}/24", "dev", self.interface)
        self._routes()

    def _routes(self) -> None:
        """For programs that send multicast by the table of routes and not by interface."""
        _ip("-n", self.name, "route", "replace", "default", "dev", self.interface)


def why_not() -> str | None:
    """Why namespaces cannot be made here; None where they can."""
    if shutil.which("ip") is None:
        return "network namespaces need the command ip (package iproute2)"
    name = f"chargebridge-try-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    if made.returncode:
        return f"network namespaces are not permitted here: {made.stderr.strip()}"
    subprocess.run(["ip", "netns", "delete", name], capture_output=True)
    return None


@contextmanager
def joined() -> Iterator[tuple[Room, Room]]:
    """Raises RuntimeError with what `ip` said."""
    number = next(_numbers)
    first, second = (Room(f"chargebridge-{os.getpid()}-{number}{end}", f"{NETWORK}.{place}") for place, end in ((1, "a"), (2, "b")))
    try:
        for room in (first, second):
            _ip("netns", "add", room.name)
            _ip("-n", room.name, "link", "set", "lo", "up")
        _ip("link", "add", INTERFACE, "netns", first.name, "type", "veth", "peer", "name", INTERFACE, "netns", second.name)
        for room in (first, second):
            _ip("-n", room.name, "link", "set", room.interface, "up")
            room.give_address()
        yield first, second
    finally:
        for room in (first, second):
            with suppress(RuntimeError):
                _ip("netns", "delete", room.name)


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


if __name__ == "__main__":
    with joined() as rooms:
        for room in rooms:
            print(f"{room.address}: {' '.join(room.command('bash'))}")
        input("Enter takes them away again. ")
