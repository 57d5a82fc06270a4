"""``chargebridge``: the one command, with a subcommand for each thing a person does.

A subcommand's module is imported when it is asked for: what one of them needs (a database, web pages, drivers of meters) takes seconds to load
on a small box, and the others do without.
"""

import atexit
import gc
import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

COMMANDS = {
    "up": "up",
    "check": "check",
    "doctor": "doctor",
    "meter": "meter",
    "station": "station_run",
    "stations": "stations",
    "money": "money",
    "eebus": "eebus",
    "verify": "verify",
    "registry": "registry",
    "ca": "ca",
    "renew": "renew",
    "replay": "replay",
    "plan": "plan",
    "forecast": "forecast",
    "password": "password",
    "version": "version",
}
"""Name: module in ``app.commands``, which has a function of that name, or an ``app`` with subcommands."""

SILENT = {"version", "password", "verify"}
"""Those that log nothing, and need not load what does."""


class Subcommands(TyperGroup):
    """Finds a command in its module, and imports no other."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        if cmd_name not in SILENT:
            _log_to_stderr()
        module = import_module(f"chargebridge.app.commands.{COMMANDS[cmd_name]}")
        group = getattr(module, "app", None)
        if group is None:
            group = typer.Typer(add_completion=False)
            group.command(cmd_name)(getattr(module, cmd_name))
        found = typer.main.get_command(group)
        found.name = cmd_name
        return found


app = typer.Typer(
    name="chargebridge",
    cls=Subcommands,
    help="EV charging that never blows a fuse, obeys the grid operator and says why.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def chargebridge() -> None:
    """EV charging that never blows a fuse, obeys the grid operator and says why."""


def _log_to_stderr() -> None:
    """What is printed is the commands' own."""
    import structlog

    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))


def main() -> None:
    atexit.register(gc.freeze)  # else the interpreter, on its way out, looks for rubbish in 1,700 modules: more than a second
    app()
