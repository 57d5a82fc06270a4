"""``chargebridge ca``: our certificate authority for stations and their server, in one folder."""

import os
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table

from chargebridge.app.clock import WallClock
from chargebridge.app.commands.output import AsJson, json_line, out, told_errors
from chargebridge.links.durable import write_file
from chargebridge.model.errors import ModelError
from chargebridge.stations.ocpp.pki import SERVER_DAYS, STATION_DAYS, Authority, Issued, KeyKind, Reason, serial_of
from chargebridge.stations.ocpp.pki_files import AuthorityError, make_key, write_key
from chargebridge.stations.ocpp.pki_requests import read_request

app = typer.Typer(add_completion=False, help="A certificate authority for the stations and their server.", no_args_is_help=True)

Folder = Annotated[Path, typer.Option("--folder", help="Where the CA is.")]
PassphraseEnv = Annotated[str | None, typer.Option(help="The environment variable with the passphrase of the CA's keys.")]
To = Annotated[Path, typer.Option(help="The folder that certificate and key are written to.")]
DEFAULT_FOLDER = Path("ca")
HERE = Path(".")
SOON_DAYS = 30


@app.command()
def create(
    operator: Annotated[str, typer.Argument(help="Your organisation, as it is to stand in every certificate.")],
    folder: Folder = DEFAULT_FOLDER,
    key: Annotated[KeyKind, typer.Option(help="ec (P-256), or rsa (3072) for stations that know nothing else.")] = "ec",
    passphrase_env: PassphraseEnv = None,
    as_json: AsJson = False,
) -> None:
    """Make a root and an intermediate. Keep root.key elsewhere afterwards: only `ca renew --intermediate` needs it."""
    with told_errors(as_json=as_json):
        made = Authority.create(folder, operator, _now(), key=key, passphrase=_passphrase(passphrase_env))
    if as_json:
        json_line({"folder": str(folder), "operator": operator, "root": serial_of(made.root)})
    else:
        out.print(f"made {folder} for {operator}; stations are to trust {folder}/root.pem", soft_wrap=True, markup=False)


@app.command()
def issue(
    kind: Annotated[Literal["server", "station"], typer.Argument(help="For the Central System, or for a station.")],
    name: Annotated[str, typer.Argument(help="The server's host name, or the station's identity.")],
    also: Annotated[list[str] | None, typer.Option(help="Further names or addresses of the server.")] = None,
    request: Annotated[Path | None, typer.Option(help="A station's signing request (PEM), so that its key stays with it.")] = None,
    key: Annotated[KeyKind, typer.Option(help="The kind of key to make.")] = "ec",
    days: Annotated[int | None, typer.Option(min=1, help="How long it counts.")] = None,
    to: To = HERE,
    folder: Folder = DEFAULT_FOLDER,
    passphrase_env: PassphraseEnv = None,
    as_json: AsJson = False,
) -> None:
    """Issue a certificate; it is written with the intermediate behind it, its key 0600 beside it."""
    with told_errors(as_json=as_json):
        authority = Authority(folder, _passphrase(passphrase_env))
        stem = to / f"{re.sub(r'[^A-Za-z0-9_.-]', '_', name)}{'-rsa' if key == 'rsa' else ''}"
        secret = None if request is not None else make_key(key)
        if request is not None:
            if kind == "server":
                raise ModelError("request", "is for stations only", "leave it out: a server's key is made here")
            public = read_request(_text(request), name, authority.operator)
        else:
            assert secret is not None
            public = secret.public_key()
        if kind == "server":
            made = authority.issue_server([name, *(also or ())], public, _now(), days or SERVER_DAYS)
        else:
            made = authority.issue_station(name, public, _now(), days or STATION_DAYS)
        paths = _write(authority.chain(made), secret, stem)
    if as_json:
        json_line({"serial": serial_of(made), "expires_at": made.not_valid_after_utc.isoformat(), "files": [str(path) for path in paths]})
    else:
        out.print(f"{serial_of(made)}, until {made.not_valid_after_utc:%Y-%m-%d}", markup=False)
        for path in paths:
            out.print(f"  {path}", soft_wrap=True, markup=False)


@app.command()
def revoke(
    serial: Annotated[str, typer.Argument(help="The serial number, as `ca list` shows it.")],
    reason: Annotated[Reason, typer.Option(help="As RFC 5280 names it.")] = "unspecified",
    folder: Folder = DEFAULT_FOLDER,
    passphrase_env: PassphraseEnv = None,
    as_json: AsJson = False,
) -> None:
    """Revoke a certificate for ever. A running site cuts its station off within seconds."""
    with told_errors(as_json=as_json):
        Authority(folder, _passphrase(passphrase_env)).revoke(serial, reason, _now())
    if as_json:
        json_line({"serial": serial, "reason": reason})
    else:
        out.print(f"{serial} is revoked ({reason})", markup=False)


@app.command("list")
def list_(
    folder: Folder = DEFAULT_FOLDER,
    expiring: Annotated[int | None, typer.Option(min=0, help="Only those that end within so many days.")] = None,
    as_json: AsJson = False,
) -> None:
    """All certificates, the next to end first."""
    with told_errors(as_json=as_json):
        rows = Authority(folder).issued()
    now = _now()
    if expiring is not None:
        rows = [one for one in rows if one.revoked is None and now < one.expires_at < now + timedelta(days=expiring)]
    if as_json:
        for one in rows:
            json_line(one)
        return
    table = Table("serial", "kind", "name", "until", "", box=None)
    for one in rows:
        state = f"revoked: {one.revoked.reason}" if one.revoked else "expired" if one.expires_at < now else ""
        table.add_row(one.serial, one.kind, one.name, f"{one.expires_at:%Y-%m-%d}", state)
    out.print(table)


@app.command()
def renew(
    intermediate: Annotated[bool, typer.Option("--intermediate", help="Make a new intermediate; needs root.key in the folder.")] = False,
    to: To = HERE,
    folder: Folder = DEFAULT_FOLDER,
    passphrase_env: PassphraseEnv = None,
    as_json: AsJson = False,
) -> None:
    """Renew what ends within 30 days: server certificates written to the folder given, and the list of revoked ones. For a timer, once a day.

    Stations renew theirs by themselves, reminded by the running site.
    """
    with told_errors(as_json=as_json):
        authority = Authority(folder, _passphrase(passphrase_env))
        if intermediate:
            authority.renew_intermediate(_now())
        authority.write_crl(_now())
        renewed = [_renew_server(authority, path) for path in sorted(to.glob("*.pem")) if _ends_soon(authority, path)]
    if as_json:
        json_line({"intermediate": intermediate, "renewed": [str(path) for path in renewed]})
        return
    for path in renewed:
        out.print(f"renewed {path}", soft_wrap=True, markup=False)
    out.print(f"the list of revoked certificates is new: {folder}/crl.pem", soft_wrap=True, markup=False)


def _ends_soon(authority: Authority, path: Path) -> bool:
    about = _ours(authority, path)
    return about is not None and about.kind == "server" and about.expires_at < _now() + timedelta(days=SOON_DAYS)


def _ours(authority: Authority, path: Path) -> Issued | None:
    """What we issued and stands in this file; None for anything else."""
    text = _text(path)
    return next((one for one in authority.issued() if text.startswith(_text(authority.folder / "issued" / f"{one.serial}.pem"))), None)


def _renew_server(authority: Authority, path: Path) -> Path:
    """A new key too; the old pair is replaced in one move each, which a running site notices."""
    made, key = authority.again(_text(path), _now())
    write_key(path.with_suffix(".key"), key, None)
    write_file(path, authority.chain(made).encode())
    return path


def _write(chain: str, key: object, stem: Path) -> list[Path]:
    try:
        stem.parent.mkdir(parents=True, exist_ok=True)
        paths = [stem.with_name(stem.name + ".pem")]
        if key is not None:
            secret = stem.with_name(stem.name + ".key")
            write_key(secret, key, None)  # type: ignore[arg-type]  # made by make_key
            paths.append(secret)
        write_file(paths[0], chain.encode())
    except OSError as error:
        raise AuthorityError(str(stem), f"cannot be written ({error})", "choose another folder with --to") from error
    return paths


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise AuthorityError(str(path), f"cannot be read ({error})", "name a PEM file") from error


def _passphrase(name: str | None) -> str | None:
    if name is None:
        return None
    value = os.environ.get(name)
    if not value:
        raise AuthorityError("passphrase", f"the environment variable {name} is not set", "set it to the passphrase")
    return value


def _now() -> datetime:
    return WallClock().now()
