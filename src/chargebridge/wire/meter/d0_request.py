"""Asking a meter for its readout (IEC 62056-21 clauses 6.3 and 6.4, modes A, B and C), without a port and without a clock.

========  ======================================  ==============================================================
state     what comes                              what follows
========  ======================================  ==============================================================
IDLE      ``begin()``                             ``/?!`` at 300 baud, then IDENTIFY
IDENTIFY  identification, Z = 0..6 (mode C)       ``ACK 0 Z 0`` at 300 baud, then READOUT at the speed of Z
IDENTIFY  identification, Z = A..F (mode B)       READOUT at the speed of Z, without an answer from here
IDENTIFY  identification, any other Z (mode A)    READOUT at 300 baud
READOUT   the telegram, or what is wrong with it  DONE
any       silence                                 DONE; what came is judged
========  ======================================  ==============================================================

Z is the fourth character of the identification. Reading heads that return what is sent are known by just that, and it is left out.
"""

import re
from enum import Enum

from msgspec import Struct

from chargebridge.wire.meter.d0 import SEVEN_BITS, D0Decoder
from chargebridge.wire.meter.options import DEFAULTS, DecoderOptions
from chargebridge.wire.meter.telegram import DecodeError, ErrorKind, Event, Protocol, Telegram, error

FIRST_BAUD = 300
MODE_C = {"0": 300, "1": 600, "2": 1200, "3": 2400, "4": 4800, "5": 9600, "6": 19200}
MODE_B = {"A": 600, "B": 1200, "C": 2400, "D": 4800, "E": 9600, "F": 19200}
REACTION_S = 0.2
"""Nobody answers sooner than this, so that the other side can turn from sending to receiving (clause 6.4.3)."""
SILENCE_S = 2.0
"""A meter begins to answer within 1.5 s and leaves no more between two characters."""
_MAX_IDENTIFICATION = 256
_IDENTIFICATION = re.compile(rb"/[A-Za-z]{3}([\w\\])[^()/!\r\n]*\r?\n", re.ASCII)
_ADDRESS = re.compile(r"[0-9A-Za-z ]{0,32}", re.ASCII)
_NO_ANSWER_CURE = (
    "check that the reading head sits straight on the optical port; a meter that speaks by itself is read by serial://...?protocol=d0"
)
_NO_DATA_CURE = "the reading head or its adapter may not follow the change of speed: try max_baud=300"


class Send(Struct, frozen=True):
    """Wait ``pause_s``, send ``data`` at ``baud``, and as soon as its last bit is out listen at ``then_baud``."""

    data: bytes
    baud: int
    then_baud: int
    pause_s: float = 0.0


class _State(Enum):
    IDLE = 0
    IDENTIFY = 1
    READOUT = 2
    DONE = 3


class ReadoutRequest:
    """One readout. address: of the meter where several share a line, "" for the only one. fastest: baud that are not exceeded.

    Raises ``ValueError`` for an address that cannot be.
    """

    def __init__(self, options: DecoderOptions = DEFAULTS, *, address: str = "", fastest: int = MODE_C["6"]) -> None:
        if not _ADDRESS.fullmatch(address):
            raise ValueError(f"{address!r} is no device address")
        self._request = f"/?{address}!\r\n".encode("ascii")
        self._fastest = fastest
        self._decoder = D0Decoder(options)
        self._state = _State.IDLE
        self._held = b""
        self._echo = b""

    @property
    def done(self) -> bool:
        """Nothing more is to be sent or received."""
        return self._state is _State.DONE

    def begin(self) -> Send:
        """The first step."""
        self._state = _State.IDENTIFY
        return Send(self._request, FIRST_BAUD, FIRST_BAUD)

    def receive(self, data: bytes) -> list[Send | Event]:
        """Take bytes; the next steps and what has been read."""
        if self._state is _State.IDENTIFY:
            return self._identify(data)
        return self._read(data) if self._state is _State.READOUT else []

    def silent(self) -> list[Event]:
        """Nothing came for ``SILENCE_S``."""
        state, self._state = self._state, _State.DONE
        if state is _State.IDENTIFY:
            found = f"only {len(self._held)} bytes that are no identification" if self._held else "nothing"
            return [error(Protocol.D0, ErrorKind.TRUNCATED, 0, f"the meter was asked and {found} came", _NO_ANSWER_CURE)]
        events = self._decoder.feed(self._held) + self._decoder.close()
        if any(isinstance(event, Telegram) for event in events):
            return events
        return [
            error(Protocol.D0, ErrorKind.TRUNCATED, 0, "the meter named itself, then its readout stayed away or broke off", _NO_DATA_CURE)
        ]

    def _identify(self, data: bytes) -> list[Send | Event]:
        self._held += data
        match = _IDENTIFICATION.search(self._held.translate(SEVEN_BITS))
        if match is None:
            if len(self._held) <= _MAX_IDENTIFICATION:
                return []
            self._state = _State.DONE
            reason = f"{len(self._held)} bytes hold no identification of a meter"
            return [error(Protocol.D0, ErrorKind.NOISE, 0, reason, "check that the port is set to 300 baud, 7E1")]
        line, rest = self._held[match.start() : match.end()], self._held[match.end() :]
        self._held, self._state = b"", _State.READOUT
        events: list[Event] = self._decoder.feed(line)
        mark = match[1].decode("ascii")
        if mark in MODE_C:
            known = [sign for sign, baud in MODE_C.items() if baud <= min(MODE_C[mark], self._fastest)]
            chosen = known[-1] if known else "0"
            self._echo = f"\x060{chosen}0\r\n".encode("ascii")
            return [*events, Send(self._echo, FIRST_BAUD, MODE_C[chosen], REACTION_S), *self._read(rest)]
        if mark in MODE_B:
            return [*events, Send(b"", FIRST_BAUD, MODE_B[mark]), *self._read(rest)]
        return [*events, *self._read(rest)]

    def _read(self, data: bytes) -> list[Send | Event]:
        if self._echo:
            self._held += data
            if len(self._held) < len(self._echo) and self._echo.startswith(self._held):
                return []
            data, self._held = self._held.removeprefix(self._echo), b""
            self._echo = b""
        events = self._decoder.feed(data)
        if any(isinstance(event, Telegram) or _final(event) for event in events):
            self._state = _State.DONE
        return [*events]


def _final(event: DecodeError) -> bool:
    """The readout is over by it; noise and a wrong setting of the port alone do not end it."""
    return event.kind is not ErrorKind.NOISE
