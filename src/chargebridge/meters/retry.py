"""When a source is opened again after a failure, and when it is asked again after an answer."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from datetime import datetime

from chargebridge.links.backoff import Backoff
from chargebridge.meters.port import LinkFault, SourceEvent
from chargebridge.model.clock import Clock
from chargebridge.model.errors import ChargebridgeError
from chargebridge.wire.meter import Telegram


async def retried(where: str, session: Callable[[], AsyncGenerator[SourceEvent, None]], clock: Clock) -> AsyncIterator[SourceEvent]:
    """Sessions one after the other. One ends by raising ``ChargebridgeError``, which is told, or when it has told itself what was wrong; the next
    begins after 1, 2, 4 ... 30 s. A telegram resets the wait."""
    backoff = Backoff(clock)
    while True:
        try:
            async with aclosing(session()) as events:
                async for event in events:
                    if isinstance(event, Telegram):
                        backoff = Backoff(clock)
                    yield event
        except ChargebridgeError as problem:
            yield LinkFault(where, problem.reason, problem.cure)
        await backoff.wait()


async def rest_of(every_s: float, began: datetime, clock: Clock) -> None:
    """Sleep until ``every_s`` seconds after ``began``."""
    await clock.sleep(max(0.0, every_s - (clock.now() - began).total_seconds()))
