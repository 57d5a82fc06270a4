"""``chargebridge stations``: the charging stations of a running site, over its REST interface."""

import time
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
import typer
from rich.table import Table

from chargebridge.app.commands import campaigns, station_security
from chargebridge.app.commands.output import AsJson, json_line, out, told_errors
from chargebridge.app.commands.site_client import DEFAULT_URL, SiteClient, SiteError, Token, Url

FOLLOW_EVERY_S = 1.0
GOOD = "accepted"

app = typer.Typer(
    add_completion=False,
    help="The charging stations of a running site: list, log, commands, firmware, import and export.",
    no_args_is_help=True,
)
app.add_typer(campaigns.app, name="campaign")
app.add_typer(station_security.app, name="secure")
station_security.add_judging(app)

Station = Annotated[str, typer.Argument(help="The station's identity.")]


def path_of(station: str) -> str:
    return f"/stations/{quote(station, safe='')}"


@app.command("list")
def list_(url: Url = DEFAULT_URL, token: Token = "", as_json: AsJson = False) -> None:
    """All stations: state, protocol, make, firmware, when they were heard last."""
    with told_errors(as_json=as_json):
        rows = SiteClient(url, token).get("/stations")
    if as_json:
        for row in rows:
            json_line(row)
        return
    table = Table("station", "state", "protocol", "make and model", "firmware", "heard", "EVSEs", box=None)
    for row in rows:
        evses = ", ".join(evse["status"] for evse in row["evses"])
        make = f"{row['vendor']} {row['model']}".strip()
        table.add_row(row["identity"], row["state"], row["protocol"] or "", make, row["firmware"] or "", _time(row["heard_at"]), evses)
    out.print(table)


@app.command()
def show(station: Station, url: Url = DEFAULT_URL, token: Token = "", as_json: AsJson = False) -> None:
    """One station: what it is, the settings written into it, its transactions and events."""
    with told_errors(as_json=as_json):
        detail = SiteClient(url, token).get(path_of(station))
    if as_json:
        json_line(detail)
        return
    row = detail["station"]
    profile = "" if row["security_profile"] is None else f", security profile {row['security_profile']}"
    out.print(f"[bold]{row['identity']}[/bold]  {row['state']}, {row['protocol'] or 'never heard'}{profile}")
    out.print(f"  {row['vendor']} {row['model']}, serial {row['serial'] or '-'}, firmware {row['firmware'] or '-'}")
    for evse in row["evses"]:
        running = f", transaction {evse['transaction']}" if evse["transaction"] else ""
        out.print(f"  EVSE {evse['evse']} {evse['name']}: {evse['status']}{running}")
    for written in detail["written"]:
        out.print(f"  {written['name']}: {written['outcome']} {written['detail']}".rstrip(), soft_wrap=True)
    for one in detail["transactions"][:10]:
        out.print(f"  {_time(one['started_at'])}  {one['energy_wh']} Wh  {one['token']}  {one['end_reason'] or ''}".rstrip())


@app.command()
def log(
    station: Annotated[str | None, typer.Argument(help="The station's identity; none: all stations.")] = None,
    action: Annotated[str | None, typer.Option(help="How the action's name begins.")] = None,
    after: Annotated[int, typer.Option(help="Only messages after this number.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 1000,
    follow: Annotated[bool, typer.Option(help="Go on with what comes, until Ctrl-C.")] = False,
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Messages, the oldest first. With --json: JSON lines, whole, fit to be kept."""
    with told_errors(as_json=as_json):
        client = SiteClient(url, token)
        while True:
            for line in client.text("/station-log", station=station, action=action, after=after, limit=limit).splitlines():
                after = msgspec.json.decode(line)["number"]
                if as_json:
                    typer.echo(line)
                else:
                    _tell(msgspec.json.decode(line))
            if not follow:
                return
            time.sleep(FOLLOW_EVERY_S)


def _tell(message: dict[str, Any]) -> None:
    arrow = "->" if message["direction"] == "out" else "<-"
    payload = message["frame"] if message["payload"] is None else msgspec.json.encode(message["payload"]).decode()
    head = f"{message['number']:>7} {_time(message['at'])} {message['station']} {arrow} {message['action']} {message['kind']}"
    out.print(f"{head}  {payload}", soft_wrap=True, markup=False)
    if message["fault"]:
        out.print(
            f"        {message['fault']['position']} {message['fault']['reason']}; {message['fault']['cure']}", style="red", markup=False
        )


@app.command()
def command(
    station: Station,
    name: Annotated[str | None, typer.Argument(help="A command by name; without one they are listed.")] = None,
    arguments: Annotated[list[str] | None, typer.Argument(help="Its arguments, as name=value.")] = None,
    action: Annotated[str | None, typer.Option(help="Instead of a name: any action of the station's OCPP version.")] = None,
    payload: Annotated[str, typer.Option(help="Of the action, as JSON.")] = "{}",
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Give a command and tell the station's own answer. Exit code 1 when it was not accepted."""
    with told_errors(as_json=as_json):
        client = SiteClient(url, token)
        if name is None and action is None:
            _forms(client.get(f"{path_of(station)}/commands/forms"), as_json=as_json)
            return
        body: dict[str, Any] = {"name": name, "arguments": _arguments(arguments or [])}
        if action is not None:
            body = {"action": action, "payload": _object(payload)}
        record = client.post(f"{path_of(station)}/commands", body)
    if as_json:
        json_line(record)
    else:
        style = "green" if record["outcome"] == GOOD else "red"
        out.print(f"[{style}]{record['outcome']}[/{style}] {record['detail']}".rstrip(), soft_wrap=True)
        if record["response"]:
            out.print_json(data=record["response"])
    if record["outcome"] != GOOD:
        raise typer.Exit(1)


def _forms(forms: list[dict[str, Any]], *, as_json: bool) -> None:
    for form in forms:
        if as_json:
            json_line(form)
            continue
        fields = " ".join(f"{f['name']}={'|'.join(f['choices']) or f['default'] or f['kind']}" for f in form["fields"])
        out.print(f"[bold]{form['name']:<20}[/bold]{form['label']}  [dim]{fields}[/dim]", soft_wrap=True)


def _arguments(words: list[str]) -> dict[str, str]:
    given = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise SiteError(word, "is no argument", "write name=value")
        given[name] = value
    return given


def _object(text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise SiteError("payload", f"is no JSON object ({error})", "give one, such as '{}'") from error


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A .csv or .json file of stations.")],
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Take stations in. Passwords that are made for them are printed this once. Exit code 1 when one was refused."""
    with told_errors(as_json=as_json):
        try:
            text = file.read_text(encoding="utf-8")
            body = {"csv": text} if file.suffix.lower() == ".csv" else {"stations": msgspec.json.decode(text)}
        except (OSError, UnicodeDecodeError, msgspec.MsgspecError) as error:
            raise SiteError(
                str(file), f"cannot be read ({error})", "give a CSV or JSON file, as `chargebridge stations export` makes"
            ) from error
        results = SiteClient(url, token).post("/station-file", body)
    for result in results:
        if as_json:
            json_line(result)
            continue
        told = f"password {result['password']}" if result["password"] else ""
        out.print(f"{result['station']}: {result['result']}  {told}  {result['detail']}".rstrip(), soft_wrap=True, markup=False)
    if any(result["result"] == "refused" for result in results):
        raise typer.Exit(1)


@app.command()
def export(
    form: Annotated[str, typer.Option("--format", help="json or csv.")] = "json",
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Print all stations with their points, without passwords; `import` takes it."""
    with told_errors(as_json=as_json):
        text = SiteClient(url, token).text("/station-file", format="json" if as_json else form)
    typer.echo(text.rstrip("\n"))


@app.command()
def remove(station: Station, url: Url = DEFAULT_URL, token: Token = "", as_json: AsJson = False) -> None:
    """Forget a station that was imported; it goes with the next start of the site."""
    with told_errors(as_json=as_json):
        SiteClient(url, token).delete(f"/station-file/{quote(station, safe='')}")


@app.command()
def strangers(url: Url = DEFAULT_URL, token: Token = "", as_json: AsJson = False) -> None:
    """Who knocked and was not let in."""
    with told_errors(as_json=as_json):
        rows = SiteClient(url, token).get("/strangers")
    for row in rows:
        if as_json:
            json_line(row)
        else:
            out.print(f"{row['identity']}  {row['remote']}  {row['why']}, {row['times']} times, last {_time(row['last_at'])}", markup=False)


def _time(text: str | None) -> str:
    return "" if text is None else text[:19].replace("T", " ")
