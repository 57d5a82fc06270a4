"""The station's end of the websocket: one connection, its calls and its answers."""

import asyncio
import base64
import ssl
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Protocol
from urllib.parse import quote
from uuid import uuid4

import msgspec
import websockets
from websockets.asyncio.client import ClientConnection

from chargebridge.model.clock import Clock
from chargebridge.sim.ocpp_station.faults import Faults
from chargebridge.wire.ocpp import DIALECTS, Answered, CallReceived, Connection, Disputed, ErrorCode, Failed, Malformed
from chargebridge.wire.ocpp.payload import Payload

CLOSE_TIMEOUT_S = 2.0  # for the other end's part of a close in good order


class LinkLostError(Exception):
    """The connection is gone, or could not be made. refused: the Central System did not let the station in."""

    def __init__(self, reason: str, *, refused: bool = False) -> None:
        super().__init__(reason)
        self.refused = refused


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach the Central System. uri: without the identity. version: the subprotocol. password: None for security profile 0 and 3."""

    uri: str
    identity: str
    version: str
    password: str | None
    call_timeout_s: float
    deflate: bool = False
    ping_s: float | None = None


class Speaker(Protocol):
    """Who speaks over a link."""

    def inward(self, message: Payload) -> Payload: ...

    def outward(self, message: Payload) -> Payload: ...

    def answer(self, request: Payload) -> Payload | None: ...

    def trace(self, sent: bool, frame: str) -> None: ...

    def disputed(self, event: Disputed) -> None: ...

    def malformed(self, event: Malformed) -> None: ...


class Link:
    """One connection to the Central System, open from `connect` until `run` returns."""

    def __init__(self, socket: ClientConnection, profile: Profile, faults: Faults, clock: Clock, speaker: Speaker) -> None:
        self.connection = Connection(DIALECTS[profile.version])
        self._socket = socket
        self._profile = profile
        self._faults = faults
        self._clock = clock
        self._speaker = speaker
        self._futures: dict[str, asyncio.Future[Answered | Failed]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._sending = asyncio.Lock()
        self._over = False

    @classmethod
    async def connect(cls, profile: Profile, tls: ssl.SSLContext | None, faults: Faults, clock: Clock, speaker: Speaker) -> "Link":
        """Open the socket. Raises LinkLostError: nobody there, not let in, or no common subprotocol."""
        headers = {}
        if profile.password is not None:
            credentials = f"{profile.identity}:{profile.password}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(credentials).decode()}"
        try:
            socket = await websockets.connect(
                f"{profile.uri.rstrip('/')}/{quote(profile.identity, safe='')}",
                subprotocols=[websockets.Subprotocol(profile.version)],
                additional_headers=headers,
                compression="deflate" if profile.deflate else None,
                ping_interval=profile.ping_s,
                close_timeout=CLOSE_TIMEOUT_S,
                ssl=tls,
            )
        except websockets.InvalidStatus as error:
            raise LinkLostError(str(error), refused=error.response.status_code in (401, 403)) from error
        except (OSError, websockets.WebSocketException, TimeoutError, ValueError) as error:
            raise LinkLostError(str(error) or type(error).__name__) from error
        if socket.subprotocol != profile.version:
            await socket.close()
            raise LinkLostError(f"the Central System does not speak {profile.version}")
        return cls(socket, profile, faults, clock, speaker)

    def _now(self) -> float:
        return self._clock.now().timestamp()

    async def run(self) -> None:
        """Read until the connection ends."""
        timekeeper = asyncio.create_task(self._keep_time())
        try:
            async for frame in self._socket:
                if not self._faults.half_open:
                    await self._take(frame if isinstance(frame, str) else frame.decode(errors="replace"))
        except (websockets.ConnectionClosed, LinkLostError):
            pass
        finally:
            self._over = True
            for task in (timekeeper, *self._tasks):
                task.cancel()
            await asyncio.gather(timekeeper, *self._tasks, return_exceptions=True)
            for future in self._futures.values():
                if not future.done():
                    future.set_exception(LinkLostError("connection lost"))
                    future.exception()

    async def _take(self, frame: str) -> None:
        self._speaker.trace(False, frame)
        for event in self.connection.receive(frame):
            match event:
                case CallReceived():
                    self._spawn(self._reply(event))
                case Answered() | Failed():
                    self._resolve(event)
                case Disputed():
                    self._speaker.disputed(event)
                case Malformed():
                    self._speaker.malformed(event)
        await self._flush()

    async def call(self, request: Payload, message_id: str | None = None) -> Answered | Failed:
        """Send a call and wait for its end; an answer comes in the voice's words. Raises LinkLostError."""
        if self._over:
            raise LinkLostError("the connection is over")
        message_id = message_id or str(uuid4())
        future: asyncio.Future[Answered | Failed] = asyncio.get_running_loop().create_future()
        self._futures[message_id] = future
        self.connection.call(self._speaker.outward(request), self._profile.call_timeout_s, message_id=message_id)
        await self._flush()
        answer = await future
        return Answered(answer.id, answer.action, self._speaker.inward(answer.response)) if isinstance(answer, Answered) else answer

    async def send(self, message: Payload) -> None:
        """Tell what is not answered (2.1, SEND). Raises LinkLostError."""
        self.connection.send(self._speaker.outward(message))
        await self._flush()

    async def close(self) -> None:
        if self._faults.half_open:
            self.drop()
        await self._socket.close()

    def drop(self) -> None:
        """Lose the line without a word: no close frame, no FIN handshake of websocket's."""
        self._socket.transport.abort()

    def _spawn(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reply(self, call: CallReceived) -> None:
        with suppress(LinkLostError, websockets.ConnectionClosed):
            await self._answer_call(call)

    async def _answer_call(self, call: CallReceived) -> None:
        faults = self._faults
        if faults.never_answers:
            return
        if faults.answer_late_s:
            await self._clock.sleep(faults.answer_late_s)
        if faults.answers_nonsense:
            await self._put(f'[3,"{call.id}",{{"status":42,"nonsense":["?"]}}]')
            return
        if faults.answers_error:
            await self._put(f'[4,"{call.id}","{faults.answers_error}","as the fault says",{{}}]')
            return
        response = self._speaker.answer(self._speaker.inward(call.request))
        if response is None:
            self.connection.refuse(call, ErrorCode.NOT_SUPPORTED, f"{call.action} is not supported")
        else:
            self.connection.answer(call, self._speaker.outward(response))
        await self._flush()

    def _resolve(self, event: Answered | Failed) -> None:
        future = self._futures.pop(event.id, None)
        if future is not None and not future.done():
            future.set_result(event)

    async def _flush(self) -> None:
        async with self._sending:
            try:
                for frame in self.connection.outgoing(self._now()):
                    for _ in range(2 if self._faults.twice else 1):
                        await self._put(frame)
            except websockets.ConnectionClosed as error:
                raise LinkLostError(str(error)) from error

    async def _put(self, frame: str) -> None:
        """One frame onto the wire, unless a fault has it otherwise."""
        faults = self._faults
        if faults.half_open:
            return
        if faults.drops_before and _is_call_of(frame, faults.drops_before):
            faults.drops_before = ""
            self.drop()
            raise LinkLostError("dropped on demand")
        await self._socket.send(frame)
        self._speaker.trace(True, frame)
        if faults.drops_after and _is_call_of(frame, faults.drops_after):
            faults.drops_after = ""
            self.drop()

    async def _keep_time(self) -> None:
        while True:
            await self._clock.sleep(0.25)
            if self._faults.half_open:
                self._socket.transport.pause_reading()
            for event in self.connection.expire(self._now()):
                if isinstance(event, Failed):
                    self._resolve(event)
            await self._flush()


def _is_call_of(frame: str, action: str) -> bool:
    parts = msgspec.json.decode(frame)
    return parts[0] in (2, 6) and parts[2] == action
