"""SML transport protocol, version 1 (BSI TR-03109-1 annex IV "SML 1.04" clause 8.1): files cut out of a stream.

``1B1B1B1B 01010101`` messages, zero padding ``1B1B1B1B 1A pad crc crc``. A payload that contains the escape has it doubled. The checksum, CRC-16/X-25
over everything up to and including the pad count, is sent low byte first; some Holley meters use CRC-16/KERMIT instead.
"""

from msgspec import Struct

from chargebridge.wire.meter.crc import kermit, x25
from chargebridge.wire.meter.telegram import DecodeError, ErrorKind, Protocol, error

ESCAPE = b"\x1b\x1b\x1b\x1b"
START = ESCAPE + b"\x01\x01\x01\x01"
MAX_FILE = 16384
_END_MARK = 0x1A
_MAX_PAD = 3


class SmlFile(Struct, frozen=True, gc=False):
    """One file whose checksum is right. payload: its messages without escapes and padding. crc: "x25" or "kermit".

    offset, size: of all its bytes in the stream.
    """

    payload: bytes
    crc: str
    offset: int
    size: int


class SmlFramer:
    """Cuts a stream into files. Holds at most ``MAX_FILE`` bytes between calls."""

    def __init__(self) -> None:
        self._buffer = b""
        self._base = 0
        self._noise: int | None = None

    @property
    def pending(self) -> int:
        """Bytes held, waiting for the rest of their file."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[SmlFile | DecodeError]:
        """Take bytes, return what they completed."""
        return self._scan(self._buffer + data, final=False)

    def close(self) -> list[SmlFile | DecodeError]:
        """The stream has ended: judge what is left."""
        return self._scan(self._buffer, final=True)

    def _scan(self, buffer: bytes, *, final: bool) -> list[SmlFile | DecodeError]:
        base, size, at = self._base, len(buffer), 0
        events: list[SmlFile | DecodeError] = []
        while at < size:
            start = buffer.find(START, at)
            if start < 0:
                keep = size if final else max(at, size - len(START) + 1)
                self._skip(buffer, at, keep, events)
                at = keep
                break
            self._skip(buffer, at, start, events)
            at = start
            mark, escaped = _find_mark(buffer, at + len(START))
            follow = buffer[mark + 4 : mark + 8] if mark >= 0 else b""
            if size - at > MAX_FILE and not at < mark <= at + MAX_FILE:
                self._report(ErrorKind.OVERSIZE, base + at, f"no end within {MAX_FILE} bytes", events)
                at += MAX_FILE // 2
            elif len(follow) == 4 and follow[0] == _END_MARK:
                if self._judge(buffer, at, mark, escaped, events):
                    at = mark + 8
                else:  # two files may have run into each other: go on with the begin inside, if there is one
                    inner = buffer.rfind(START, at + 1, mark)
                    at = mark + 4 if inner < 0 else inner
            elif len(follow) == 4:
                reason = f"ends after {mark - at} bytes" if follow == START[4:] else f"escape with unknown meaning {follow.hex()}"
                self._report(ErrorKind.TRUNCATED, base + at, reason, events)
                at = mark
            elif final:
                self._report(ErrorKind.TRUNCATED, base + at, f"file breaks off after {size - at} bytes", events)
                at = size
            else:
                break
        self._buffer = buffer[at:]
        self._base = base + at
        return events

    def _judge(self, buffer: bytes, start: int, mark: int, escaped: bool, events: list[SmlFile | DecodeError]) -> bool:
        """Check the file from ``start`` to the end mark's escape at ``mark``; whether its checksum is right."""
        offset, pad = self._base + start, buffer[mark + 5]
        stated = buffer[mark + 6] | buffer[mark + 7] << 8
        covered = buffer[start : mark + 6]
        crc = "x25" if x25(covered) == stated else "kermit" if kermit(covered) == stated else ""
        payload = buffer[start + len(START) : mark]
        if not crc:
            reason = f"checksum is {x25(covered):04x}, the file says {stated:04x}"
            self._report(ErrorKind.CHECKSUM, offset, reason, events)
        elif pad > _MAX_PAD or len(payload) < pad:
            self._report(ErrorKind.CONTENT, offset, f"{pad} bytes of padding cannot be", events)
        else:
            if escaped:
                payload = payload.replace(ESCAPE * 2, ESCAPE)
            self._noise = None
            events.append(SmlFile(payload[: len(payload) - pad], crc, offset, mark + 8 - start))
        return bool(crc)

    def _report(self, kind: ErrorKind, offset: int, reason: str, events: list[SmlFile | DecodeError]) -> None:
        """A damaged file; what remains of it further on is not reported again as noise."""
        self._noise = offset
        events.append(error(Protocol.SML, kind, offset, reason))

    def _skip(self, buffer: bytes, start: int, end: int, events: list[SmlFile | DecodeError]) -> None:
        """Bytes outside any file: one event for each stretch, and another for every further ``MAX_FILE`` bytes of it."""
        if start < end and (self._noise is None or self._base + end - self._noise > MAX_FILE):
            self._noise = self._base + start
            events.append(error(Protocol.SML, ErrorKind.NOISE, self._noise, "bytes that belong to no file"))


def _find_mark(buffer: bytes, at: int) -> tuple[int, bool]:
    """Index of the first escape from ``at`` that is not a doubled one, -1 if there is none yet; whether doubled ones were passed."""
    doubled = False
    while True:
        mark = buffer.find(ESCAPE, at)
        if mark < 0 or buffer[mark + 4 : mark + 8] != ESCAPE:
            return mark, doubled
        doubled = True
        at = mark + 8


def wrap(payload: bytes) -> bytes:
    """The bytes of one file around ``payload`` (whole messages), the other way round."""
    pad = -len(payload) % 4
    body = START + payload.replace(ESCAPE, ESCAPE * 2) + bytes(pad) + ESCAPE + bytes([_END_MARK, pad])
    return body + x25(body).to_bytes(2, "little")
