"""``chargebridge meter``: look at a meter's telegrams, from a file or live."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import nullcontext
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from chargebridge.app.clock import WallClock
from chargebridge.app.commands import meter_check, meter_detect
from chargebridge.app.commands.output import AsJson, err, json_line, out, told_errors
from chargebridge.meters.address import of_file
from chargebridge.meters.files import decode_file
from chargebridge.meters.registry import open_meter
from chargebridge.model.reading import UNTOLD, MaybePerPhase, MeterFault, Reading
from chargebridge.wire.meter import Protocol, Scale, Telegram
from chargebridge.wire.meter.telegram import Value

app = typer.Typer(add_completion=False, help="Look at a meter's telegrams.", no_args_is_help=True)
app.command()(meter_detect.detect)
app.command()(meter_check.check)


@app.command()
def decode(
    file: Annotated[str, typer.Argument(help="A capture: bytes, hex or text; with settings if it needs some: 'a.hex?key_file=meter.key'.")],
    protocol: Annotated[Protocol | None, typer.Option(help="Found out by itself when not named.")] = None,
    as_json: AsJson = False,
) -> None:
    """Decode every telegram of a file. Exit code 1 if any was damaged."""
    damaged = 0
    with told_errors(as_json=as_json):
        address = of_file(file)
        for item in decode_file(address.path, protocol or address.protocol, address.options):
            if not isinstance(item, Telegram):
                damaged += 1
            if as_json:
                json_line(item)
            elif isinstance(item, Telegram):
                out.print(telegram_shown(item))
            else:
                err.print(f"[red]byte {item.offset}: {escape(item.reason)}[/red]\n  {escape(item.cure)}", soft_wrap=True)
    if damaged:
        raise typer.Exit(1)


def telegram_shown(telegram: Telegram) -> Group:
    """Who sent one telegram and when, all its registers, and what was not understood. scale: where the telegram itself does not tell it."""
    clock = telegram.clock and _plain(telegram.clock)
    told = dict.fromkeys(part for part in (telegram.profile, telegram.device, telegram.meter_id, clock) if part)
    heading = escape(", ".join(told))
    if telegram.authenticated:
        heading += ", authenticated"
    if telegram.crc_ok is False:
        heading += ", [red]checksum wrong[/red]"
    table = Table("register", "value", "unit", "scale")
    for obis, register in telegram.registers.items():
        scale = "" if register.scale is Scale.TELEGRAM else register.scale.value
        table.add_row(obis, escape(_plain(register.value)), register.unit, scale)
    return Group(heading, table, *(f"not understood: {escape(part)}" for part in telegram.unparsed))


def _plain(value: Value) -> str:
    """As a person writes it: no ``.0``, times in UTC, nothing where there is no value."""
    if value is None:
        return ""
    return f"{value:%Y-%m-%d %H:%M:%S} UTC" if isinstance(value, datetime) else str(value).removesuffix(".0")


@app.command()
def read(
    url: Annotated[str, typer.Argument(help="serial:///dev/ttyUSB0?baud=115200, tcp://host:port or file:///capture.bin?speed=1")],
    count: Annotated[int | None, typer.Option(help="Stop after so many readings.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read a meter live until Ctrl-C."""
    with told_errors(as_json=as_json):
        asyncio.run(_read(url, count, as_json=as_json))


ROWS = 15
"""So many of the last readings stay on the screen."""


async def _read(url: str, count: int | None, *, as_json: bool) -> None:
    meter = open_meter(url, "meter", WallClock())
    seen: list[Reading | MeterFault] = []
    good = 0
    readings = meter.readings()
    try:
        with Live(_table(seen), console=out, refresh_per_second=8) if not as_json else nullcontext() as live:
            async for item in readings:
                if live is None:
                    json_line(item)
                else:
                    seen = [*seen[1 - ROWS :], item]
                    live.update(_table(seen))
                good += isinstance(item, Reading)
                if count is not None and good >= count:
                    return
    finally:
        if isinstance(readings, AsyncGenerator):
            await readings.aclose()
        if not as_json and not out.is_terminal:
            out.line()  # rich ends the table's last line on terminals only


def _table(items: list[Reading | MeterFault]) -> Group:
    """80 columns wide, with the faults below. Figures are rounded to what a person reads; ``--json`` has them whole."""
    number = next((item.meter_number for item in reversed(items) if isinstance(item, Reading) and item.meter_number), None)
    table = Table(
        "received", "W", "L1 L2 L3 W", "L1 L2 L3 A", "L1 L2 L3 V", "kWh in", "kWh out", title=number and f"meter {number}", padding=(0, 0)
    )
    faults = []
    for item in items:
        if isinstance(item, MeterFault):
            table.add_row(f"{item.at:%H:%M:%S}", "[red]fault[/red]")
            faults.append(f"{item.at:%H:%M:%S} [red]{escape(item.reason)}[/red]; {escape(item.cure)}")
            continue
        energies = [f"{wh / 1000:.2f}" if wh is not None else "" for wh in (item.energy_import_wh, item.energy_export_wh)]
        power = "" if item.power_w is None else f"{item.power_w:.0f}"
        phases = (_three(item.power_w_phases, 0), _three(item.current_a, 1), _three(item.voltage_v, 0))
        table.add_row(f"{item.received_at:%H:%M:%S}", power, *phases, *energies)
    return Group(table, *faults)


def _three(values: MaybePerPhase, digits: int) -> str:
    return "" if values == UNTOLD else " ".join("-" if v is None else f"{v:.{digits}f}" for v in values)
