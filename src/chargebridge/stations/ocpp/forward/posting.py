"""What a station says, written down for the back ends that it concerns before the station is answered; links carry it from there."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, cast

import structlog
from msgspec.structs import replace
from sqlalchemy import Connection

from chargebridge.model.clock import Clock
from chargebridge.stations.ocpp.forward import older, outbox
from chargebridge.stations.ocpp.forward.commands import Commands
from chargebridge.stations.ocpp.forward.link import Link
from chargebridge.stations.ocpp.forward.outbox import Message
from chargebridge.stations.ocpp.forward.rules import REPORTS, TOLD
from chargebridge.stations.ocpp.forward.settings import BackendSettings
from chargebridge.stations.ocpp.measurements import aware
from chargebridge.stations.ocpp.station import OcppStation
from chargebridge.store import Database
from chargebridge.wire.ocpp import V16, Dialect
from chargebridge.wire.ocpp.payload import Payload

log = structlog.get_logger()

OURS = ""  # stands for us among the back ends that may bill
TIDY_EVERY = 500  # queued messages
Links = Mapping[str, Mapping[str, Link]]


class About:
    """What a message says of a transaction: our id of it, where, when, and whether it begins or ends."""

    __slots__ = ("at", "begins", "ends", "evse", "transaction")

    def __init__(self, transaction: str | None, evse: int, at: datetime | None, *, begins: bool = False, ends: bool = False) -> None:
        self.transaction, self.evse, self.at, self.begins, self.ends = transaction, evse, at, begins, ends


class Posting:
    """heard: station -> the message that is being handled. claims: station -> who bills what that message begins; written by the sink."""

    def __init__(self, links: Links, heard: dict[str, Payload], commands: Commands, database: Database, clock: Clock) -> None:
        self._links = links
        self._heard = heard
        self._commands = commands
        self._database = database
        self._clock = clock
        self._queued = 0
        self.claims: dict[str, str] = {}

    async def relay(self, station: OcppStation, request: Payload, proceed: Callable[[], Awaitable[Payload]]) -> Payload:
        """Around the handling of a message (`OcppStation.relay`): returns when all that is to be told others is durable."""
        assert station.language is not None
        identity, dialect = station.identity, station.language.dialect
        action = dialect.action(request)
        self._heard[identity] = request
        self.claims.pop(identity, None)
        try:
            response = await proceed()
        finally:
            del self._heard[identity]
        if action in dialect.sent:
            for link in self._links[identity].values():
                if "events" in link.backend.tell and link.dialect is dialect:
                    link.tell(request)
            return response
        if action == "DataTransfer":
            return await self._transfer(identity, dialect, request, response)
        about = _about(dialect, action, request, response, station)
        if await self._queue(station, dialect, action, request, response, about) and about.transaction and (about.begins or about.ends):
            await self._commands.reckon_all(self._links[identity].values(), about.transaction if about.ends else None)
        return response

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
        self, of: OcppStation, dialect: Dialect, action: str, request: Payload, response: Payload, about: About
    ) -> bool:  # fmt: skip
        """Write down for whom a message is. False: it concerns nobody."""
        station = of.identity
        links = self._links[station]
        if action in REPORTS:
            return await self._report(station, dialect, action, request)
        group = TOLD.get(action)
        if group is None or (action == "BootNotification" and getattr(response, "status", None) != "Accepted"):
            return False
        now, payload = self._clock.now(), dialect.encode(request)
        dated = action in dialect.dated
        key = outbox.key_of(dialect.name, action, payload, dated=dated)
        claim = self.claims.pop(station, None)

        def work(c: Connection) -> list[str]:
            self._remember(c, station, dialect, action, request, payload.decode(), now)
            owner = _settle(c, station, about, claim, now, known=dialect is V16)
            wanted = []
            for name, link in links.items():
                held = _held(link.backend, group, about, owner)
                if older.is_older(dialect, link.backend):
                    wanted += [name] * self._put_older(c, of, link.backend, action, request, about, now, told=held, owned=owner == name)
                    continue
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

    def _put_older(
        self, c: Connection, of: OcppStation, backend: BackendSettings, action: str, request: Payload, about: About, now: datetime,
        *, told: bool | None, owned: bool,
    ) -> int:  # fmt: skip
        """A message in 1.6's words. told: as `_held` says. Returns how many are new; while nobody knows who bills, none is."""
        transaction = (about.transaction or "").encode()
        messages = [
            Message(
                backend=backend.name,
                station=of.identity,
                key=outbox.key_of(V16.name, name, transaction + V16.encode(payload), dated=name in V16.dated),
                protocol=V16.name,
                action=name,
                payload=V16.encode(payload).decode(),
                transaction=about.transaction if name in V16.dated else None,
            )
            for name, payload in older.said(c, of, backend, action, request, now, transactions=told is not None)
        ]
        if any(message.action == "StartTransaction" for message in messages) and about.transaction is not None:
            outbox.share(c, backend.name, of.identity, about.transaction, about.evse, about.at or now, owned=owned)
        return outbox.put(c, messages, now)

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
