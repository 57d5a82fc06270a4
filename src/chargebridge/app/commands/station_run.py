"""``chargebridge station``: virtual charging stations, to try out any back end."""

import asyncio
import os
import secrets
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Annotated, Any, cast

import msgspec
import typer
from msgspec import Struct
from msgspec.structs import replace
from rich.live import Live

from chargebridge.app.clock import WallClock
from chargebridge.app.commands.output import AsJson, json_line, out
from chargebridge.app.commands.station_table import Board
from chargebridge.sim.ocpp_station import EvsePlan, Faults, SigningPlan, StationPlan, TlsPlan, Version, VirtualStation, parse_faults
from chargebridge.sim.ocpp_station.garage import Garage
from chargebridge.sim.ocpp_station.second.plug_and_charge import PlugAndCharge
from chargebridge.sim.ocpp_station.signing import SigningMeter
from chargebridge.sim.world.fleet import KINDS

VERSIONS = ("1.6", "2.0.1", "2.1")
PASSWORD_ENV = "CHARGEBRIDGE_STATION_PASSWORD"  # noqa: S105 - the name of the variable
ARRIVES_WITH = 0.3  # state of charge

app = typer.Typer(add_completion=False, help="Virtual charging stations, to try out a back end.", no_args_is_help=True)


@app.callback()
def station() -> None:
    """Virtual charging stations, to try out a back end."""


@app.command()
def run(
    url: Annotated[str, typer.Option(help="The back end's URL without the identity, ws:// or wss://.")],
    identity: Annotated[str, typer.Option(help="The station's identity; of several stations, what goes before -1, -2 ...")] = "VIRTUAL",
    version: Annotated[str, typer.Option(help="1.6, 2.0.1 or 2.1")] = "1.6",
    count: Annotated[int, typer.Option(min=1, max=10_000, help="So many stations.")] = 1,
    evses: Annotated[int, typer.Option(min=1, max=50, help="Of each station.")] = 1,
    car: Annotated[str, typer.Option(help=f"A car comes to the first EVSE: {', '.join(KINDS)}.")] = "",
    token: Annotated[str, typer.Option(help="What the driver shows.")] = "VIRTUAL-TAG",  # noqa: S107 - a token, not a password
    contract: Annotated[
        Path | None, typer.Option(help="PEM of a contract, its own certificate first: the car shows it in place of a token (2.x).")
    ] = None,
    stays: Annotated[float, typer.Option(help="The car leaves after so many seconds, and comes again as long after; 0: it stays.")] = 0.0,
    fault: Annotated[list[str] | None, typer.Option(help="What goes wrong, `name` or `name=value`; can be given again.")] = None,
    trusted: Annotated[Path | None, typer.Option(help="PEM of the roots that the back end's certificate leads to.")] = None,
    certificate: Annotated[Path | None, typer.Option(help="PEM of the station's own certificate (security profile 3).")] = None,
    key: Annotated[Path | None, typer.Option(help="PEM of its key.")] = None,
    interval: Annotated[int, typer.Option(help="Seconds between meter values.")] = 10,
    deflate: Annotated[bool, typer.Option("--deflate", help="Offer permessage-deflate.")] = False,
    bidirectional: Annotated[bool, typer.Option("--bidirectional", help="The EVSEs can discharge a car (2.1).")] = False,
    sign: Annotated[str, typer.Option(help="The meters sign (OCMF): begin and end in `one` record, or in `two`.")] = "",
    sign_seed: Annotated[str, typer.Option(help="With --sign: what the meters' keys are made from; the same seed, the same keys.")] = "",
    sign_key: Annotated[Path | None, typer.Option(help="With --sign: PEM of an EC key on P-256 for all meters instead.")] = None,
    sign_as: Annotated[str, typer.Option(help="With --sign: how 1.6 carries it: oca, benergised or plain.")] = "oca",
    evse_id: Annotated[list[str] | None, typer.Option(help="With --sign: EVSE-ID of the first EVSE, the second and so on.")] = None,
    frames: Annotated[bool, typer.Option("--frames", help="With --json: also each message that goes over the wire.")] = False,
    seconds: Annotated[float, typer.Option("--for", help="Stop after so many seconds; 0: on Ctrl-C.")] = 0.0,
    as_json: AsJson = False,
) -> None:
    """Run stations against a back end. The password (security profiles 1 and 2) comes from CHARGEBRIDGE_STATION_PASSWORD.

    Exit code 1 if a station was never let in.
    """
    if version not in VERSIONS:
        raise typer.BadParameter(f"there are {', '.join(VERSIONS)}", param_hint="--version")
    if car and car not in KINDS:
        raise typer.BadParameter(f"there are {', '.join(KINDS)}", param_hint="--car")
    try:
        parse_faults(fault or [])
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--fault") from None
    if contract is not None and version == "1.6":
        raise typer.BadParameter("1.6 knows no contracts", param_hint="--contract")
    signing = _signing(sign, sign_seed, sign_key, sign_as, evse_id or [])
    plan = StationPlan(
        identity=identity,
        uri=url,
        version=cast(Version, f"ocpp{version}"),
        password=os.environ.get(PASSWORD_ENV),
        tls=TlsPlan(trusted=_text(trusted), certificate=_text(certificate), key=_text(key)),
        deflate=deflate,
        sample_interval_s=interval,
        evses=tuple(EvsePlan(bidirectional=bidirectional) for _ in range(evses)),
        signing=signing,
    )
    board = Board(as_json=as_json, frames=frames)
    visit = Visit(car, token, _text(contract), stays)
    work = _run(plan, count, fault or [], board, visit, as_json=as_json)
    with suppress(KeyboardInterrupt):
        asyncio.run(_for(work, seconds))
    if not board.all_in:
        raise typer.Exit(1)


def _signing(records: str, seed: str, key: Path | None, carried: str, evse_ids: list[str]) -> SigningPlan | None:
    if not records:
        if seed or key is not None or evse_ids:
            raise typer.BadParameter("say one or two: how many records a session makes", param_hint="--sign")
        return None
    page = int(WallClock().now().timestamp())  # a later life of the same key goes on behind this one
    told: dict[str, Any] = {"key": _text(key), "records": records, "carried": carried, "evse_ids": evse_ids, "page": page}
    told |= {"seed": seed or secrets.token_hex(16)}
    try:
        made = msgspec.convert(told, SigningPlan)
        SigningMeter(made, "", 1, Faults())
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--sign") from None
    return made


def _text(path: Path | None) -> str:
    return "" if path is None else path.read_text(encoding="utf-8")


async def _for(work: Any, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds or None):
            await work


async def _run(plan: StationPlan, count: int, faults: list[str], board: Board, visit: "Visit", *, as_json: bool) -> None:
    clock = WallClock()
    with Live(board.table(), console=out, refresh_per_second=4) if not as_json else nullcontext() as live:
        async with asyncio.TaskGroup() as group:
            for number in range(1, count + 1):
                name = plan.identity if count == 1 else f"{plan.identity}-{number}"
                garage = Garage()
                own = replace(plan, identity=name)
                found = VirtualStation(own, garage, clock, parse_faults(faults) if faults else Faults(), board.listener(name))
                board.add(name, found)
                group.create_task(found.run())
                if visit.car:
                    group.create_task(_drive(found, garage, visit, clock))
            while True:
                await clock.sleep(0.5)
                if live is not None:
                    live.update(board.table())
                elif board.due():
                    for row in board.rows():
                        json_line(row)


class Visit(Struct, frozen=True):
    """car: its kind, "" for none. contract: PEM, "" to show the token. stays_s: 0 for good."""

    car: str
    token: str
    contract: str
    stays_s: float


async def _drive(station: VirtualStation, garage: Garage, visit: Visit, clock: WallClock) -> None:
    """A driver who comes, shows a token or a contract, charges and leaves; again and again, if he does not stay."""
    while True:
        while not station.online:
            await clock.sleep(0.2)
        garage.arrive(1, visit.car, KINDS[visit.car], ARRIVES_WITH)
        station.plug(1)
        if visit.contract:
            await PlugAndCharge(station).identify(1, visit.contract)
        else:
            await station.present(1, visit.token)
        if not visit.stays_s:
            return
        await clock.sleep(visit.stays_s)
        station.unplug(1)
        garage.leave(1)
        await clock.sleep(visit.stays_s)
