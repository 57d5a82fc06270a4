"""Asks a meter over Modbus again and again."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Protocol as TypingProtocol

from msgspec import Struct

from chargebridge.links.modbus import ModbusLink
from chargebridge.meters.port import LinkFault, SourceEvent
from chargebridge.meters.retry import rest_of, retried
from chargebridge.model.clock import Clock
from chargebridge.wire.meter import Protocol, Register, Telegram
from chargebridge.wire.meter.direction import reversed_direction


class Answer(Struct, frozen=True):
    """What a meter told. registers: by OBIS code; empty where nothing counts. problems: (reason, cure) of what it did not tell, each once."""

    registers: dict[str, Register]
    device: str | None = None
    meter_id: str | None = None
    problems: tuple[tuple[str, str], ...] = ()


class Asker(TypingProtocol):
    """How one meter is asked over one connection. Raises ``LinkError`` when the connection is of no more use."""

    async def ask(self, link: ModbusLink) -> Answer: ...


class ModbusSource:
    """``TelegramSource`` that asks every ``every_s``. A new connection gets a fresh asker."""

    def __init__(
        self,
        where: str,
        link: Callable[[], ModbusLink],
        asker: Callable[[], Asker],
        clock: Clock,
        *,
        profile: str,
        every_s: float,
        turned: bool = False,
    ) -> None:
        self.where = where
        self._link = link
        self._asker = asker
        self._clock = clock
        self._profile = profile
        self._every_s = every_s
        self._turned = turned

    def events(self) -> AsyncIterator[SourceEvent]:
        """Telegrams and faults; runs until it is closed."""
        return retried(self.where, self._session, self._clock)

    async def _session(self) -> AsyncGenerator[SourceEvent, None]:
        link = self._link()
        try:
            await link.connect()
            asker = self._asker()
            while True:
                began = self._clock.now()
                answer = await asker.ask(link)
                for reason, cure in answer.problems:
                    yield LinkFault(self.where, reason, cure)
                if answer.registers:
                    yield self._telegram(answer)
                await rest_of(self._every_s, began, self._clock)
        finally:
            link.close()

    def _telegram(self, answer: Answer) -> Telegram:
        return Telegram(
            protocol=Protocol.MODBUS,
            profile=self._profile,
            device=answer.device,
            meter_id=answer.meter_id,
            registers=reversed_direction(answer.registers) if self._turned else answer.registers,
        )
