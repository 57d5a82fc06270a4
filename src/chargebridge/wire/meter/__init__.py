"""Smart-meter telegrams: bytes in, telegrams and errors out. No sockets, no clock; usable alone.

decoder = P1Decoder()
for event in decoder.feed(data):
    match event:
        case Telegram(): ...
        case DecodeError(): ...
"""

from chargebridge.wire.meter.apdu import ApduDecoder, decode_apdu
from chargebridge.wire.meter.detect import AutoDecoder, decoder_for, detect
from chargebridge.wire.meter.dlms import DlmsDecoder
from chargebridge.wire.meter.options import DecoderOptions
from chargebridge.wire.meter.p1 import P1Decoder
from chargebridge.wire.meter.sml import SmlDecoder
from chargebridge.wire.meter.telegram import (
    ClockOrigin,
    DecodeError,
    Decoder,
    ErrorKind,
    Event,
    Protocol,
    Register,
    Scale,
    Telegram,
)

__all__ = [
    "ApduDecoder",
    "AutoDecoder",
    "ClockOrigin",
    "DecodeError",
    "Decoder",
    "DecoderOptions",
    "DlmsDecoder",
    "ErrorKind",
    "Event",
    "P1Decoder",
    "Protocol",
    "Register",
    "Scale",
    "SmlDecoder",
    "Telegram",
    "decode_apdu",
    "decoder_for",
    "detect",
]
