"""Meters and home systems that answer over HTTP: ``http://host/path?map=shelly-3em&every=1``, with TLS ``https://...``."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable

import httpx

from chargebridge.meters.address import Address
from chargebridge.meters.json_values.collector import SETTINGS as COMMON
from chargebridge.meters.json_values.collector import Collector, MessageError, collector
from chargebridge.meters.json_values.mqtt import tls_context
from chargebridge.meters.port import LinkFault, MeterError, SourceEvent, TelegramSource
from chargebridge.meters.retry import rest_of, retried
from chargebridge.model.clock import Clock
from chargebridge.wire.json_values.message import MAX_SIZE

SETTINGS = COMMON | {"every", "user", "auth", "password_file", "password_env", "token_file", "token_env", "ca_file"}
TIMEOUT_S = 5.0
"""For connecting and for each answer."""


class HttpSource:
    """``TelegramSource`` that asks for all parts of the map every ``every_s``. client: makes one for each connection, with what it must present."""

    def __init__(self, where: str, taken: Collector, client: Callable[[], httpx.AsyncClient], clock: Clock, *, every_s: float) -> None:
        self.where = where
        self._taken = taken
        self._client = client
        self._clock = clock
        self._every_s = every_s

    def events(self) -> AsyncIterator[SourceEvent]:
        """Telegrams and faults; runs until it is closed."""
        return retried(self.where, self._session, self._clock)

    async def _session(self) -> AsyncGenerator[SourceEvent, None]:
        empty = False
        async with self._client() as client:
            while True:
                began = self._clock.now()
                for part in self._taken.map.parts:
                    answer = await fetch(client, f"{self.where}/{part}" if part else self.where)
                    try:
                        self._taken.take(part, answer, self._clock.now())
                    except MessageError as problem:
                        raise MeterError(self.where, f"the answer {problem}", "check address and map") from None
                telegram = self._taken.telegram(self._clock.now())
                if telegram is not None:
                    yield telegram
                elif not empty:
                    yield LinkFault(self.where, "the answer holds none of the map's values", "compare the map with an answer of the meter")
                empty = telegram is None
                await rest_of(self._every_s, began, self._clock)


async def fetch(client: httpx.AsyncClient, url: str) -> bytes:
    """The body at ``url``, no longer than a message may be. Raises ``MeterError``."""
    try:
        async with client.stream("GET", url) as answer:
            if answer.status_code in (401, 403):
                cure = "check user and password_file (auth=digest where the device asks so), or token_file"
                raise MeterError(url, f"access refused ({answer.status_code})", cure)
            if answer.status_code != 200:
                raise MeterError(
                    url, f"answered {answer.status_code} {answer.reason_phrase}", "check the address, and that the map is this device's"
                )
            body = b""
            async for piece in answer.aiter_bytes(65536):
                body += piece
                if len(body) > MAX_SIZE:
                    raise MeterError(url, f"the answer is longer than {MAX_SIZE} bytes", "check the address")
            return body
    except httpx.HTTPError as problem:
        reason = f"no usable answer: {str(problem) or type(problem).__name__}"
        raise MeterError(url, reason, "check that the device is on, its address and the certificate") from None


def open_source(address: Address, clock: Clock) -> TelegramSource:
    """``?map=`` (needed), ``?every=`` seconds (1), ``?ca_file=`` with the authorities that the peer's certificate is checked against.

    Who we are: ``?user=`` with ``?password_file=`` or ``?password_env=``, and ``?auth=`` basic or digest; or ``?token_file=`` or ``?token_env=``.
    """
    if not address.host:
        raise MeterError(address.text, "the host is missing", "write it like http://192.168.1.40?map=shelly-3em")
    taken = collector(address)
    port = "" if address.port is None else f":{address.port}"
    host = f"[{address.host}]" if ":" in address.host else address.host
    where = f"{address.scheme}://{host}{port}{address.path.rstrip('/')}"
    auth, headers = _auth(address), _headers(address)
    verify = tls_context(address) if address.scheme == "https" else False
    if address.scheme == "http" and "ca_file" in address.settings:
        raise MeterError(address.text, "ca_file without TLS", "write https:// instead of http://")

    def client() -> httpx.AsyncClient:
        return httpx.AsyncClient(auth=auth, headers=headers, verify=verify, timeout=TIMEOUT_S, follow_redirects=False, trust_env=False)

    return HttpSource(where, taken, client, clock, every_s=address.number("every", 1.0, least=0.05))


def _auth(address: Address) -> httpx.Auth | None:
    user, password, kind = address.settings.get("user"), address.secret("password"), address.word("auth", "basic")
    if kind not in ("basic", "digest"):
        raise MeterError(address.text, f"auth={kind} is unknown", "write auth=basic or auth=digest")
    if (user is None) != (password is None):
        raise MeterError(address.text, "user and password belong together", "give user= and password_file= or password_env=")
    if user is None or password is None:
        return None
    return httpx.BasicAuth(user, password) if kind == "basic" else httpx.DigestAuth(user, password)


def _headers(address: Address) -> dict[str, str]:
    token = address.secret("token")
    if token is not None and not token.isprintable():
        raise MeterError(address.text, "the token is more than one line", "write nothing but the token into that file")
    return {} if token is None else {"Authorization": f"Bearer {token}"}
