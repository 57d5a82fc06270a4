"""HDLC frames of type 3 (IEC 62056-46 clause 6.4, EN 13757-2), as meters push them.

``7E | format 2 | destination 1..4 | source 1..4 | control 1 | HCS 2 | information | FCS 2 | 7E``. The format's upper four bits are
1010, bit 11 says that more segments follow, the lower eleven are the count of bytes between the flags. There is no byte stuffing: 7E
occurs inside, so a frame is found by its length and its checksums. One flag may close a frame and open the next.
"""

from msgspec import Struct

from chargebridge.wire.meter.crc import x25
from chargebridge.wire.meter.framer import Framer
from chargebridge.wire.meter.telegram import DecodeError, ErrorKind, Protocol

FLAG = 0x7E
MAX_FRAME = 2047 + 2
_MIN_LENGTH = 7


class Frame(Struct, frozen=True, gc=False):
    """One frame whose checksums are right. offset, size: of all its bytes with both flags."""

    destination: bytes
    source: bytes
    control: int
    segmented: bool
    information: bytes
    offset: int
    size: int


class _Incomplete(Exception):  # noqa: N818  (a signal, not an error)
    """More bytes are needed to judge the candidate."""


class _Refused(Exception):  # noqa: N818
    """The candidate is no frame. length: how far it claimed to reach."""

    def __init__(self, kind: ErrorKind, reason: str, length: int) -> None:
        super().__init__(reason)
        self.kind, self.reason, self.length = kind, reason, length


class HdlcFramer(Framer[Frame]):
    """Cuts a stream into frames. Holds at most one frame's bytes between calls."""

    protocol = Protocol.DLMS
    longest = MAX_FRAME

    def _scan(self, buffer: bytes, events: list[Frame | DecodeError], *, final: bool) -> int:
        size, at = len(buffer), 0
        while at < size:
            start = buffer.find(FLAG, at)
            if start != at:
                start = size if start < 0 else start
                self._skip(buffer, at, start, events)
                at = start
                continue
            if buffer[at + 1 : at + 2] == b"~":
                at += 1
                continue
            try:
                frame = _frame(buffer, at, self._base, final)
            except _Incomplete:
                if not final:
                    break
                at += 1
            except _Refused as refused:
                if refused.kind is ErrorKind.NOISE:
                    self._skip(buffer, at, at + 1, events)
                else:
                    self._refuse(refused.kind, at, refused.length + 2, refused.reason, events)
                at += 1
            else:
                events.append(frame)
                self._noise = None
                at += frame.size - 1
        return at


class _Header(Struct, frozen=True, gc=False):
    """Where the parts of a candidate lie; ``check`` is the index of its header check sequence, ``end`` of its closing flag."""

    length: int
    source: int
    control: int
    check: int
    end: int


def _header(buffer: bytes, start: int) -> _Header:
    """The header of the candidate whose flag stands at ``start``.

    Its check covers the length, so that a damaged length is refused as soon as the header is there and never makes us wait.
    """
    size = len(buffer)
    if size < start + 3:
        raise _Incomplete
    length = (buffer[start + 1] & 0x07) << 8 | buffer[start + 2]
    if buffer[start + 1] & 0xF0 != 0xA0 or length < _MIN_LENGTH:
        raise _Refused(ErrorKind.NOISE, "no frame format of type 3", 0)
    end = start + 1 + length
    source = _address_end(buffer, start + 3)
    control = _address_end(buffer, source)
    check = control + 1
    if check + 2 > end:
        raise _Refused(ErrorKind.CONTENT, "address fields reach beyond the frame", length)
    if check + 2 > size:
        raise _Incomplete
    if x25(buffer[start + 1 : check]) != buffer[check] | buffer[check + 1] << 8:
        raise _Refused(ErrorKind.CHECKSUM, "header check sequence is wrong", length)
    return _Header(length, source, control, check, end)


def _frame(buffer: bytes, start: int, base: int, final: bool) -> Frame:
    """Judge the candidate whose flag stands at ``start``."""
    header = _header(buffer, start)
    length, end = header.length, header.end
    if end >= len(buffer):
        if final:
            raise _Refused(ErrorKind.TRUNCATED, f"frame of {length + 2} bytes ends after {len(buffer) - start}", length)
        raise _Incomplete
    if buffer[end] != FLAG:
        raise _Refused(ErrorKind.CHECKSUM, "no flag where the frame's length puts its end", length)
    information_at = header.check + 2
    if information_at < end and x25(buffer[start + 1 : end - 2]) != buffer[end - 2] | buffer[end - 1] << 8:
        raise _Refused(ErrorKind.CHECKSUM, "frame check sequence is wrong", length)
    return Frame(
        destination=buffer[start + 3 : header.source],
        source=buffer[header.source : header.control],
        control=buffer[header.control],
        segmented=bool(buffer[start + 1] & 0x08),
        information=buffer[information_at : max(information_at, end - 2)],
        offset=base + start,
        size=length + 2,
    )


def find_header(data: bytes) -> int:
    """Index of the first flag with a frame header whose check is right, -1 if there is none."""
    start = data.find(FLAG)
    while start >= 0:
        try:
            _header(data, start)
        except (_Incomplete, _Refused):
            start = data.find(FLAG, start + 1)
        else:
            break
    return start


def _address_end(buffer: bytes, at: int) -> int:
    """Index after the address field at ``at``, whose last byte has its lowest bit set."""
    for i in range(at, at + 4):
        if i >= len(buffer):
            raise _Incomplete
        if buffer[i] & 1:
            return i + 1
    raise _Refused(ErrorKind.NOISE, "address field has no end", 0)


def frame(information: bytes, *, destination: bytes, source: bytes, control: int, segmented: bool = False) -> bytes:
    """The bytes of one frame with both flags, the other way round."""
    header_size = 2 + len(destination) + len(source) + 1 + 2
    length = header_size + len(information) + (2 if information else 0)
    if length > MAX_FRAME - 2:
        raise ValueError(f"{len(information)} bytes do not fit into one HDLC frame")
    head = (0xA000 | (0x0800 if segmented else 0) | length).to_bytes(2, "big") + destination + source + bytes([control])
    body = head + x25(head).to_bytes(2, "little")
    if information:
        body += information
        body += x25(body).to_bytes(2, "little")
    return b"~" + body + b"~"
