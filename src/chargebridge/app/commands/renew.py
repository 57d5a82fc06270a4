"""``chargebridge renew``: another API token, or another link for a driver, when the old one is known to somebody who should not know it."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer
from sqlalchemy import Connection

from chargebridge.app.commands.output import AsJson, json_line, out, told_errors
from chargebridge.model.errors import UnknownNameError
from chargebridge.site import keys
from chargebridge.site.config import SiteConfig
from chargebridge.site.config_file import load
from chargebridge.store import Database, StoreError

app = typer.Typer(
    add_completion=False,
    help="Renew the API token or a driver's link; the old one ends with the next start of the site.",
    no_args_is_help=True,
)

Config = Annotated[Path, typer.Argument(help="The site's TOML file.")]


@app.command()
def token(config: Config, as_json: AsJson = False) -> None:
    """Renew the owner's API token."""
    with told_errors(as_json=as_json):
        made = _write(load(config), keys.renew_api_token)
    _tell({"token": made}, "the API token is now", made, as_json=as_json)


@app.command()
def link(config: Config, point: Annotated[str, typer.Argument(help="The id of the charging point.")], as_json: AsJson = False) -> None:
    """Renew the link that lets a driver in at one charging point."""
    with told_errors(as_json=as_json):
        site = load(config)
        if all(known.id != point for known in site.point):
            raise UnknownNameError(f"charging point {point}", "is not on this site", f"name one of {', '.join(p.id for p in site.point)}")
        key = _write(site, lambda c: keys.renew_driver_key(c, point))
    page = (site.web.public_url or f"http://{site.web.host}:{site.web.port}").rstrip("/")
    made = f"{page}/p/{quote(point, safe='')}?key={key}"
    _tell({"point": point, "link": made}, f"the driver's link of {point} is now", made, as_json=as_json)


def _write(site: SiteConfig, work: Callable[[Connection], str]) -> str:
    store = site.site.store
    if not store.exists():
        raise StoreError(str(store), "there is no such database", "the site's first start makes it, with its token and links")
    database = Database.open(store)
    try:
        return asyncio.run(database.write(work))
    finally:
        database.close()


def _tell(facts: dict[str, str], said: str, made: str, *, as_json: bool) -> None:
    if as_json:
        json_line(facts)
        return
    out.print(f"{said}\n  {made}\nThe old one ends with the next start of the site.", soft_wrap=True)
