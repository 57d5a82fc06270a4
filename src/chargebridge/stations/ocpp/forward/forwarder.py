"""Joins stations and foreign back ends: what a station says goes into the outbox before the station is answered; links carry it from there."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Any, cast

import structlog
from msgspec.structs import replace
from sqlalchemy import Connection

from chargebridge.model.clock import Clock
from chargebridge.stations.ocpp.central import CentralSystem
from chargebridge.stations.ocpp.forward import outbox
from chargebridge.stations.ocpp.forward.cards import Cards
from chargebridge.stations.ocpp.forward.commands import Commands, LimitDesk, Point
from chargebridge.stations.ocpp.forward.link import Link, LinkState
from chargebridge.stations.ocpp.forward.outbox import Message, Row
from chargebridge.stations.ocpp.forward.rules import REPORTS, TOLD
from chargebridge.stations.ocpp.forward.settings import BackendSettings
from chargebridge.stations.ocpp.measurements import aware
from chargebridge.stations.ocpp.station import OcppStation
from chargebridge.stations.port import Authorisation, StartAnswer, StationSink, TransactionEvent
from chargebridge.store import Database
from chargebridge.wire.ocpp import V16, Dialect, v16
from chargebridge.wire.ocpp.payload import Payload

log = structlog.get_logger()

OURS = ""  # stands for us among the back ends that may bill
RECKON_EVERY_S = 3600.0
TIDY_EVERY = 500  # queued messages


class About:
    """What a message says of a transaction: our id of it, where, when, and whether it begins or ends."""

    __slots__ = ("at", "begins", "ends", "evse", "transaction")

    def __init__(self, transaction: str | None, evse: int, at: datetime | None, *, begins: bool = False, ends: bool = False) -> None:
        self.transaction, self.evse, self.at, self.begins, self.ends = transaction, evse, at, begins, ends


class Forwarder:
    """Make one, give its `sink` to the Central System, `attach` it, then `run` it. states: one for each connection that should be."""

    def __init__(self, backends: Iterable[BackendSettings], database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._central: CentralSystem | None = None
        self._desk: LimitDesk | None = None
        self._points: dict[str, tuple[Point, ...]] = {}
        self._heard: dict[str, Payload] = {}
        self._claims: dict[str, str] = {}  # station -> who bills what the message at hand begins
        self._links: dict[str, dict[str, Link]] = {}
        self._cards = Cards(self._links, self._heard, database, clock)
        self._commands = Commands(self._station, self._points_of, lambda: self._desk, self._cards, database, clock)
        self._queued = 0
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
                station.relay = self.relay

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for link in [link for links in self._links.values() for link in links.values()]:
                await link.refresh()
                group.create_task(link.run(), name=f"link {link.backend.name} {link.station}")
            group.create_task(self._keep_limits(), name="limits of back ends")

    async def _keep_limits(self) -> None:
        while True:
            for station in self._links:
                await self._reckon(station, None)
            await self._clock.sleep(RECKON_EVERY_S)

    # What a station says

    async def relay(self, station: OcppStation, request: Payload, proceed: Callable[[], Awaitable[Payload]]) -> Payload:
        """Around the handling of a message (`OcppStation.relay`): returns when all that is to be told others is durable."""
        assert station.language is not None
        identity, dialect = station.identity, station.language.dialect
        action = dialect.action(request)
        self._heard[identity] = request
        self._claims.pop(identity, None)
        try:
            response = await proceed()
        finally:
            del self._heard[identity]
        if action == "DataTransfer":
            return await self._transfer(identity, dialect, request, response)
        about = _about(dialect, action, request, response, station)
        if await self._queue(identity, dialect, action, request, response, about) and about.transaction and (about.begins or about.ends):
            await self._reckon(identity, about.transaction if about.ends else None)
        return response

    async def _reckon(self, station: str, ended: str | None) -> None:
        """Limits may hang on transactions. What fails here is no fault of the station's message, and is tried again later."""
        for link in self._links[station].values():
            try:
                await (self._commands.reckon(link) if ended is None else self._commands.forget_transaction(link, ended))
            except Exception:
                log.exception("limits of a back end not reckoned", backend=link.backend.name, station=station)

    async def _transfer(self, station: str, dialect: Dialect, request: Payload, response: Payload) -> Payload:
        """What we do not know the vendor of, somebody else may."""
        told: Any = response
        if told.status not in ("UnknownVendorId", "UnknownVendor"):
            return response
        for link in self._links[station].values():
            if "data" in link.backend.tell and link.dialect is dialect:
                answer: Any = await link.ask(request)
                if answer is not None and not answer.status.startswith("Unknown"):
                    return cast(Payload, answer)
        return response

    async def _queue(
        self, station: str, dialect: Dialect, action: str, request: Payload, response: Payload, about: About
    ) -> bool:  # fmt: skip
        """Write down for whom a message is. False: it concerns nobody."""
        links = self._links[station]
        if action in REPORTS:
            return await self._report(station, dialect, action, request)
        group = TOLD.get(action)
        if group is None or (action == "BootNotification" and getattr(response, "status", None) != "Accepted"):
            return False
        now, payload = self._clock.now(), dialect.encode(request)
        dated = action in dialect.dated
        key = outbox.key_of(dialect.name, action, payload, dated=dated)
        claim = self._claims.pop(station, None)

        def work(c: Connection) -> list[str]:
            self._remember(c, station, dialect, action, request, payload.decode(), now)
            owner = _settle(c, station, about, claim, now, known=dialect is V16)
            wanted = []
            for name, link in links.items():
                held = _held(link.backend, group, about, owner)
                if held is None:
                    continue
                if about.transaction is not None:
                    outbox.share(c, name, station, about.transaction, about.evse, about.at or now, owned=owner == name)
                message = Message(
                    backend=name,
                    station=station,
                    key=key,
                    protocol=dialect.name,
                    action=action,
                    payload=payload.decode(),
                    transaction=about.transaction,
                    held=held,
                )
                outbox.put(c, [message], now)
                wanted.append(name)
            if about.ends and about.transaction is not None and owner is None:
                outbox.release(c, station, about.transaction, None)
            return wanted

        wanted = await self._database.write(work)
        await self._wake(station, wanted)
        return True

    def _remember(
        self, c: Connection, station: str, dialect: Dialect, action: str, request: Payload, payload: str, now: datetime
    ) -> None:  # fmt: skip
        """What a back end that comes later has to be told first."""
        if action == "BootNotification":
            outbox.keep(c, station, "protocol", dialect.name, now)
            outbox.keep(c, station, "boot", payload, now)
            outbox.forget(c, station, "status ")
        elif action == "StatusNotification":
            told: Any = request
            where = f"{told.connector_id}" if dialect is V16 else f"{told.evse_id}/{told.connector_id}"
            outbox.keep(c, station, f"status {where}", payload, now)

    async def _report(self, station: str, dialect: Dialect, action: str, request: Payload) -> bool:
        told: Any = request
        asker = self._commands.reports.get((station, told.request_id))
        if asker is None or asker[0] not in self._links[station]:
            return False
        payload = dialect.encode(replace(told, request_id=asker[1])).decode()
        message = Message(
            backend=asker[0],
            station=station,
            key=outbox.key_of("", "", b"", dated=False),
            protocol=dialect.name,
            action=action,
            payload=payload,
        )
        now = self._clock.now()
        await self._database.write(lambda c: outbox.put(c, [message], now))
        await self._wake(station, [asker[0]])
        return True

    async def _wake(self, station: str, names: list[str]) -> None:
        for name in names:
            link = self._links[station][name]
            link.state.waiting += 1
            link.wake()
        self._queued += 1
        if self._queued % TIDY_EVERY == 0:
            now = self._clock.now()
            for name, link in self._links[station].items():
                lost = await self._database.write(lambda c, of=name: outbox.tidy(c, of, station, now))  # type: ignore[misc]
                if lost:
                    log.warning("messages for a back end given up", backend=name, station=station, messages=lost)
                await link.refresh()

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
                outbox.put(
                    c,
                    [
                        Message(
                            backend=name,
                            station=station,
                            key=outbox.key_of("", "", b"", dated=False),
                            protocol=protocol,
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
        self._claims[station] = owner
        return replace(event, billed_by=owner) if owner else event


class ForwardingSink:
    """`inner`, with back ends asked about cards. All else goes straight through."""

    def __init__(self, inner: StationSink, forwarder: Forwarder) -> None:
        self._inner = inner
        self._forwarder = forwarder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def station_connected(self, station: str, protocol: str) -> None:
        await self._inner.station_connected(station, protocol)
        await self._forwarder.arrived(station, protocol)

    async def station_lost(self, station: str) -> None:
        self._forwarder.left(station)
        await self._inner.station_lost(station)

    async def authorise(self, station: str, token: str) -> Authorisation:
        return await self._forwarder.authorise(station, token, lambda: self._inner.authorise(station, token))

    async def transaction_started(self, event: TransactionEvent) -> StartAnswer:
        return await self._inner.transaction_started(await self._claimed(event))

    async def transaction_updated(self, event: TransactionEvent) -> None:
        await self._inner.transaction_updated(await self._claimed(event))

    async def _claimed(self, event: TransactionEvent) -> TransactionEvent:
        return await self._forwarder.claimed(event, lambda: self._inner.authorise(event.station, event.token or ""))


def _about(dialect: Dialect, action: str, request: Payload, response: Payload, station: OcppStation) -> About:
    told: Any = request
    answer: Any = response
    if action == "StartTransaction":
        return About(str(answer.transaction_id), told.connector_id, aware(told.timestamp), begins=True)
    if action == "StopTransaction":
        return About(str(told.transaction_id), 0, aware(told.timestamp), ends=True)
    if action == "TransactionEvent":
        evse = told.evse.id if told.evse else station.running.get(told.transaction_info.transaction_id, 0)
        kind = told.event_type
        return About(told.transaction_info.transaction_id, evse, aware(told.timestamp), begins=kind == "Started", ends=kind == "Ended")
    if action == "MeterValues" and dialect is V16 and isinstance(told.transaction_id, int) and told.transaction_id > 0:
        return About(str(told.transaction_id), told.connector_id, None)
    return About(None, 0, None)


def _settle(c: Connection, station: str, about: About, claim: str | None, now: datetime, *, known: bool) -> str | None:
    """Who bills the transaction: a back end, or `OURS`; None: nobody knows yet. known: a transaction always begins with a card (1.6)."""
    if about.transaction is None:
        return None
    owner = outbox.owner_of(c, station, about.transaction)
    if owner is None:
        owner = claim if claim is not None else OURS if known else None
        if owner is not None:
            outbox.share(c, owner, station, about.transaction, about.evse, about.at or now, owned=True)
            outbox.release(c, station, about.transaction, owner)
    return owner


def _held(backend: BackendSettings, group: str, about: About, owner: str | None) -> bool | None:
    """Whether a message for a back end is held back until it is known who bills it; None: it is not for that one."""
    if about.transaction is None:
        return False if group == "boot" or group in backend.tell else None
    if "all_transactions" in backend.tell or ("transactions" in backend.tell and owner == backend.name):
        return False
    return True if "transactions" in backend.tell and owner is None else None
