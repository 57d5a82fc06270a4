"""``chargebridge stations pending | approve | refuse``: unknown stations. ``chargebridge stations secure``: passwords, certificates, profiles."""

from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.table import Table

from chargebridge.app.commands.output import AsJson, json_line, out, told_errors
from chargebridge.app.commands.site_client import DEFAULT_URL, SiteClient, Token, Url

app = typer.Typer(help="Passwords, certificates and security profiles of stations.", no_args_is_help=True)

Station = Annotated[str, typer.Argument(help="The station's identity.")]
GOOD = "accepted"


def pending(url: Url = DEFAULT_URL, token: Token = "", as_json: AsJson = False) -> None:
    """Unknown stations that wait to be approved or refused."""
    with told_errors(as_json=as_json):
        rows = [row for row in SiteClient(url, token).get("/strangers") if row["approvable"]]
    if as_json:
        for row in rows:
            json_line(row)
        return
    table = Table("station", "from", "make and model", "speaks", "times", "first", "last", box=None)
    for row in rows:
        make = f"{row['vendor']} {row['model']}".strip()
        times = (row["first_at"][:19].replace("T", " "), row["last_at"][:19].replace("T", " "))
        table.add_row(row["identity"], row["remote"], make, row["protocol"], str(row["times"]), *times)
    out.print(table)


def approve(
    station: Station,
    profile: Annotated[int, typer.Option(min=0, max=3, help="0 nothing, 1 password, 2 password and TLS, 3 client certificate.")] = 1,
    password: Annotated[bool, typer.Option("--password", help="Ask for the password; else a random one is made.")] = False,
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Let an unknown station in from its next attempt on, and print the password to be entered in it."""
    chosen = typer.prompt("Password", hide_input=True, confirmation_prompt=True) if password else None
    body = {"approve": True, "security_profile": profile, "password": chosen}
    with told_errors(as_json=as_json):
        made = SiteClient(url, token).post(f"/strangers/{quote(station, safe='')}", body)["password"]
    if as_json:
        json_line({"station": station, "password": made})
    elif made is not None:
        out.print(f"{station} is let in with the password\n  {made}\nIt is not shown again.", soft_wrap=True, markup=False)


def refuse(station: Station, url: Url = DEFAULT_URL, token: Token = "", as_json: AsJson = False) -> None:
    """Turn an unknown station away for good, or take an approval back."""
    with told_errors(as_json=as_json):
        SiteClient(url, token).post(f"/strangers/{quote(station, safe='')}", {"approve": False})


def add_judging(stations: typer.Typer) -> None:
    """Put the three commands beside the others for stations."""
    for command in (pending, approve, refuse):
        stations.command()(command)


@app.command()
def show(station: Station, url: Url = DEFAULT_URL, token: Token = "", as_json: AsJson = False) -> None:
    """How a station proves who it is: profile, password, certificates."""
    with told_errors(as_json=as_json):
        told = SiteClient(url, token).get(f"{_path(station)}")
    if as_json:
        json_line(told)
        return
    out.print(f"security profile {told['security_profile']}, came by {told['came_by']}")
    if told["upgrade_to"] is not None:
        out.print(f"  was told to come by profile {told['upgrade_to']}; until then it may come as before")
    if told["password_pending"]:
        out.print("  was sent a new password and has not shown it yet; both are taken")
    for one in told["certificates"]:
        out.print(
            f"  {one['serial']}  until {one['expires_at'][:10]}  {one['outcome'] or 'not answered'} {one['detail']}".rstrip(), markup=False
        )


@app.command()
def password(station: Station, url: Url = DEFAULT_URL, token: Token = "", as_json: AsJson = False) -> None:
    """Give a station a new random password that nobody gets to know."""
    _ask(station, "password", {}, url, token, as_json=as_json)


@app.command()
def certificate(station: Station, url: Url = DEFAULT_URL, token: Token = "", as_json: AsJson = False) -> None:
    """Let a station make a new key and ask for a certificate of our CA."""
    _ask(station, "certificate", {}, url, token, as_json=as_json)


@app.command()
def root(station: Station, url: Url = DEFAULT_URL, token: Token = "", as_json: AsJson = False) -> None:
    """Install the root of our CA in a station."""
    _ask(station, "root", {}, url, token, as_json=as_json)


@app.command()
def installed(station: Station, url: Url = DEFAULT_URL, token: Token = "", as_json: AsJson = False) -> None:
    """The certificates that a station itself says it has."""
    with told_errors(as_json=as_json):
        told = SiteClient(url, token).get(f"{_path(station)}/installed")
    if as_json:
        json_line(told)
    elif told["answer"]["outcome"] != GOOD:
        out.print(f"{told['answer']['outcome']} {told['answer']['detail']}".rstrip(), markup=False)
    else:
        for one in told["certificates"]:
            out.print(f"{'  ' if one['below'] else ''}{one['serial']}  {one['use']}", markup=False)
    if told["answer"]["outcome"] != GOOD:
        raise typer.Exit(1)


@app.command()
def delete(
    station: Station,
    serial: Annotated[str, typer.Argument(help="The serial number, as `installed` shows it.")],
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Let a station delete a certificate that it has."""
    with told_errors(as_json=as_json):
        told = SiteClient(url, token).delete(f"{_path(station)}/installed/{quote(serial, safe='')}")
    _say([{"what": "delete", "answer": told}], as_json=as_json)


@app.command()
def profile(
    station: Station,
    to: Annotated[int, typer.Argument(min=1, max=3, help="The security profile.")],
    address: Annotated[str | None, typer.Option(help="2.x: where it is to come, without its identity; else `url` in [ocpp].")] = None,
    slot: Annotated[int | None, typer.Option(min=0, help="2.x: the configuration slot; else the first free one.")] = None,
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Bring a station to a higher security profile, step by step."""
    _ask(station, "profile", {"security_profile": to, "url": address, "slot": slot}, url, token, as_json=as_json)


def _path(station: str) -> str:
    return f"/stations/{quote(station, safe='')}/security"


def _ask(station: str, what: str, body: dict[str, Any], url: str, token: str, *, as_json: bool) -> None:
    with told_errors(as_json=as_json):
        told = SiteClient(url, token).post(f"{_path(station)}/{what}", body)
    _say(told if isinstance(told, list) else [{"what": what, "answer": told}], as_json=as_json)


def _say(steps: list[dict[str, Any]], *, as_json: bool) -> None:
    """Exit code 1 unless the station's last answer is a yes."""
    for step in steps:
        if as_json:
            json_line(step)
        else:
            out.print(f"{step['what']}: {step['answer']['outcome']} {step['answer']['detail']}".rstrip(), markup=False)
    if steps[-1]["answer"]["outcome"] != GOOD:
        raise typer.Exit(1)
