"""OCPP 2.1 is 2.0.1 and more. So the station thinks in 2.1's types, and a message is put into those of the version on the wire here.

What 2.0.1 has no word for is an error, not left out: the voice must know what it may say.
"""

from typing import Any

import msgspec

from chargebridge.wire.ocpp import v21, v201
from chargebridge.wire.ocpp.payload import Payload, decode_hook, encode_hook

_encoder = msgspec.json.Encoder(enc_hook=encode_hook)
NEWLY_REQUIRED = b',"eventNotificationType":"CustomMonitor"'
_decoders: dict[type[Payload], msgspec.json.Decoder[Any]] = {}


def narrow(message: Payload) -> Payload:
    """A message of 2.1 in 2.0.1's types. Raises msgspec.ValidationError: 2.0.1 cannot say that.

    Of all that 2.1 added, one field must be given there (`eventNotificationType` of a monitor), so only that is left out.
    """
    text = _encoder.encode(message)
    if isinstance(message, v21.NotifyMonitoringReportRequest):
        text = text.replace(NEWLY_REQUIRED, b"")
    return _into(message, v201, text)


def widen(message: Payload) -> Payload:
    """A message of 2.0.1 in 2.1's types."""
    return _into(message, v21, _encoder.encode(message))


def _into(message: Payload, version: Any, text: bytes) -> Payload:
    kind = getattr(version, type(message).__name__)
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind, dec_hook=decode_hook)
    converted: Payload = decoder.decode(text)
    return converted
