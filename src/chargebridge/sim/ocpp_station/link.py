"""The station's end of the websocket: one connection, its calls and its answers."""

import asyncio
import base64
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import websockets
from websockets.asyncio.client import ClientConnection

from chargebridge.model.clock import Clock
from chargebridge.sim.ocpp_station.plan import Faults, StationPlan
from chargebridge.wire.ocpp import DIALECTS, Answered, CallReceived, Connection, ErrorCode, Failed
from chargebridge.wire.ocpp.payload import Payload


class LinkLostError(Exception):
    """The connection is gone, or could not be made."""


Answerer = Callable[[Payload], Payload | None]


class Link:
    """One connection to the Central System, open from `connect` until `run` returns."""

    def __init__(self, socket: ClientConnection, plan: StationPlan, faults: Faults, clock: Clock, answer: Answerer) -> None:
        self.connection = Connection(DIALECTS[plan.version])
        self._socket = socket
        self._plan = plan
        self._faults = faults
        self._clock = clock
        self._answer = answer
        self._futures: dict[str, asyncio.Future[Answered | Failed]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._sending = asyncio.Lock()

    @classmethod
    async def connect(cls, plan: StationPlan, faults: Faults, clock: Clock, answer: Answerer) -> "Link":
        """Open the socket. Raises LinkLostError: nobody there, not let in, or no common subprotocol."""
        headers = {}
        if plan.password is not None:
            credentials = f"{plan.identity}:{plan.password}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(credentials).decode()}"
        try:
            socket = await websockets.connect(
                f"{plan.uri.rstrip('/')}/{quote(plan.identity, safe='')}",
                subprotocols=[websockets.Subprotocol(plan.version)],
                additional_headers=headers,
                compression=None,
                ping_interval=None,
            )
        except (OSError, websockets.WebSocketException, TimeoutError) as error:
            raise LinkLostError(str(error)) from error
        if socket.subprotocol != plan.version:
            await socket.close()
            raise LinkLostError(f"the Central System does not speak {plan.version}")
        return cls(socket, plan, faults, clock, answer)

    def _now(self) -> float:
        return self._clock.now().timestamp()

    async def run(self) -> None:
        """Read until the connection ends."""
        timekeeper = asyncio.create_task(self._keep_time())
        try:
            async for frame in self._socket:
                for event in self.connection.receive(frame):
                    if isinstance(event, CallReceived):
                        self._spawn(self._reply(event))
                    elif isinstance(event, Answered | Failed):
                        self._resolve(event)
                await self._flush()
        except (websockets.ConnectionClosed, LinkLostError):
            pass
        finally:
            for task in (timekeeper, *self._tasks):
                task.cancel()
            await asyncio.gather(timekeeper, *self._tasks, return_exceptions=True)
            for future in self._futures.values():
                if not future.done():
                    future.set_exception(LinkLostError("connection lost"))
                    future.exception()

    async def call(self, request: Payload, message_id: str | None = None) -> Answered | Failed:
        """Send a call and wait for its end. Raises LinkLostError."""
        message_id = message_id or str(uuid4())
        future: asyncio.Future[Answered | Failed] = asyncio.get_running_loop().create_future()
        self._futures[message_id] = future
        self.connection.call(request, self._plan.call_timeout_s, message_id=message_id)
        await self._flush()
        return await future

    async def close(self) -> None:
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
        if self._faults.never_answers:
            return
        if self._faults.answer_late_s:
            await self._clock.sleep(self._faults.answer_late_s)
        if self._faults.answers_nonsense:
            await self._socket.send(f'[3,"{call.id}",{{"status":42,"nonsense":["?"]}}]')
            return
        response = self._answer(call.request)
        if response is None:
            self.connection.refuse(call, ErrorCode.NOT_SUPPORTED, f"{call.action} is not supported")
        else:
            self.connection.answer(call, response)
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
                        await self._socket.send(frame)
            except websockets.ConnectionClosed as error:
                raise LinkLostError(str(error)) from error

    async def _keep_time(self) -> None:
        while True:
            await self._clock.sleep(0.25)
            for event in self.connection.expire(self._now()):
                if isinstance(event, Failed):
                    self._resolve(event)
            await self._flush()
