"""A small HTTP/1.1 server on loopback: one answer to each request, then the line is closed."""

import asyncio
from types import TracebackType
from typing import Self

HOST = "127.0.0.1"
LONGEST = 65_536  # bytes of a request's body
REASONS = {200: "OK", 401: "Unauthorized", 404: "Not Found", 500: "Internal Server Error"}

Response = tuple[int, str, bytes]
"""Status, media type, body."""


class Loopback:
    """``async with`` opens a port. A subclass answers; None never answers."""

    def __init__(self) -> None:
        self.port = 0
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._talk, HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._server is not None
        self._server.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            line, *lines = head.split("\r\n")
            method, path, _ = line.split(" ", 2)
            headers = {name.strip().lower(): value.strip() for name, _, value in (one.partition(":") for one in lines if one)}
            body = await reader.readexactly(min(int(headers.get("content-length", "0")), LONGEST))
            response = self.answer(method, path, headers, body)
            if response is None:
                await reader.read()
                return
            status, kind, content = response
            start = f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
            writer.write(start.encode() + content)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            pass
        finally:
            writer.close()

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Response | None:
        raise NotImplementedError
