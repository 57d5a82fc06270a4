"""A meter that sends telegrams, over whichever transport."""

from collections.abc import AsyncGenerator, AsyncIterator

from chargebridge.meters.memory import PhaseMemory
from chargebridge.meters.port import LinkFault, TelegramSource
from chargebridge.meters.quantities import reading_of
from chargebridge.model.clock import Clock
from chargebridge.model.reading import MeterFault, Reading
from chargebridge.wire.meter import DecodeError, Telegram


class TelegramMeter:
    """``Meter`` over a ``TelegramSource``: telegrams to readings, errors to faults."""

    def __init__(self, name: str, source: TelegramSource, clock: Clock) -> None:
        self.name = name
        self.source = source
        self._clock = clock

    async def readings(self) -> AsyncIterator[Reading | MeterFault]:
        """See ``Meter``."""
        memory, events = PhaseMemory(), self.source.events()
        try:
            async for event in events:
                now = self._clock.now()
                match event:
                    case Telegram():
                        yield memory.complete(reading_of(event, meter=self.name, received_at=now))
                    case DecodeError(kind=kind, offset=offset, reason=reason, cure=cure):
                        where = f"{self.source.where}, byte {offset}"
                        yield MeterFault(meter=self.name, at=now, where=where, reason=reason, cure=cure, kind=kind.value)
                    case LinkFault(where=where, reason=reason, cure=cure):
                        yield MeterFault(meter=self.name, at=now, where=where, reason=reason, cure=cure)
        finally:
            if isinstance(events, AsyncGenerator):  # else its connection outlives the meter, until somebody collects it
                await events.aclose()
