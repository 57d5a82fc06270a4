"""A meter that answers at its optical port when it is asked (IEC 62056-21 modes A, B and C), at the master end of a pseudo-terminal.

It hears only what is sent at the speed that it listens at. What it sends at another speed than the reader's arrives as a receiver would take it.
"""

import asyncio
import os
import re
import termios
from collections.abc import Callable

from msgspec import Struct

from chargebridge.sim.serial_line.uart import LineFormat, received, sent
from chargebridge.wire.meter.d0_request import FIRST_BAUD, MODE_B, MODE_C

_SPEEDS = {getattr(termios, f"B{baud}"): baud for baud in (300, 600, 1200, 2400, 4800, 9600, 19200)}
_REQUEST = re.compile(rb"/\?([0-9A-Za-z ]{0,32})!\r\n")
_ACKNOWLEDGE = re.compile(rb"\x060([0-9])0\r\n")
_FRAME = (7, "E", 1)
_PIECE = 16
_LONGEST_REQUEST = 40


class Habits(Struct, frozen=True, kw_only=True):
    """How a meter and its reading head behave.

    ident: without slash; its fourth character tells mode and speed. address: of the meter. echo: the head returns what it is sent. reaction_s: from
    hearing to answering. patience_s: how long it waits for an acknowledgement before it reads out at 300 baud. stops_after: so many bytes of the
    data are sent, then nothing more.
    """

    ident: str = "CBR5SIM-D0"
    address: str = "12345678"
    echo: bool = False
    reaction_s: float = 0.05
    patience_s: float = 0.3
    stops_after: int | None = None


class D0Meter:
    """Serves readouts on ``terminal`` (the master's descriptor) until it is closed. data_block: what it tells, from STX to the check character.

    requests: how often it was asked.
    """

    def __init__(self, terminal: int, data_block: Callable[[], bytes], habits: Habits) -> None:
        self._terminal = terminal
        self._data_block = data_block
        self._habits = habits
        self._heard = b""
        self._news = asyncio.Event()
        self._baud = FIRST_BAUD
        self.requests = 0

    async def serve(self) -> None:
        """Runs until it is cancelled."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._terminal, self._listen)
        try:
            while True:
                await self._one_readout()
        finally:
            loop.remove_reader(self._terminal)

    async def _one_readout(self) -> None:
        asked = await self._heard_of(_REQUEST)
        self.requests += 1
        if asked is None or asked[1] not in (b"", self._habits.address.encode("ascii")):
            return
        await self._say(f"/{self._habits.ident}\r\n".encode("ascii"))
        mark = self._habits.ident[3]
        if mark in MODE_C:
            chosen = await self._heard_of(_ACKNOWLEDGE, self._habits.patience_s)
            if chosen is not None and chosen[1] <= mark.encode("ascii"):
                self._baud = MODE_C[chosen[1].decode("ascii")]
        elif mark in MODE_B:
            self._baud = MODE_B[mark]
        await self._say(self._data_block()[: self._habits.stops_after])
        self._baud = FIRST_BAUD

    async def _heard_of(self, pattern: re.Pattern[bytes], patience_s: float | None = None) -> re.Match[bytes] | None:
        """What matches ``pattern``, None if it does not come in time."""
        try:
            async with asyncio.timeout(patience_s):
                while (match := pattern.search(self._heard)) is None:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            match = None
        self._heard = b""
        return match

    async def _say(self, data: bytes) -> None:
        await asyncio.sleep(self._habits.reaction_s)
        for at in range(0, len(data), _PIECE):
            piece = data[at : at + _PIECE]
            os.write(self._terminal, self._arriving(piece))
            await asyncio.sleep(0.001)

    def _arriving(self, piece: bytes) -> bytes:
        baud = self._readers_baud()
        if baud == self._baud or baud is None:
            return piece
        return received(sent(piece, LineFormat(self._baud, *_FRAME)), self._baud, LineFormat(baud, *_FRAME))

    def _listen(self) -> None:
        data = os.read(self._terminal, 256)
        if self._habits.echo:
            os.write(self._terminal, data)
        if self._readers_baud() == self._baud:
            self._heard = (self._heard + data)[-_LONGEST_REQUEST:]
            self._news.set()

    def _readers_baud(self) -> int | None:
        return _SPEEDS.get(termios.tcgetattr(self._terminal)[5])
