"""A byte stream that is opened again whenever it fails: the common part of serial ports and TCP."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Protocol, runtime_checkable

from chargebridge.meters.connection import Closing, opened
from chargebridge.meters.port import MeterError, SourceEvent
from chargebridge.meters.retry import retried
from chargebridge.model.clock import Clock
from chargebridge.wire.meter.telegram import Answering, DecoderFactory, Impatient


@runtime_checkable
class Writing(Protocol):
    """The side of a connection that can send, for meters that wait for an answer."""

    def write(self, data: bytes) -> object: ...


Streams = tuple[asyncio.StreamReader, Closing]
SILENCE_S = 60.0
"""A half-open connection looks like a silent one; after this silence it is opened anew."""
PAUSE_S = 1.0
"""Longer than any pause inside a frame, also behind a bridge that sends bytes in packets; shorter than that between two telegrams."""
_CHUNK = 4096


class StreamSource:
    """``TelegramSource`` over ``connect``.

    decoder: makes a fresh decoder for each connection, so that halves of two telegrams never meet. cure: what to tell when it cannot be opened.
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

    def events(self) -> AsyncIterator[SourceEvent]:
        """Telegrams and errors as they come; runs until it is closed."""
        return retried(self.where, self._session, self._clock)

    async def _session(self) -> AsyncGenerator[SourceEvent, None]:
        """What one connection delivers, and in the end why it ended."""
        async with opened(self.where, self._connect, self._cure) as (reader, writer):
            async for event in self._heard(reader, writer):
                yield event

    async def _heard(self, reader: asyncio.StreamReader, writer: Closing) -> AsyncIterator[SourceEvent]:
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
                yield event
        for event in decoder.close():
            yield event
        raise MeterError(self.where, reason, cure)
