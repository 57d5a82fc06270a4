"""``chargebridge plan``: the plan of a running site, and what planning would have been worth."""

import asyncio
import gzip
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.box import SIMPLE_HEAD
from rich.progress import Progress
from rich.table import Table

from chargebridge.app.commands import plan_show
from chargebridge.app.commands.output import AsJson, err, json_line, out, told_errors
from chargebridge.app.commands.plan_report import write_report
from chargebridge.model.errors import ChargebridgeError
from chargebridge.planning.replay.acn_files import read_case
from chargebridge.planning.replay.planned import Planned, cheapest
from chargebridge.planning.replay.price_file import read_prices
from chargebridge.planning.replay.run import Outcome, run
from chargebridge.planning.replay.score import Score, score
from chargebridge.planning.replay.stays import Case
from chargebridge.planning.replay.strategies import STRATEGIES, Strategy
from chargebridge.site.past_stays import past_case
from chargebridge.store import Database

app = typer.Typer(help="Plans: show the present one, replay the past under other strategies.", no_args_is_help=True)
USUAL = (Path("data/site.db"), Path("data/demo.db"))
SLOW = {"round_robin"}
"""Not among those that are tried when none is named."""
MAKERS: dict[str, Callable[[Case], Strategy]] = {"cheapest": cheapest, "planned": Planned}


class PlanCommandError(ChargebridgeError):
    """What was asked for cannot be replayed."""


@app.callback()
def plan() -> None:
    """Plans: show the present one, replay the past under other strategies."""


app.command("show")(plan_show.show)
app.command("prices")(plan_show.prices)


@app.command("replay")
def replay(
    since: Annotated[
        str, typer.Option(help='From when on, "2026-11-01" or "2026-11-01 06:00", UTC. Of the site\'s store; a dataset\'s first step.')
    ],
    until: Annotated[str | None, typer.Option(help="Until when; now, when not given.")] = None,
    store: Annotated[Path | None, typer.Option(help="The site's database; data/site.db or else data/demo.db when not named.")] = None,
    acn_sessions: Annotated[
        Path | None, typer.Option(help="Instead of a site: an EventQueue as ACN-Sim writes it, .json or .json.gz.")
    ] = None,
    acn_network: Annotated[Path | None, typer.Option(help="Their ChargingNetwork, likewise.")] = None,
    prices: Annotated[
        Path | None, typer.Option(help="CSV: at,import_per_kwh, if known export_per_kwh,co2_g_per_kwh; a row holds until the next.")
    ] = None,
    capacity_price: Annotated[float, typer.Option(help="Money for each kW of the highest mean of a step.")] = 0.0,
    strategy: Annotated[list[str] | None, typer.Option(help="Which to try; several times for several.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with plots.")] = None,
    as_json: AsJson = False,
) -> None:
    """Charge the past again, under each strategy: cost, peak, who went without, CO2."""
    with told_errors(as_json=as_json):
        begins = moment(since)
        case = _case(begins, moment(until) if until else datetime.now(UTC), store, acn_sessions, acn_network)
        if prices is not None:
            found = read_prices(prices.read_text(), case.starts_at, case.step_s, case.steps)
            case = msgspec.structs.replace(
                case, price_per_kwh=found.import_per_kwh, export_per_kwh=found.export_per_kwh, co2_g_per_kwh=found.co2_g_per_kwh
            )
        case = msgspec.structs.replace(case, capacity_price=capacity_price)
        results = list(_tried(case, _strategies(case, strategy), quiet=as_json))
        if html is not None:
            write_report(html, case, results)
    if as_json:
        for found_score, _ in results:
            json_line(found_score)
    else:
        _print(case, [found_score for found_score, _ in results], html)


def moment(text: str) -> datetime:
    """Aware UTC. Raises PlanCommandError."""
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise PlanCommandError(text, f"is no time ({error})", 'write it like "2026-11-21 18:04"') from None
    return given if given.tzinfo else given.replace(tzinfo=UTC)


def _case(since: datetime, until: datetime, store: Path | None, sessions: Path | None, network: Path | None) -> Case:
    if sessions is not None or network is not None:
        if sessions is None or network is None:
            raise PlanCommandError("--acn-sessions, --acn-network", "one without the other", "give both: the sessions and their network")
        return read_case(sessions.name, _bytes(sessions), _bytes(network), since)
    path = store or next((path for path in USUAL if path.exists()), USUAL[0])
    if not path.exists():
        raise PlanCommandError(str(path), "there is no such database", "name the site's own with --store")
    database = Database.open(path)
    try:
        return asyncio.run(database.read(lambda c: past_case(c, since, until)))
    finally:
        database.close()


def _bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except (OSError, EOFError) as error:
        raise PlanCommandError(str(path), f"cannot be read ({error})", "name a file that is there") from None


def _strategies(case: Case, names: list[str] | None) -> dict[str, Strategy]:
    every = [*(name for name in STRATEGIES if name not in SLOW), "cheapest", *(["planned"] if case.topology is not None else [])]
    found: dict[str, Strategy] = {}
    for name in names or every:
        if name not in STRATEGIES and name not in MAKERS:
            raise PlanCommandError(f"--strategy {name}", "there is none of that name", f"choose among {', '.join([*STRATEGIES, *MAKERS])}")
        found[name] = STRATEGIES[name] if name in STRATEGIES else MAKERS[name](case)
    return found


def _tried(case: Case, strategies: dict[str, Strategy], *, quiet: bool) -> list[tuple[Score, Outcome]]:
    results = []
    with Progress(console=err, transient=True, disable=quiet) as bar:
        for name, strategy in strategies.items():
            task = bar.add_task(name, total=case.steps)
            outcome = run(case, strategy, lambda step, task=task: bar.update(task, completed=step))  # type: ignore[misc]
            bar.update(task, completed=case.steps)
            results.append((score(case, name, outcome), outcome))
    return results


def _print(case: Case, scores: list[Score], html: Path | None) -> None:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("strategy", "kWh", "unmet", "short", "peak kW", "over", "cost", "CO2 kg"):
        table.add_column(name, justify="left" if name == "strategy" else "right", overflow="fold")
    for row in scores:
        table.add_row(
            row.strategy,
            f"{row.delivered_wh / 1000:.1f}",
            f"{row.unmet_wh / 1000:.1f}",
            str(row.short or "-"),
            f"{row.peak_w / 1000:.2f}",
            str(row.overloaded or "-"),
            "-" if row.cost is None else f"{row.cost:.2f}",
            "-" if row.co2_kg is None else f"{row.co2_kg:.1f}",
        )
    out.print(table)
    out.print("[dim]unmet: kWh; short: stays that left without; over: steps in which a wire carries too much[/dim]")
    out.print(f"{len(case.stays)} stays at {len(case.network.stations)} points in {case.steps} steps of {case.step_s / 60:g} min")
    if html is not None:
        out.print(f"plots: {html}")
