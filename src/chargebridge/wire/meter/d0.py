"""D0 telegrams: the readout and the push of IEC 62056-21 as text (clause 6.3; German "D0" interface, VDEW "Lastenheft eHZ").

``/XXXZ ident CR LF`` objects ``! CR LF``. In a readout STX stands before the objects and ETX with a check character behind the end: the exclusive or
of all characters after STX up to and including ETX. A push has neither, and no checksum at all. The objects are read by ``d0_objects``.

Characters have seven bits and an even parity bit. A port opened as 8N1 delivers that bit too. When all characters of a telegram have even parity,
nothing is lost: the telegram is read, and the wrong setting is told once. Otherwise characters are damaged, and the telegram is refused.
"""

import re
from datetime import timedelta

from chargebridge.wire.meter.d0_objects import read
from chargebridge.wire.meter.framer import Framer
from chargebridge.wire.meter.options import DEFAULTS, DecoderOptions
from chargebridge.wire.meter.telegram import CURES, ErrorKind, Event, Protocol, Telegram

MAX_SIZE = 16384
"""Readouts with all stored months of a year have some 10 kB."""
_PARITY_CURE = "open the port with seven data bits and even parity: format=7E1"
STX, ETX = b"\x02", b"\x03"
_HEADER = re.compile(rb"/(?:([A-Za-z]{3}[\w\\][^()/!\r\n\x02\x03]{0,56})|\?[0-9A-Za-z]{0,32}!)\r?\n", re.ASCII)
"""An identification line, or the echo of a request (``/?!``). A slash inside an object's text is never such a line's begin: a bracket follows."""
_LONGEST_HEADER = 64
_FILLING = re.compile(rb"[\r\n\0 ]*")
_PUSH_END = re.compile(rb"[\r\n]!\r?\n")
_LINE_ENDS = (b"\r!", b"\n!")
_CHECKED_END = re.compile(rb"\x03([\x00-\xff])")
SEVEN_BITS = bytes(code & 0x7F for code in range(256))
_EVEN = bytes(code for code in range(256) if not code.bit_count() & 1)
_CODE = rb"(?:\d{1,3}-\d{1,3}:[\d.]+[*&]\d+|(?:\d{1,3}|[CFLP])\.(?:\d{1,3}|F)(?:\.\d{1,3})?(?:[*&]\d+)?)\("
_BEGIN = re.compile(rb"!|(?:\d{1,3}-\d{1,3}:)?(?:\d{1,3}|[CFLP])\.", re.ASCII)
"""How the objects begin. Without check character, anything else shows that their begin is damaged, as when STX was."""
START = re.compile(rb"[\r\n\0]?/[A-Za-z]{3}[\w\\][^()/!\r\n\x02\x03]{0,56}[\r\n]+(?:\x02|" + _CODE + rb")", re.ASCII)
"""What tells D0 from P1, which begins alike: STX, a storage number (``*255``) behind the first code, or a code without medium and channel."""


def find_start(data: bytes) -> int:
    """Index of the first D0 telegram in a capture, or of the line end before it; -1 if there is none."""
    plain = data.translate(SEVEN_BITS)
    for found in START.finditer(plain):
        mark = data[found.start() : found.end()]
        if mark == found[0] or has_even_parity(mark):
            return found.start()
    return -1


def has_even_parity(data: bytes) -> bool:
    """Every byte has an even number of ones."""
    return not data.translate(None, _EVEN)


def block_check(data: bytes) -> int:
    """The exclusive or of all bytes (clause 6.3.3, "block check character")."""
    value, size = int.from_bytes(data, "big"), len(data)
    while size > 1:
        half = (size + 1) // 2
        value = (value >> 8 * half) ^ (value & ((1 << 8 * half) - 1))
        size = half
    return value


class D0Decoder(Framer[Telegram]):
    """Stream to telegrams. Holds at most ``MAX_SIZE`` bytes between calls."""

    protocol = Protocol.D0
    longest = MAX_SIZE
    unit = "telegram"
    filling = b"\r\n\0 "
    noise_cure = "check baud rate and format: usually 9600 7E1"

    def __init__(self, options: DecoderOptions = DEFAULTS) -> None:
        super().__init__()
        self._standard_offset: timedelta = options.standard_offset
        self._told_parity = False

    def _scan(self, buffer: bytes, events: list[Event], *, final: bool) -> int:
        text = buffer.translate(SEVEN_BITS)
        at = 0
        while at < len(text):
            header = _HEADER.search(text, at)
            if header is None:
                kept = len(text) if final else _open_header(text, at)
                self._skip(text, at, kept, events)
                at = kept
                break
            self._skip(text, at, header.start(), events)
            at = header.start()
            end = self._judge(buffer, text, header, events, final=final)
            if end is None:
                break
            at = end
        return at

    def _judge(self, buffer: bytes, text: bytes, header: re.Match[bytes], events: list[Event], *, final: bool) -> int | None:
        """The telegram that ``header`` opens; returns where to go on, None if its rest has not come yet."""
        if header[1] is None:
            return header.end()
        start, size = header.start(), len(text)
        limit = min(size, start + MAX_SIZE)
        filling = _FILLING.match(text, header.end(), limit)
        body = header.end() if filling is None else filling.end()
        checked = text.startswith(STX, body)
        end = _CHECKED_END.search(text, body, limit) if checked else _PUSH_END.search(text, body - 1, limit)
        following = _HEADER.search(text, body, limit if end is None else end.start())
        if following is not None:
            self._cut(buffer, text, header, body, following.start(), events)
            return following.start()
        if end is not None:
            return self._whole(buffer, text, header, body, end, events)
        if size - start > MAX_SIZE:
            self._lose(ErrorKind.OVERSIZE, start, f"no end within {MAX_SIZE} bytes", events)
            return header.end()
        if final:
            self._cut(buffer, text, header, body, size, events)
            return size
        return None

    def _whole(self, buffer: bytes, text: bytes, header: re.Match[bytes], body: int, end: re.Match[bytes], events: list[Event]) -> int:
        """A telegram with its end, and its check character where STX opened it; returns where to go on."""
        if end.re is _PUSH_END:
            self._read(buffer, text, header, (body, end.start() + 1), end.end(), events, crc_ok=None)
            return end.end()
        told, computed = end[1], bytes((block_check(text[body + 1 : end.start() + 1]),))
        if told == computed:
            self._read(buffer, text, header, (body + 1, end.start()), end.end(), events, crc_ok=True)
            return end.end()
        reason = f"check character is {computed.hex()}, the telegram says {told.hex()}"
        events.append(self._error(ErrorKind.CHECKSUM, header.start(), reason))
        self._noise = self._base + end.start()
        # Where the check character itself was lost, the slash of the next telegram stands in its place.
        return end.start() + 1 if told == b"/" else end.end()

    def _cut(self, buffer: bytes, text: bytes, header: re.Match[bytes], body: int, stop: int, events: list[Event]) -> None:
        """A telegram that the next one, or the end of the stream, cuts: whole all the same if its ``!`` is there, though nothing checks it."""
        part = text[body - 1 : stop].rstrip(self.filling)
        mark = body - 1 + len(part) - 1
        if part.endswith(_LINE_ENDS):
            begin = body + 1 if text.startswith(STX, body) else body
            self._read(buffer, text, header, (begin, mark), mark + 1, events, crc_ok=None)
        else:
            self._noise = None
            start = header.start()
            events.append(self._error(ErrorKind.TRUNCATED, start, f"telegram breaks off after {stop - start} bytes"))

    def _read(
        self,
        buffer: bytes,
        text: bytes,
        header: re.Match[bytes],
        span: tuple[int, int],
        end: int,
        events: list[Event],
        *,
        crc_ok: bool | None,
    ) -> None:
        """Hand the objects in ``span`` on, unless their characters are damaged."""
        self._noise = None
        start = header.start()
        raw = buffer[start:end]
        if not raw.isascii() and has_even_parity(raw):
            self._tell_parity(start, events)
        elif not raw.isascii() and not crc_ok:
            reason = f"{len(raw.translate(None, _EVEN))} of {len(raw)} characters have the wrong parity"
            events.append(self._error(ErrorKind.CHECKSUM, start, reason, _PARITY_CURE))
            return
        if not crc_ok and not _BEGIN.match(text, span[0]):
            reason = f"the objects begin with {text[span[0] : span[0] + 8]!r}, which is no code"
            events.append(self._error(ErrorKind.CONTENT, start, reason, CURES[ErrorKind.CHECKSUM]))
            return
        objects = text[slice(*span)].decode("ascii").rstrip("!\r\n")
        ident = header[1].decode("ascii")
        events.append(read(ident, objects, self._standard_offset, crc_ok=crc_ok, offset=self._base + start, size=end - start))

    def _tell_parity(self, at: int, events: list[Event]) -> None:
        if not self._told_parity:
            self._told_parity = True
            reason = "characters come with their parity bit: the port is set to eight data bits; what they say is read all the same"
            events.append(self._error(ErrorKind.NOISE, at, reason, _PARITY_CURE))


def _open_header(text: bytes, at: int) -> int:
    """Where, from ``at`` on, a header may have begun whose rest has not come."""
    start = text.rfind(b"/", at)
    return start if start >= 0 and len(text) - start < _LONGEST_HEADER and b"\n" not in text[start:] else len(text)
