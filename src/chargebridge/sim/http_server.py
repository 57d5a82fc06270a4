"""What every HTTP counterpart has in common: one answer to each request, then the line is closed."""

import asyncio
from abc import ABC, abstractmethod
from http import HTTPStatus

from chargebridge.sim.stream_server import HOST, StreamServer

LONGEST = 65_536  # bytes of a request's body

Response = tuple[int, str, bytes]
"""Status, media type, body."""


class HttpServer(StreamServer, ABC):
    """HTTP/1.1 on loopback. Subclasses say in ``answer`` what a request gets."""

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *lines = head.split("\r\n")
        method, target, _ = line.split(" ", 2)
        headers = {name.strip().lower(): value.strip() for name, _, value in (one.partition(":") for one in lines if one)}
        body = await reader.readexactly(min(int(headers.get("content-length", "0")), LONGEST))
        response = self.answer(method, target, headers, body)
        if response is None:
            await reader.read()
            return
        status, kind, content = response
        fields = {"Content-Type": kind, "Content-Length": len(content), "Connection": "close"}
        first = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        writer.write(first.encode() + b"\r\n" + content)
        await writer.drain()

    @abstractmethod
    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Response | None:
        """target: path and query as they came; headers: names in lower case. None: no answer ever comes."""
