"""Found by mDNS on a real network: two network namespaces with a cable between them, ours in one, the Go program in the other.

python -m interop.eebus.finding PROGRAM ROOM      runs inside of one namespace; ROOM is the name of the other. Prints its checks as JSON.
"""

import asyncio
import json
import logging
import sys
import tempfile
from pathlib import Path

import msgspec
import structlog

from chargebridge.links.eebus.mdns import Mdns
from chargebridge.links.eebus.peer import Announced, Phase
from chargebridge.links.eebus.settings import HubSettings
from chargebridge.links.eebus.window import PairingWindow
from chargebridge.wire.eebus.ship.identity import make_identity
from interop.eebus import namespaces
from interop.eebus.go_peer import GoPeer, free_port
from interop.eebus.lab import QUICK_DIAL, Dialled, House, Ours, Report, until
from interop.ocpp.check import Check

TIMEOUT_S = 180.0
SEEN_S = 30.0
"""ship-go browses every now and then."""


async def found(program: Path) -> list[Check]:
    """The checks from inside; one that says why there are none where namespaces cannot be made."""
    report = Report("mDNS")
    why = namespaces.why_not()
    if why is not None:
        return [Check("mDNS: found in two network namespaces", False, why, skipped=True)]
    with namespaces.joined() as (here, there):
        command = here.command(sys.executable, "-m", "interop.eebus.finding", str(program), there.name)
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
        try:
            out, errors = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
            return msgspec.json.decode(out, type=list[Check])
        except TimeoutError:
            report.check("is done", False, f"not after {TIMEOUT_S:g} s")
        except msgspec.DecodeError:
            report.check("is done", False, errors.decode()[-300:])
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    return report.checks


async def _inside(program: Path, room: namespaces.Room) -> list[Check]:
    checks: list[Check] = []
    for dialled in Dialled:
        with tempfile.TemporaryDirectory() as folder:
            report = Report(f"mDNS, {dialled}")
            checks += await report.case(_one(report, program, Path(folder), room, dialled))
    return checks


async def _one(report: Report, program: Path, folder: Path, room: namespaces.Room, dialled: Dialled) -> None:
    clock = Ours("clock").clock
    window = PairingWindow(clock, start_s=0.0)
    identity = make_identity("Chargebridge-found", "Chargebridge", clock.now())
    settings = HubSettings(
        ship_id="Chargebridge-found",
        host="0.0.0.0",
        interfaces=(namespaces.INTERFACE,),
        brand="Chargebridge",
        model="Hems",
        dial_s=QUICK_DIAL,
    )
    house = House("found", identity=identity, settings=settings, window=window, finder=Mdns(settings, identity.ski, window, clock))
    peer = GoPeer(program, "guard", folder / "guard.pem", mdns=namespaces.INTERFACE, within=tuple(room.command()), port=free_port())

    def seen() -> Announced | None:
        return next((one.announced for one in house.hub.peers() if one.ski == peer.ski), None)

    async with house, peer:
        first = await until(lambda: seen() is not None, SEEN_S)
        told = seen()
        passed = told is not None and (told.ship_id, told.brand, told.model) == (peer.ship_id, "Interop", "Peer")
        report.check("we see them, with who they are", first and passed, told)
        there = await peer.event("visible", lambda said: any(one["ski"] == house.ski for one in said["peers"]), within_s=SEEN_S)
        ours = next(one for one in there["peers"] if one["ski"] == house.ski)
        whole = (ours["ship_id"], ours["brand"], ours["model"], ours["type"]) == (
            "Chargebridge-found",
            "Chargebridge",
            "Hems",
            "EnergyManagementSystem",
        )
        report.check("they see us, with who we are", whole, ours)
        report.check("to be seen is not to be trusted", house.phase(peer.ski) is Phase.SEEN, house.phase(peer.ski))
        if dialled is Dialled.BY_US:
            await peer.do("ask", active=True)
            await house.hub.pair(peer.ski)
            report.check(
                "we dial where they say they are", await until(lambda: house.phase(peer.ski) is Phase.WAITING), house.phase(peer.ski)
            )
            await peer.do("trust", ski=house.ski)
        else:
            house.hub.open_window()
            await peer.do("trust", ski=house.ski)
            asks = await until(lambda: house.phase(peer.ski) is Phase.ASKING, SEEN_S)
            report.check("they dial where we say we are", asks, house.phase(peer.ski))
            await house.hub.pair(peer.ski)
        connected = await until(lambda: house.connected(peer.ski))
        known = next(one for one in house.hub.peers() if one.ski == peer.ski)
        report.check("they are connected", connected and known.incoming is (dialled is Dialled.BY_GO), known)
        await peer.read("lpc", house.ski, lambda said: "failsafe_s" in said)
        answer = await peer.do("limit", of="lpc", ski=house.ski, value=4200.0, active=True)
        report.check("a limit is taken", answer["result"] == 0 and house.lpc.applied_w == 4200, answer)
        await peer.kill()
        moved = GoPeer(program, "guard", folder / "guard.pem", mdns=namespaces.INTERFACE, within=tuple(room.command()), port=free_port())
        async with moved:
            await moved.do("trust", ski=house.ski)
            again = await until(lambda: house.connected(moved.ski), 2 * SEEN_S)
            report.check(
                "they die and come again at another port: connected again", again and moved.ski == peer.ski, house.phase(moved.ski)
            )


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    other = namespaces.Room(sys.argv[2], f"{namespaces.NETWORK}.2")
    sys.stdout.write(json.dumps(msgspec.to_builtins(asyncio.run(_inside(Path(sys.argv[1]), other)))))
