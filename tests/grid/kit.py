"""A real site with a control box at its EEBUS port: real sockets and TLS between them, one clock for both."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from chargebridge.links.eebus.peer import Address
from chargebridge.links.eebus.settings import StaticPeer
from chargebridge.model.decision import Effective
from chargebridge.model.limit import Limit
from chargebridge.sim.eebus.control_box import ControlBox
from tests.site.kit import CONFIG, Bench, bench, until

__all__ = ["GRID", "WHOLE", "at_the_grid", "binding", "box_at", "entry", "joined", "later", "until", "with_grid"]

GROUP = """
[[group]]
id = "controllable"
name = "Controllable devices"
members = ["a", "b"]
"""
GRID = """
[eebus.grid]
group = "controllable"
nominal_w = 34500
"""
WHOLE = GRID.replace('group = "controllable"', 'node = "main"')


def with_grid(folder: Path, grid: str = GRID, config: str = CONFIG) -> str:
    return f'{config}{GROUP}\n[eebus]\nfolder = "{folder / "eebus"}"\nport = 0\n{grid}'


def box_at(site: Bench, **more: Any) -> ControlBox:
    """A control box that knows the site's address, and that the site trusts once it is started."""
    assert site.eebus is not None
    hub = site.eebus.hub
    return ControlBox(site.clock, peers=(StaticPeer(hub.identity.ski, Address("127.0.0.1", hub.port)),), **more)


@contextlib.asynccontextmanager
async def at_the_grid(folder: Path, text: str | None = None, *, speed: float = 1.0, **more: Any) -> AsyncIterator[tuple[Bench, ControlBox]]:
    """The site, and its control box after the first limit (none)."""
    async with bench(folder, text=text or with_grid(folder), speed=speed) as site, joined(site, **more) as box:
        yield site, box


@contextlib.asynccontextmanager
async def joined(site: Bench, **more: Any) -> AsyncIterator[ControlBox]:
    box = box_at(site, **more)
    assert site.eebus is not None
    await site.eebus.hub.pair(box.ski, name="the control box")
    async with box:
        await box.found()
        yield box


async def later(site: Bench, seconds: float) -> None:
    """So many seconds pass at once, for the site and its control box; both see to their timers."""
    site.clock.skip(seconds)
    assert site.eebus is not None
    await site.eebus.hub.act(lambda now: None)
    await site.site.grid.look()


def entry(site: Bench, use_case: str = "LPC") -> Limit:
    (found,) = site.site.live.limits.of(f"grid eebus {use_case}")
    return found


def binding(site: Bench, node: str = "controllable", use_case: str = "LPC") -> Effective:
    """What the newest decision was made with."""
    made = site.site._engine.latest
    assert made is not None
    return next(e for n in made.nodes if n.node == node for e in n.limits if e.limit == f"grid eebus {use_case}")
