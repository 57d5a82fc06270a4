"""``chargebridge eebus wallbox``: a virtual wallbox with a car, to try out a site's EEBUS, or another energy manager's."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from chargebridge.app.clock import WallClock
from chargebridge.app.commands.output import AsJson, json_line, out, told_errors
from chargebridge.links.eebus.identity_folder import IdentityFolder, NewNode
from chargebridge.links.eebus.peer import Address
from chargebridge.links.eebus.settings import StaticPeer
from chargebridge.sim.eebus.deviations import Deviation
from chargebridge.sim.eebus.wallbox import VirtualWallbox, WallboxPlan
from chargebridge.sim.ocpp_station.garage import Garage
from chargebridge.sim.world.fleet import KINDS
from chargebridge.wire.eebus.errors import EebusError
from chargebridge.wire.eebus.ship.identity import normal_ski
from chargebridge.wire.eebus.usecases.evcc import IEC_61851, ISO_15118_ED1, Identification
from chargebridge.wire.eebus.usecases.vehicle_data import CarSettings

TELL_EVERY_S = 2.0
ARRIVES_WITH = 0.3  # state of charge
BY_NAME = {one.name.lower().replace("_", "-"): one for one in Deviation}


def wallbox(
    ski: Annotated[str, typer.Argument(help="The energy manager's SKI; of a site, as its page and `chargebridge eebus identity` show it.")],
    host: Annotated[str, typer.Option(help="Where it listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 4712,
    folder: Annotated[Path, typer.Option(help="Of the wallbox's own key: the same folder, the same SKI.")] = Path("data/virtual-wallbox"),
    car: Annotated[str, typer.Option(help=f"What comes to it: {', '.join(KINDS)}.")] = "family",
    says: Annotated[str, typer.Option(help="The hardware address by which the car says who it is; without one it does not.")] = "",
    after: Annotated[float, typer.Option(min=0, help="The car comes after so many seconds.")] = 3.0,
    stays: Annotated[float, typer.Option(min=0, help="It leaves after so many seconds, and comes again as long after; 0: it stays.")] = 0.0,
    safe: Annotated[float, typer.Option(min=0, max=80, help="A that it allows when it hears nothing.")] = 6.0,
    powers: Annotated[bool, typer.Option("--lpc", help="It also takes limits of power (LPC) and tells its meter (MPC).")] = False,
    powers_only: Annotated[bool, typer.Option("--lpc-only", help="That, and no e-mobility.")] = False,
    deviation: Annotated[list[str] | None, typer.Option(help=f"From what EEBUS says; can be given again: {', '.join(BY_NAME)}.")] = None,
    seconds: Annotated[float, typer.Option("--for", min=0, help="Stop after so many seconds; 0: on Ctrl-C.")] = 0.0,
    as_json: AsJson = False,
) -> None:
    """Run a wallbox without hardware. Both sides must trust each other: make it a [[station]], or `chargebridge eebus pair` its SKI."""
    if car not in KINDS:
        raise typer.BadParameter(f"there are {', '.join(KINDS)}", param_hint="--car")
    unknown = sorted(set(deviation or ()) - BY_NAME.keys())
    if unknown:
        raise typer.BadParameter(f"there are {', '.join(BY_NAME)}", param_hint="--deviation")
    try:
        peer = StaticPeer(normal_ski(ski), Address(host, port))
    except EebusError as error:
        raise typer.BadParameter(f"{error.reason}; {error.cure}", param_hint="SKI") from None
    with told_errors(as_json=as_json):
        own = IdentityFolder(folder).open(NewNode(brand="Acme", model="Virtual"), WallClock().now())
        plan = WallboxPlan(
            serial=own.ship_id.rpartition("-")[2],
            model="Virtual",
            safe_a=safe,
            powers=powers,
            powers_only=powers_only,
            deviations=frozenset(BY_NAME[one] for one in deviation or ()),
        )
        garage = Garage()
        box = VirtualWallbox(plan, garage, WallClock(), peers=(peer,), identity=own.identity)
        _say({"ski": box.ski}, f"a wallbox with the SKI [bold]{box.ski}[/bold]; Ctrl-C ends it", as_json=as_json)
        with suppress(KeyboardInterrupt):
            asyncio.run(_for(box, garage, car, _settings(plan, says), after, stays, seconds, as_json=as_json))


def _settings(plan: WallboxPlan, says: str) -> CarSettings:
    """A car that says who it is speaks ISO 15118, and tells how full it is."""
    named = (Identification("eui48", says),) if says else ()
    standard = ISO_15118_ED1 if says else IEC_61851
    return msgspec.structs.replace(plan.car, standard=standard, identifications=named, battery=bool(says))


async def _for(
    box: VirtualWallbox, garage: Garage, kind: str, car: CarSettings, after: float, stays: float, seconds: float, *, as_json: bool
) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds or None), box, asyncio.TaskGroup() as group:
            group.create_task(_visit(box, garage, kind, car, after, stays))
            while True:
                await asyncio.sleep(TELL_EVERY_S)
                _tell(box, garage, as_json=as_json)


async def _visit(box: VirtualWallbox, garage: Garage, kind: str, car: CarSettings, after: float, stays: float) -> None:
    await asyncio.sleep(after)
    while True:
        garage.arrive(1, kind, KINDS[kind], ARRIVES_WITH)
        box.plug(car=car)
        if not stays:
            return
        await asyncio.sleep(stays)
        garage.leave(1)
        box.unplug()
        await asyncio.sleep(stays)


def _tell(box: VirtualWallbox, garage: Garage, *, as_json: bool) -> None:
    meter, peers = garage.measure(1), box.device.hub.peers()
    peer = peers[0] if peers else None
    row = {
        "peer": None if peer is None else peer.phase,
        "trouble": None if peer is None or peer.trouble is None else f"{peer.trouble.reason}; {peer.trouble.cure}",
        "car": 1 in garage.cars,
        "allowed_a": round(box.allowed_a, 1),
        "current_a": [round(amps, 1) for amps in meter.current_a],
        "energy_wh": round(meter.energy_wh),
    }
    told = f"; {row['trouble']}" if row["trouble"] and row["peer"] != "connected" else ""
    took = f"may take {row['allowed_a']:g} A, takes {max(meter.current_a):.1f} A, {row['energy_wh']} Wh so far" if row["car"] else "no car"
    _say(row, f"{row['peer'] or 'nobody'}: {took}{told}", as_json=as_json)


def _say(row: dict[str, Any], text: str, *, as_json: bool) -> None:
    if as_json:
        json_line(row)
    else:
        out.print(text, soft_wrap=True)
