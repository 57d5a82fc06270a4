"""``chargebridge check``: is this configuration sound?"""

from pathlib import Path
from typing import Annotated

import typer

from chargebridge.app.commands.output import AsJson, counted, json_line, out, told_errors
from chargebridge.site.config_file import load


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
