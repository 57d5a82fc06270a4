"""One connection of one station, from its handshake to its end.

Four tasks share the sans-I/O `Connection`: the reader feeds it, the worker handles the station's calls one after another
in the order in which they came, the writer sends what is ready, the timekeeper gives up calls of ours. Handling is never
awaited by the reader, so that a command may be under way in one direction while a message is handled in the other.

Nothing here outlives the socket; what must (identity, answers given, transactions) belongs to `OcppStation` and the sink.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

import structlog

from chargebridge.model.clock import Clock
from chargebridge.stations.ocpp.settings import ServerSettings
from chargebridge.stations.ocpp.transport import Transport, TransportClosedError
from chargebridge.wire.ocpp import Answered, CallReceived, Connection, Dialect, Disputed, ErrorCode, Event, Failed, Malformed, Mended, Told
from chargebridge.wire.ocpp.payload import Payload
from chargebridge.wire.ocpp.rpc import Answers
from chargebridge.wire.ocpp.tolerance import Behaviour

log = structlog.get_logger()

LOGGED = 2000  # characters of a frame that the log takes
WAITING_CALLS = 16  # received and not yet handled; beyond this the socket is not read, and TCP slows the station down
REPLACED, POLICY, GOING_AWAY = 4000, 1008, 1001  # websocket close codes (RFC 6455 7.4; 4000.. are ours)


class NotHandledError(Exception):
    """The handler knows the action but does not serve it (CALLERROR NotSupported)."""


class DeniedError(Exception):
    """The station may not ask for this, or not yet (CALLERROR SecurityError)."""


class RefusedError(Exception):
    """The handler's CALLERROR in its own words."""

    def __init__(self, code: ErrorCode, description: str) -> None:
        super().__init__(description)
        self.code = code


Handler = Callable[["Session", Payload], Awaitable[Payload]]


class FrameWatch(Protocol):
    """Sees the frames of a session as they pass, in the order of the wire. It neither waits nor raises."""

    def received(self, frame: str | bytes, events: list[Event]) -> None:
        """events: what the connection made of it; none for a repeated call or an answer that came too late."""
        ...

    def sent(self, frame: str) -> None: ...


class Session:
    """See the module. `ready` is the boot gate: no call of ours leaves before the station's first message was answered."""

    def __init__(
        self, transport: Transport, dialect: Dialect, answers: Answers, handler: Handler, settings: ServerSettings, clock: Clock
    ) -> None:  # fmt: skip
        self.connection = Connection(dialect, answers, settings.max_frame)
        self.dialect = dialect
        self.ready = asyncio.Event()
        self.boot_refused = False
        self.watch: FrameWatch | None = None
        self.behaviour = Behaviour()
        self._transport = transport
        self._handler = handler
        self._settings = settings
        self._clock = clock
        self._calls: asyncio.Queue[CallReceived | Told | None] = asyncio.Queue(WAITING_CALLS)
        self._futures: dict[str, asyncio.Future[Answered | Failed]] = {}
        self._to_send = asyncio.Event()
        self._called = asyncio.Event()
        self._stopped = False
        self._allowance = float(settings.burst)
        self._allowed_at = self._now()

    @property
    def remote(self) -> str:
        return self._transport.remote

    def _now(self) -> float:
        return self._clock.now().timestamp()

    async def run(self, on_frame: Callable[[], Awaitable[None]]) -> str:
        """Serve the connection until it ends; `on_frame` after each frame. Returns why it ended."""
        helpers = [asyncio.create_task(job) for job in (self._write(), self._keep_time(), self._open_gate())]
        worker = asyncio.create_task(self._work())
        try:
            return await self._read(on_frame)
        finally:
            # What was received is handled to its end, though its answer finds no socket: it is then known when it comes again.
            await self._calls.put(None)
            await asyncio.gather(worker, return_exceptions=True)
            for task in helpers:
                task.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
            for future in self._futures.values():
                if not future.done():
                    future.set_exception(TransportClosedError(1006, "connection lost"))
                    future.exception()  # nobody may be waiting any more

    def ping_every(self, seconds: float) -> None:
        self._transport.ping_every(seconds)

    def stop_reading(self) -> None:
        """Take in no more; what the station has sent and got no answer to, it will send again."""
        self._stopped = True

    async def close(self, code: int, reason: str) -> None:
        self.stop_reading()
        await self._transport.close(code, reason)

    def call(
        self, request: Payload, *, urgent: bool = False, message_id: str | None = None
    ) -> tuple[str, asyncio.Future[Answered | Failed]]:  # fmt: skip
        """Send a call. The future ends as Answered or Failed, or raises TransportClosedError when the line goes first.

        message_id: of a call that is made again, as nobody knows whether it arrived.
        """
        message_id = self.connection.call(request, self._settings.call_timeout_s, urgent=urgent, message_id=message_id)
        future = asyncio.get_running_loop().create_future()
        self._futures[message_id] = future
        self._to_send.set()
        return message_id, future

    def withdraw(self, message_id: str) -> bool:
        """Take back a call that was not sent yet; its future fails. False: too late."""
        unsent = self.connection.withdraw(message_id)
        if unsent:
            self._resolve(Failed(message_id, ""))
        return unsent

    async def _read(self, on_frame: Callable[[], Awaitable[None]]) -> str:
        try:
            while not self._stopped:
                frame = await self._transport.receive()
                await on_frame()
                events = self.connection.receive(frame)
                if self.watch is not None:
                    self.watch.received(frame, events)
                for event in events:
                    await self._take(event)
                self._to_send.set()
                if self.connection.counters.malformed > self._settings.malformed_limit:
                    await self.close(POLICY, "too many unusable frames")
                await self._slow_down()
        except TransportClosedError as closed:
            return str(closed)
        return "closed by us"

    async def _take(self, event: Event) -> None:
        match event:
            case CallReceived() | Told():
                await self._calls.put(event)
            case Answered() | Failed():
                self._resolve(event)
            case Disputed(error=error):
                # The station keeps what it asked about and may ask again; nothing that is stored is undone by it (2.1 part 4, 4.2.4).
                log.warning("answer disputed", remote=self.remote, code=error.code, reason=error.description)
            case Mended(action=action, repairs=repairs, frame=frame):
                names = sorted({repair.name for repair in repairs})
                log.info("message mended", remote=self.remote, action=action, repairs=names, frame=str(frame)[:LOGGED])
            case Malformed(error):
                log.warning("unusable frame", remote=self.remote, where=error.position, reason=error.reason, cure=error.cure)

    async def _slow_down(self) -> None:
        """A token bucket: a station that sends faster than its rate for long is read more slowly, others are not."""
        now = self._now()
        earned = (now - self._allowed_at) * self._settings.rate
        self._allowance = min(self._settings.burst, self._allowance + max(earned, 0.0)) - 1.0
        self._allowed_at = now
        if self._allowance < 0.0:
            await self._clock.sleep(-self._allowance / self._settings.rate)

    def _resolve(self, event: Answered | Failed) -> None:
        future = self._futures.pop(event.id, None)
        if future is not None and not future.done():
            future.set_result(event)

    async def _work(self) -> None:
        while (call := await self._calls.get()) is not None:
            if isinstance(call, Told):
                await self._hear(call)
                continue
            due = self._now() + self.behaviour.answer_after_s.get(call.action, 0.0)
            try:
                response = await self._handler(self, call.request)
            except NotHandledError:
                self.connection.refuse(call, ErrorCode.NOT_SUPPORTED, f"{call.action} is not served here")
            except RefusedError as refused:
                self.connection.refuse(call, refused.code, str(refused))
            except DeniedError as denied:
                self.connection.refuse(call, ErrorCode.SECURITY_ERROR, str(denied))
            except Exception:
                # Most likely the store is not reachable. The station keeps the message and sends it again.
                log.exception("message not handled", remote=self.remote, action=call.action)
                self.connection.refuse(call, ErrorCode.INTERNAL_ERROR, "not stored; send it again later")
            else:
                if call.action in self.behaviour.answer_after_s:
                    await self._clock.sleep(max(due - self._now(), 0.0))
                self.connection.answer(call, response)
                if not self.boot_refused:
                    self.ready.set()
            self._to_send.set()

    async def _hear(self, told: Told) -> None:
        """What is only told has no answer in which a failure could be said."""
        try:
            await self._handler(self, told.message)
        except Exception:
            log.exception("message not kept", remote=self.remote, action=told.action)

    async def _write(self) -> None:
        with suppress(TransportClosedError):
            while True:
                await self._to_send.wait()
                self._to_send.clear()
                for frame in self.connection.outgoing(self._now()):
                    try:
                        async with asyncio.timeout(self._settings.send_timeout_s):
                            await self._transport.send(frame)
                    except TimeoutError:
                        await self.close(POLICY, "does not read")
                        return
                    if self.watch is not None:
                        self.watch.sent(frame)
                if self.connection.deadline is not None:
                    self._called.set()

    async def _keep_time(self) -> None:
        while True:
            await self._called.wait()
            self._called.clear()
            while (deadline := self.connection.deadline) is not None:
                await self._clock.sleep(max(deadline - self._now(), 0.001))
                for event in self.connection.expire(self._now()):
                    await self._take(event)
                self._to_send.set()

    async def _open_gate(self) -> None:
        """A station that reconnects does not boot again: after the grace time it may be spoken to."""
        if self.behaviour.boot_first:
            return
        await self._clock.sleep(self._settings.grace_s)
        if not self.boot_refused:
            self.ready.set()
