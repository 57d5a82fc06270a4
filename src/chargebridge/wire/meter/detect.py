"""Which protocol do these bytes speak: by the marks that open a telegram, wherever the capture begins."""

import re
from datetime import timedelta

from msgspec import Struct

from chargebridge.wire.meter import hdlc
from chargebridge.wire.meter.dlms import DATA_NOTIFICATION, LLC, DlmsDecoder, decode_apdu
from chargebridge.wire.meter.lists import DEFAULT_OPTIONS, ListOptions
from chargebridge.wire.meter.p1 import P1Decoder
from chargebridge.wire.meter.sml import SmlDecoder
from chargebridge.wire.meter.sml_transport import START
from chargebridge.wire.meter.telegram import Decoder, ErrorKind, Event, Protocol, Telegram, error

_P1_START = re.compile(rb"(?:^|[\r\n\0])/[A-Za-z]{3}[\w\\][ -~]*\r?\n")
_UNDECIDED_LIMIT = 4096
_ERRORS_BEFORE_DOUBT = 5


class DecoderOptions(Struct, frozen=True, kw_only=True):
    """What a person may have to tell, for all protocols; see ``P1Decoder`` and ``ListOptions``."""

    standard_offset: timedelta = timedelta(hours=1)
    accept_bad_checksum: bool = False
    kamstrup_energy_scaler: int | None = None

    def for_lists(self) -> ListOptions:
        return ListOptions(self.standard_offset, self.kamstrup_energy_scaler)


DEFAULTS = DecoderOptions()


def detect(data: bytes) -> Protocol | None:
    """The protocol whose mark comes first in a capture or at the begin of a stream; None while none is in it."""
    if data.startswith(LLC + bytes([DATA_NOTIFICATION])):
        return Protocol.DLMS_APDU
    text = _P1_START.search(data)
    places = {
        Protocol.P1: -1 if text is None else text.start(),
        Protocol.SML: data.find(START),
        Protocol.DLMS: hdlc.find_header(data),
    }
    return min((protocol for protocol, place in places.items() if place >= 0), key=places.__getitem__, default=None)


def decoder_for(protocol: Protocol | None, options: DecoderOptions = DEFAULTS) -> Decoder:
    """A fresh decoder; for None one that finds the protocol out."""
    match protocol:
        case Protocol.P1:
            return P1Decoder(standard_offset=options.standard_offset, accept_bad_checksum=options.accept_bad_checksum)
        case Protocol.SML:
            return SmlDecoder()
        case Protocol.DLMS:
            return DlmsDecoder(options.for_lists())
        case Protocol.DLMS_APDU:
            return ApduDecoder(options.for_lists())
        case None:
            return AutoDecoder(options)


class ApduDecoder:
    """One bare APDU, as files hold it when somebody stripped the HDLC frame: known to be whole only when the stream ends."""

    def __init__(self, options: ListOptions = DEFAULT_OPTIONS) -> None:
        self._options = options
        self._data = b""

    def feed(self, data: bytes) -> list[Event]:
        """Collect; more than an APDU's bytes are an error."""
        self._data += data
        if len(self._data) <= _UNDECIDED_LIMIT:
            return []
        self._data = b""
        return [error(Protocol.DLMS_APDU, ErrorKind.OVERSIZE, 0, f"no APDU has more than {_UNDECIDED_LIMIT} bytes")]

    def close(self) -> list[Event]:
        """The stream has ended: decode."""
        data, self._data = self._data, b""
        return [decode_apdu(data, self._options)] if data else []


class AutoDecoder:
    """Finds out the protocol of a stream, then decodes it; doubts its finding when only errors come."""

    def __init__(self, options: DecoderOptions = DEFAULTS) -> None:
        self._options = options
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
        self.protocol = detect(self._data)
        if self.protocol not in (None, Protocol.DLMS_APDU):
            self._decoder = decoder_for(self.protocol, self._options)
            data, self._data = self._data, b""
            return self._watched(self._decoder.feed(data))
        if len(self._data) <= _UNDECIDED_LIMIT:
            return []
        return [self._unknown()]

    def close(self) -> list[Event]:
        """The stream has ended: what is left over is judged."""
        if self._decoder is not None:
            return self._decoder.close()
        if self.protocol is Protocol.DLMS_APDU:
            return [decode_apdu(self._data, self._options.for_lists())]
        return [self._unknown()] if self._data.strip() else []

    def _unknown(self) -> Event:
        found = error(
            None,
            ErrorKind.NOISE,
            self._base,
            f"{len(self._data)} bytes hold no mark of P1, SML or DLMS",
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
