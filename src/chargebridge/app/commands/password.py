"""``chargebridge password``: a hash for the configuration file."""

import typer

from chargebridge.app.commands.output import out
from chargebridge.store.passwords import hash_password


def password() -> None:
    """Ask for a password and print its hash for a configuration file."""
    out.print(hash_password(typer.prompt("Password", hide_input=True, confirmation_prompt=True)), soft_wrap=True)
