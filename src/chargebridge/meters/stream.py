"""A byte stream that is opened again whenever it fails: the common part of serial ports and TCP."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol, runtime_checkable

from chargebridge.meters.port import LinkFault, SourceEvent
from chargebridge.model.clock import Clock
from chargebridge.wire.meter import Telegram
from chargebridge.wire.meter.telegram import Answering, DecoderFactory, Impatient


class Closing(Protocol):
    """The side of a connection that ends it."""

    def close(self) -> None: ...


@runtime_checkable
class Writing(Protocol):
    """The side of a connection that can send, for meters that wait for an answer."""

    def write(self, data: bytes) -> object: ...


Streams = tuple[asyncio.StreamReader, Closing]
CONNECT_TIMEOUT_S = 10.0
SILENCE_S = 60.0
"""A half-open connection looks like a silent one; after this silence it is opened anew."""
PAUSE_S = 1.0
"""Longer than any pause inside a frame, also behind a bridge that sends bytes in packets; shorter than that between two telegrams."""
FIRST_BACKOFF_S, LAST_BACKOFF_S = 1.0, 30.0
_CHUNK = 4096


class StreamSource:
    """``TelegramSource`` over ``connect``.

    decoder: makes a fresh decoder for each connection, so that halves of two telegrams never meet. cure: what to tell when it cannot be opened.
    Tries again after 1, 2, 4 ... 30 s; a telegram that arrives resets the wait.
    """

    def __init__(
        self,
        where: str,
        connect: Callable[[], Awaitable[Streams]],
        decoder: DecoderFactory,
        clock: Clock,
        *,
        cure: str,
        silence_s: float = SILENCE_S,
    ) -> None:
        self.where = where
        self._connect = connect
        self._decoder = decoder
        self._clock = clock
        self._cure = cure
        self._silence_s = silence_s
        self._backoff_s = FIRST_BACKOFF_S

    async def events(self) -> AsyncIterator[SourceEvent]:
        """Telegrams and errors as they come; runs until it is closed."""
        while True:
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT_S):
                    reader, writer = await self._connect()
            except TimeoutError:
                yield LinkFault(self.where, f"no connection within {CONNECT_TIMEOUT_S:g} s", self._cure)
            except (OSError, ValueError) as problem:  # ValueError: pyserial on settings that the port does not know
                yield LinkFault(self.where, f"cannot be opened: {problem}", self._cure)
            else:
                try:
                    async for event in self._session(reader, writer):
                        yield event
                finally:
                    writer.close()
            await self._clock.sleep(self._backoff_s)
            self._backoff_s = min(LAST_BACKOFF_S, self._backoff_s * 2)

    async def _session(self, reader: asyncio.StreamReader, writer: Closing) -> AsyncIterator[SourceEvent]:
        """What one connection delivers, and in the end why it ended."""
        decoder = self._decoder()
        silent_s = 0.0
        while True:
            try:
                async with asyncio.timeout(min(PAUSE_S, self._silence_s)):
                    data = await reader.read(_CHUNK)
            except TimeoutError:
                if isinstance(decoder, Impatient):
                    for event in decoder.pause():
                        yield event
                silent_s += PAUSE_S
                if silent_s < self._silence_s:
                    continue
                reason, cure = f"no byte for {self._silence_s:g} s, opened anew", "check that the port is enabled and the cable sits"
                break
            except OSError as problem:
                reason, cure = f"broke off: {problem}", self._cure
                break
            if not data:
                reason, cure = "closed by the other side, opened anew", self._cure
                break
            silent_s = 0.0
            events = decoder.feed(data)
            if isinstance(decoder, Answering) and isinstance(writer, Writing) and (answer := decoder.answer()):
                writer.write(answer)
            for event in events:
                if isinstance(event, Telegram):
                    self._backoff_s = FIRST_BACKOFF_S
                yield event
        for event in decoder.close():
            yield event
        yield LinkFault(self.where, reason, cure)
