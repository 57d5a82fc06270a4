"""What comes out of a P1 port: clear telegrams, and enciphered ones of two forms.

Luxembourg, Steiermark, Graz: a general-glo-ciphering APDU (DB) around the whole telegram (Luxmetering "E-meter P1 specification" clause 3.2.5).
Poland (Stoen): the identification line in clear, ``00`` for a system title that is not there, and on as in such an APDU around the objects; then
``!`` and four digits, of which nobody says what they check, so that only the tag counts. Their counter stays at 0.

A system title begins with its maker's three letters, which tells an APDU's begin from chance; the same title again before its end shows
that bytes were lost.
"""

import re

from msgspec.structs import replace

from chargebridge.wire.meter import mbus, security
from chargebridge.wire.meter.apdu import LLC, decode_apdu
from chargebridge.wire.meter.framer import Framer
from chargebridge.wire.meter.options import DEFAULTS, DecoderOptions
from chargebridge.wire.meter.p1 import MAX_SIZE, P1Decoder
from chargebridge.wire.meter.p1_objects import read
from chargebridge.wire.meter.security import Opened, Security, SecurityError
from chargebridge.wire.meter.telegram import ContentError, ErrorKind, Event, Protocol, Telegram, error

_BLOCK = re.compile(rb"\xdb\x08[A-Za-z]{3}|/[A-Za-z]{3}[\w\\][ -~]*\r?\n\r?\n\0(?=[\x81\x82])", re.ASCII)
_PERHAPS = re.compile(rb"(?:\xdb(?:\x08[A-Za-z]{0,2})?|/[ -~]{0,100}\r?\n?\r?\n?\0?)\Z")
_LONGEST_PERHAPS = 106
_IN_FRAMES = (LLC, mbus.SAPS)
_HEADER_SIZE = 10
_CHECK = re.compile(rb"![0-9A-Fa-f]{4}")
_CHECK_SIZE = 5


def find_enciphered(data: bytes) -> int:
    """Index of the first begin of an enciphered telegram in a capture, -1 if there is none. One behind a frame's header is that frame's."""
    for mark in _BLOCK.finditer(data):
        if data.endswith(_IN_FRAMES, 0, mark.start()):
            continue
        try:
            security.extent(data, _title_at(mark), mark.start())
        except ContentError:
            continue
        return mark.start()
    return -1


def _title_at(mark: re.Match[bytes]) -> int:
    """Where the length of the system title stands: after DB, or as the 00 that ends the mark."""
    return mark.start() + 1 if mark[0][0] == security.GLO else mark.end() - 1


def _next(buffer: bytes, start: int, end: int) -> int:
    """Where a telegram that could not be read may end early: at a mark inside it, or one that has only begun; else at ``end``."""
    mark = _BLOCK.search(buffer, start, end) or _PERHAPS.search(buffer[:end], max(start, end - _LONGEST_PERHAPS))
    return end if mark is None else mark.start()


class P1PortDecoder(Framer[Telegram]):
    """Stream to telegrams. Holds at most two telegrams' bytes between calls."""

    protocol = Protocol.P1
    longest = MAX_SIZE

    def __init__(self, options: DecoderOptions = DEFAULTS) -> None:
        super().__init__()
        self._options = options
        self._guard = Security(options)
        self._clear = self._p1(0)

    @property
    def pending(self) -> int:
        """Bytes held, waiting for the rest of their telegram."""
        return super().pending + self._clear.pending

    def pause(self) -> list[Event]:
        """See ``Impatient``: enciphered telegrams tell their length."""
        return self._advance(self._buffer, final=True)

    def close(self) -> list[Event]:
        """The stream has ended: what is left over is judged."""
        events = super().close()
        self._allow(self._clear.close(), events)
        return events

    def _p1(self, offset: int) -> P1Decoder:
        options = self._options
        return P1Decoder(standard_offset=options.standard_offset, accept_bad_checksum=options.accept_bad_checksum, offset=offset)

    def _scan(self, buffer: bytes, events: list[Event], *, final: bool) -> int:
        at = 0
        while at < len(buffer):
            mark = _BLOCK.search(buffer, at)
            if mark is None:
                perhaps = None if final else _PERHAPS.search(buffer, max(at, len(buffer) - _LONGEST_PERHAPS))
                end = len(buffer) if perhaps is None else perhaps.start()
                self._allow(self._clear.feed(buffer[at:end]), events)
                at = end
                break
            self._allow(self._clear.feed(buffer[at : mark.start()]), events)
            at = mark.start()
            step = self._block(buffer, mark, final, events)
            if not step:
                break
            at += step
        return at

    def _allow(self, clear: list[Event], events: list[Event]) -> None:
        """Clear telegrams do not count where a key is told."""
        for event in clear:
            try:
                if isinstance(event, Telegram):
                    self._guard.refuse_plain()
            except SecurityError as refused:
                events.append(error(Protocol.P1, refused.kind, event.offset, refused.reason, refused.cure))
            else:
                events.append(event)

    def _block(self, buffer: bytes, mark: re.Match[bytes], final: bool, events: list[Event]) -> int:
        """Judge the enciphered telegram at ``mark``; how far to go on, 0 to wait for more bytes."""
        at, title_at = mark.start(), _title_at(mark)
        try:
            size = security.extent(buffer, title_at, at)
        except ContentError:
            size = MAX_SIZE + 1
        if size > MAX_SIZE:
            self._allow(self._clear.feed(buffer[at : mark.end()]), events)
            return mark.end() - at
        headed = title_at > at + 1
        end = at + size
        again = buffer.find(buffer[at : max(mark.end(), at + _HEADER_SIZE)], at + 1, end if size else len(buffer))
        if again > 0:
            self._restart(again, events)
            events.append(self._error(ErrorKind.TRUNCATED, at, f"telegram breaks off after {again - at} bytes"))
            return again - at
        if size and len(buffer) >= (end if final or not headed else end + _CHECK_SIZE):
            event = self._decode(buffer[at:end], title_at - at, self._base + at)
            check = _CHECK.match(buffer, end) if headed else None
            end = end if check is None else check.end()
            if not isinstance(event, Telegram):
                end = _next(buffer, at + 1, end)
            self._restart(end, events)
            events.append(event)
            return end - at
        if not final:
            return 0
        end = _next(buffer, at + 1, len(buffer))
        self._restart(end, events)
        events.append(self._error(ErrorKind.TRUNCATED, at, f"telegram breaks off after {end - at} bytes"))
        return end - at

    def _restart(self, at: int, events: list[Event]) -> None:
        """An enciphered telegram ends the clear stretch before it; the next one begins at ``at``."""
        self._allow(self._clear.close(), events)
        self._clear = self._p1(self._base + at)

    def _decode(self, block: bytes, title_at: int, offset: int) -> Event:
        """The telegram in a whole block; what stands before ``title_at`` is the identification line, or the tag DB."""
        try:
            opened = self._guard.open(security.parse_title(block, title_at, 0))
            if not opened.authenticated and not security.looks_like_content(opened.plaintext):
                raise security.wrong_key(opened.title)
        except SecurityError as refused:
            return error(Protocol.P1, refused.kind, offset, refused.reason, refused.cure)
        except ContentError as problem:
            return error(Protocol.P1, ErrorKind.CONTENT, offset, problem.reason)
        if not security.looks_like_p1(opened.plaintext):
            return decode_apdu(block, self._options, offset=offset, guard=self._guard)
        event = self._read(block[:title_at], opened)
        if not isinstance(event, Telegram):
            return error(Protocol.P1, event.kind, offset, event.reason)
        self._guard.accept(opened)
        return replace(event, authenticated=opened.authenticated, counter=opened.counter, offset=offset, size=len(block))

    def _read(self, head: bytes, opened: Opened) -> Event:
        if not opened.plaintext.startswith(b"/"):
            text = (head + opened.plaintext).decode("latin-1")
            return read(text, self._options.standard_offset, crc_ok=None, offset=0, size=0)
        decoder = self._p1(0)
        events = decoder.feed(opened.plaintext) + decoder.close()
        whole = [event for event in events if isinstance(event, Telegram)]
        return (whole or events)[0]
