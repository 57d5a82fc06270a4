"""How an optical port is opened (IEC 62056-21 clause 6.4.5 and annex E): mode E, from 300 baud 7E1 to HDLC 8N1 at the meter's best speed.

    state      sent                          received                       then
    CALLING    "/?!" at 300 baud 7E1         "/XXXZ\\2..." identification    OFFERED
    OFFERED    ACK "2" Z "2" at 300 baud     the same at the new speed      HDLC at the new speed, 8N1

``XXX`` is the maker, ``Z`` the speed (0 = 300 ... 6 = 19200). Some meters leave the last confirmation out; whoever waits for it calls
``unconfirmed`` after a second, and the SNRM that follows shows whether the meter took the offer. A head that echoes does no harm.
"""

import re
from enum import Enum

from msgspec import Struct

from chargebridge.wire.cosem.errors import CosemError, ErrorKind

CALL = b"/?!\r\n"
SPEEDS = {ord("0"): 300, ord("1"): 600, ord("2"): 1200, ord("3"): 2400, ord("4"): 4800, ord("5"): 9600, ord("6"): 19200}
_IDENTIFICATION = re.compile(rb"/([A-Za-z]{3})([0-6A-Ia-i])((?:\\.)*)([^\r\n]{0,64})\r\n", re.DOTALL)
_ACK = 0x06
_MAX = 512
_TO_7_BITS = bytes(byte & 0x7F for byte in range(256))


class State(Enum):
    CALLING = "calling"
    OFFERED = "offered"
    DONE = "done"


class Line(Struct, frozen=True):
    """How the serial line is set from now on, once all that was sent is out."""

    baud: int
    bits: int
    parity: str


class Send(Struct, frozen=True):
    data: bytes


class Ready(Struct, frozen=True):
    """The line belongs to HDLC now. identification: of the meter, as it wrote it."""

    identification: str


Step = Send | Line | Ready
START = Line(300, 7, "E")


class ModeE:
    """The opening: ``start`` once, ``receive`` for each piece that comes. Raises ``CosemError``."""

    def __init__(self) -> None:
        self.state = State.CALLING
        self._buffer = b""
        self._confirmation = b""
        self._line = START
        self._identification = ""

    @property
    def offered(self) -> bool:
        """A speed was offered, and only the confirmation is out."""
        return self.state is State.OFFERED

    def start(self) -> list[Step]:
        return [START, Send(CALL)]

    def receive(self, data: bytes) -> list[Step]:
        # A line that is still set to eight bits shows the parity as the top bit.
        self._buffer = (self._buffer + data.translate(_TO_7_BITS))[-_MAX:]
        if self.state is State.CALLING:
            return self._identified()
        if self.state is State.OFFERED and self._confirmation in self._buffer:
            return self.unconfirmed()
        return []

    def unconfirmed(self) -> list[Step]:
        """Go on to HDLC without the confirmation."""
        self.state = State.DONE
        return [self._line, Ready(self._identification)]

    def _identified(self) -> list[Step]:
        match = _IDENTIFICATION.search(self._buffer)
        if match is None:
            return []
        speed = match[2][0]
        self._identification = match[0].strip().decode("ascii")
        if b"\\2" not in match[3] or speed not in SPEEDS:
            raise CosemError(
                ErrorKind.LINK,
                f"the meter {self._identification} does not offer DLMS after its identification (mode E)",
                "try opening=hdlc, or read this meter as D0 (protocol=d0)",
            )
        self.state = State.OFFERED
        self._buffer = b""
        self._confirmation = bytes((_ACK, ord("2"), speed, ord("2"))) + b"\r\n"
        self._line = Line(SPEEDS[speed], 8, "N")
        return [Send(self._confirmation), Line(SPEEDS[speed], 7, "E")]
