"""M-Bus long frames, as Austrian meters push DLMS in them (EN 13757-2 clause 5.7; transport by EN 13757-3 annex on DLMS, CI 00 to 1F).

``68 L L 68 | control 1 | address 1 | CI 1 | source 1 | destination 1 | part of an APDU | checksum 1 | 16``. L counts from control to the byte
before the checksum, which is their sum modulo 256. CI: bit 4 = last segment, bits 0-3 = its number from 0 on. ``E5`` acknowledges, and
short frames are ``10 | control | address | checksum | 16``; both carry no data. Oberösterreich's meters send other data, see ``oms``, and only as
long as each frame is acknowledged.

Sagemcom's T210-D sends up to 258 bytes in one frame, whose L then is what is left modulo 256. Every long frame has three bytes at least, so that an L
below three means 256 more.
"""

import re

from msgspec import Struct

from chargebridge.wire.meter import oms
from chargebridge.wire.meter.apdu import MAX_APDU, decode_apdu
from chargebridge.wire.meter.framer import Framer
from chargebridge.wire.meter.options import DEFAULTS, DecoderOptions
from chargebridge.wire.meter.security import Security
from chargebridge.wire.meter.telegram import DecodeError, ErrorKind, Event, Protocol, error

LONG, SHORT, STOP, ACKNOWLEDGE = 0x68, 0x10, 0x16, 0xE5
MAX_FRAME = 258 + 6
SEND_USER_DATA, BROADCAST = 0x53, 0xFF
_LEAST_LENGTH = 3
_SHORT_SIZE = 5
LAST = 0x10
_NUMBER, _OTHER = 0x0F, 0xE0
SAPS = b"\x01\x67"
"""Service access points of the meter's push and of its customer, before each part of an APDU."""
_MARK = re.compile(rb"\x68(.)\1\x68[\x53\x73]|\x10\x40\xf0\x30\x16", re.DOTALL)
DISPLAY = 0xF0
"""Address of the customer's display in Oberösterreich. Who sends to it waits for ``ACKNOWLEDGE``."""


class Frame(Struct, frozen=True, gc=False):
    """One long frame whose checksum is right. data: what follows CI. offset, size: of all its bytes."""

    control: int
    address: int
    ci: int
    data: bytes
    offset: int
    size: int


def find_header(data: bytes) -> int:
    """Index of the first begin of a long frame that sends data, or of a short one that looks for a display; -1 if there is none."""
    found = _MARK.search(data)
    return -1 if found is None else found.start()


def frame(data: bytes, *, control: int = SEND_USER_DATA, address: int = BROADCAST, ci: int) -> bytes:
    """The bytes of one long frame, the other way round. Raises ``ValueError`` for more than 255 bytes of ``data``."""
    body = bytes((control, address, ci)) + data
    if len(body) + 6 > MAX_FRAME:
        raise ValueError(f"{len(data)} bytes do not fit into one M-Bus frame")
    length = len(body) & 0xFF
    return bytes((LONG, length, length, LONG)) + body + bytes((sum(body) & 0xFF, STOP))


class MbusFramer(Framer[Frame]):
    """Cuts a stream into long frames. Holds at most one frame's bytes between calls."""

    protocol = Protocol.DLMS_MBUS
    longest = MAX_FRAME

    def __init__(self) -> None:
        super().__init__()
        self.asked = False
        """A frame came whose sender waits for an acknowledgement; whoever gives it takes this back."""

    def _scan(self, buffer: bytes, events: list[Frame | DecodeError], *, final: bool) -> int:
        size, at = len(buffer), 0
        while at < size:
            first = buffer[at]
            if first == ACKNOWLEDGE:
                at += 1
                continue
            if first not in (LONG, SHORT):
                end = _next(buffer, at)
                self._skip(buffer, at, end, events)
                at = end
                continue
            step = (self._long if first == LONG else self._short)(buffer, at, final, events)
            if not step:
                break
            at += step
        return at

    def _short(self, buffer: bytes, at: int, final: bool, events: list[Frame | DecodeError]) -> int:
        """Judge the short frame that may start at ``at``; how far to go on, 0 to wait for more bytes."""
        part = buffer[at : at + _SHORT_SIZE]
        if len(part) == _SHORT_SIZE and part[4] == STOP and part[3] == part[1] + part[2] & 0xFF:
            self._good(address=part[2])
            return _SHORT_SIZE
        if len(part) < _SHORT_SIZE and not final:
            return 0
        self._skip(buffer, at, at + 1, events)
        return 1

    def _long(self, buffer: bytes, at: int, final: bool, events: list[Frame | DecodeError]) -> int:
        """The same for a long frame."""
        head, left = buffer[at : at + 4], len(buffer) - at
        likely = bytes((LONG, *head[1:2], *head[1:2], LONG)).startswith(head)
        if likely and left <= 4 and not final:
            return 0
        if not likely or left <= 4:
            self._skip(buffer, at, at + 1, events)
            return 1
        size = head[1] + (6 if head[1] >= _LEAST_LENGTH else 6 + 256)
        if left < size:
            if final:
                self._refuse(ErrorKind.TRUNCATED, at, left, f"frame of {size} bytes ends after {left}", events)
            return 1 if final else 0
        body, end = buffer[at + 4 : at + size - 2], at + size
        if buffer[end - 1] != STOP or sum(body) & 0xFF != buffer[end - 2]:
            self._refuse(ErrorKind.CHECKSUM, at, size, "the checksum is wrong, or no stop byte stands at the frame's end", events)
            return 1
        self._good(address=body[1])
        events.append(Frame(body[0], body[1], body[2], body[3:], self._base + at, size))
        return size

    def _good(self, address: int) -> None:
        self.asked = self.asked or address == DISPLAY
        self._noise = None


_STARTS = re.compile(rb"[\x68\x10\xe5]")


def _next(buffer: bytes, at: int) -> int:
    """Where something may start at or after ``at``."""
    found = _STARTS.search(buffer, at)
    return len(buffer) if found is None else found.start()


class MbusDecoder:
    """M-Bus stream to telegrams. Holds at most one frame and ``MAX_APDU`` bytes of segments between calls."""

    def __init__(self, options: DecoderOptions = DEFAULTS) -> None:
        self._options = options
        self._guard = Security(options)
        self._framer = MbusFramer()
        self._segments: list[Frame] = []

    def feed(self, data: bytes) -> list[Event]:
        """Take bytes, return the telegrams and errors that they completed."""
        return self._join(self._framer.feed(data))

    def pause(self) -> list[Event]:
        """See ``Impatient``: a frame has no pauses, the segments of one push may."""
        return self._join(self._framer.close())

    def answer(self) -> bytes:
        """See ``Answering``: what the meter waits for, once for each feed."""
        asked, self._framer.asked = self._framer.asked, False
        return bytes((ACKNOWLEDGE,)) if asked else b""

    def close(self) -> list[Event]:
        """The stream has ended: what is left over is judged."""
        events = self._join(self._framer.close())
        self._drop(events)
        return events

    @property
    def pending(self) -> int:
        """Bytes held, waiting for the rest of their telegram."""
        return self._framer.pending + sum(len(segment.data) for segment in self._segments)

    def _join(self, frames: list[Frame | DecodeError]) -> list[Event]:
        events: list[Event] = []
        for found in frames:
            if isinstance(found, DecodeError):
                events.append(found)
            elif found.ci == oms.TO_DEVICE:
                self._drop(events)
                events.append(oms.read(found.data, self._options, offset=found.offset, size=found.size))
            elif found.ci & _OTHER or len(found.data) < len(SAPS):
                self._drop(events)
                events.append(
                    error(Protocol.DLMS_MBUS, ErrorKind.UNSUPPORTED, found.offset, f"a frame with CI {found.ci:02x} carries no DLMS")
                )
            else:
                self._segment(found, events)
        return events

    def _segment(self, found: Frame, events: list[Event]) -> None:
        number = found.ci & _NUMBER
        if number == 0:
            self._drop(events)
        elif number != len(self._segments) & _NUMBER:
            self._drop(events)
            events.append(error(Protocol.DLMS_MBUS, ErrorKind.TRUNCATED, found.offset, f"segment {number} without those before it"))
            return
        self._segments.append(found)
        if sum(len(segment.data) - len(SAPS) for segment in self._segments) > MAX_APDU:
            events.append(
                error(Protocol.DLMS_MBUS, ErrorKind.OVERSIZE, self._segments[0].offset, f"segments join to over {MAX_APDU} bytes")
            )
            self._segments.clear()
        elif found.ci & LAST:
            apdu = b"".join(segment.data[len(SAPS) :] for segment in self._segments)
            first, size = self._segments[0].offset, sum(segment.size for segment in self._segments)
            self._segments.clear()
            events.append(
                decode_apdu(apdu, self._options, offset=first, size=size, crc_ok=True, protocol=Protocol.DLMS_MBUS, guard=self._guard)
            )

    def _drop(self, events: list[Event]) -> None:
        """Segments that found no last one."""
        if self._segments:
            events.append(error(Protocol.DLMS_MBUS, ErrorKind.TRUNCATED, self._segments[0].offset, "the last segment never came"))
            self._segments.clear()
