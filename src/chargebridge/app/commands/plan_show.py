"""``chargebridge plan show`` and ``plan prices``: the plan of a running site, and what energy costs there."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table

from chargebridge.app.commands.output import AsJson, counted, json_line, out, told_errors
from chargebridge.app.commands.site_client import DEFAULT_URL, SiteClient, Token, Url
from chargebridge.site.prices import read_file


def show(
    at: Annotated[
        str | None, typer.Option(help="The plan that stood then, such as 2026-11-21T06:00+01:00; the present one when not given.")
    ] = None,
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """The plan that stands: when each car charges, what that costs and saves, and why anything could not be had."""
    with told_errors(as_json=as_json):
        plan = SiteClient(url, token).get("/plan", at=at)
    if as_json:
        json_line(plan)
        return
    table = Table("car", "plan", "leaves", "kWh", f"cost, {plan['currency']}", box=None)
    for car in plan["cars"]:
        leaves = "" if car["leaves_at"] is None else f"{datetime.fromisoformat(car['leaves_at']).astimezone():%a %H:%M}"
        table.add_row(car["name"], car["sentence"], leaves, f"{car['energy_wh'] / 1000:.1f}", f"{car['cost']:.2f}")
    out.print(table)
    for sentence in plan["bent"]:
        out.print(f"[red]{sentence}[/red]")
    out.print(_foot(plan))


def _foot(plan: dict[str, Any]) -> str:
    saves = "" if plan["saves"] is None else f", {plan['saves']:.2f} {plan['currency']} less than charging at once"
    made = f"{datetime.fromisoformat(plan['made_at']).astimezone():%H:%M:%S}"
    old = "" if plan["alive"] else "; too old, charging goes on without it"
    note = f" ({plan['note']})" if plan["note"] else ""
    return f"energy costs {plan['cost']:.2f} {plan['currency']}{saves}; made at {made} for {plan['cause']} by {plan['solver']}{note}{old}"


def prices(
    file: Annotated[Path, typer.Argument(help="CSV with a head starts_at,per_kwh; each line holds until the next.")],
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Give a running site a price list; for its time it replaces what was there."""
    with told_errors(as_json=as_json):
        entries = read_file(file)
        SiteClient(url, token).put("/prices", [msgspec.to_builtins(entry) for entry in entries])
    if as_json:
        json_line({"prices": len(entries)})
    else:
        out.print(f"{counted(len(entries), 'price')} given")
