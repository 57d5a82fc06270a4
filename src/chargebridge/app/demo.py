"""The demo: the product as it is, and beside it a whole simulated property that it reaches only through real sockets.

Meters send telegrams over TCP, stations come over websockets with their passwords, the battery answers Modbus, the grid operator's control box
speaks EEBUS, and a driver uses the REST interface. Nothing is handed over inside the process.
"""

import asyncio
import contextlib
import os
import secrets
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from functools import partial
from importlib.resources import files
from typing import Any

import httpx

from chargebridge.app.serve import Running, serve
from chargebridge.links.eebus.hub import Hub
from chargebridge.links.eebus.peer import Address
from chargebridge.links.eebus.settings import StaticPeer
from chargebridge.model.clock import Clock, SteadyClock
from chargebridge.sim.eebus.control_box import ControlBox
from chargebridge.sim.eebus.wallbox import VirtualWallbox, WallboxPlan
from chargebridge.sim.ocpp_station import EvsePlan, SigningPlan, StationPlan, Version, VirtualStation
from chargebridge.sim.ocpp_station.garage import Garage
from chargebridge.sim.world.demo import demo_scenario
from chargebridge.sim.world.event import Arrive, GridLimit, Happening, LeaveEarly, PriceList
from chargebridge.sim.world.world import World
from chargebridge.site.config import SiteConfig
from chargebridge.site.config_file import parse
from chargebridge.wire.eebus.ship.identity import make_identity
from chargebridge.wire.eebus.spine.errors import ErrorNumber

PASSWORD_ENV = "CHARGEBRIDGE_DEMO_PASSWORD"  # noqa: S105 - the name of the variable
STORY_AGAIN_S = 300.0
"""The story is told again after this long, so that whoever opens the page later sees it too."""
CONTROL_BOX = "the demo's control box"
LOOK_S = 0.5
SESSION_TRIES = 20
SIGNING = {f"CB-{name}": f"DE*LDH*E{name}" for name in ("C3", "V1", "V2", "V3", "V4")}
"""Stations whose meters sign, and their EVSE-IDs; their keys stand in demo.toml."""
VERSIONS: tuple[Version, ...] = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")


def demo_config() -> SiteConfig:
    """The demo's configuration file, as packaged."""
    return parse((files("chargebridge.app") / "demo.toml").read_text(encoding="utf-8"), "demo.toml")


def demo_world(config: SiteConfig, clock: Clock, *, seed: int, ports: int) -> World:
    """The simulated property of the demo. ports: the first of its meters' and battery's TCP ports; 0 takes free ones."""
    return World(config.topology(), demo_scenario(ports=ports, repeat_s=STORY_AGAIN_S), clock, seed=seed)


def wired(config: SiteConfig, world: World) -> SiteConfig:
    """The configuration with the addresses at which the (opened) world's meters and battery are, and the EEBUS folder beside the store."""
    meters = []
    for meter in config.meter:
        host, port = world.meter_address(meter.id)
        meters.append(meter.model_copy(update={"url": f"tcp://{host}:{port}"}))
    batteries = [battery.model_copy(update={"control": world.battery_url(battery.id)}) for battery in config.battery]
    assert config.eebus is not None
    eebus = config.eebus.model_copy(update={"folder": config.site.store.with_name(config.eebus.folder.name)})
    return config.model_copy(update={"meter": tuple(meters), "battery": tuple(batteries), "eebus": eebus})


def demo_password() -> str:
    """The password that the demo's stations use: from the environment, else a new one for this process and its stations."""
    return os.environ.setdefault(PASSWORD_ENV, secrets.token_urlsafe(12))


def stations(world: World, uri: str, clock: Clock, password: str) -> list[VirtualStation]:
    """One virtual station for each in the world's topology; all versions of OCPP in turn."""
    made = []
    page = int(clock.now().timestamp())  # the site remembers the pages of the demo before
    for index, name in enumerate(dict.fromkeys(point.station for point in world.topology.points)):
        points = [p for p in world.topology.points if p.station == name]
        plan = StationPlan(
            identity=name,
            uri=uri,
            version=VERSIONS[index % len(VERSIONS)],
            password=password,
            backoff_doublings=1,  # all is on one machine: nobody needs to be spared
            evses=tuple(EvsePlan(phases=len(p.phases), maximum_a=p.maximum_a) for p in points),
            fallback_a=points[0].fallback_a,
            sample_interval_s=5,
            signing=SigningPlan(seed="Lindenhof", evse_ids=(SIGNING[name],), page=page) if name in SIGNING else None,
        )
        station = VirtualStation(plan, world.vehicles(name), clock)
        world.join(name, station)
        made.append(station)
    return made


async def run_demo(
    config: SiteConfig, clock: SteadyClock, *, password: str | None, seed: int, ports: int, ready: Callable[[Running], None]
) -> None:
    """The site and, beside it, its world; until the web server is told to stop."""
    async with demo_world(config, clock, seed=seed, ports=ports) as world:
        beside = partial(live, world=world, clock=clock)
        await serve(wired(config, world), clock, password=password, demo=True, beside=beside, ready=ready)


async def live(running: Running, *, world: World, clock: SteadyClock) -> None:
    """Run the world, its stations, and those who speak to the site from outside, until cancelled."""
    async with (
        httpx.AsyncClient(base_url=running.web_url, timeout=10.0) as client,
        control_box(running, clock) as box,
        asyncio.TaskGroup() as group,
    ):
        assert running.eebus is not None
        group.create_task(new_wallbox(running.eebus.hub, clock))
        outside = Outside(client, running.api_token, running.site.tell, clock, box)
        world.listen(lambda event, at: outside.hear(event, group))
        group.create_task(world.run())
        for station in stations(world, running.ocpp_url.rstrip("/"), clock, demo_password()):
            group.create_task(station.run())


@contextlib.asynccontextmanager
async def control_box(running: Running, clock: SteadyClock) -> AsyncIterator[ControlBox]:
    """The grid operator's control box, which the site trusts instead of that of the demo before."""
    assert running.eebus is not None
    hub = running.eebus.hub
    await hub.opened()
    box = ControlBox(clock, name="Demo-Box", peers=(StaticPeer(hub.identity.ski, Address(hub.settings.host, hub.port)),))
    for old in [entry.ski for entry in hub.trust.all() if entry.name == CONTROL_BOX and entry.ski is not None]:
        await hub.unpair(old)
    await hub.pair(box.ski, name=CONTROL_BOX)
    async with box:
        yield box


async def new_wallbox(hub: Hub, clock: SteadyClock) -> None:
    """A wallbox that nobody has paired: it comes when the pairing window is opened on the page, and asks. Once it is confirmed it stays."""
    identity = make_identity("Kai-22-7", "Nordlicht", clock.now())
    site = (StaticPeer(hub.identity.ski, Address(hub.settings.host, hub.port)),)
    while True:
        while hub.window_until is None:
            await clock.sleep(LOOK_S)
        wallbox = VirtualWallbox(WallboxPlan(model="Kai-22", serial="7"), Garage(), clock, peers=site, identity=identity)
        ship_id = wallbox.device.hub.settings.ship_id
        for old in [entry.ski for entry in hub.trust.all() if entry.ship_id == ship_id and entry.ski and entry.ski != identity.ski]:
            await hub.unpair(old)  # of the demo before
        async with wallbox:
            while hub.window_until is not None or hub.trust.of(identity.ski) is not None:
                await clock.sleep(LOOK_S)


class Outside:
    """The grid operator with his control box, and the drivers of the story, who reach the site by its REST interface as anybody would."""

    def __init__(self, client: httpx.AsyncClient, token: str, tell: Callable[[str, str, str], None], clock: Clock, box: ControlBox) -> None:
        self._client, self._tell, self._clock, self._box = client, tell, clock, box
        self._headers = {"Authorization": f"Bearer {token}"}

    def hear(self, event: Happening, group: asyncio.TaskGroup) -> None:
        """Something happened in the world: the page shows its sentence, and what concerns the site is brought to it."""
        if event.text:
            self._tell("story", event.text, getattr(event, "point", ""))
        if isinstance(event, PriceList):
            group.create_task(self._prices(event))
        elif isinstance(event, GridLimit):
            group.create_task(self._limit(event))
        elif isinstance(event, LeaveEarly | Arrive) and event.stays_s is not None:
            group.create_task(self._prefer(event.point, event.stays_s, event.wants_wh))

    async def _limit(self, event: GridLimit) -> None:
        try:
            await self._box.found()
            answer = await self._box.limit(event.power_w, event.duration_s)
        except TimeoutError:
            self._tell("alert", "the story's control box got no answer from the site", "")
            return
        if answer is not ErrorNumber.NONE:
            self._tell("alert", f"the site refused the story's limit: {answer.name.lower().replace('_', ' ')}", "")

    async def _prices(self, event: PriceList) -> None:
        now = self._clock.now()
        ends = [after for after, _ in event.per_kwh[1:]] + [event.lasts_s]
        body = [
            {
                "starts_at": (now + timedelta(seconds=after)).isoformat(),
                "ends_at": (now + timedelta(seconds=until)).isoformat(),
                "per_kwh": price,
            }
            for (after, price), until in zip(event.per_kwh, ends, strict=True)
        ]
        await self._send("PUT", "/api/v1/prices", body)

    async def _prefer(self, point: str, stays_s: float, wants_wh: float) -> None:
        """Say what the driver needs from now on, once his session has begun; the site counts from the session's begin."""
        target = self._clock.now() + timedelta(seconds=stays_s)
        for _ in range(SESSION_TRIES):
            answer = await self._send("GET", f"/api/v1/points/{point}")
            if answer is None or answer.is_error:
                return
            now = answer.json()
            if now.get("session") is not None:
                wish = {"energy_min_wh": now["energy_wh"] + wants_wh, "target_at": target.isoformat()}
                await self._send("PUT", f"/api/v1/points/{point}/preference", wish)
                return
            await self._clock.sleep(1.0)

    async def _send(self, method: str, path: str, body: Any = None) -> httpx.Response | None:
        """None: there was no answer, as when the site is just being ended."""
        try:
            answer = await self._client.request(method, path, json=body, headers=self._headers)
        except httpx.HTTPError as error:
            self._tell("alert", f"the story could not reach the site: {error}", "")
            return None
        if answer.status_code >= 400 and answer.status_code != 404:
            self._tell("alert", f"the story was refused: {answer.text}", "")
        return answer
