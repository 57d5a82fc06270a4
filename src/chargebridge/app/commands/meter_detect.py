"""``chargebridge meter detect``: what meter is at this port, on this network address, in this file?"""

import asyncio
from collections import Counter
from contextlib import aclosing
from typing import Annotated

import typer
from msgspec import Struct
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from serial.tools import list_ports

from chargebridge.app.clock import WallClock
from chargebridge.app.commands.output import AsJson, counted, err, json_line, out, told_errors
from chargebridge.meters.address import of_file
from chargebridge.meters.detect_line import CANDIDATES, PATIENCE_S, Found, detect_line
from chargebridge.meters.files import decode_file
from chargebridge.meters.port import MeterError
from chargebridge.meters.registry import open_source
from chargebridge.wire.meter import DecodeError, Event, Protocol, Telegram

_LINES = ("/dev/", "rfc2217://", "COM")


class Named(Struct, kw_only=True, omit_defaults=True):
    """What a capture or a stream turned out to be. needs: why its telegrams cannot be read yet."""

    where: str
    protocol: Protocol | None
    profile: str | None = None
    device: str | None = None
    meter_id: str | None = None
    telegrams: int = 0
    damaged: int = 0
    needs: str | None = None


def detect(
    where: Annotated[
        list[str] | None, typer.Argument(help="Serial ports, rfc2217:// or tcp:// addresses, or files; all serial ports if none is named.")
    ] = None,
    patience: Annotated[float, typer.Option(help="Seconds to listen with each setting; most meters speak every 10 s.")] = PATIENCE_S,
    as_json: AsJson = False,
) -> None:
    """Listen and say what it is, baud rate and parity included. Sends the meter nothing. Exit code 1 if something stays unknown."""
    with told_errors(as_json=as_json):
        places = where or [port.device for port in list_ports.comports()]
        if not places:
            raise MeterError("serial ports", "this machine has none", "plug the adapter in, or name a network address or a file")
        known = [_one(place, patience, as_json=as_json) for place in places]
        if not all(known):
            raise typer.Exit(1)


def _one(place: str, patience_s: float, *, as_json: bool) -> bool:
    if place.startswith(_LINES):
        return asyncio.run(_line(place, patience_s, as_json=as_json))
    named = asyncio.run(_stream(place, patience_s)) if "://" in place else _file(place)
    if as_json:
        json_line(named)
    else:
        _tell(named)
    return named.protocol is not None


def _file(where: str) -> Named:
    address = of_file(where)
    return name(where, list(decode_file(address.path, address.protocol, address.options)))


def name(where: str, events: list[Event]) -> Named:
    """What a capture's events say of the meter."""
    telegrams = [event for event in events if isinstance(event, Telegram)]
    errors = [event for event in events if isinstance(event, DecodeError)]
    said = Counter(event.protocol for event in telegrams or errors if event.protocol is not None)
    protocol = said.most_common(1)[0][0] if said else None
    named = Named(where=where, protocol=protocol, telegrams=len(telegrams), damaged=len(errors))
    if telegrams:
        last = telegrams[-1]
        named.profile, named.device, named.meter_id = last.profile, last.device, last.meter_id
    elif errors:
        named.needs = f"{errors[0].reason}; {errors[0].cure}"
    return named


async def _stream(url: str, patience_s: float) -> Named:
    events: list[Event] = []
    fault = ""
    try:
        async with asyncio.timeout(patience_s), aclosing(open_source(url, WallClock()).events()) as source:  # type: ignore[type-var]
            async for event in source:
                if isinstance(event, Telegram | DecodeError):
                    events.append(event)
                else:
                    fault = f"{event.reason}; {event.cure}"
                if isinstance(event, Telegram):
                    break
    except TimeoutError:
        pass
    named = name(url, events)
    if not events:
        named.needs = fault or f"nothing came within {patience_s:g} s"
    return named


async def _line(port: str, patience_s: float, *, as_json: bool) -> bool:
    """Try a serial line's settings, with a progress bar for people."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    found: Found | None = None
    with Progress(*columns, console=err, transient=True, disable=as_json) as progress:
        task = progress.add_task(f"{port} {CANDIDATES[0].baud} {CANDIDATES[0].format}", total=len(CANDIDATES))
        async for trial in detect_line(port, WallClock(), patience_s=patience_s):
            found = trial.found
            done = CANDIDATES.index(trial.settings) + 1
            following = CANDIDATES[done] if done < len(CANDIDATES) else trial.settings
            progress.update(task, completed=done, description=f"{port} {following.baud} {following.format} ({following.who})")
            if as_json and found is None:
                json_line(
                    {"where": port, "baud": trial.settings.baud, "format": trial.settings.format, "heard": trial.heard, "found": None}
                )
    if as_json:
        json_line(found if found is not None else {"where": port, "protocol": None})
    elif found is None:
        err.print(
            f"[bold]{port}[/bold]: bytes come, but none of {len(CANDIDATES)} settings gives a telegram. The signal may be inverted "
            "(P1 needs an inverting cable), or the infrared head sits askew.",
            soft_wrap=True,
        )
    else:
        _tell(
            Named(
                where=port, protocol=found.protocol, profile=found.profile, device=found.device, meter_id=found.meter_id, needs=found.note
            )
        )
        out.print(f'  {found.baud} baud, {found.format}\n  [green]chargebridge meter read "{found.url}"[/green]', soft_wrap=True)
    return found is not None


def _tell(named: Named) -> None:
    if named.protocol is None:
        err.print(f"[bold]{named.where}[/bold]: unknown. {named.needs or ''}", soft_wrap=True)
        return
    parts = dict.fromkeys(part for part in (named.protocol, named.profile, named.device, named.meter_id) if part)
    out.print(f"[bold]{named.where}[/bold]: {', '.join(parts)}", soft_wrap=True)
    if named.telegrams or named.damaged:
        out.print(f"  {counted(named.telegrams, 'telegram')}, {named.damaged} damaged or unreadable")
    if named.needs:
        out.print(f"  [yellow]{named.needs}[/yellow]", soft_wrap=True)
