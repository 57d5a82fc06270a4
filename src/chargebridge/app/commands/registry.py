"""``chargebridge registry``: the public-key registry as a service, and its processes for operators of charging points."""

import asyncio
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from chargebridge.app.clock import WallClock
from chargebridge.app.commands.output import AsJson, json_line, out, told_errors
from chargebridge.model.errors import ChargebridgeError

app = typer.Typer(add_completion=False, help="Public keys of meters: register, replace, take over, look up.", no_args_is_help=True)
TIMEOUT_S = 30.0

Url = Annotated[str, typer.Option(envvar="CHARGEBRIDGE_REGISTRY", help="Where the registry is.")]
Token = Annotated[str, typer.Option(envvar="CHARGEBRIDGE_REGISTRY_TOKEN", help="The operator's token.")]
DEFAULT_URL = "http://127.0.0.1:8090"
Evse = Annotated[str, typer.Argument(help="EVSE-ID, such as DE*ABC*E123.")]
Entry = Annotated[str, typer.Argument(help="The entry's id, as `lookup` shows it.")]
Key = Annotated[str, typer.Option(help="The public key, or a file with it.")]
Meter = Annotated[str, typer.Option(help="The meter's serial number.")]
Form = Annotated[str, typer.Option("--format", help="How it signs: OCMF, Alfen Eichrecht, EDL40 Mennekes ...")]
Curve = Annotated[str | None, typer.Option(help="Where the key's form does not tell it.")]
Gateway = Annotated[str, typer.Option(help="The signing unit's serial, where it is another than the meter's.")]
Model = Annotated[str, typer.Option("--station", help="Model of the hardware.")]


class RefusedError(ChargebridgeError):
    """What the registry answers."""


@app.command()
def serve(config: Annotated[Path, typer.Argument(help="The registry's TOML file.")], as_json: AsJson = False) -> None:
    """Run a registry until Ctrl-C."""
    from chargebridge.app.registry_server.serve import serve as run  # the pages' libraries take seconds to load
    from chargebridge.app.registry_server.settings import load

    def ready(url: str) -> None:
        if as_json:
            json_line({"registry": url})
        else:
            out.print(f"[bold green]{settings.registry.name}[/bold green] is at {url}", soft_wrap=True)

    with told_errors(as_json=as_json):
        settings = load(config)
        asyncio.run(run(settings, WallClock(), ready))


@app.command()
def token(as_json: AsJson = False) -> None:
    """A new token for an operator, and what the registry's configuration keeps of it."""
    from chargebridge.app.registry_server.accounts import hash_token

    made = secrets.token_urlsafe(32)
    if as_json:
        json_line({"token": made, "token_sha256": hash_token(made)})
        return
    out.print(f'for the operator    {made}\nfor the registry    token_sha256 = "{hash_token(made)}"', soft_wrap=True)


@app.command()
def commission(
    evse: Evse,
    key: Key,
    meter: Meter,
    format_: Form = "OCMF",
    curve: Curve = None,
    gateway: Gateway = "",
    station: Model = "",
    shared: Annotated[bool, typer.Option(help="The signing unit serves several points with this key.")] = False,
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Register the key of a charging point that is set up. It counts, and is confirmed, once it is public."""
    body = _key_body(evse, key, meter, format_, curve, gateway, station) | {"shared": shared}
    _hand_in(url, token, "commission", body, as_json=as_json)


@app.command("replace-meter")
def replace_meter(
    entry: Entry,
    evse: Evse,
    key: Key,
    meter: Meter,
    format_: Form = "OCMF",
    curve: Curve = None,
    gateway: Gateway = "",
    station: Model = "",
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Another meter at the same charging point; the old key counts until the new one is public."""
    body = _key_body(evse, key, meter, format_, curve, gateway, station) | {"entry": entry}
    _hand_in(url, token, "replace-meter", body, as_json=as_json)


@app.command("update-firmware")
def update_firmware(
    entry: Entry,
    evse: Evse,
    key: Key,
    meter: Meter,
    format_: Form = "OCMF",
    curve: Curve = None,
    gateway: Gateway = "",
    station: Model = "",
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """The same meter has made itself new keys."""
    body = _key_body(evse, key, meter, format_, curve, gateway, station) | {"entry": entry}
    _hand_in(url, token, "update-firmware", body, as_json=as_json)


@app.command()
def decommission(entry: Entry, url: Url = DEFAULT_URL, token: Token = "", as_json: AsJson = False) -> None:
    """The charging point is taken away; what it signed stays provable."""
    _hand_in(url, token, "decommission", {"entry": entry}, as_json=as_json)


@app.command("exchange-hardware")
def exchange_hardware(
    entry: Entry,
    station: Annotated[str, typer.Option(help="Model of the new hardware: the same as before.")],
    meter: Meter,
    serial: Annotated[str, typer.Option(help="Serial number of the new hardware.")] = "",
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Another station around the same meter."""
    body = {"entry": entry, "station": station, "meter": meter, "serial": serial}
    _hand_in(url, token, "exchange-hardware", body, as_json=as_json)


@app.command()
def offer(
    entry: Entry,
    to: Annotated[str, typer.Option(help="Country and party of the operator that takes it over, such as DE*XYZ.")],
    days: Annotated[float, typer.Option(min=0.001, max=366, help="How long it may be claimed.")] = 14,
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Let another operator have a charging point."""
    until = datetime.now(UTC) + timedelta(days=days)
    _hand_in(url, token, "offer", {"entry": entry, "to": to, "until": until.isoformat()}, as_json=as_json)


@app.command("take-over")
def take_over(entry: Entry, evse: Evse, url: Url = DEFAULT_URL, token: Token = "", as_json: AsJson = False) -> None:
    """Take a charging point over that was offered, under an EVSE-ID of your own."""
    _hand_in(url, token, "take-over", {"entry": entry, "evse": evse}, as_json=as_json)


@app.command()
def lookup(
    evse: Annotated[str, typer.Argument(help="EVSE-ID.")] = "",
    meter: Annotated[str, typer.Option(help="Or the serial number of a meter.")] = "",
    at: Annotated[
        datetime | None, typer.Option(help="Only what counts for a session that began then.", formats=["%Y-%m-%dT%H:%M:%S%z"])
    ] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """The entries of a charging point or a meter, oldest first."""
    query = {"evse": evse, "meter": meter, "at": None if at is None else at.isoformat()}
    with told_errors(as_json=as_json):
        _show(_ask(url, "GET", "lookup", query={name: text for name, text in query.items() if text}), as_json=as_json)


@app.command()
def receipt(entry: Entry, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """The confirmation of an entry, with the proof that it is public."""
    with told_errors(as_json=as_json):
        told = _ask(url, "GET", "receipt", query={"entry": entry})
    if as_json:
        json_line(told)
        return
    head = told["head"]
    out.print(
        f"entry {entry} is number {told['index']} of the {head['size']} in the head of {head['at']}, root {head['root'][:16]}…",
        soft_wrap=True,
    )


def _key_body(evse: str, key: str, meter: str, format_: str, curve: str | None, gateway: str, station: str) -> dict[str, Any]:
    path = Path(key) if len(key) < 256 and "\n" not in key else None
    text = path.read_text(encoding="utf-8") if path and path.is_file() else key
    return {"evse": evse, "key": text, "meter": meter, "format": format_, "curve": curve, "gateway": gateway, "station": station}


def _hand_in(url: str, token: str, process: str, body: dict[str, Any], *, as_json: bool) -> None:
    with told_errors(as_json=as_json):
        if not token:
            raise RefusedError("token", "is missing", "set CHARGEBRIDGE_REGISTRY_TOKEN to the operator's token")
        _show(_ask(url, "POST", process, body=body, token=token), as_json=as_json)


def _show(entries: list[dict[str, Any]], *, as_json: bool) -> None:
    for entry in entries:
        if as_json:
            json_line(entry)
            continue
        span = f"since {entry['valid_from']}" + (f" until {entry['valid_to']}" if entry["valid_to"] else "")
        out.print(f"[bold]{entry['evse']}[/bold]  {entry['state']}  {span if entry['state'] != 'pending' else ''}", soft_wrap=True)
        out.print(f"  entry {entry['id']}, meter {entry['meter']}, {entry['format']} on {entry['curve']}, {entry['cause']}", soft_wrap=True)
        out.print(f"  key {entry['key_sha256'][:32]}…", soft_wrap=True)
    if not entries and not as_json:
        out.print("Nothing is registered.")


def _ask(url: str, method: str, path: str, *, query: dict[str, str] | None = None, body: Any = None, token: str = "") -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        answer = httpx.request(method, f"{url.rstrip('/')}/v1/{path}", params=query, json=body, headers=headers, timeout=TIMEOUT_S)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise RefusedError(url, f"cannot be reached ({error})", "see that the registry runs, and give its address by --url") from error
    if answer.is_success:
        return answer.json()
    try:
        told = answer.json()
        if "reason" in told:
            raise RefusedError(str(told["where"]), str(told["reason"]), str(told["cure"]))
        raise RefusedError(path, str(told["detail"]), "mend what you handed in")
    except (ValueError, KeyError, TypeError):
        raise RefusedError(url, f"answered {answer.status_code}", "is this address a registry?") from None
