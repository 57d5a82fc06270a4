"""OCPP 2.1 is 2.0.1 and more. So the station thinks in 2.1's types, and a message is put into those of the version on the wire here.

What 2.0.1 has no word for is an error, not left out: the voice must know what it may say.
"""

from typing import Any

import msgspec

from chargebridge.wire.ocpp import v21, v201
from chargebridge.wire.ocpp.payload import Payload, decode_hook, encode_hook

_encoder = msgspec.json.Encoder(enc_hook=encode_hook)
_decoders: dict[type[Payload], msgspec.json.Decoder[Any]] = {}


def narrow(message: Payload) -> Payload:
    """A message of 2.1 in 2.0.1's types. Raises msgspec.ValidationError: 2.0.1 cannot say that."""
    return _into(message, v201)


def widen(message: Payload) -> Payload:
    """A message of 2.0.1 in 2.1's types."""
    return _into(message, v21)


def _into(message: Payload, version: Any) -> Payload:
    kind = getattr(version, type(message).__name__)
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind, dec_hook=decode_hook)
    converted: Payload = decoder.decode(_encoder.encode(message))
    return converted
