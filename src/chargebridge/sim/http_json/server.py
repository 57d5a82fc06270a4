"""A small HTTP/1.1 server with the pages of one device, who must present themselves or not."""

import asyncio
import base64
import hashlib
import json
import ssl
from types import TracebackType
from urllib.parse import unquote
from urllib.request import parse_keqv_list

HOST = "127.0.0.1"
_LONGEST = 65536


class JsonServer:
    """``async with`` opens a port. pages: what stands at each path with its query, as JSON or as bytes. asked: the paths that were asked for.

    basic: (user, password). digest: the same, by RFC 7616 with SHA-256 as Shelly's second generation. token: of ``Authorization: Bearer``.
    """

    def __init__(
        self,
        pages: dict[str, object],
        *,
        basic: tuple[str, str] | None = None,
        digest: tuple[str, str] | None = None,
        token: str | None = None,
        tls: ssl.SSLContext | None = None,
        port: int = 0,
    ) -> None:
        self.pages = pages
        self.asked: list[str] = []
        self.port = port
        self._basic = basic
        self._digest = digest
        self._token = token
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> "JsonServer":
        self._server = await asyncio.start_server(self._talk, HOST, self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.close()
        await self._server.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                line, *lines = head.split("\r\n")
                method, path, _ = line.split(" ", 2)
                headers = {name.strip().lower(): value.strip() for name, _, value in (one.partition(":") for one in lines if one)}
                writer.write(self._answer(method, path, headers.get("authorization", "")))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def _answer(self, method: str, path: str, authorization: str) -> bytes:
        self.asked.append(path)
        if not self._admitted(method, path, authorization):
            challenge = 'Digest qop="auth", realm="shelly", nonce="1700000000", algorithm=SHA-256' if self._digest else 'Basic realm="x"'
            return _response(401, "Unauthorized", b"", f"WWW-Authenticate: {challenge}\r\n")
        page = self.pages.get(path)
        if page is None:
            return _response(404, "Not Found", b"{}")
        return _response(200, "OK", page if isinstance(page, bytes) else json.dumps(page).encode())

    def _admitted(self, method: str, path: str, authorization: str) -> bool:
        if self._token is not None:
            return authorization == f"Bearer {self._token}"
        if self._basic is not None:
            return authorization == "Basic " + base64.b64encode(":".join(self._basic).encode()).decode()
        if self._digest is None:
            return True
        if not authorization.startswith("Digest "):
            return False
        given = parse_keqv_list([part.strip() for part in authorization[7:].split(",")])
        user, password = self._digest
        secret = _hash(f"{user}:{given.get('realm')}:{password}")
        asked = _hash(f"{method}:{given.get('uri')}")
        wanted = _hash(f"{secret}:{given.get('nonce')}:{given.get('nc')}:{given.get('cnonce')}:{given.get('qop')}:{asked}")
        return unquote(given.get("uri", "")) == unquote(path) and given.get("response") == wanted


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _response(status: int, reason: str, body: bytes, more: str = "") -> bytes:
    head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body
