"""One connection of ours to one foreign back end, on behalf of one station.

It is there while the station is, and while something still waits for the back end. When the station is gone and all is delivered, it is closed: to
the back end the station is then away, which is true. Messages leave the outbox in order, one at a time, each under the id it was given once;
a message of which nobody knows whether it arrived is sent again under that id.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, Protocol

import msgspec
import structlog
from msgspec import Struct
from websockets.exceptions import InvalidHandshake, InvalidURI

from chargebridge.links.backoff import Backoff
from chargebridge.model.clock import Clock
from chargebridge.stations.ocpp.forward import outbox
from chargebridge.stations.ocpp.forward.line import open_line, why
from chargebridge.stations.ocpp.forward.outbox import Row
from chargebridge.stations.ocpp.forward.rules import convert
from chargebridge.stations.ocpp.forward.settings import BackendSettings
from chargebridge.stations.ocpp.session import Session
from chargebridge.stations.ocpp.settings import ServerSettings
from chargebridge.stations.ocpp.transport import TransportClosedError, WebsocketsTransport
from chargebridge.store import Database
from chargebridge.wire.ocpp import DIALECTS, V16, Answered, CallError, Dialect, Failed
from chargebridge.wire.ocpp.payload import Payload
from chargebridge.wire.ocpp.rpc import Answers

log = structlog.get_logger()

LONGEST_WAIT_S = 60.0  # between attempts to connect, or to be accepted
STABLE_S = 10.0  # a line that lasted so long was a success
LINGER_S = 5.0  # the line stays this long after the station has gone, as most come back at once
ATTEMPTS = 3  # of a message that the back end answers with an error
RETRY_S = 10.0
HEARTBEAT_S = 300
PATIENCE_S = 3.0  # a question waits this long for a line that is just being opened
NORMAL = 1000


class LinkState(Struct, kw_only=True):
    """For pages, REST and metrics. waiting: messages, also those held until it is known who bills. refused: by the back end, or not to be said in
    its version. commands: what it asked. trouble: why it is not connected, or what was refused last.
    """

    backend: str
    station: str
    protocol: str | None = None
    connected: bool = False
    connected_at: datetime | None = None
    waiting: int = 0
    delivered: int = 0
    refused: int = 0
    commands: int = 0
    commands_refused: int = 0
    trouble: str | None = None


class Ids(Protocol):
    """Rewrites what is named differently on the two sides."""

    async def for_them(self, row: Row, request: Payload) -> Payload | str:
        """The message in their ids; a text: why it cannot be told."""
        ...


class Link:
    """Run by `Forwarder`."""

    def __init__(
        self,
        backend: BackendSettings,
        station: str,
        database: Database,
        clock: Clock,
        ids: Ids,
        *,
        is_online: Callable[[], bool],
        protocol: Callable[[], Awaitable[str | None]],
        asked: Callable[["Link", Payload], Awaitable[Payload]],
    ) -> None:
        """is_online: whether the station is. protocol: its version, once known. asked: deals with what the back end asks."""
        self.backend = backend
        self.station = station
        self.state = LinkState(backend=backend.name, station=station)
        self.session: Session | None = None
        self._database = database
        self._clock = clock
        self._ids = ids
        self._is_online = is_online
        self._protocol = protocol
        self._asked = asked
        self._answers = Answers()
        self._wake = asyncio.Event()
        self._ready = asyncio.Event()  # the back end knows the station, and may be asked
        self._attempts: dict[int, int] = {}
        self._interval_s = HEARTBEAT_S
        self._streams: set[int] = set()  # periodic event streams that the back end has accepted (2.1 N11)

    def wake(self) -> None:
        """Something was queued, or the station came or went."""
        self._wake.set()

    @property
    def dialect(self) -> Dialect | None:
        return None if self.state.protocol is None else DIALECTS[self.state.protocol]

    async def run(self) -> None:
        backoff = Backoff(self._clock, LONGEST_WAIT_S)
        while True:
            begun = self._clock.now()
            try:
                await self._wanted()
                begun = self._clock.now()
                await self._one_connection()
            except (OSError, TimeoutError, InvalidHandshake, InvalidURI) as error:
                self._note(why(error))
            except Exception:
                log.exception("the connection to a back end failed", backend=self.backend.name, station=self.station)
                self._note("failed; the log tells more")
            if (self._clock.now() - begun).total_seconds() > STABLE_S:
                backoff.reset()
            await backoff.wait()

    async def ask(self, request: Payload) -> Payload | None:
        """Ask the back end now; None when it is away or gives no usable answer."""
        if not self._ready.is_set() and (self.state.trouble is not None or not await self._within(self._ready, PATIENCE_S)):
            return None
        if self.session is None:
            return None
        with suppress(TransportClosedError):
            _, future = self.session.call(request, urgent=True)
            event = await future
            if isinstance(event, Answered):
                return event.response
        return None

    def tell(self, message: Payload) -> None:
        """Pass on a message that nobody answers (SEND): values of a stream, while the line is up and if the back end wants the stream."""
        told: Any = message
        if self.session is not None and self._ready.is_set() and told.id in self._streams:
            self.session.tell(message)

    async def refresh(self) -> None:
        """Count again what waits."""
        backend, station = self.backend.name, self.station
        self.state.waiting = await self._database.read(lambda c: outbox.waiting(c, backend, station))

    # The line

    async def _wanted(self) -> None:
        while True:
            self._wake.clear()
            protocol = await self._protocol()
            if protocol is not None and (self._is_online() or await self._next() is not None):
                self.state.protocol = self.backend.protocol or protocol
                if protocol != V16.name or self.state.protocol == V16.name:
                    return
                self._note(f"speaks {self.state.protocol}, the station {protocol}; only the other way round is translated")
            await self._wake.wait()

    async def _one_connection(self) -> None:
        dialect = self.dialect
        assert dialect is not None
        socket = await open_line(self.backend, self.station, dialect)
        if socket.subprotocol != dialect.name:
            await socket.close(1002, "no common subprotocol")
            self._note(f"does not speak {dialect.name}")
            return
        settings = ServerSettings(call_timeout_s=self.backend.timeout_s)
        session = Session(WebsocketsTransport(socket), dialect, self._answers, self._hear, settings, self._clock)
        self.session = session
        self.state.connected, self.state.connected_at, self.state.trouble = True, self._clock.now(), None
        log.info("connected to a back end", backend=self.backend.name, station=self.station, protocol=dialect.name)
        driver = asyncio.create_task(self._drive(session))
        try:
            reason = await session.run()
            log.info("back end disconnected", backend=self.backend.name, station=self.station, reason=reason)
        finally:
            driver.cancel()
            await asyncio.gather(driver, return_exceptions=True)
            self.session = None
            self._ready.clear()
            self.state.connected, self.state.connected_at = False, None

    async def _hear(self, session: Session, request: Payload) -> Payload:
        self.state.commands += 1
        try:
            return await self._asked(self, request)
        except Exception:
            self.state.commands_refused += 1
            raise

    # What goes out

    async def _drive(self, session: Session) -> None:
        try:
            await self._remember_acceptance()
            while True:
                self._wake.clear()
                row = await self._next()
                if row is None:
                    await self._idle(session)
                else:
                    await self._deliver(session, row)
        except TransportClosedError:
            pass
        except Exception:
            log.exception("delivery to a back end failed", backend=self.backend.name, station=self.station)
            await session.close(1011, "internal error")

    async def _remember_acceptance(self) -> None:
        interval = await self._database.read(lambda c: outbox.kept(c, self.station, f"accepted {self.backend.name}"))
        if interval is not None:
            self._ready.set()
        self._interval_s = int(interval or HEARTBEAT_S)
        known = await self._database.read(lambda c: outbox.kept_like(c, self.station, f"stream {self.backend.name} "))
        self._streams = {int(number) for number in known}

    async def _next(self) -> Row | None:
        backend, station = self.backend.name, self.station
        return await self._database.read(lambda c: outbox.next_row(c, backend, station))

    async def _idle(self, session: Session) -> None:
        """Nothing waits. A heartbeat says that the station is alive, so it is only sent while it is."""
        if not self._is_online():
            if not await self._within(self._wake, LINGER_S) and not self._is_online():
                await session.close(NORMAL, "the station is away")
                raise TransportClosedError(NORMAL, "the station is away")
        elif not await self._within(self._wake, self._interval_s) and self._ready.is_set() and self._is_online():
            request = session.dialect.messages["Heartbeat"][0]()
            await session.call(request)[1]

    async def _within(self, event: asyncio.Event, seconds: float) -> bool:
        sleeping = asyncio.ensure_future(self._clock.sleep(seconds))
        waking = asyncio.ensure_future(event.wait())
        try:
            await asyncio.wait({sleeping, waking}, return_when=asyncio.FIRST_COMPLETED)
            return waking.done()
        finally:
            sleeping.cancel()
            waking.cancel()

    async def _deliver(self, session: Session, row: Row) -> None:
        request = await self._worded(session, row)
        if isinstance(request, str):
            self.state.refused += 1
            await self._done(row, request)
            return
        event = await session.call(request, message_id=row.message_id)[1]
        if isinstance(event, Answered):
            if row.action == "BootNotification" and not await self._is_accepted(event.response):
                return
            await self._done(row, "delivered", event.response)
            return
        await self._failed(session, row, event)

    async def _worded(self, session: Session, row: Row) -> Payload | str:
        """The message as it is to be sent; a text: why it is not."""
        said = DIALECTS[row.protocol].decode_request(row.action, row.payload.encode())
        mapped = await self._ids.for_them(row, said)
        if isinstance(mapped, str) or row.protocol == session.dialect.name:
            return mapped
        return convert(mapped, session.dialect, row.action) or f"{session.dialect.name} cannot say it"

    async def _is_accepted(self, response: Payload) -> bool:
        """Of a BootNotification. Until then nothing else is sent (1.6 4.2, 2.x B02 and B03)."""
        told: Any = response
        self._interval_s = told.interval or HEARTBEAT_S
        accepted: bool = told.status == "Accepted"
        if accepted:
            self._ready.set()
        else:
            self._ready.clear()
            self._note(f"answers the station's boot with {told.status}")
            await self._clock.sleep(min(max(told.interval, 1), LONGEST_WAIT_S))
        return accepted

    async def _failed(self, session: Session, row: Row, event: Failed) -> None:
        """An error is the back end's word, and after a few attempts its last one. Silence is not: the line is tried anew."""
        why = f"{event.error.code}: {event.error.description}" if isinstance(event.error, CallError) else str(event.error or "no answer")
        self._note(f"{row.action}: {why}")
        if event.timed_out:
            await session.close(NORMAL, "no answer")
            raise TransportClosedError(NORMAL, "no answer")
        self._attempts[row.number] = self._attempts.get(row.number, 0) + 1
        if self._attempts[row.number] >= ATTEMPTS:
            self.state.refused += 1
            await self._done(row, f"refused: {why}")
        else:
            await self._clock.sleep(RETRY_S)

    async def _done(self, row: Row, outcome: str, response: Payload | None = None) -> None:
        """Off the list, and what its answer says remembered, in one write."""
        now, backend, station = self._clock.now(), self.backend.name, self.station
        theirs = getattr(response, "transaction_id", None) if row.action == "StartTransaction" else None
        accepted = str(self._interval_s) if row.action == "BootNotification" and response is not None else None
        streams = None if response is None else _streams(row, response, self._streams)

        def work(c: Any) -> int:
            outbox.done(c, row.number, now, outcome)
            if theirs is not None and row.transaction is not None:
                outbox.name_theirs(c, backend, station, row.transaction, str(theirs))
            if accepted is not None:
                outbox.keep(c, station, f"accepted {backend}", accepted, now)
            if streams is not None:
                outbox.forget(c, station, f"stream {backend} ")
                for number in streams:
                    outbox.keep(c, station, f"stream {backend} {number}", str(number), now)
            return outbox.waiting(c, backend, station)

        self.state.waiting = await self._database.write(work)
        self._streams = self._streams if streams is None else streams
        self.state.delivered += outcome == "delivered"
        self._attempts.pop(row.number, None)

    def _note(self, trouble: str) -> None:
        if trouble != self.state.trouble:
            log.warning("trouble with a back end", backend=self.backend.name, station=self.station, why=trouble)
        self.state.trouble = trouble


def _streams(row: Row, response: Payload, before: set[int]) -> set[int] | None:
    """The periodic event streams that the back end takes after its answer; None: they are as before. A boot ends them all."""
    told: Any = response
    match row.action:
        case "BootNotification":
            return set()
        case "OpenPeriodicEventStream" if told.status == "Accepted":
            return before | {msgspec.json.decode(row.payload)["constantStreamData"]["id"]}
        case "ClosePeriodicEventStream":
            return before - {msgspec.json.decode(row.payload)["id"]}
    return None
