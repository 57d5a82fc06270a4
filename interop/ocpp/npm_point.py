"""A charge point by npm `ocpp-rpc`, whose strict mode holds every frame of both sides against the official schemas, in 1.6, 2.0.1 and 2.1."""

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from interop.ocpp.link import Answering, Message, RefusedError

PACKAGE, VERSION = "ocpp-rpc", "2.2.1"
CALL_TIMEOUT_S = 20.0


class NpmLink:
    """package: where `npm.installed` put it; wrong: what its strict mode found in our frames."""

    package: Path

    def __init__(self, version: str, uri: str, identity: str, password: str, answering: Answering) -> None:
        self._arguments = (str(self.package), uri, identity, password, version)
        self._answering = answering
        self._process: asyncio.subprocess.Process | None = None
        self._futures: dict[int, asyncio.Future[Any]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._next = 0
        self.wrong: list[str] = []

    async def open(self) -> None:
        if self._process is None:
            script = Path(__file__).with_name("station.cjs")
            self._process = await asyncio.create_subprocess_exec(
                "node",
                str(script),
                *self._arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
            self._spawn(self._listen(self._process))
        await self._order({"do": "open"})

    async def call(self, action: str, payload: Message) -> Message:
        return dict(await self._order({"do": "call", "action": action, "payload": payload}))

    async def drop(self) -> None:
        await self._order({"do": "drop"})
        await asyncio.sleep(0.05)  # until their library has noticed

    async def close(self) -> None:
        with suppress(RefusedError):
            await self._order({"do": "close"})
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            await self._process.wait()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _order(self, order: Message) -> Any:
        self._next += 1
        future = self._futures[self._next] = asyncio.get_running_loop().create_future()
        self._write({"n": self._next} | order)
        try:
            return await asyncio.wait_for(future, CALL_TIMEOUT_S)
        except TimeoutError:
            raise RefusedError(f"no answer to {order} after {CALL_TIMEOUT_S:g} s") from None

    def _write(self, line: Message) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(line).encode() + b"\n")

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            told = json.loads(line)
            if "ask" in told:
                self._spawn(self._reply(told["ask"], told["action"], told["payload"]))
            elif "wrong" in told:
                self.wrong.append(told["wrong"])
            elif "error" in told:
                self._futures.pop(told["n"]).set_exception(RefusedError(told["error"]))
            else:
                self._futures.pop(told["n"]).set_result(told["value"])

    async def _reply(self, number: int, action: str, payload: Message) -> None:
        try:
            self._write({"reply": number, "payload": await self._answering(action, payload)})
        except NotImplementedError:
            self._write({"reply": number, "code": "NotImplemented"})

    def _spawn(self, job: Any) -> None:
        task = asyncio.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
