"""One connection of one station, from its handshake to its end.

The transport hands each frame to the sans-I/O `Connection` as it arrives: answers to calls of ours are given out at once, calls of the
station's are handled one after another in the order in which they came. So a command may be under way in one direction while a message is
handled in the other. The worker is the only task that an idle connection has. It need not wake for a message whose handling waits for nothing:
that one is handled and answered where it arrives, which takes two turns of the event loop less.

Nothing here outlives the socket; what must (identity, answers given, transactions) belongs to `OcppStation` and the sink.
"""

import asyncio
from asyncio.tasks import _enter_task, _leave_task
from collections.abc import Awaitable, Callable, Coroutine, Generator
from types import coroutine
from typing import Any, Protocol

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
    """See the module. `ready` is the boot gate: no call of ours leaves before the station's first message was answered.

    boot_refused: its last BootNotification was not answered with Accepted. Until one is, anything else it says is refused with SecurityError
    (2.x B01.FR.10, B02.FR.09; 1.6 4.2), also what we could ask for: nothing is asked of such a station.
    """

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
        self._calls: list[CallReceived | Told] = []
        self._futures: dict[str, asyncio.Future[Answered | Failed]] = {}
        self._worker: asyncio.Task[Any] | None = None
        self._wake: asyncio.Future[None] | None = None  # the worker waits
        self._begun: Coroutine[Any, Any, None] | None = None  # handling that has to wait, for the worker to go on with
        self._on_frame: Callable[[], None] | None = None
        self._holding = self._slowed = self._stuck = False
        self._ended: TransportClosedError | None = None
        self._stopped = False
        self._timekeeper: asyncio.Task[None] | None = None
        self._helpers: set[asyncio.Task[None]] = set()
        self._allowance = float(settings.burst)
        self._allowed_at = self._now()

    @property
    def remote(self) -> str:
        return self._transport.remote

    def _now(self) -> float:
        return self._clock.now().timestamp()

    async def run(self, on_frame: Callable[[], None] | None = None) -> str:
        """Serve the connection until it ends; `on_frame` for each frame that came. Returns why it ended.

        What was received is handled to its end, though its answer finds no socket: it is then known when it comes again.
        """
        self._on_frame = on_frame
        self._worker = asyncio.current_task()
        self._help(self._open_gate())
        try:
            self._transport.start(self)
            while True:
                if self._begun is not None:
                    begun, self._begun = self._begun, None
                    await begun
                elif self._calls:
                    await self._work(self._calls.pop(0))
                elif self._ended is not None:
                    return str(self._ended)
                else:
                    self._wake = asyncio.get_running_loop().create_future()
                    await self._wake
        finally:
            self._wake = None
            if self._begun is not None:
                self._begun.close()
            for task in self._helpers:
                task.cancel()
            await asyncio.gather(*self._helpers, return_exceptions=True)
            self._fail_calls()

    def _help(self, job: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(job)
        self._helpers.add(task)
        task.add_done_callback(self._helped)
        return task

    def _helped(self, task: asyncio.Task[None]) -> None:
        """Nobody waits for a helper; what goes wrong in one is in the log."""
        self._helpers.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("work for a connection failed", remote=self.remote, exc_info=error)

    def ping_every(self, seconds: float) -> None:
        self._transport.ping_every(seconds)

    def cut(self, code: int, reason: str) -> None:
        """Close soon, and take in nothing more; for who handles a message just now."""
        self.stop_reading()
        self._help(self.close(code, reason))

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
        if self._ended is not None:
            future.set_exception(self._ended)
            return message_id, future
        self._futures[message_id] = future
        self._flush(self._now())
        return message_id, future

    def tell(self, message: Payload) -> None:
        """Send a message that nobody answers (2.1, SEND). Raises KeyError: the version has no such message."""
        self.connection.send(message)
        self._flush(self._now())

    def withdraw(self, message_id: str) -> bool:
        """Take back a call that was not sent yet; its future fails. False: too late."""
        unsent = self.connection.withdraw(message_id)
        if unsent:
            self._resolve(Failed(message_id, ""))
        return unsent

    def _notify(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    # transport.Receiver

    def received(self, frame: str | bytes) -> None:
        if self._stopped:
            return
        events = self.connection.receive(frame)
        if self.watch is not None:
            self.watch.received(frame, events)
        if self._on_frame is not None:
            self._on_frame()
        now = self._now()
        for event in events:
            if isinstance(event, CallReceived) and self._is_free():
                self._handle_here(event, now)
            else:
                self._take(event)
        self._flush(now)
        if self.connection.counters.malformed > self._settings.malformed_limit:
            self._stopped = True
            self._help(self.close(POLICY, "too many unusable frames"))
        elif len(self._calls) >= WAITING_CALLS:
            self._hold()
        self._count(now)
        if self._calls:
            self._notify()

    def _is_free(self) -> bool:
        """Whether the worker waits for calls, and no task is under way: nobody else's work is then interrupted."""
        return self._wake is not None and not self._wake.done() and not self._calls and asyncio.current_task() is None

    def _handle_here(self, call: CallReceived, now: float) -> None:
        """Handle a call in the worker's name as far as it goes without waiting; if that is not to its end, the worker goes on with it.

        To enter and leave a task by hand is documented for those who write tasks of their own (Python's "Extending asyncio").
        """
        assert self._worker is not None
        assert self._wake is not None
        loop, work = self._worker.get_loop(), self._handle(call, now)
        _enter_task(loop, self._worker)
        try:
            waited_for = work.send(None)
        except StopIteration:
            return
        except BaseException as error:
            self._wake.set_exception(error)
            return
        finally:
            _leave_task(loop, self._worker)
        self._begun = self._go_on(work, waited_for)
        self._notify()

    async def _go_on(self, work: Coroutine[Any, Any, None], waited_for: Any) -> None:
        await _rest(work, waited_for)
        self._flush(self._now())
        if self._holding:
            self._read_on()

    def lost(self, closed: TransportClosedError) -> None:
        self._ended = closed
        self._fail_calls()
        self._notify()

    def _fail_calls(self) -> None:
        for future in self._futures.values():
            if not future.done():
                future.set_exception(TransportClosedError(1006, "connection lost"))
                future.exception()  # nobody may be waiting any more
        self._futures.clear()

    def _take(self, event: Event) -> None:
        match event:
            case CallReceived() | Told():
                self._calls.append(event)
            case Answered() | Failed():
                self._resolve(event)
            case Disputed(error=error):
                # The station keeps what it asked about and may ask again; nothing that is stored is undone by it (2.1 part 4, 4.2.4).
                log.warning("answer disputed", remote=self.remote, code=error.code, reason=error.description)
            case Mended(action=action, repairs=repairs, frame=frame):
                names = sorted({repair.name for repair in repairs})
                shown = "" if "KeyCode" in str(frame) else str(frame)[:LOGGED]  # key codes are in no log (2.x C04.FR.04)
                log.info("message mended", remote=self.remote, action=action, repairs=names, frame=shown)
            case Malformed(error):
                log.warning("unusable frame", remote=self.remote, where=error.position, reason=error.reason, cure=error.cure)

    # A station that is too fast, or does not read, is read more slowly; others are not.

    def _hold(self) -> None:
        self._holding = True
        self._transport.hold()

    def _count(self, now: float) -> None:
        """A token bucket: for long a station may send `rate` messages a second."""
        earned = (now - self._allowed_at) * self._settings.rate
        self._allowance = min(self._settings.burst, self._allowance + max(earned, 0.0)) - 1.0
        self._allowed_at = now
        if self._allowance < 0.0 and not self._slowed:
            self._slowed = True
            self._hold()
            self._help(self._slow_down())

    async def _slow_down(self) -> None:
        while self._allowance < 0.0:
            await self._clock.sleep(-self._allowance / self._settings.rate)
            now = self._now()
            self._allowance += max(now - self._allowed_at, 0.0) * self._settings.rate
            self._allowed_at = now
        self._slowed = False
        self._read_on()

    def _read_on(self) -> None:
        if self._holding and not self._slowed and not self._stuck and len(self._calls) < WAITING_CALLS // 2:
            self._holding = False
            self._transport.resume()

    def _resolve(self, event: Answered | Failed) -> None:
        future = self._futures.pop(event.id, None)
        if future is not None and not future.done():
            future.set_result(event)

    async def _work(self, call: CallReceived | Told) -> None:
        if isinstance(call, Told):
            await self._hear(call)
        else:
            await self._handle(call, self._now())
            self._flush(self._now())
        if self._holding:
            self._read_on()

    async def _handle(self, call: CallReceived, now: float) -> None:
        delay_s = self.behaviour.answer_after_s.get(call.action)
        try:
            if self.boot_refused and call.action != "BootNotification":
                raise DeniedError("not accepted here yet; only BootNotification is heard")
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
            if delay_s is not None:
                await self._clock.sleep(max(now + delay_s - self._now(), 0.0))
            self.connection.answer(call, response)
            if not self.boot_refused and not self.ready.is_set():
                self.ready.set()

    async def _hear(self, told: Told) -> None:
        """What is only told has no answer in which a failure could be said."""
        if self.boot_refused:
            return
        try:
            await self._handler(self, told.message)
        except Exception:
            log.exception("message not kept", remote=self.remote, action=told.action)

    def _flush(self, now: float) -> None:
        """Send what is ready."""
        for frame in self.connection.outgoing(now):
            if not self._transport.send(frame) and not self._stuck:
                self._stuck = True
                self._hold()
                self._help(self._unstick())
            if self.watch is not None:
                self.watch.sent(frame)
        if self._timekeeper is None and self.connection.deadline is not None:
            self._timekeeper = self._help(self._keep_time())

    async def _unstick(self) -> None:
        try:
            async with asyncio.timeout(self._settings.send_timeout_s):
                await self._transport.drain()
        except TimeoutError:
            await self.close(POLICY, "does not read")
        self._stuck = False
        self._read_on()

    async def _keep_time(self) -> None:
        """Give up calls of ours whose time is over; only while there are any."""
        while (deadline := self.connection.deadline) is not None:
            await self._clock.sleep(max(deadline - self._now(), 0.001))
            for event in self.connection.expire(self._now()):
                self._take(event)
            self._flush(self._now())
        self._timekeeper = None

    async def _open_gate(self) -> None:
        """A station that reconnects does not boot again: after the grace time it may be spoken to."""
        if self.behaviour.boot_first:
            return
        await self._clock.sleep(self._settings.grace_s)
        if not self.boot_refused:
            self.ready.set()


@coroutine
def _rest(work: Coroutine[Any, Any, None], waited_for: Any) -> Generator[Any, Any, None]:
    """Go on with a coroutine that waits, for the task that awaits this one."""
    while True:
        thrown: BaseException | None = None
        try:
            yield waited_for
        except GeneratorExit:
            work.close()
            raise
        except BaseException as error:
            thrown = error
        try:
            waited_for = work.send(None) if thrown is None else work.throw(thrown)
        except StopIteration:
            return
