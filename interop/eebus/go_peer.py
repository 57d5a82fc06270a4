"""A peer as a process, above all the Go program: commands go in, answers and events come out, all as lines of JSON (`peer/main.go`)."""

import asyncio
import json
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

Line = dict[str, Any]
READY_S = 10.0


class PeerError(Exception):
    """The Go program could not do what it was told."""


def free_port() -> int:
    """A TCP port that nobody has; the library cannot choose one itself."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class LinePeer:
    """One process that is driven by lines of JSON."""

    def __init__(self, command: list[str], port: int, trace: Path | None = None) -> None:
        self.port = port
        self.ski = self.ship_id = ""
        self.events: list[Line] = []
        self.trace = trace
        self._command = command
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._answers: dict[int, asyncio.Future[Line]] = {}
        self._changed = asyncio.Event()
        self._number = 0

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()

    async def start(self) -> None:
        errors = self.trace.open("wb") if self.trace else asyncio.subprocess.DEVNULL
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=errors, limit=2**22
        )
        self._reading = asyncio.create_task(self._read(self._process))
        ready = await self.event("ready", within_s=READY_S)
        self.ski, self.ship_id, self.port = ready["ski"], ready["ship_id"], ready["port"]

    async def stop(self) -> None:
        """In order: it closes its connections."""
        if self._process is not None and self._process.returncode is None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), 5.0)
        await self.kill()

    async def kill(self) -> None:
        """At once, without a word to anybody."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
            self._process = None
        if self._reading is not None:
            await self._reading
            self._reading = None

    def signal(self, number: int) -> None:
        """Such as SIGSTOP: it does nothing more, and is there still."""
        assert self._process is not None
        self._process.send_signal(number)

    async def restart(self) -> None:
        """Killed, and started again as the same node."""
        await self.kill()
        self.events.clear()
        await self.start()

    async def do(self, what: str, *, within_s: float = 15.0, **words: Any) -> Line:
        """The answer. Raises PeerError."""
        if self._process is None or self._process.stdin is None:
            raise PeerError("it does not run")
        self._number += 1
        future = self._answers[self._number] = asyncio.get_running_loop().create_future()
        self._process.stdin.write(json.dumps({"id": self._number, "do": what, **words}).encode() + b"\n")
        try:
            told: Line = await asyncio.wait_for(future, within_s)
        except TimeoutError:
            raise PeerError(f"no answer to {what} within {within_s:g} s") from None
        if "error" in told:
            raise PeerError(f"{what}: {told['error']}")
        return told

    async def event(self, name: str, fits: Callable[[Line], bool] = lambda _: True, *, within_s: float = 15.0) -> Line:
        """The newest event of that name that fits, waited for. Raises PeerError."""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    for told in reversed(self.events):
                        if told["event"] == name and fits(told):
                            return told
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise PeerError(f"no event {name!r} within {within_s:g} s") from None

    async def read(self, of: str, ski: str, fits: Callable[[Line], bool] = lambda _: True, *, within_s: float = 15.0) -> Line:
        """What a use case knows of a peer, read until it fits. Raises PeerError with what it was last."""
        end = asyncio.get_running_loop().time() + within_s
        while True:
            try:
                last: Line | str = await self.do("read", of=of, ski=ski)
            except PeerError as error:
                last = str(error)
            if isinstance(last, dict) and fits(last):
                return last
            if asyncio.get_running_loop().time() > end:
                raise PeerError(f"{of} after {within_s:g} s: {last}")
            await asyncio.sleep(0.05)

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for raw in process.stdout:
            told = json.loads(raw)
            if "answer" in told:
                future = self._answers.pop(told["answer"], None)
                if future is not None and not future.done():
                    future.set_result(told)
            else:
                self.events.append(told)
                self._changed.set()
        for future in self._answers.values():
            if not future.done():
                future.set_exception(PeerError("it has ended"))
        self._answers.clear()


class GoPeer(LinePeer):
    """The Go program. certificate: a PEM file that it makes where there is none, so that a restart is the same node. within: a command that runs
    another one in a network namespace."""

    def __init__(
        self, program: Path, role: str, certificate: Path, *, serial: str = "1", mdns: str = "", within: tuple[str, ...] = (),
        port: int | None = None, heartbeat_s: float = 0.0, trace: Path | None = None,
    ) -> None:  # fmt: skip
        port = free_port() if port is None else port
        words = ["-role", role, "-cert", str(certificate), "-serial", serial, "-port", str(port), "-heartbeat", str(heartbeat_s)]
        super().__init__([*within, str(program), *words, *(["-mdns", mdns] if mdns else []), *(["-trace"] if trace else [])], port, trace)
