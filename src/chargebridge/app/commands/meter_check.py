"""``chargebridge meter check``: is what a meter says consistent, from a capture or live."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from msgspec import Struct
from msgspec.structs import replace

from chargebridge.app.clock import WallClock
from chargebridge.app.commands.output import AsJson, counted, json_line, out, told_errors
from chargebridge.meters.address import of_file
from chargebridge.meters.files import decode_file
from chargebridge.meters.quality import MeterChecker
from chargebridge.meters.quantities import reading_of
from chargebridge.meters.registry import open_meter
from chargebridge.model.finding import DayFigures, Finding, Severity
from chargebridge.model.reading import MeterFault, Reading
from chargebridge.wire.meter import Telegram

_BEGIN = datetime(2000, 1, 1, tzinfo=UTC)
_COLOUR = {Severity.INFO: "blue", Severity.WARNING: "yellow", Severity.ERROR: "red"}


class Fault(Struct, frozen=True):
    """kind: "link" or what was wrong with a telegram."""

    kind: str
    at: datetime


def check(
    source: Annotated[str, typer.Argument(help="A capture, or the address of a meter as in the site's configuration.")],
    seconds: Annotated[float, typer.Option(help="Listen to a live meter for so long.")] = 60.0,
    interval: Annotated[float, typer.Option(help="Seconds between the telegrams of a capture that tell no time.")] = 0.0,
    as_json: AsJson = False,
) -> None:
    """Tell what is odd about a meter, and how well it is heard. Exit code 1 if a warning or an error was found, or nothing was heard."""
    with told_errors(as_json=as_json):
        healthy = asyncio.run(_check(source, seconds, interval, as_json=as_json))
    if not healthy:
        raise typer.Exit(1)


async def _check(source: str, seconds: float, interval_s: float, *, as_json: bool) -> bool:
    recorded = "://" not in source or source.startswith("file://")
    checker = MeterChecker("meter", live=not recorded)
    items = _capture(source, interval_s) if recorded else _live(source, seconds)
    grave = False
    days: list[DayFigures] = []
    async for item in items:
        if isinstance(item, Fault):
            checker.fault(item.kind, item.at)
            continue
        for finding in checker.feed(item):
            grave |= finding.severity is not Severity.INFO
            _show(finding, as_json=as_json)
        if checker.yesterday is not None and (not days or days[-1] != checker.yesterday):
            days.append(checker.yesterday)
    days.append(checker.today())
    for day in days:
        if as_json:
            json_line(day)
        else:
            out.print(_line(day), soft_wrap=True)
    return not grave and any(day.telegrams for day in days)


async def _capture(source: str, interval_s: float) -> AsyncIterator[Reading | Fault]:
    """The readings of a file as if each had come at the meter's own time, or ``interval_s`` after the one before where it tells none."""
    address = of_file(source)
    at: datetime | None = None
    for event in decode_file(address.path, address.protocol, address.options):
        if not isinstance(event, Telegram):
            yield Fault(event.kind.value, at or _BEGIN)
            continue
        reading = reading_of(event, meter="meter", received_at=_BEGIN)
        later = _BEGIN if at is None else at + timedelta(seconds=interval_s)
        at = max(reading.measured_at or later, later)
        yield replace(reading, received_at=at)


async def _live(url: str, seconds: float) -> AsyncIterator[Reading | Fault]:
    """What a meter says now, for so long."""
    meter = open_meter(url, "meter", WallClock())
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            async for item in meter.readings():
                yield Fault(item.kind, item.at) if isinstance(item, MeterFault) else item


def _show(finding: Finding, *, as_json: bool) -> None:
    if as_json:
        json_line(finding)
    elif finding.cleared_at is not None:
        out.print(f"{finding.cleared_at:%Y-%m-%d %H:%M:%S} [green]over[/green]: {finding.text}", soft_wrap=True)
    else:
        colour = _COLOUR[finding.severity]
        out.print(f"{finding.at:%Y-%m-%d %H:%M:%S} [{colour}]{finding.severity}[/{colour}]: {finding.text}", soft_wrap=True)
        out.print(f"    {finding.cure}", soft_wrap=True)


def _line(day: DayFigures) -> str:
    return "; ".join(_parts(day))


def _parts(day: DayFigures) -> Iterator[str]:
    yield f"{day.day}: {counted(day.telegrams, 'telegram')}"
    if day.interval_s is not None and day.completeness is not None:
        yield f"one every {day.interval_s:.3g} s, {day.completeness:.1%} of them heard"
    if day.faults:
        yield "faults: " + ", ".join(f"{count} {kind}" for kind, count in day.faults.items())
    if day.duplicates:
        yield f"{day.duplicates} came twice"
    if day.delay_p50_s is not None and day.delay_p95_s is not None:
        yield f"heard {day.delay_p50_s:.1f} s after the meter's time, 95 % within {day.delay_p95_s:.1f} s"
    yield "found: " + (", ".join(f"{count} {kind}" for kind, count in day.found.items()) if day.found else "nothing odd")
