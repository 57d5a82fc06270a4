"""One answer over HTTP: bounded in size and time, and asked again when the far end is only busy."""

import httpx

from chargebridge.links.backoff import Backoff
from chargebridge.market.port import MarketError
from chargebridge.model.clock import Clock
from chargebridge.wire.market.errors import SIZE_MAX

TIMEOUT_S = 20.0
TRIES = 3
BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers that pass by themselves (RFC 9110, 6585)."""


async def get(url: str, query: dict[str, str], clock: Clock, name: str) -> bytes:
    """The body. Raises MarketError; what is told of the query holds no secret."""
    backoff = Backoff(clock)
    for left in range(TRIES - 1, -1, -1):
        try:
            return await _once(url, query, name)
        except MarketError as error:
            if not error.passing or not left:
                raise
        await backoff.wait()
    raise AssertionError("the last try raises")


async def _once(url: str, query: dict[str, str], name: str) -> bytes:
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_S) as client, client.stream("GET", url, params=query) as answer:
            body = b""
            async for piece in answer.aiter_bytes(65_536):
                body += piece
                if len(body) > SIZE_MAX:
                    raise MarketError(name, f"answers with more than {SIZE_MAX} bytes", "see whether its address is right", passing=False)
            if answer.status_code in (401, 403):
                raise MarketError(
                    name, f"refuses access ({answer.status_code})", "see that the token is right, and allowed for this", passing=False
                )
            if answer.status_code >= 300 and not body.lstrip().startswith(b"<"):
                cure = "it may be busy; it is asked again" if answer.status_code in BUSY else "see its address and zone"
                raise MarketError(name, f"answers {answer.status_code}", cure, passing=answer.status_code in BUSY)
            if answer.status_code in BUSY:
                raise MarketError(name, f"answers {answer.status_code}", "it may be busy; it is asked again")
            return body
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise MarketError(name, f"cannot be reached ({type(error).__name__})", "see its address and the network") from error
