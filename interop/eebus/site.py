"""Their Energy Guard limits our whole site: what it writes is in the book and on record when it is answered; a restart leaves its failsafe value;
it reads our meter."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

from chargebridge.app.clock import WallClock
from chargebridge.app.eebus import EebusNode, open_eebus
from chargebridge.links.eebus.peer import Address
from chargebridge.model.limit import Bound, LimitedPower, Unknown, Unlimited
from chargebridge.model.reading import Reading
from chargebridge.site.config_file import parse
from chargebridge.site.site import Site
from chargebridge.stations.ocpp import CentralSystem, ServerSettings
from chargebridge.store import Database
from interop.eebus.go_peer import GoPeer, Line
from interop.eebus.lab import Dialled, Report, until

CONFIG = """
[site]
name = "Site"

[[meter]]
id = "m"
url = "tcp://127.0.0.1:1"

[[circuit]]
id = "main"
name = "Main"
fuse_a = 63
meter = "m"

[[station]]
id = "CP-1"
open = true

[[point]]
id = "a"
name = "A"
circuit = "main"
station = "CP-1"

[eebus]
folder = "{folder}"
port = 0

[eebus.grid]
node = "main"
nominal_w = 43000
measure = true

[eebus.grid.production]
nominal_w = 10000
"""
REJECTED = 7


async def limits(report: Report, program: Path, folder: Path, dialled: Dialled) -> None:
    async with GoPeer(program, "guard", folder / "guard.pem") as guard:
        async with _site(folder) as (site, node):
            await _meet(guard, node, dialled)
            await _limits(report, site, node, guard)
        async with _site(folder) as (site, node):
            held = _bound(site, "LPC")
            report.check("site, its failsafe value is there after a restart", isinstance(held, Unknown) and held.failsafe_w == 6000, held)
            await _meet(guard, node, dialled)
            answer = await _write(guard, node, "lpc", 3000.0)
            report.check("site, and it is limited again", answer["result"] == 0 and _bound(site, "LPC") == LimitedPower(3000), answer)


async def _limits(report: Report, site: Site, node: EebusNode, guard: GoPeer) -> None:
    ski = node.hub.identity.ski
    read = await guard.read("lpc", ski, lambda said: "nominal_w" in said and "failsafe_s" in said)
    report.check("site, its nominal and failsafe values are read", (read["nominal_w"], read["failsafe_w"]) == (43000, 4200), read)
    report.check("site, until the first limit the failsafe one holds", isinstance(_bound(site, "LPC"), Unknown), _bound(site, "LPC"))
    for value in (4200.0, 0.0):
        answer = await _write(guard, node, "lpc", value)
        report.check(f"site, {value:g} W is in the book when it is answered", _bound(site, "LPC") == LimitedPower(value), answer)
        (row,) = await site.grid.instructions(1)
        report.check(f"site, {value:g} W is on record", (row.value_w, row.accepted, row.sender) == (value, True, guard.ski), row)
    answer = await _write(guard, node, "lpc", -1.0)
    report.check("site, a negative limit is refused", answer["result"] == REJECTED and _bound(site, "LPC") == LimitedPower(0), answer)
    answer = await _write(guard, node, "lpp", -3000.0)
    report.check("site, what it feeds in is limited", answer["result"] == 0 and _bound(site, "LPP") == LimitedPower(3000), answer)
    answer = await _write(guard, node, "lpc", 0.0, active=False)
    report.check("site, a limit is ended", answer["result"] == 0 and _bound(site, "LPC") == Unlimited(), answer)
    answer = await guard.do("failsafe", of="lpc", ski=ski, value=6000.0)
    report.check("site, a failsafe value is taken", answer["result"] == 0, answer)
    site.read(
        Reading(meter="m", received_at=WallClock().now(), power_w=-1500.0, energy_export_wh=Decimal(7000), energy_import_wh=Decimal(9))
    )
    told = await guard.read("mgcp", ski, lambda said: said.get("power_w") == -1500)
    report.check("site, its grid meter is read", (told["fed_in_wh"], told["consumed_wh"]) == (7000, 9), told)
    told = await guard.read("mpc", ski, lambda said: "power_w" in said)
    report.check("site, what its limited devices draw is read", told["power_w"] == 0, told)


@asynccontextmanager
async def _site(folder: Path) -> AsyncIterator[tuple[Site, EebusNode]]:
    config, clock, database = parse(CONFIG.format(folder=folder / "eebus")), WallClock(), Database.open(folder / "site.db")
    node = open_eebus(config, clock)
    assert node is not None
    settings = ServerSettings(port=0)
    site = await Site.open(config, clock, database, lambda sink: CentralSystem(settings, [], sink, clock), (), make_grid=node.make_grid)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(site.run()), group.create_task(node.run())]
            await node.hub.opened()
            yield site, node
            for task in tasks:
                task.cancel()
    finally:
        database.close()


async def _meet(guard: GoPeer, node: EebusNode, dialled: Dialled) -> None:
    """As `lab.join`, of a whole site."""
    ski = node.hub.identity.ski
    await guard.do("trust", ski=ski)
    if dialled is Dialled.BY_US:
        await node.hub.pair(guard.ski, address=Address("127.0.0.1", guard.port))
    else:
        await node.hub.pair(guard.ski)
        await guard.do("dial", ski=ski, host="127.0.0.1", port=node.hub.port)
    await until(lambda: guard.ski in node.hub.node.links)


async def _write(guard: GoPeer, node: EebusNode, of: str, value: float, *, active: bool = True) -> Line:
    await guard.read(of, node.hub.identity.ski, lambda said: "limit_w" in said)
    return await guard.do("limit", of=of, ski=node.hub.identity.ski, value=value, active=active)


def _bound(site: Site, use_case: str) -> Bound:
    (limit,) = site.live.limits.of(f"grid eebus {use_case}")
    return limit.bound
