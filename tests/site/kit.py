"""A real site in the test's own process: a database file, a Central System on a free port, raw OCPP clients at it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from chargebridge.app.eebus import EebusNode, open_eebus
from chargebridge.grid.port import no_sources
from chargebridge.meters.port import Meter
from chargebridge.sim.world.clock import FastClock
from chargebridge.site.config_file import parse
from chargebridge.site.live import LivePoint
from chargebridge.site.site import Site
from chargebridge.stations.joined import AllStations
from chargebridge.stations.ocpp import CentralSystem, EvseSettings, ServerSettings, StationSettings
from chargebridge.stations.port import Stations, StationSink
from chargebridge.store import Database
from tests.stations.ocpp_kit import RawStation, connect, until

__all__ = ["CONFIG", "Bench", "bench", "until"]

CONFIG = """
[site]
name = "Test"
peak_budget_w = 50000

[[circuit]]
id = "main"
name = "Main"
fuse_a = 63

[[station]]
id = "CP-1"
open = true

[[station]]
id = "CP-2"
open = true

[[point]]
id = "a"
name = "A"
circuit = "main"
station = "CP-1"

[[point]]
id = "b"
name = "B"
circuit = "main"
station = "CP-1"
evse = 2

[[point]]
id = "c"
name = "C"
circuit = "main"
station = "CP-2"

[[token]]
id = "TAG"

[[token]]
id = "STOLEN"
blocked = true
"""


class SkipClock(FastClock):
    """Hours pass at once where nobody wants to wait for them; who sleeps goes on sleeping."""

    skipped_s = 0.0

    def skip(self, seconds: float) -> None:
        self.skipped_s += seconds

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.skipped_s)

    def steady_s(self) -> float:
        return super().steady_s() + self.skipped_s


class Bench:
    """A running site; ``station`` connects a raw client that has booted and been told its fallbacks."""

    def __init__(self, site: Site, central: CentralSystem, database: Database, eebus: EebusNode | None, clock: SkipClock) -> None:
        self.site, self.central, self.database, self.eebus, self.clock = site, central, database, eebus, clock
        self.clients: list[RawStation] = []

    def point(self, name: str) -> LivePoint:
        return self.site.live.points[name]

    @property
    def happenings(self) -> list[str]:
        return [h.text for h in self.site.service.view().happenings]

    async def station(self, version: str = "ocpp1.6", identity: str = "CP-1", *, obeys: bool = True) -> RawStation:
        client = await connect(self.central.port, identity, version, password=None)
        client.obeys = obeys
        self.clients.append(client)
        await client.boot()
        return client

    async def start(
        self, client: RawStation, *, token: str = "TAG", connector: int = 1, at: str = "2026-11-21T12:00:00Z", wh: int = 0
    ) -> int:
        """A 1.6 StartTransaction; returns its transaction."""
        start = {"connectorId": connector, "idTag": token, "meterStart": wh, "timestamp": at}
        return int((await client.call("StartTransaction", start))[2]["transactionId"])

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the store holds once all that is queued for it is written: the queue keeps its order."""
        await self.database.write(lambda c: None)
        return [tuple(row) for row in await self.database.read(lambda c: c.exec_driver_sql(query).all())]


@contextlib.asynccontextmanager
async def bench(
    folder: Path,
    *,
    text: str = CONFIG,
    meters: Sequence[Meter] = (),
    batteries: Sequence[Any] = (),
    speed: float = 1.0,
    since: datetime | None = None,
    port: int = 0,
) -> AsyncIterator[Bench]:
    """Open the site of ``folder`` (again) and run it, ``speed`` times as fast as the wall, from ``since`` on; what it raises fails the test."""
    config, clock = parse(text), SkipClock(speed, since)
    database = Database.open(folder / "site.db")
    evses = (EvseSettings(discharges=any(point.discharge_max_w > 0 for point in config.point)), EvseSettings())
    stations = [StationSettings(identity=s.id, security_profile=0, evses=evses) for s in config.station if s.eebus is None]
    settings = ServerSettings(port=port, call_timeout_s=2.0 * speed, grace_s=0.2, close_timeout_s=0.2)
    eebus = open_eebus(config, clock)
    make_grid = no_sources if eebus is None else eebus.make_grid
    centrals: list[CentralSystem] = []

    def make(sink: StationSink) -> Stations:
        centrals.append(CentralSystem(settings, stations, sink, clock))
        wallboxes = None if eebus is None else eebus.make_wallboxes(sink, database)
        return centrals[0] if wallboxes is None else AllStations(centrals[0], wallboxes)

    loads = () if eebus is None else eebus.make_loads()
    site = await Site.open(config, clock, database, make, meters, batteries, loads, make_grid=make_grid)
    (central,) = centrals
    made = Bench(site, central, database, eebus, clock)
    await central.start()
    running = asyncio.create_task(_all(site, eebus))
    if eebus is not None:
        await eebus.hub.opened()
    try:
        yield made
        assert not running.done(), running.exception()
    finally:
        for client in made.clients:
            with contextlib.suppress(Exception):
                await client.close()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await central.stop()
        database.close()


async def _all(site: Site, eebus: EebusNode | None) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(site.run())
        if eebus is not None:
            group.create_task(eebus.run())


def limits_told(client: RawStation, connector: int = 1) -> list[float]:
    """The limits of all grants (stack level 1) that the client was given on a connector, in order; 1.6."""
    profiles = [frame[3] for frame in client.asked if frame[2] == "SetChargingProfile" and frame[3]["connectorId"] == connector]
    grants = [p["csChargingProfiles"] for p in profiles if p["csChargingProfiles"]["stackLevel"] == 1]
    return [p["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"] for p in grants]
