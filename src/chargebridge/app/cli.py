"""``chargebridge``: the one command, with a subcommand for each thing a person does."""

import sys
from pathlib import Path
from typing import Annotated

import structlog
import typer

from chargebridge import __version__
from chargebridge.app.commands import ca, doctor, meter, renew, replay, station_run, stations, up
from chargebridge.app.commands.output import AsJson, counted, json_line, out, told_errors
from chargebridge.site.config_file import load
from chargebridge.store.passwords import hash_password

app = typer.Typer(
    name="chargebridge",
    help="EV charging that never blows a fuse, obeys the grid operator and says why.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(ca.app, name="ca")
app.add_typer(meter.app, name="meter")
app.add_typer(renew.app, name="renew")
app.add_typer(station_run.app, name="station")
app.add_typer(stations.app, name="stations")
app.command()(up.up)
app.command()(replay.replay)
app.command()(doctor.doctor)


@app.command()
def check(config: Annotated[Path, typer.Argument(help="The site's TOML file.")], as_json: AsJson = False) -> None:
    """Check a configuration: every mistake with its line and its cure, and whether the fallback currents fit under the fuses."""
    with told_errors(as_json=as_json):
        site = load(config)
    topology = site.topology()
    if as_json:
        json_line({"configuration": str(config), "ok": True, "circuits": len(topology.circuits), "points": len(topology.points)})
        return
    out.print(
        f"[green]{config} is sound[/green]: {counted(len(topology.circuits), 'circuit')}, {counted(len(topology.points), 'charging point')}"
    )


@app.command()
def password() -> None:
    """Ask for a password and print its hash for a configuration file."""
    out.print(hash_password(typer.prompt("Password", hide_input=True, confirmation_prompt=True)), soft_wrap=True)


@app.command()
def version(as_json: AsJson = False) -> None:
    """Print the version."""
    if as_json:
        json_line({"version": __version__})
    else:
        out.print(__version__)


def main() -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # what is printed is the commands' own
    app()
