"""Which protocol do these bytes speak: by the marks that open a telegram, wherever the capture begins."""

import re
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from chargebridge.wire.chain2 import frames as chain2
from chargebridge.wire.meter import d0, hdlc, mbus
from chargebridge.wire.meter.apdu import DATA_NOTIFICATION, LLC, ApduDecoder
from chargebridge.wire.meter.counters import Counters
from chargebridge.wire.meter.dlms import DlmsDecoder
from chargebridge.wire.meter.options import DEFAULTS, DecoderOptions
from chargebridge.wire.meter.p1_port import P1PortDecoder, find_enciphered
from chargebridge.wire.meter.sml import SmlDecoder
from chargebridge.wire.meter.sml_transport import START
from chargebridge.wire.meter.telegram import Answering, Decoder, ErrorKind, Event, Impatient, Protocol, Telegram, error
from chargebridge.wire.meter.tic import TicDecoder, find_frame
from chargebridge.wire.osgp import exchanges as mep
from chargebridge.wire.smgw import decoder as smgw

_P1_START = re.compile(rb"(?:^|[\r\n\0])/[A-Za-z]{3}[\w\\][ -~]*\r?\n(?=[\r\n]*(?:!|[^\r\n(]{1,24}[(\r\n]|[^\r\n(]{24}))")
"""With as much of what follows as it takes to tell P1 from D0, which begins alike."""
_APDU = re.compile(
    b"(?:%b)?%b.{4}(?:\\x00|\\x09?\\x0c.{12})[\\x01\\x02]" % (re.escape(LLC), re.escape(bytes([DATA_NOTIFICATION]))), re.DOTALL
)
"""A DataNotification that stands alone: invoke id, no date-time or one, and an array or a structure."""
_UNDECIDED_LIMIT = 4096
_ERRORS_BEFORE_DOUBT = 5


def _find_p1(data: bytes) -> int:
    found, enciphered = _P1_START.search(data), find_enciphered(data)
    if found is None or 0 <= enciphered < found.start():
        return enciphered
    return found.start()


def _find_apdu(data: bytes) -> int:
    return 0 if _APDU.match(data) else -1


class Language(Struct, frozen=True):
    """How a protocol is known in a stream or a capture, and read. find: index of its first mark in a capture, -1 if there is none."""

    find: Callable[[bytes], int]
    decoder: Callable[[DecoderOptions], Decoder]


LANGUAGES: dict[Protocol, Language] = {
    Protocol.D0: Language(d0.find_start, d0.D0Decoder),
    Protocol.P1: Language(_find_p1, P1PortDecoder),
    Protocol.SML: Language(lambda data: data.find(START), lambda _: SmlDecoder()),
    Protocol.DLMS: Language(hdlc.find_header, DlmsDecoder),
    Protocol.DLMS_MBUS: Language(mbus.find_header, mbus.MbusDecoder),
    Protocol.DLMS_APDU: Language(_find_apdu, ApduDecoder),
    Protocol.TIC: Language(find_frame, TicDecoder),
    Protocol.MEP: Language(mep.find, mep.ExchangeDecoder),
    Protocol.SMGW: Language(smgw.find, smgw.SmgwDecoder),
    Protocol.CHAIN2: Language(chain2.find, lambda _: chain2.Chain2Decoder()),
}
"""All protocols that can be read from a stream or a capture. A new one is its decoder and one line here; of two marks at one place the upper
line's counts."""


_KEYED = frozenset((Protocol.P1, Protocol.DLMS, Protocol.DLMS_MBUS, Protocol.DLMS_APDU, Protocol.MEP))
"""Protocols that know keys."""


def detect(data: bytes, *, keyed: bool = False) -> Protocol | None:
    """The protocol whose mark comes first in a capture or at the begin of a stream; None while none is in it.

    keyed: a key is told, so that only protocols that know keys count: nobody shall put clear telegrams of another one into the line.
    """
    places = {protocol: language.find(data) for protocol, language in LANGUAGES.items() if not keyed or protocol in _KEYED}
    return min((protocol for protocol, place in places.items() if place >= 0), key=places.__getitem__, default=None)


def decoder_for(protocol: Protocol | None, options: DecoderOptions = DEFAULTS) -> Decoder:
    """A fresh decoder; for None one that finds the protocol out. Raises ``KeyError`` for one that is not in ``LANGUAGES``."""
    return AutoDecoder(options) if protocol is None else LANGUAGES[protocol].decoder(options)


class AutoDecoder:
    """Finds out the protocol of a stream, then decodes it; doubts its finding when only errors come."""

    def __init__(self, options: DecoderOptions = DEFAULTS) -> None:
        self._options = options if options.counters is not None else replace(options, counters=Counters())
        self._decoder: Decoder | None = None
        self._data = b""
        self._base = 0
        self._errors = 0
        self.protocol: Protocol | None = None

    def feed(self, data: bytes) -> list[Event]:
        """Take bytes, return the telegrams and errors that they completed. Offsets count from where the protocol was found."""
        if self._decoder is not None:
            return self._watched(self._decoder.feed(data))
        self._data += data
        self.protocol = detect(self._data, keyed=self._options.key is not None)
        if self.protocol is not None:
            self._decoder = decoder_for(self.protocol, self._options)
            data, self._data = self._data, b""
            return self._watched(self._decoder.feed(data))
        if len(self._data) <= _UNDECIDED_LIMIT:
            return []
        return [self._unknown()]

    def pause(self) -> list[Event]:
        """See ``Impatient``."""
        return self._watched(self._decoder.pause()) if isinstance(self._decoder, Impatient) else []

    def answer(self) -> bytes:
        """See ``Answering``."""
        return self._decoder.answer() if isinstance(self._decoder, Answering) else b""

    def close(self) -> list[Event]:
        """The stream has ended: what is left over is judged."""
        if self._decoder is not None:
            return self._decoder.close()
        return [self._unknown()] if self._data.strip() else []

    def _unknown(self) -> Event:
        known = ", ".join(LANGUAGES)
        found = error(
            None,
            ErrorKind.NOISE,
            self._base,
            f"{len(self._data)} bytes hold no mark of any protocol ({known})",
            "check baud rate, parity and the polarity of the port, or name the protocol",
        )
        self._base += len(self._data)
        self._data = b""
        return found

    def _watched(self, events: list[Event]) -> list[Event]:
        for event in events:
            self._errors = 0 if isinstance(event, Telegram) else self._errors + 1
        if self._errors >= _ERRORS_BEFORE_DOUBT:
            self._decoder, self._errors = None, 0
        return events
