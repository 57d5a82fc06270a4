"""P1 telegrams: framing and checksum (DSMR P1 companion standard 5.0.2 clause 6; e-MUCS P1 1.7.1 and the Nordic and Baltic H1 variants).

``/XXXZ ident CR LF CR LF`` objects ``!HHHH CR LF``. The checksum, CRC-16/ARC over ``/`` to ``!`` inclusive, came with DSMR 4; the lines of
the objects are read by ``p1_objects``. Line ends may be LF alone. A text may contain ``/`` and ``!``, so that they only count at the
begin of a line.
"""

import re
from datetime import timedelta

from chargebridge.wire.meter.crc import arc
from chargebridge.wire.meter.framer import Framer
from chargebridge.wire.meter.p1_objects import read
from chargebridge.wire.meter.telegram import ErrorKind, Event, Protocol, Telegram, error

MAX_SIZE = 8192
_END = re.compile(rb"[\r\n]!([0-9A-Fa-f]{4}|(?=[\r\n]|$))", re.ASCII)
_NEXT = re.compile(rb"[\r\n]/", re.ASCII)
_HEADER = re.compile(rb"/[A-Za-z]{3}[\w\\]", re.ASCII)
_HEADERS_TRIED = 4
_CHECKED = ("0-0:1.0.0", "1-3:0.2.8")
"""Objects that came with DSMR 4 or later, as the checksum did: a telegram with one of them and no checksum is damaged."""


class P1Decoder(Framer[Telegram]):
    """Stream to telegrams. Holds at most ``MAX_SIZE`` bytes between calls.

    standard_offset: the meter's local normal time minus UTC (its clock states summer or winter, but no zone).
    accept_bad_checksum: deliver telegrams whose checksum is wrong, with ``crc_ok`` False, instead of an error; for people who look at
    anonymised captures, never for control. offset: of the first byte in the stream.
    """

    protocol = Protocol.P1
    longest = MAX_SIZE
    unit = "telegram"
    filling = b"\r\n\0 "

    def __init__(self, *, standard_offset: timedelta = timedelta(hours=1), accept_bad_checksum: bool = False, offset: int = 0) -> None:
        super().__init__(offset)
        self._standard_offset = standard_offset
        self._accept_bad_checksum = accept_bad_checksum

    def _scan(self, buffer: bytes, events: list[Event], *, final: bool) -> int:
        base, at = self._base, 0
        while at < len(buffer):
            start = buffer.find(b"/", at)
            if start < 0:
                self._skip(buffer, at, len(buffer), events)
                at = len(buffer)
                break
            self._skip(buffer, at, start, events)
            at = start
            end = _END.search(buffer, at, at + MAX_SIZE)
            next_start = _NEXT.search(buffer, at + 1, end.start() if end is not None else at + MAX_SIZE)
            if next_start is not None:
                events += self._unended(buffer[at : next_start.start() + 1], base + at)
                at = next_start.start() + 1
            elif end is not None:
                could_grow = not end.group(1) and end.end() == len(buffer)  # a checksum may still follow the mark
                if could_grow and not final and len(buffer) - at <= MAX_SIZE:
                    break
                at = self._complete(buffer, at, end, events)
            elif len(buffer) - at > MAX_SIZE:
                self._lose(ErrorKind.OVERSIZE, at, f"no end within {MAX_SIZE} bytes", events)
                at = next(iter(self._later_headers(buffer, at + MAX_SIZE // 2, len(buffer))), len(buffer))
            elif final:
                events += self._unended(buffer[at:], base + at)
                at = len(buffer)
            else:
                break
        return at

    def _complete(self, buffer: bytes, start: int, end: re.Match[bytes], events: list[Event]) -> int:
        """Judge the telegram from ``start`` to ``end``; returns where to go on."""
        mark = end.start() + 1
        stated = end.group(1)
        if not stated:
            events += self._unchecked(buffer[start:mark], self._base + start, end.end() - start, has_end=True)
            return end.end()
        right = int(stated, 16)
        computed = arc(buffer[start : mark + 1])
        if computed == right:
            events.append(self._read(buffer[start:mark], self._base + start, end.end() - start, crc_ok=True))
            return end.end()
        for begin in self._later_headers(buffer, start, mark)[-_HEADERS_TRIED:]:
            if arc(buffer[begin : mark + 1]) == right:
                reason = f"telegram breaks off after {begin - start} bytes"
                events.append(self._error(ErrorKind.TRUNCATED, start, reason))
                events.append(self._read(buffer[begin:mark], self._base + begin, end.end() - begin, crc_ok=True))
                return end.end()
        self._noise = None
        if self._accept_bad_checksum:
            events.append(self._read(buffer[start:mark], self._base + start, end.end() - start, crc_ok=False))
        else:
            reason = f"checksum is {computed:04X}, the telegram says {right:04X}"
            events.append(self._error(ErrorKind.CHECKSUM, start, reason))
        return end.end()

    @staticmethod
    def _later_headers(buffer: bytes, start: int, end: int) -> list[int]:
        """Where, after ``start``, an identification line may begin in the middle of a line: a telegram that broke off joins the next one."""
        return [match.start() for match in _HEADER.finditer(buffer, start + 1, end)]

    def _unended(self, part: bytes, offset: int) -> list[Event]:
        """A telegram without its ``!``: old meters' ones may be whole, as they have no checksum that could be missing."""
        if part.endswith((b"\r", b"\n")):
            return self._unchecked(part, offset, len(part), has_end=False)
        return [error(Protocol.P1, ErrorKind.TRUNCATED, offset, f"telegram breaks off after {len(part)} bytes")]

    def _unchecked(self, part: bytes, offset: int, size: int, *, has_end: bool) -> list[Event]:
        """A telegram without checksum, which only those before DSMR 4 may be."""
        event = self._read(part, offset, size, crc_ok=None)
        if not isinstance(event, Telegram):
            return [event]
        if any(code in event.registers for code in _CHECKED):
            lacking = "checksum" if has_end else "end"
            return [error(Protocol.P1, ErrorKind.TRUNCATED, offset, f"telegram of {size} bytes lacks its {lacking}")]
        if not event.registers:
            return [error(Protocol.P1, ErrorKind.CONTENT, offset, f"telegram of {size} bytes holds no object")]
        return [event]

    def _read(self, part: bytes, offset: int, size: int, *, crc_ok: bool | None) -> Event:
        self._noise = None
        return read(part.decode("latin-1"), self._standard_offset, crc_ok=crc_ok, offset=offset, size=size)
