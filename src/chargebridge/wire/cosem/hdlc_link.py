"""The HDLC data link of a COSEM client (IEC 62056-46 clauses 6.4 and 6.5): normal response mode, window of one frame.

The client is the primary station: the meter speaks only when it was asked. SNRM opens (UA agrees, and may tell the sizes of information
fields), DISC closes. An APDU goes out in I-frames with the LLC header ``E6 E6 00`` before the first, and comes in with ``E6 E7 00``. Where it is
longer than one information field, the segmentation bit stands in the frame format and each segment but the last is acknowledged by RR. I-frames
are counted modulo 8 on both sides; a frame that comes twice is acknowledged again and dropped. Damaged frames are dropped by the framer;
the silence that follows makes the caller send the last frame again (``again``).

    state     sent              UA      DM      RR            I (last segment)   I (more follow)
    CLOSED    -                 -       -       -             -                  -
    OPENING   SNRM              READY   error   -             -                  -
    READY     -                 -       error   -             acknowledge        acknowledge
    SENDING   a segment         -       error   next segment, -                  -
                                                then WAITING
    WAITING   the last segment  -       error   ask again *   READY              WAITING, acknowledge
    CLOSING   DISC              CLOSED  CLOSED  -             -                  -

    * once for each frame that was sent again: the meter has it, and its answer was lost.

FRMR is an error everywhere, UI frames are ignored everywhere, as is all that is not addressed to us (an optical head may echo).
"""

from enum import Enum
from typing import ClassVar

from msgspec import Struct

from chargebridge.wire.cosem.errors import CosemError, ErrorKind
from chargebridge.wire.cosem.link import Apdu, Closed, LinkEvent, Opened, Reply
from chargebridge.wire.meter.hdlc import Frame, HdlcFramer, frame

SNRM, UA, DISC, DM, FRMR, UI = 0x83, 0x63, 0x43, 0x0F, 0x87, 0x03
"""Control fields without the poll/final bit."""
FINAL = 0x10
RR, RNR = 0x01, 0x05
TO_METER, TO_CLIENT = b"\xe6\xe6\x00", b"\xe6\xe7\x00"
DEFAULT_INFORMATION = 128
MAX_INFORMATION = 2030
MAX_APDU = 1 << 16
_PARAMETERS = b"\x81\x80"
_MAX_SENT, _MAX_RECEIVED, _WINDOW_SENT, _WINDOW_RECEIVED = 5, 6, 7, 8


class State(Enum):
    CLOSED = "closed"
    OPENING = "opening"
    READY = "ready"
    SENDING = "sending"
    WAITING = "waiting"
    CLOSING = "closing"


class Limits(Struct, frozen=True):
    """Longest information fields of one station, bytes, as it tells them when the link is opened."""

    sent: int = DEFAULT_INFORMATION
    received: int = DEFAULT_INFORMATION


def address(upper: int, lower: int | None = None, size: int | None = None) -> bytes:
    """The address field of a station: ``upper`` the logical device (or the client), ``lower`` the physical one.

    size: 1, 2 or 4 bytes; None for the shortest that holds both. Raises ``ValueError`` where they do not fit.
    """
    if size is None:
        size = 1 if lower is None and upper < 0x80 else 2 if max(upper, lower or 0) < 0x80 else 4
    parts = (upper,) if size == 1 else (upper, lower or 0)
    width = 2 if size == 4 else 1
    if size not in (1, 2, 4) or (size == 1 and lower is not None) or any(not 0 <= part < 1 << 7 * width for part in parts):
        raise ValueError(f"logical {upper} and physical {lower} have no address of {size} bytes")
    field = bytearray()
    for part in parts:
        field += bytes(((part >> 7) << 1, (part & 0x7F) << 1)) if width == 2 else bytes((part << 1,))
    field[-1] |= 1
    return bytes(field)


def limits(information: bytes) -> Limits:
    """The sizes in the information field of an SNRM or UA. Raises ``CosemError`` where they cannot be."""
    found = {_MAX_SENT: DEFAULT_INFORMATION, _MAX_RECEIVED: DEFAULT_INFORMATION}
    if information:
        if not information.startswith(_PARAMETERS) or information[2:3] != bytes((len(information) - 3,)):
            raise CosemError(ErrorKind.ANSWER, f"{information.hex()} are no parameters of a data link")
        at = 3
        while at < len(information):
            name, width = information[at], information[at + 1] if at + 1 < len(information) else 0
            value = information[at + 2 : at + 2 + width]
            if not 1 <= width <= 4 or len(value) != width:
                raise CosemError(ErrorKind.ANSWER, f"{information.hex()} are no parameters of a data link")
            found[name] = int.from_bytes(value, "big")
            at += 2 + width
    if min(found[_MAX_SENT], found[_MAX_RECEIVED]) < len(TO_METER) + 1:
        raise CosemError(ErrorKind.ANSWER, "information fields of the data link are shorter than an LLC header")
    return Limits(found[_MAX_SENT], found[_MAX_RECEIVED])


def parameters(own: Limits) -> bytes:
    """``own`` as an information field, windows of one frame; nothing where they are the standard's defaults."""
    if own == Limits():
        return b""
    sizes = b"".join(bytes((name, 2)) + size.to_bytes(2, "big") for name, size in ((_MAX_SENT, own.sent), (_MAX_RECEIVED, own.received)))
    windows = bytes((_WINDOW_SENT, 4, 0, 0, 0, 1, _WINDOW_RECEIVED, 4, 0, 0, 0, 1))
    return _PARAMETERS + bytes((len(sizes + windows),)) + sizes + windows


class HdlcLink:
    """``Link`` over HDLC. client, server: address fields (``address``); information: the longest information field that we take and send."""

    repeats: ClassVar[bool] = True

    def __init__(self, *, client: bytes, server: bytes, information: int = DEFAULT_INFORMATION) -> None:
        self.state = State.CLOSED
        self._client, self._server = client, server
        self._own = Limits(information, information)
        self._sent_limit = DEFAULT_INFORMATION
        self._framer = HdlcFramer()
        self._sent = self._received = 0  # V(S), V(R)
        self._segments: list[bytes] = []
        self._incoming = b""
        self._last = b""
        self._repeated = False

    @property
    def pending(self) -> int:
        """Bytes held of a frame and of an APDU that are not whole yet."""
        return self._framer.pending + len(self._incoming)

    def open(self) -> tuple[bytes, list[LinkEvent]]:
        """SNRM; ``Opened`` follows when the meter agrees."""
        self.state = State.OPENING
        self._sent = self._received = 0
        self._segments, self._incoming = [], b""
        return self._frame(SNRM | FINAL, parameters(self._own)), []

    def send(self, apdu: bytes) -> bytes:
        """The first segment of ``apdu``; the meter's acknowledgements bring out the others as ``Reply``."""
        if self.state is not State.READY:
            raise CosemError(ErrorKind.LINK, f"nothing can be sent while the link is {self.state.value}")
        data, size = TO_METER + apdu, self._sent_limit
        self._segments = [data[at : at + size] for at in range(0, len(data), size)]
        self._incoming = b""
        return self._next_segment()

    def again(self) -> bytes:
        """The last frame once more: the meter knows by its number whether it has it already."""
        self._repeated = True
        return self._last

    def close(self) -> bytes:
        """DISC; b"" where nothing was ever opened."""
        if self.state is State.CLOSED:
            return b""
        self.state = State.CLOSING
        return self._frame(DISC | FINAL)

    def receive(self, data: bytes) -> list[LinkEvent]:
        """What the frames in ``data`` mean. Raises ``CosemError``: the link is lost then."""
        events: list[LinkEvent] = []
        for found in self._framer.feed(data):
            if isinstance(found, Frame) and found.destination == self._client and found.source == self._server:
                self._take(found, events)
        return events

    def _take(self, found: Frame, events: list[LinkEvent]) -> None:
        control = found.control & ~FINAL
        if not control & 1:
            self._take_information(found, events)
        elif control & 0x0F in (RR, RNR):
            if control & 0x0F == RR:
                self._take_readiness(control >> 5, events)
        elif control == UA:
            self._take_agreement(found, events)
        elif control == FRMR:
            raise CosemError(ErrorKind.LINK, f"the meter rejects our frame (FRMR {found.information.hex()})")
        elif control == DM:
            if self.state is State.CLOSING:
                self.state = State.CLOSED
                events.append(Closed())
            elif self.state is not State.CLOSED:
                reason = "does not open the link" if self.state is State.OPENING else "has closed the link"
                raise CosemError(ErrorKind.LINK, f"the meter {reason} (DM)")

    def _take_readiness(self, acknowledged: int, events: list[LinkEvent]) -> None:
        if self.state is State.SENDING:
            # What is not acknowledged was not heard: the segment goes out again.
            events.append(Reply(self._next_segment() if acknowledged == self._sent else self._last))
        elif self.state is State.WAITING and self._repeated:
            self._repeated = False
            events.append(Reply(self._frame(RR | self._received << 5 | FINAL)))

    def _take_agreement(self, found: Frame, events: list[LinkEvent]) -> None:
        if self.state is State.OPENING:
            self._sent_limit = min(self._own.sent, limits(found.information).received)
            self.state = State.READY
            events.append(Opened())
        elif self.state is State.CLOSING:
            self.state = State.CLOSED
            events.append(Closed())

    def _take_information(self, found: Frame, events: list[LinkEvent]) -> None:
        if self.state not in (State.WAITING, State.READY):
            return
        if self.state is State.READY or found.control >> 1 & 7 != self._received:
            if found.control & FINAL:
                events.append(Reply(self._frame(RR | self._received << 5 | FINAL)))
            return
        if found.control >> 5 != self._sent:
            raise CosemError(ErrorKind.LINK, f"the meter acknowledges frame {found.control >> 5} instead of {self._sent}")
        self._received = self._received + 1 & 7
        self._incoming += found.information
        if len(self._incoming) > MAX_APDU:
            raise CosemError(ErrorKind.OVERSIZE, f"an APDU of more than {MAX_APDU} bytes")
        if found.segmented:
            if found.control & FINAL:
                events.append(Reply(self._frame(RR | self._received << 5 | FINAL)))
            return
        apdu, self._incoming = self._incoming, b""
        if not apdu.startswith(TO_CLIENT):
            raise CosemError(ErrorKind.ANSWER, f"an APDU begins with {apdu[:3].hex()} instead of {TO_CLIENT.hex()}")
        self.state = State.READY
        events.append(Apdu(apdu[len(TO_CLIENT) :]))

    def _next_segment(self) -> bytes:
        segment = self._segments.pop(0)
        self.state = State.SENDING if self._segments else State.WAITING
        control = self._received << 5 | FINAL | self._sent << 1
        self._sent = self._sent + 1 & 7
        return self._frame(control, segment, segmented=bool(self._segments))

    def _frame(self, control: int, information: bytes = b"", *, segmented: bool = False) -> bytes:
        self._last = frame(information, destination=self._server, source=self._client, control=control, segmented=segmented)
        return self._last
