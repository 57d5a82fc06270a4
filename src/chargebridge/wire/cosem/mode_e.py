"""How an optical port is opened (IEC 62056-21 clause 6.4.5 and annex E): mode E, from 300 baud 7E1 to HDLC 8N1 at the meter's best speed.

    state      sent                          received                       then
    CALLING    "/?!" at 300 baud             "/XXXZ\\2..." identification    OFFERED
    OFFERED    ACK "2" Z "2" at 300 baud     the same at the new speed      HDLC at the new speed

``XXX`` is the maker, ``Z`` the speed (0 = 300 ... 6 = 19200). Some meters leave the last confirmation out; whoever waits for it calls
``unconfirmed`` after a second, and the SNRM that follows shows whether the meter took the offer. A head that echoes does no harm.

The line stays at 8N1 all the time: seven bits with even parity look the same on the wire as eight bits whose highest is the parity, and so it is
only the speed that has to change.
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
_WITH_PARITY = bytes(byte & 0x7F | (byte & 0x7F).bit_count() % 2 << 7 for byte in range(256))


class State(Enum):
    CALLING = "calling"
    OFFERED = "offered"
    DONE = "done"


class Line(Struct, frozen=True):
    """The speed of the serial line from now on, once all that was sent is out."""

    baud: int


class Send(Struct, frozen=True):
    data: bytes


class Ready(Struct, frozen=True):
    """The line belongs to HDLC now. identification: of the meter, as it wrote it."""

    identification: str


Step = Send | Line | Ready
START = Line(300)


class ModeE:
    """The opening: ``start`` once, ``receive`` for each piece that comes. Raises ``CosemError``."""

    def __init__(self) -> None:
        self.state = State.CALLING
        self._buffer = b""
        self._confirmation = b""
        self._identification = ""

    @property
    def offered(self) -> bool:
        """A speed was offered, and only the confirmation is out."""
        return self.state is State.OFFERED

    def start(self) -> list[Step]:
        return [START, Send(CALL.translate(_WITH_PARITY))]

    def receive(self, data: bytes) -> list[Step]:
        self._buffer = (self._buffer + data.translate(_TO_7_BITS))[-_MAX:]
        if self.state is State.CALLING:
            return self._identified()
        if self.state is State.OFFERED and self._confirmation in self._buffer:
            return self.unconfirmed()
        return []

    def unconfirmed(self) -> list[Step]:
        """Go on to HDLC without the confirmation."""
        self.state = State.DONE
        return [Ready(self._identification)]

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
        return [Send(self._confirmation.translate(_WITH_PARITY)), Line(SPEEDS[speed])]
