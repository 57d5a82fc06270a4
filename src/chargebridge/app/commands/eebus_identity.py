"""``chargebridge eebus identity``: who this site is to other devices, and keeping that for good."""

import os
import sys
from pathlib import Path
from typing import Annotated

import segno
import typer

from chargebridge.app.clock import WallClock
from chargebridge.app.commands.output import AsJson, json_line, out, told_errors
from chargebridge.links.durable import write_file
from chargebridge.links.eebus import backup as backups
from chargebridge.links.eebus.identity_folder import IdentityError, IdentityFolder, OwnNode, certificate_end
from chargebridge.site.eebus_peers import written
from chargebridge.wire.eebus.ship.identity import CURVES
from chargebridge.wire.eebus.ship.qr import ShipCode, to_text

app = typer.Typer(
    add_completion=False,
    help="Our key, certificate, SKI and SHIP ID, in one folder. They must never change: every paired device knows us by them.",
    no_args_is_help=True,
)

Folder = Annotated[Path, typer.Option("--folder", help="As `folder` in [eebus] says.")]
File = Annotated[Path, typer.Argument(help="The backup's file.")]
PassphraseEnv = Annotated[str | None, typer.Option(help="The environment variable with the backup's passphrase.")]
DEFAULT_FOLDER = Path("data/eebus")


@app.command()
def show(
    folder: Folder = DEFAULT_FOLDER,
    secret: Annotated[
        bool, typer.Option("--secret", help="With the secret of the pairing service: for the metering operator only.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """SKI, SHIP ID, fingerprint, and the QR code of them."""
    with told_errors(as_json=as_json):
        own = IdentityFolder(folder).read()
    code = to_text(
        ShipCode(
            ski=own.identity.ski,
            ship_id=own.ship_id,
            fingerprints={CURVES[0]: own.identity.fingerprint},
            secret=own.secret if secret else None,
        )
    )
    ends = certificate_end(own.identity)
    if as_json:
        json_line(_facts(own) | {"certificate_until": ends.isoformat(), "code": code})
        return
    out.print(f"SKI          {written(own.identity.ski)}", markup=False)
    out.print(f"SHIP ID      {own.ship_id}", markup=False, soft_wrap=True)
    out.print(f"fingerprint  {own.identity.fingerprint}", markup=False, soft_wrap=True)
    out.print(f"device       {own.device_address}", markup=False, soft_wrap=True)
    out.print(f"certificate  until {ends:%Y-%m-%d}")
    segno.make(code, error="m", micro=False).terminal(out=sys.stdout, compact=True, border=2)


@app.command()
def backup(
    file: File,
    folder: Folder = DEFAULT_FOLDER,
    passphrase_env: PassphraseEnv = None,
    passphrase: Annotated[bool, typer.Option("--passphrase", help="Ask for a passphrase to encipher it with.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write key, certificate, names and the list of trusted peers to one file; the site may go on running. Keep it elsewhere."""
    with told_errors(as_json=as_json):
        word = typer.prompt("Passphrase", hide_input=True, confirmation_prompt=True) if passphrase else _passphrase(passphrase_env)
        if file.exists():
            raise IdentityError(str(file), "is there already", "name a new file: a backup is never written over")
        content = backups.write(IdentityFolder(folder), WallClock().now(), word)
        own = IdentityFolder(folder).read()
        try:
            write_file(file, content, 0o600)
        except OSError as error:
            raise IdentityError(str(file), f"cannot be written ({error})", "name a file in a folder that this user may write to") from None
    if as_json:
        json_line(_facts(own) | {"file": str(file), "enciphered": word is not None})
        return
    open_word = "" if word else " Whoever has it can be this site: keep it safe, or make it again with --passphrase."
    out.print(f"{file} holds the identity {written(own.identity.ski)}.{open_word}", markup=False, soft_wrap=True)


@app.command()
def restore(
    file: File,
    folder: Folder = DEFAULT_FOLDER,
    passphrase_env: PassphraseEnv = None,
    replace: Annotated[bool, typer.Option("--replace", help="Also where another identity is in use: it is moved aside.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put the identity of a backup, with whom it trusts, into the folder. The site must not run meanwhile."""
    with told_errors(as_json=as_json):
        try:
            with file.open("rb") as opened:
                content = opened.read(backups.MAX_BACKUP + 1)
        except OSError as error:
            raise IdentityError(
                str(file), f"cannot be read ({error})", "name a file that `chargebridge eebus identity backup` wrote"
            ) from None
        word = _passphrase(passphrase_env)
        if word is None and backups.needs_passphrase(content):
            word = typer.prompt("Passphrase", hide_input=True)
        own = backups.restore(IdentityFolder(folder), content, WallClock().now(), word, overwrite=replace)
    if as_json:
        json_line(_facts(own) | {"folder": str(folder)})
        return
    out.print(f"{folder} holds the identity {written(own.identity.ski)}, {own.ship_id}", markup=False, soft_wrap=True)


@app.command("change-secret")
def change_secret(folder: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """A new secret for the pairing service: the code that was shown before is of no use any more. The site must not run meanwhile."""
    with told_errors(as_json=as_json):
        own = IdentityFolder(folder).change_secret()
    if as_json:
        json_line(_facts(own) | {"folder": str(folder)})
        return
    out.print(
        "The code has a new secret: give it to the metering operator anew. Devices that are paired stay so.", markup=False, soft_wrap=True
    )


def _facts(own: OwnNode) -> dict[str, object]:
    return {
        "ski": own.identity.ski,
        "ship_id": own.ship_id,
        "fingerprint": own.identity.fingerprint,
        "device_address": own.device_address,
    }


def _passphrase(name: str | None) -> str | None:
    if name is None:
        return None
    value = os.environ.get(name)
    if not value:
        raise IdentityError("passphrase", f"the environment variable {name} is not set", "set it to the passphrase")
    return value
