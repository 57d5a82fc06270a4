"""Joins stations and foreign back ends: what a station says goes into the outbox before the station is answered; links carry it from there."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import cast

import structlog
from msgspec.structs import replace
from sqlalchemy import Connection

from chargebridge.model.clock import Clock
from chargebridge.stations.ocpp.central import CentralSystem
from chargebridge.stations.ocpp.forward import older, outbox
from chargebridge.stations.ocpp.forward.cards import Cards
from chargebridge.stations.ocpp.forward.commands import Commands, LimitDesk, Point
from chargebridge.stations.ocpp.forward.link import Link, LinkState
from chargebridge.stations.ocpp.forward.outbox import Message, Row
from chargebridge.stations.ocpp.forward.posting import OURS, Posting
from chargebridge.stations.ocpp.forward.settings import BackendSettings
from chargebridge.stations.ocpp.forward.sink import ForwardingSink
from chargebridge.stations.ocpp.station import OcppStation
from chargebridge.stations.port import Authorisation, StationSink, TransactionEvent
from chargebridge.store import Database
from chargebridge.wire.ocpp import DIALECTS, V16, v16
from chargebridge.wire.ocpp.payload import Payload

log = structlog.get_logger()

RECKON_EVERY_S = 3600.0


class Forwarder:
    """Make one, give its `sink` to the Central System, `attach` it, then `run` it. states: one for each connection that should be."""

    def __init__(self, backends: Iterable[BackendSettings], database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._central: CentralSystem | None = None
        self._desk: LimitDesk | None = None
        self._points: dict[str, tuple[Point, ...]] = {}
        self._heard: dict[str, Payload] = {}
        self._links: dict[str, dict[str, Link]] = {}
        self._cards = Cards(self._links, self._heard, database, clock)
        self._commands = Commands(self._station, self._points_of, lambda: self._desk, self._cards, database, clock)
        self._posting = Posting(self._links, self._heard, self._commands, database, clock)
        self._tasks: set[asyncio.Task[None]] = set()
        for backend in backends:
            for station in backend.stations:
                self._links.setdefault(station, {})[backend.name] = self._link(backend, station)

    def _link(self, backend: BackendSettings, station: str) -> Link:
        async def protocol() -> str | None:
            return await self._database.read(lambda c: outbox.kept(c, station, "protocol"))

        def is_online() -> bool:
            there = self._station(station)
            return there is not None and there.session is not None

        return Link(backend, station, self._database, self._clock, self, is_online=is_online, protocol=protocol, asked=self._commands.asked)

    def _station(self, identity: str) -> OcppStation | None:
        return None if self._central is None else self._central.station(identity)

    def _points_of(self, station: str) -> tuple[Point, ...]:
        return self._points.get(station, ())

    @property
    def states(self) -> tuple[LinkState, ...]:
        return tuple(replace(link.state) for links in self._links.values() for link in links.values())

    def sink(self, inner: StationSink) -> StationSink:
        """What the Central System is to report to instead of `inner`."""
        return cast(StationSink, ForwardingSink(inner, self))

    def attach(self, central: CentralSystem, points: Iterable[tuple[str, Point]] = (), desk: LimitDesk | None = None) -> None:
        """points: (station, point) of ours; desk: where limits go. Without, no back end's profile is accepted."""
        self._central, self._desk = central, desk
        for identity, point in points:
            self._points[identity] = (*self._points.get(identity, ()), point)
        for identity in self._links:
            station = central.station(identity)
            if station is not None:
                station.relay = self._posting.relay

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for link in [link for links in self._links.values() for link in links.values()]:
                await link.refresh()
                group.create_task(link.run(), name=f"link {link.backend.name} {link.station}")
            group.create_task(self._keep_limits(), name="limits of back ends")

    async def _keep_limits(self) -> None:
        while True:
            for links in self._links.values():
                await self._commands.reckon_all(links.values())
            await self._clock.sleep(RECKON_EVERY_S)

    # For the links

    async def for_them(self, row: Row, request: Payload) -> Payload | str:
        """`link.Ids`: 1.6 numbers transactions at the back end, and each back end has its own numbers."""
        if row.transaction is None or not isinstance(request, v16.MeterValuesRequest | v16.StopTransactionRequest):
            return request
        shared = await self._database.read(lambda c: outbox.shared(c, row.backend, row.station, ours=row.transaction))
        if shared is None or shared.theirs is None:
            return "its transaction is not known there"
        return replace(request, transaction_id=int(shared.theirs))

    # Coming and going, called by the sink

    async def arrived(self, station: str, protocol: str) -> None:
        links = self._links.get(station)
        if links is None:
            return
        now = self._clock.now()

        def work(c: Connection) -> bool:
            outbox.keep(c, station, "protocol", protocol, now)
            boot = outbox.kept(c, station, "boot")
            new = [
                name for name in links
                if outbox.kept(c, station, f"accepted {name}") is None and not outbox.has_waiting(c, name, station, "BootNotification")
            ]  # fmt: skip
            for name in new if boot is not None else ():
                said = [("BootNotification", boot or "")]
                said += [("StatusNotification", status) for status in outbox.kept_like(c, station, "status ")]
                spoken = protocol
                if older.is_older(DIALECTS[protocol], links[name].backend):
                    said, spoken = older.introduced(DIALECTS[protocol], said), V16.name
                outbox.put(
                    c,
                    [
                        Message(
                            backend=name,
                            station=station,
                            key=outbox.key_of("", "", b"", dated=False),
                            protocol=spoken,
                            action=action,
                            payload=payload,
                        )
                        for action, payload in said
                    ],
                    now,
                )
            return boot is None

        stranger = await self._database.write(work)
        for link in links.values():
            await link.refresh()
            link.wake()
        if stranger:
            task = asyncio.create_task(self._ask_for_boot(station))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _ask_for_boot(self, identity: str) -> None:
        """It has introduced itself before it was forwarded, and back ends want to know who it is."""
        station = self._station(identity)
        if station is not None and station.session is not None:
            await station.session.ready.wait()
            await station.trigger("BootNotification")

    def left(self, station: str) -> None:
        for link in self._links.get(station, {}).values():
            link.wake()

    async def authorise(self, station: str, token: str, ours: Callable[[], Awaitable[Authorisation]]) -> Authorisation:
        if station not in self._links:
            return await ours()
        return (await self._cards.judge(station, token, ours))[0]

    async def claimed(self, event: TransactionEvent, ours: Callable[[], Awaitable[Authorisation]]) -> TransactionEvent:
        """The event with who bills it, as far as its token says."""
        station, transaction = event.station, event.transaction
        if station not in self._links or not event.token:
            return event
        known = await self._database.read(lambda c: outbox.owner_of(c, station, transaction)) if transaction else None
        owner = known if known is not None else await self._cards.owner(station, event.token, ours) or OURS
        self._posting.claims[station] = owner
        return replace(event, billed_by=owner) if owner else event
