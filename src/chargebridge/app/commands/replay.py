"""``chargebridge replay``: make past decisions again from what was written down, and show that they come out the same."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import typer
from msgspec import Struct
from rich.table import Table

from chargebridge.app.commands.output import AsJson, json_line, out, told_errors
from chargebridge.control.decide import decide
from chargebridge.model.decision import Decision
from chargebridge.model.errors import ChargebridgeError
from chargebridge.site import journal
from chargebridge.store import Database

USUAL = (Path("data/site.db"), Path("data/demo.db"))
"""Where a site's store is when its configuration names no other, and the demo's."""


class ReplayError(ChargebridgeError):
    """There is nothing to replay, or the time cannot be read."""


class Replayed(Struct, frozen=True, kw_only=True):
    """One decision made again. same: byte for byte what was written down then."""

    decision: Decision
    same: bool


def again(database: Database, since: datetime, until: datetime) -> list[Replayed]:
    """All decisions of [since, until), made again."""
    kept = asyncio.run(database.read(lambda c: list(journal.decisions(c, since, until))))
    made = []
    for state, written in kept:
        at = msgspec.json.decode(written, type=_At).at
        decision = decide(state, at)
        made.append(Replayed(decision=decision, same=msgspec.json.encode(decision) == written))
    return made


class _At(Struct):
    at: datetime


def replay(
    at: Annotated[str, typer.Argument(help='A minute: "2026-11-21 18:04", or "last".')] = "last",
    store: Annotated[Path | None, typer.Option(help="The site's database; data/site.db or else data/demo.db when not named.")] = None,
    point: Annotated[str | None, typer.Option(help="Only this charging point.")] = None,
    timezone: Annotated[str, typer.Option(help="In which the minute is given.")] = "UTC",
    as_json: AsJson = False,
) -> None:
    """Make a past minute's decisions again, exactly, and say why they came out so. Exit code 1 if any differs."""
    with told_errors(as_json=as_json):
        store = store or next((path for path in USUAL if path.exists()), USUAL[0])
        if not store.exists():
            raise ReplayError(str(store), "there is no such database", "name the site's own with --store")
        database = Database.open(store)
        try:
            since = minute(at, timezone, asyncio.run(database.read(journal.decided_between)))
            decisions = again(database, since, since + timedelta(minutes=1))
        finally:
            database.close()
        if not decisions:
            raise ReplayError(at, "no decision of that minute is kept", "give a minute in which the site ran, or raise keep_days")
    (_print_json if as_json else _print)(decisions, point)
    if not all(r.same for r in decisions):
        raise typer.Exit(1)


def minute(at: str, timezone: str, kept: tuple[datetime, datetime] | None) -> datetime:
    """The beginning of the minute that is meant, UTC. Raises ReplayError."""
    if at == "last":
        if kept is None:
            raise ReplayError("store", "no decision is kept in it", "let the site run first")
        return kept[1].replace(second=0, microsecond=0)
    try:
        given = datetime.fromisoformat(at)
        return (given if given.tzinfo else given.replace(tzinfo=ZoneInfo(timezone))).astimezone(UTC).replace(second=0, microsecond=0)
    except (ValueError, OSError, ZoneInfoNotFoundError) as error:
        raise ReplayError(at, f"is no minute ({error})", 'write it like "2026-11-21 18:04"') from error


def _print_json(decisions: list[Replayed], point: str | None) -> None:
    for r in decisions:
        points = [p for p in r.decision.points if point in (None, p.point)]
        json_line({"at": r.decision.at, "same": r.same, "grant": r.decision.grant, "points": points})


def _print(decisions: list[Replayed], point: str | None) -> None:
    table = Table("at", "point", "offer", "goal", "why", "same")
    before: dict[str, tuple[float, str]] = {}
    for r in decisions:
        for p in r.decision.points:
            now = (p.current_a, p.why.sentence)
            if point in (None, p.point) and before.get(p.point) != now:
                before[p.point] = now
                figures = (f"{p.current_a:.1f} A", f"{p.goal_a:.1f} A")
                table.add_row(f"{r.decision.at:%H:%M:%S.%f}"[:-3], p.point, *figures, p.why.sentence, "yes" if r.same else "NO")
    out.print(table)
    out.print(f"{len(decisions)} decisions made again, {sum(r.same for r in decisions)} byte for byte the same")
