"""``chargebridge up``: run a site; without a configuration, the demo."""

import asyncio
import secrets
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chargebridge.app.clock import WallClock
from chargebridge.app.commands.output import AsJson, json_line, out, told_errors
from chargebridge.site.config import SiteConfig
from chargebridge.site.config_file import load
from chargebridge.site.eebus_peers import written

if TYPE_CHECKING:
    from chargebridge.app.serve import Running

DEMO_SEED = 7
FIRST_PORT = 9101


def up(
    config: Annotated[
        Path | None, typer.Argument(help="The site's TOML file; without one, the demo site with a simulated property.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port of the pages, instead of the configured one.")] = None,
    ocpp_port: Annotated[int | None, typer.Option(help="Port for charging stations, instead of the configured one.")] = None,
    store: Annotated[Path | None, typer.Option(help="The database, instead of the configured one.")] = None,
    seed: Annotated[int, typer.Option(help="Of the demo's chance events; the same seed tells the same story.")] = DEMO_SEED,
    demo_ports: Annotated[int, typer.Option(help="First TCP port of the demo's meters; 0 takes free ones.")] = FIRST_PORT,
    as_json: AsJson = False,
) -> None:
    """Run a site until Ctrl-C: reads its meters, serves its stations, decides, and shows it all on a page."""
    from chargebridge.app import demo as demo_site  # the pages' libraries take seconds to load: only this command needs them
    from chargebridge.app.serve import serve

    with told_errors(as_json=as_json):
        site = _with(demo_site.demo_config() if config is None else load(config), port, ocpp_port, store)
        password = None if site.web.password_hash or site.web.password_env else secrets.token_urlsafe(9)
        ready = partial(_announce, site=site, password=password, as_json=as_json)
        clock = WallClock()
        if config is None:
            demo_site.demo_password()
            asyncio.run(demo_site.run_demo(site, clock, password=password, seed=seed, ports=demo_ports, ready=ready))
        else:
            asyncio.run(serve(site, clock, password=password, ready=ready))


def _with(site: SiteConfig, port: int | None, ocpp_port: int | None, store: Path | None) -> SiteConfig:
    web = site.web if port is None else site.web.model_copy(update={"port": port})
    ocpp = site.ocpp if ocpp_port is None else site.ocpp.model_copy(update={"port": ocpp_port})
    about = site.site if store is None else site.site.model_copy(update={"store": store})
    return site.model_copy(update={"web": web, "ocpp": ocpp, "site": about})


def _announce(running: "Running", site: SiteConfig, password: str | None, *, as_json: bool) -> None:
    service = running.site.service
    links = {p.id: f"{running.web_url}/p/{p.id}?key={service.driver_key(p.id)}" for p in site.point}
    hub = None if running.eebus is None else running.eebus.hub
    if as_json:
        facts = {"page": running.web_url, "password": password, "stations": running.ocpp_url, "drivers": links, "token": running.api_token}
        json_line(facts if hub is None else facts | {"eebus": {"ski": hub.identity.ski, "port": hub.port}})
        return
    out.print(f"\n[bold green]{site.site.name}[/bold green] is live")
    out.print(
        f"  page       {running.web_url}" + (f"   (owner's password for this run: [bold]{password}[/bold])" if password else ""),
        soft_wrap=True,
    )
    if links:
        out.print(f"  a driver   {next(iter(links.values()))}", soft_wrap=True)
    out.print(f"  stations   {running.ocpp_url}<station id>   (OCPP 1.6J, 2.0.1 and 2.1)")
    if hub is not None:
        out.print(f"  EEBUS      port {hub.port}, SKI {written(hub.identity.ski)}", soft_wrap=True)
    out.print(f"  REST       {running.web_url}/api/v1   (bearer token: {running.api_token})", soft_wrap=True)
    out.print("  Ctrl-C ends it\n")
