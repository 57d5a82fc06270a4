"""``chargebridge forecast``: what a running site expects, and how well it told before."""

from typing import Annotated

import typer
from rich.table import Table

from chargebridge.app.commands.output import AsJson, json_line, out, told_errors
from chargebridge.app.commands.site_client import DEFAULT_URL, SiteClient, Token, Url

app = typer.Typer(add_completion=False, help="What a running site expects, and how well it told before.", no_args_is_help=True)
WORDS = {"load": "load", "pv": "PV", "cars": "cars to come"}


@app.command()
def show(url: Url = DEFAULT_URL, token: Token = "", as_json: AsJson = False) -> None:
    """The forecasts that stand: by which method, why, and the hours to come."""
    with told_errors(as_json=as_json):
        client = SiteClient(url, token)
        rows, sources = client.get("/forecasts"), client.get("/sources")
    for row in rows:
        if as_json:
            json_line(row)
            continue
        table = Table(
            "from", "likely kW", "10 %", "90 %", box=None, title=f"{WORDS[row['kind']]} from {row['first_at']}", title_justify="left"
        )
        for first in range(0, 96, 4):
            hour = (sum(row[name][first : first + 4]) / 4000 for name in ("likely_w", "low_w", "high_w"))
            table.add_row(f"+{first // 4} h", *(f"{each:.2f}" for each in hour))
        out.print(table)
        out.print(row["why"], markup=False)
    for source in () if as_json else sources:
        out.print(f"{source['source']} from {source['name']}: {source['trouble'] or 'fetched ' + str(source['fetched_at'])}", markup=False)


@app.command()
def score(
    days: Annotated[float, typer.Option(min=0.1, max=400, help="Of forecasts made in the last days.")] = 7.0,
    each: Annotated[bool, typer.Option("--each", help="Every forecast by itself.")] = False,
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """How the forecasts did: mean absolute error, pinball loss, and how often the truth lay in the band (80 % is promised);
    naive: what telling the day before again was off by."""
    with told_errors(as_json=as_json):
        client = SiteClient(url, token)
        rows = client.get("/forecasts/scores", limit=1000) if each else client.get("/forecasts/records", days=days)
    table = Table("of", "made" if each else "forecasts", "off W", "pinball W", "in band", "band W", "naive W", box=None)
    for row in rows:
        if as_json:
            json_line(row)
            continue
        naive = "" if row["naive_mae"] is None else f"{row['naive_mae']:.0f}"
        first = row["made_at"][:16] if each else str(row["forecasts"])
        figures = (f"{row['mae']:.0f}", f"{row['pinball']:.0f}", f"{row['coverage']:.0%}", f"{row['width']:.0f}", naive)
        table.add_row(WORDS[row["kind"]], first, *figures)
    if not as_json:
        out.print(table)


@app.command()
def drivers(url: Url = DEFAULT_URL, token: Token = "", as_json: AsJson = False) -> None:
    """How far departures and energies would have been guessed wrong at the arrival."""
    with told_errors(as_json=as_json):
        row = SiteClient(url, token).get("/forecasts/drivers")
    if as_json:
        json_line(row)
        return
    out.print(f"{row['sessions']} sessions: departures off by {row['departure_h']:.1f} h, {row['departure_coverage']:.0%} in the band")
    out.print(f"energies off by {row['energy_kwh']:.1f} kWh, {row['energy_coverage']:.0%} in the band")
    if row["said_departure_h"] is not None:
        out.print(f"what {row['said']} drivers said themselves was off by {row['said_departure_h']:.1f} h")
