"""``chargebridge version``."""

from chargebridge import __version__
from chargebridge.app.commands.output import AsJson, json_line, out


def version(as_json: AsJson = False) -> None:
    """Print the version."""
    if as_json:
        json_line({"version": __version__})
    else:
        out.print(__version__)
