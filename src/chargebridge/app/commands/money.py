"""``chargebridge money``: cost and limits of transactions, payments and prepaid cards of a running site, over its REST interface."""

from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.table import Table

from chargebridge.app.commands.output import AsJson, json_line, out, told_errors
from chargebridge.app.commands.site_client import DEFAULT_URL, SiteClient, Token, Url

app = typer.Typer(add_completion=False, help="Cost, limits, payments and prepaid cards of a running site.", no_args_is_help=True)

Station = Annotated[str, typer.Argument(help="The station's identity.")]
Cost = Annotated[str | None, typer.Option(help="At most this cost, with tax.")]
Energy = Annotated[int | None, typer.Option(help="At most this energy, Wh.")]
Time = Annotated[int | None, typer.Option(help="At most so long, s.")]
Soc = Annotated[int | None, typer.Option(help="Up to this state of charge, %.")]


def _limits(cost: str | None, energy_wh: int | None, time_s: int | None, soc: int | None) -> dict[str, Any]:
    given = {"cost": cost, "energy_wh": energy_wh, "time_s": time_s, "soc": soc}
    return {name: value for name, value in given.items() if value is not None}


def _of(station: str) -> str:
    return f"/stations/{quote(station, safe='')}"


@app.command()
def terms(station: Station, url: Url = DEFAULT_URL, token: Token = "", as_json: AsJson = False) -> None:
    """Cost and limits of a station's transactions, the newest first."""
    with told_errors(as_json=as_json):
        rows = SiteClient(url, token).get(f"{_of(station)}/terms")
    table = Table("transaction", "card", "tariff", "cost", "station says", "our limits", "it holds", box=None)
    for row in rows:
        if as_json:
            json_line(row)
            continue
        bounds = (" ".join(f"{name}={value}" for name, value in row[kind].items()) for kind in ("wanted", "held"))
        costs = ("" if row[kind] is None else f"{row[kind]} {row['currency']}" for kind in ("cost", "their_cost"))
        tariff = (row["tariff"] or "").rpartition("-")[0]  # without what tells its versions apart
        table.add_row(row["transaction"], row["token"], tariff, *costs, *bounds)
    if not as_json:
        out.print(table)


@app.command()
def limit(
    station: Station,
    transaction: Annotated[str, typer.Argument(help="As `chargebridge stations show` names it.")],
    cost: Cost = None,
    energy_wh: Energy = None,
    time_s: Time = None,
    soc: Soc = None,
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Limit a running transaction; without any limit those that were set are taken away."""
    body = _limits(cost, energy_wh, time_s, soc)
    path = f"{_of(station)}/transactions/{quote(transaction, safe='')}/limits"
    with told_errors(as_json=as_json):
        client = SiteClient(url, token)
        if body:
            json_line(client.post(path, body))
        else:
            client.delete(path)


@app.command()
def start(
    station: Station,
    card: Annotated[str, typer.Argument(help="The token that it is for.")],
    evse: Annotated[int, typer.Option(min=0, help="0: whichever the station chooses.")] = 0,
    cost: Cost = None,
    energy_wh: Energy = None,
    time_s: Time = None,
    soc: Soc = None,
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Start a transaction with a limit. Exit code 1 when the station does not accept."""
    with told_errors(as_json=as_json):
        record = SiteClient(url, token).post(
            f"{_of(station)}/start", {"token": card, "evse": evse, **_limits(cost, energy_wh, time_s, soc)}
        )
    json_line(record)
    if record["outcome"] != "accepted":
        raise typer.Exit(1)


@app.command()
def payments(
    station: Annotated[str | None, typer.Option(help="Only of this station.")] = None,
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Payments without a contract, the newest first."""
    with told_errors(as_json=as_json):
        rows = SiteClient(url, token).get("/payments", station=station)
    table = Table("reference", "station", "by", "state", "amount", "transaction", "detail", box=None)
    for row in rows:
        if as_json:
            json_line(row)
            continue
        amount = "" if row["amount"] is None else f"{row['amount']} {row['currency']}"
        table.add_row(row["reference"], row["station"], row["origin"], row["state"], amount, row["transaction"] or "", row["detail"])
    if not as_json:
        out.print(table)


@app.command()
def qr(station: Station, url: Url = DEFAULT_URL, token: Token = "", as_json: AsJson = False) -> None:
    """Give a station a new secret for its dynamic QR code, and the address behind it (OCPP 2.1)."""
    with told_errors(as_json=as_json):
        json_line(SiteClient(url, token).post(f"{_of(station)}/qr", {}))


@app.command()
def accounts(url: Url = DEFAULT_URL, token: Token = "", as_json: AsJson = False) -> None:
    """Prepaid cards, and what is left on them."""
    with told_errors(as_json=as_json):
        for row in SiteClient(url, token).get("/accounts"):
            if as_json:
                json_line(row)
            else:
                out.print(f"{row['token']}  {row['name']}  {row['balance']}", markup=False)


@app.command()
def pay_in(
    card: Annotated[str, typer.Argument(help="The prepaid card.")],
    amount: Annotated[str, typer.Argument(help="In the site's currency.")],
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Pay into a prepaid card's account."""
    with told_errors(as_json=as_json):
        json_line(SiteClient(url, token).post(f"/accounts/{quote(card, safe='')}", {"amount": amount}))
