"""``chargebridge doctor``: look at everything a site needs, and say what is wrong and what to do."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct
from rich.markup import escape

from chargebridge.app.clock import WallClock
from chargebridge.app.commands.output import AsJson, counted, json_line, out, told_errors
from chargebridge.links.eebus.identity_folder import IdentityFolder, expiry
from chargebridge.meters.registry import open_meter
from chargebridge.model.errors import ChargebridgeError
from chargebridge.model.reading import MeterFault
from chargebridge.site.config import MeterTable, SiteConfig
from chargebridge.site.config_eebus import EebusTable
from chargebridge.site.config_file import load
from chargebridge.store import Database, StoreError

LISTEN_S = 12.0
"""Longer than the slowest of the ports that push: the Norwegian list 2 comes every 10 s."""
FREE_BYTES = 500 * 2**20
CLOCK_YEAR = 2026


class Finding(Struct, frozen=True, kw_only=True):
    """ok: nothing to do. cure: what to do otherwise."""

    what: str
    ok: bool
    found: str
    cure: str = ""


def doctor(
    config: Annotated[Path, typer.Argument(help="The site's TOML file.")],
    as_json: AsJson = False,
) -> None:
    """Examine a site: configuration, store, clock, ports, passwords and each meter, listened to for a few seconds."""
    with told_errors(as_json=as_json):
        site = load(config)
    findings = asyncio.run(_examine(site, as_json=as_json))
    if not all(f.ok for f in findings):
        raise typer.Exit(1)


async def _examine(config: SiteConfig, *, as_json: bool) -> list[Finding]:
    findings = []
    async for finding in examine(config):
        findings.append(finding)
        if as_json:
            json_line(finding)
        else:
            mark = "[green]ok[/green]  " if finding.ok else "[red]wrong[/red]"
            told = escape(f"{finding.what}: {finding.found}" + (f"\n      {finding.cure}" if finding.cure else ""))
            out.print(f"{mark} {told}", soft_wrap=True)
    return findings


async def examine(config: SiteConfig) -> AsyncIterator[Finding]:
    """One finding after the other; the meters are listened to together."""
    yield Finding(
        what="configuration", ok=True, found=f"{counted(len(config.circuit), 'circuit')}, {counted(len(config.point), 'charging point')}"
    )
    yield _clock()
    for finding in (*_store(config), *_secrets(config)):
        yield finding
    ports = [("pages", config.web.host, config.web.port), ("stations", config.ocpp.host, config.ocpp.port)]
    if config.eebus is not None:
        ports.append(("EEBUS devices", config.eebus.host, config.eebus.port))
    for name, host, port in ports:
        yield _port(name, host, port)
    if config.ocpp.certificate is None and config.ocpp.host not in ("127.0.0.1", "::1", "localhost"):
        yield Finding(
            what="stations' port",
            ok=False,
            found="speaks without TLS to the network",
            cure="give [ocpp] certificate and key, or bind to loopback",
        )
    if config.eebus is not None:
        for finding in _eebus(config.eebus):
            yield finding
    for finding in await asyncio.gather(*(_listen(meter) for meter in config.meter)):
        yield finding


def _clock() -> Finding:
    now = WallClock().now()
    ok = now.year >= CLOCK_YEAR
    return Finding(what="clock", ok=ok, found=f"{now:%Y-%m-%d %H:%M:%S} UTC", cure="" if ok else "set the machine's time (NTP)")


def _store(config: SiteConfig) -> Iterator[Finding]:
    path = config.site.store
    try:
        database = Database.open(path)
    except StoreError as error:
        yield Finding(what="store", ok=False, found=error.reason, cure=error.cure)
        return
    database.close()
    free = shutil.disk_usage(path.parent).free
    cure = "" if free >= FREE_BYTES else "free some room, or lower keep_days"
    yield Finding(what="store", ok=not cure, found=f"{path} opens, {free / 2**30:.1f} GiB free", cure=cure)


def _secrets(config: SiteConfig) -> Iterator[Finding]:
    named = [(f"station {s.id}", s.password_env) for s in config.station] + [("web", config.web.password_env)]
    missing = [(who, name) for who, name in named if name and not os.environ.get(name)]
    for who, name in missing:
        yield Finding(
            what=f"password of {who}", ok=False, found=f"the environment variable {name} is not set", cure="set it before starting"
        )
    for station in config.station:
        if station.open:
            cure = "give it a password unless only it can reach the port"
            yield Finding(what=f"station {station.id}", ok=True, found="gets in without a password", cure=cure)


def _port(name: str, host: str, port: int) -> Finding:
    what = f"port of the {name}"
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            return Finding(what=what, ok=True, found=f"{host}:{port} is free")
    except OSError as error:
        return Finding(
            what=what, ok=False, found=f"{host}:{port}: {error.strerror}", cure="is the site running already? else give another port"
        )


def _eebus(table: EebusTable) -> Iterator[Finding]:
    """Whether peers will know us, and can reach us. The folder is only looked into: an identity is made by the first start."""
    what, folder = "EEBUS identity", IdentityFolder(table.folder)
    if table.host in ("127.0.0.1", "::1", "localhost") and (table.interfaces or table.grid is not None):
        cure = "give [eebus] host the address at which the control box reaches this machine, unless it is on this machine too"
        yield Finding(what="port of the EEBUS devices", ok=True, found=f"{table.host} is reached from this machine only", cure=cure)
    if not folder.node.exists():
        yield Finding(what=what, ok=True, found=f"{table.folder} is empty: one is made by the first start")
        return
    try:
        own = folder.read()
    except ChargebridgeError as error:
        yield Finding(what=what, ok=False, found=error.reason, cure=error.cure)
        return
    trouble = expiry(own.identity, WallClock().now())
    yield Finding(
        what=what,
        ok=trouble is None,
        found=f"SKI {own.identity.ski}" if trouble is None else trouble.reason,
        cure="" if trouble is None else trouble.cure,
    )


async def _listen(meter: MeterTable) -> Finding:
    clock, what = WallClock(), f"meter {meter.id}"
    fault: MeterFault | None = None
    try:
        async with asyncio.timeout(LISTEN_S):
            async for item in open_meter(meter.url, meter.id, clock).readings():
                if isinstance(item, MeterFault):
                    fault = item
                    continue
                power = "no power in it" if item.power_w is None else f"{item.power_w:.0f} W"
                return Finding(what=what, ok=True, found=f"heard at {meter.url}, {power}")
    except TimeoutError:
        pass
    except ChargebridgeError as error:
        return Finding(what=what, ok=False, found=error.reason, cure=error.cure)
    if fault is not None:
        return Finding(what=what, ok=False, found=fault.reason, cure=fault.cure)
    cure = "check cable, baud rate and protocol; some ports must be enabled by the grid operator first"
    return Finding(what=what, ok=False, found=f"nothing heard for {LISTEN_S:g} s at {meter.url}", cure=cure)
