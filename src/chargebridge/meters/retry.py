"""A source that is opened again whenever it fails: the common part of those that speak with a peer."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

from chargebridge.meters.port import LinkFault, SourceEvent
from chargebridge.meters.stream import FIRST_BACKOFF_S, LAST_BACKOFF_S
from chargebridge.model.clock import Clock
from chargebridge.model.errors import ChargebridgeError
from chargebridge.wire.meter import Telegram


async def retried(where: str, session: Callable[[], AsyncGenerator[SourceEvent, None]], clock: Clock) -> AsyncIterator[SourceEvent]:
    """Sessions one after the other. One ends by raising ``ChargebridgeError``; the next begins after 1, 2, 4 ... 30 s. A telegram resets the wait."""
    backoff_s = FIRST_BACKOFF_S
    while True:
        try:
            async with aclosing(session()) as events:
                async for event in events:
                    if isinstance(event, Telegram):
                        backoff_s = FIRST_BACKOFF_S
                    yield event
        except ChargebridgeError as problem:
            yield LinkFault(where, problem.reason, problem.cure)
        await clock.sleep(backoff_s)
        backoff_s = min(LAST_BACKOFF_S, 2 * backoff_s)
