"""P1 telegrams: framing and checksum (DSMR P1 companion standard 5.0.2 clause 6; e-MUCS P1 1.7.1 and the Nordic and Baltic H1 variants).

``/XXXZ ident CR LF CR LF`` objects ``!HHHH CR LF``. The checksum, CRC-16/ARC over ``/`` to ``!`` inclusive, came with DSMR 4; the lines of
the objects are read by ``p1_objects``. Line ends may be LF alone. A text may contain ``/`` and ``!``, so that they only count at the
begin of a line.
"""

import re
from datetime import timedelta

from chargebridge.wire.meter.crc import arc
from chargebridge.wire.meter.p1_objects import read
from chargebridge.wire.meter.telegram import ErrorKind, Event, Protocol, Telegram, error

MAX_SIZE = 8192
_END = re.compile(rb"[\r\n]!([0-9A-Fa-f]{4}|(?=[\r\n]|$))", re.ASCII)
_NEXT = re.compile(rb"[\r\n]/", re.ASCII)
_HEADER = re.compile(rb"/[A-Za-z]{3}[\w\\]", re.ASCII)
_HEADERS_TRIED = 4
_CHECKED = ("0-0:1.0.0", "1-3:0.2.8")
"""Objects that came with DSMR 4 or later, as the checksum did: a telegram with one of them and no checksum is damaged."""


class P1Decoder:
    """Stream to telegrams. Holds at most ``max_size`` bytes between calls.

    standard_offset: the meter's local normal time minus UTC (its clock states summer or winter, but no zone).
    accept_bad_checksum: deliver telegrams whose checksum is wrong, with ``crc_ok`` False, instead of an error; for people who look at
    anonymised captures, never for control. offset: of the first byte in the stream.
    """

    def __init__(
        self,
        *,
        standard_offset: timedelta = timedelta(hours=1),
        accept_bad_checksum: bool = False,
        max_size: int = MAX_SIZE,
        offset: int = 0,
    ) -> None:
        self._standard_offset = standard_offset
        self._accept_bad_checksum = accept_bad_checksum
        self._max_size = max_size
        self._buffer = b""
        self._base = offset
        self._noise: int | None = None

    @property
    def pending(self) -> int:
        """Bytes held, waiting for the rest of their telegram."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Event]:
        """Take bytes, return the telegrams and errors that they completed."""
        return self._scan(self._buffer + data, final=False)

    def close(self) -> list[Event]:
        """The stream has ended: what is left over is judged."""
        return self._scan(self._buffer, final=True)

    def _scan(self, buffer: bytes, *, final: bool) -> list[Event]:
        base, at = self._base, 0
        events: list[Event] = []
        while at < len(buffer):
            start = buffer.find(b"/", at)
            if start < 0:
                self._skip(buffer, at, len(buffer), events)
                at = len(buffer)
                break
            self._skip(buffer, at, start, events)
            at = start
            end = _END.search(buffer, at, at + self._max_size)
            next_start = _NEXT.search(buffer, at + 1, end.start() if end is not None else at + self._max_size)
            if next_start is not None:
                events += self._unended(buffer[at : next_start.start() + 1], base + at)
                at = next_start.start() + 1
            elif end is not None:
                could_grow = not end.group(1) and end.end() == len(buffer)  # a checksum may still follow the mark
                if could_grow and not final and len(buffer) - at <= self._max_size:
                    break
                at = self._complete(buffer, at, end, events)
            elif len(buffer) - at > self._max_size:
                reason = f"no end within {self._max_size} bytes"
                events.append(error(Protocol.P1, ErrorKind.OVERSIZE, base + at, reason))
                self._noise = base + at
                at = next(iter(self._later_headers(buffer, at + self._max_size // 2, len(buffer))), len(buffer))
            elif final:
                events += self._unended(buffer[at:], base + at)
                at = len(buffer)
            else:
                break
        self._buffer = buffer[at:]
        self._base = base + at
        return events

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
                events.append(error(Protocol.P1, ErrorKind.TRUNCATED, self._base + start, reason))
                events.append(self._read(buffer[begin:mark], self._base + begin, end.end() - begin, crc_ok=True))
                return end.end()
        self._noise = None
        if self._accept_bad_checksum:
            events.append(self._read(buffer[start:mark], self._base + start, end.end() - start, crc_ok=False))
        else:
            reason = f"checksum is {computed:04X}, the telegram says {right:04X}"
            events.append(error(Protocol.P1, ErrorKind.CHECKSUM, self._base + start, reason))
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

    def _skip(self, buffer: bytes, start: int, end: int, events: list[Event]) -> None:
        """Bytes outside any telegram: one event for each stretch, and another for every further ``max_size`` bytes of it.

        Line ends and NUL padding between telegrams are no noise.
        """
        if start >= end or not buffer[start:end].strip(b"\r\n\0 "):
            return
        offset = self._base + end
        if self._noise is None or offset - self._noise > self._max_size:
            self._noise = self._base + start
            events.append(error(Protocol.P1, ErrorKind.NOISE, self._noise, "bytes that belong to no telegram"))
