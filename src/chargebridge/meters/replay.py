"""A capture as if it arrived now: ``file:///path?speed=10``."""

from collections.abc import AsyncIterator
from pathlib import Path

from msgspec.structs import replace

from chargebridge.meters.address import Address
from chargebridge.meters.files import decode_file
from chargebridge.meters.port import MeterError, SourceEvent, TelegramSource
from chargebridge.model.clock import Clock
from chargebridge.wire.meter import DecoderOptions, Protocol, Telegram

SETTINGS = frozenset({"speed", "interval", "loop"})
_LONGEST_GAP_S = 600.0


class ReplaySource:
    """``TelegramSource`` from a file.

    Telegrams come in the cadence of the meter's own clock, ``speed`` times as fast; where it tells no time, or jumps,
    ``interval_s`` apart. ``speed`` 0 does not wait at all. ``loop`` begins again at the end; otherwise the source ends there.
    """

    def __init__(
        self,
        path: str,
        clock: Clock,
        *,
        protocol: Protocol | None,
        options: DecoderOptions,
        speed: float = 1.0,
        interval_s: float = 1.0,
        loop: bool = False,
    ) -> None:
        self.where = path
        self._clock = clock
        self._protocol = protocol
        self._options = options
        self._speed = speed
        self._interval_s = interval_s
        self._loop = loop

    async def events(self) -> AsyncIterator[SourceEvent]:
        """Telegrams and errors of the file, each in its time."""
        last: Telegram | None = None
        while True:
            telegrams = 0
            for event in decode_file(self.where, self._protocol, self._options):
                if isinstance(event, Telegram):
                    telegrams += 1
                    await self._clock.sleep(0.0 if last is None else self._gap(last, event))
                    last = event
                yield event
            if not self._loop or not telegrams:
                return

    def _gap(self, last: Telegram, event: Telegram) -> float:
        """Seconds of our clock between two telegrams."""
        if not self._speed:
            return 0.0
        gap = self._interval_s
        if last.clock is not None and event.clock is not None:
            told = (event.clock - last.clock).total_seconds()
            gap = told if 0 <= told <= _LONGEST_GAP_S else gap
        return gap / self._speed


def open_source(address: Address, clock: Clock) -> TelegramSource:
    """``?speed=`` (1), ``?interval=`` seconds where the telegrams tell no time (1), ``?loop=1``."""
    if not address.path:
        raise MeterError(address.text, "the path is missing", "write it like file:///home/me/capture.bin?speed=10")
    if not Path(address.path).is_file():
        raise MeterError(address.text, "there is no such file", "check the path; it begins with a third slash")
    speed, interval_s = address.number("speed", 1.0), address.number("interval", 1.0)
    loop = bool(address.number("loop", 0))
    return ReplaySource(
        address.path,
        clock,
        protocol=address.protocol,
        options=replace(address.options, counters=None),  # a file that is read again repeats its telegrams rightly
        speed=speed,
        interval_s=interval_s,
        loop=loop,
    )
