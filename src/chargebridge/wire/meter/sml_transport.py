"""SML transport protocol, version 1 (BSI TR-03109-1 annex IV "SML 1.04" clause 8.1): files cut out of a stream.

``1B1B1B1B 01010101`` messages, zero padding ``1B1B1B1B 1A pad crc crc``. A payload that contains the escape has it doubled. The checksum, CRC-16/X-25
over everything up to and including the pad count, is sent low byte first; some Holley meters use CRC-16/KERMIT instead.
"""

from msgspec import Struct

from chargebridge.wire.meter.crc import kermit, x25
from chargebridge.wire.meter.framer import Framer
from chargebridge.wire.meter.telegram import DecodeError, ErrorKind, Protocol

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


class SmlFramer(Framer[SmlFile]):
    """Cuts a stream into files. Holds at most ``MAX_FILE`` bytes between calls."""

    protocol = Protocol.SML
    longest = MAX_FILE
    unit = "file"

    def _scan(self, buffer: bytes, events: list[SmlFile | DecodeError], *, final: bool) -> int:
        size, at = len(buffer), 0
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
                self._lose(ErrorKind.OVERSIZE, at, f"no end within {MAX_FILE} bytes", events)
                at += MAX_FILE // 2
            elif len(follow) == 4 and follow[0] == _END_MARK:
                if self._judge(buffer, at, mark, escaped, events):
                    at = mark + 8
                else:  # two files may have run into each other: go on with the begin inside, if there is one
                    inner = buffer.rfind(START, at + 1, mark)
                    at = mark + 4 if inner < 0 else inner
            elif len(follow) == 4:
                reason = f"ends after {mark - at} bytes" if follow == START[4:] else f"escape with unknown meaning {follow.hex()}"
                self._lose(ErrorKind.TRUNCATED, at, reason, events)
                at = mark
            elif final:
                self._lose(ErrorKind.TRUNCATED, at, f"file breaks off after {size - at} bytes", events)
                at = size
            else:
                break
        return at

    def _judge(self, buffer: bytes, start: int, mark: int, escaped: bool, events: list[SmlFile | DecodeError]) -> bool:
        """Check the file from ``start`` to the end mark's escape at ``mark``; whether its checksum is right."""
        pad = buffer[mark + 5]
        stated = buffer[mark + 6] | buffer[mark + 7] << 8
        covered = buffer[start : mark + 6]
        crc = "x25" if x25(covered) == stated else "kermit" if kermit(covered) == stated else ""
        payload = buffer[start + len(START) : mark]
        if not crc:
            reason = f"checksum is {x25(covered):04x}, the file says {stated:04x}"
            self._lose(ErrorKind.CHECKSUM, start, reason, events)
        elif pad > _MAX_PAD or len(payload) < pad:
            self._lose(ErrorKind.CONTENT, start, f"{pad} bytes of padding cannot be", events)
        else:
            if escaped:
                payload = payload.replace(ESCAPE * 2, ESCAPE)
            self._noise = None
            events.append(SmlFile(payload[: len(payload) - pad], crc, self._base + start, mark + 8 - start))
        return bool(crc)


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
