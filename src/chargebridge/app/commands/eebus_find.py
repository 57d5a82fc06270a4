"""``chargebridge eebus find``: which EEBUS devices tell of themselves on this machine's networks; without a site, and without telling of us."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer
from msgspec import Struct

from chargebridge.app.clock import WallClock
from chargebridge.app.commands.output import AsJson, counted, err, json_line, out, told_errors
from chargebridge.links.eebus.interfaces import EVERY, Lan, present
from chargebridge.links.eebus.mdns_session import Record, Session
from chargebridge.links.eebus.peer import Announced
from chargebridge.links.eebus.sightings import Sightings
from chargebridge.model.errors import ChargebridgeError
from chargebridge.site.eebus_peers import kind_told, written
from chargebridge.wire.eebus.ship.errors import RecordError
from chargebridge.wire.eebus.ship.mdns import SERVICE

ANYWHERE = "0.0.0.0"  # noqa: S104 - nothing listens: it only means addresses of every interface


class FindError(ChargebridgeError):
    """Where nothing can be looked for."""


class Found(Struct, frozen=True):
    """ignored: records that cannot be used, as (name, why)."""

    devices: tuple[Announced, ...]
    ignored: tuple[tuple[str, str], ...]


def find(
    seconds: Annotated[float, typer.Option(min=0.5, max=600, help="How long to listen.")] = 5.0,
    interface: Annotated[list[str] | None, typer.Option(help="A name or an address of this machine; by default every network.")] = None,
    as_json: AsJson = False,
) -> None:
    """Listen for EEBUS devices that announce themselves by mDNS."""
    with told_errors(as_json=as_json):
        lans = present(tuple(interface or (EVERY,)), ANYWHERE)
        if not lans:
            named = ", ".join(interface) if interface else "this machine"
            raise FindError(named, "no network interface to look on", "name one that is up and has an IPv4 address by --interface")
        found = asyncio.run(look(lans, seconds))
    if as_json:
        for one in found.devices:
            json_line(one)
        for name, why in found.ignored:
            json_line({"ignored": name, "why": why})
        return
    networks = ", ".join(f"{lan.interface} ({', '.join(lan.addresses)})" for lan in lans)
    out.print(f"{counted(len(found.devices), 'device')} in {seconds:g} s on {networks}", markup=False, soft_wrap=True)
    for one in found.devices:
        tell(one)
    for name, why in found.ignored:
        err.print(f"ignored {name}: {why}", markup=False, soft_wrap=True)
    if not found.devices:
        out.print(
            "A device must be on and in the same network; containers and VLANs stop mDNS. It can be paired by its host and port all the same."
        )


async def look(lans: Sequence[Lan], seconds: float) -> Found:
    """What is announced on these interfaces meanwhile. Raises FindError if mDNS works on none of them."""
    clock, sightings = WallClock(), Sightings("")
    ignored: dict[str, str] = {}

    def heard(lan: Lan, record: Record) -> None:
        try:
            sightings.see(record.name, record.txt, record.addresses, record.port or 0, lan, clock.now())
        except RecordError as error:
            ignored[record.name] = str(error)

    async def listen(lan: Lan) -> None:
        session = Session(lan, "eebus-find", [SERVICE], lambda record: heard(lan, record), lambda kind, name: None)
        await session.run()

    tasks = [asyncio.create_task(listen(lan)) for lan in lans]
    await asyncio.wait(tasks, timeout=seconds)
    failed = [task.exception() for task in tasks if task.done()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    if len(failed) == len(tasks):
        raise FindError("mDNS", f"does not work: {failed[0]}", "see that multicast is allowed, and name another --interface")
    return Found(sightings.announced, tuple(sorted(ignored.items())))


def tell(one: Announced) -> None:
    make = " ".join(part for part in (one.brand, one.model) if part) or one.ship_id
    register = "accepts pairing now" if one.register else "does not accept pairing now"
    out.print(f"{make}  ({kind_told(one)}, {register})", markup=False, soft_wrap=True)
    out.print(f"  SKI {written(one.ski)}", markup=False)
    out.print(f"  SHIP ID {one.ship_id}", markup=False, soft_wrap=True)
    out.print(f"  at {', '.join(f'{at.host} port {at.port}' for at in one.addresses)}", markup=False, soft_wrap=True)
