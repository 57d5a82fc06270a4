"""HTTPS with Digest, as small as a gateway's. Written here, so that ours and httpx check each other."""

import asyncio
import hashlib
import re
import secrets
import ssl
from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from types import TracebackType
from urllib.parse import parse_qsl, unquote

from msgspec import Struct

from chargebridge.model.clock import Clock
from chargebridge.sim.smgw.pki import Identity

HOST = "127.0.0.1"
_LONGEST = 65536
_IDLE_S = 600.0
_FIELD = re.compile(r'(\w+)=(?:"([^"]*)"|([^",\s]+))')
_REASONS = {200: "OK", 307: "Temporary Redirect", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}
_REASONS |= {405: "Method Not Allowed", 429: "Too Many Requests"}


class Request(Struct, frozen=True):
    """headers: names in lower case. certified: the client showed a certificate of the authority."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    certified: bool

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode("utf-8", "replace")))

    @property
    def cookies(self) -> dict[str, str]:
        parts = (part.strip().partition("=") for part in self.headers.get("cookie", "").split(";"))
        return {name: unquote(value) for name, _, value in parts}


class Response(Struct, frozen=True):
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = {}


class Door(ABC):
    """``async with`` opens it. Subclasses answer in ``answer``, which is asked only for those who are known.

    announced, reckoned: the digest's algorithm, as it is told and as it is used. requests, logins, wrong: what came, to look at. busy: how many
    requests are to be answered by 429. failures_to_lock: wrong passwords in a row after which ``locked_until`` is set, 0 for never.
    prefix: paths that do not begin so are not found, before any log-in. clients: authority of client certificates.
    """

    realm = "SMGW"
    announced = reckoned = "MD5"
    curve: str | None = None
    prefix = ""
    failures_to_lock = 0
    lock_for = timedelta(minutes=5)

    def __init__(self, identity: Identity, clock: Clock, *, password: str, user: str = "user", clients: str | None = None) -> None:
        self.port = 0
        self.requests: list[tuple[str, str]] = []
        self.wrong = 0
        self.busy = 0
        self.locked_until: datetime | None = None
        self.clock = clock
        self.identity = identity
        self._user, self._password = user, password
        self._in_a_row = 0
        self._nonces: dict[str, int] = {}
        self._clients = clients
        self._server: asyncio.Server | None = None
        self._talks: dict[asyncio.Task[None] | None, asyncio.StreamWriter] = {}

    @abstractmethod
    def answer(self, request: Request) -> Response:
        """What somebody who is known gets."""

    def refuse(self) -> Response | None:
        """What is answered while the door is locked, before any log-in; None leaves it to 401."""
        return None

    @property
    def locked(self) -> bool:
        return self.locked_until is not None and self.clock.now() < self.locked_until

    def url(self, **settings: str) -> str:
        """As it is written in a site's configuration, without the password."""
        query = "&".join(
            f"{name}={value}" for name, value in {"user": self._user, "fingerprint": self.identity.fingerprint, **settings}.items()
        )
        return f"smgw://{HOST}:{self.port}?{query}"

    async def __aenter__(self) -> "Door":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.identity.file)
        if self.curve is not None:
            context.set_ecdh_curve(self.curve)
        if self._clients is not None:
            context.verify_mode = ssl.CERT_OPTIONAL
            context.load_verify_locations(self._clients)
        self._server = await asyncio.start_server(self._talk, HOST, self.port, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._server is not None:
            self._server.close()
            for writer in self._talks.values():
                writer.transport.abort()
            await asyncio.gather(*(task for task in self._talks if task is not None), return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._talks[asyncio.current_task()] = writer
        certified = bool(writer.get_extra_info("peercert"))
        try:
            async with asyncio.timeout(_IDLE_S):
                while (request := await _read(reader, certified=certified)) is not None:
                    writer.write(_written(self._respond(request)))
                    await writer.drain()
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            pass
        finally:
            self._talks.pop(asyncio.current_task(), None)
            writer.transport.abort()

    def _respond(self, request: Request) -> Response:
        self.requests.append((request.method, request.path))
        if not request.path.startswith(self.prefix):
            return Response(404)
        if self.busy:
            self.busy -= 1
            return Response(429, headers={"Retry-After": "120"})
        if self.locked:
            refusal = self.refuse()
            if refusal is not None:
                return refusal
        known = request.certified or self._known(request)
        if known is None or self.locked:
            return self._challenge()
        if not known:
            self.wrong += 1
            self._in_a_row += 1
            if self.failures_to_lock and self._in_a_row >= self.failures_to_lock:
                self.locked_until = self.clock.now() + self.lock_for
                self._in_a_row = 0
            return self._challenge()
        self._in_a_row = 0
        return self.answer(request)

    def _challenge(self) -> Response:
        nonce = secrets.token_hex(8)
        self._nonces[nonce] = 0
        told = f'Digest realm="{self.realm}", nonce="{nonce}", algorithm="{self.announced}", qop="auth"'
        return Response(401, headers={"WWW-Authenticate": told})

    def _known(self, request: Request) -> bool | None:
        """None if nobody tried to log in, or with a nonce that is stale."""
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "digest":
            return None
        told = {name: quoted or bare for name, quoted, bare in _FIELD.findall(rest)}
        count, nonce = int(told.get("nc", "0"), 16), told.get("nonce", "")
        if nonce not in self._nonces or count <= self._nonces[nonce]:
            return None
        self._nonces[nonce] = count
        middle = ":".join((nonce, told["nc"], told.get("cnonce", ""), "auth"))
        first = self._hash(f"{self._user}:{self.realm}:{self._password}")
        second = self._hash(f"{request.method}:{told.get('uri', '')}")
        return told.get("username") == self._user and told.get("response") == self._hash(f"{first}:{middle}:{second}")

    def _hash(self, text: str) -> str:
        return hashlib.new(self.reckoned.replace("-", ""), text.encode()).hexdigest()


async def _read(reader: asyncio.StreamReader, *, certified: bool) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    body = await reader.readexactly(min(_LONGEST, int(headers.get("content-length", "0"))))
    return Request(method, path, headers, body, certified)


def _written(response: Response) -> bytes:
    headers = {"Content-Length": str(len(response.body)), **response.headers}
    lines = [f"HTTP/1.1 {response.status} {_REASONS[response.status]}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + response.body
