"""How OCPP carries signed values and keys: the record may stand bare, or in a JSON object within a text (1.6), and a key in an envelope of its own.

in the value of an OCPP 1.6 sample with format SignedData    from
the record itself, or hex or base64 of it                    many stations
{"signedMeterValue", "encodingMethod", "publicKey"}          be.ENERGISED's documentation
{"signedMeterData", "signingMethod", "encodingMethod",       OCA's application note on signed meter values, clause 3.2.1:
 "publicKey"}                                                SignedMeterValueType of 2.0.1 as text
oca:base16:asn1:<hex>, in base64                             the same note, clause 3.2.2: a public key
"""

import base64
import binascii

import msgspec
from msgspec import Struct

from chargebridge.wire.signed.errors import SignedFormatError
from chargebridge.wire.signed.keys import MAX_TEXT, PublicKey, read_key

_OCA = "oca:"


class Envelope(Struct, frozen=True):
    """data: of the record, perhaps still in hex or base64. The rest: as the station names it, empty where it does not."""

    data: str
    method: str = ""
    encoding: str = ""
    public_key: str = ""


class _Object(Struct, rename="camel"):
    signed_meter_value: str = ""
    signed_meter_data: str = ""
    signing_method: str = ""
    encoding_method: str = ""
    public_key: str = ""


_decoder = msgspec.json.Decoder(_Object)


def unwrap(text: str) -> Envelope:
    """What is in the text of a sample. Raises SignedFormatError where it is an object without a record."""
    if not text.lstrip().startswith("{"):
        return Envelope(text)
    try:
        told = _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SignedFormatError("signed value", f"its JSON cannot be read: {error}") from None
    data = told.signed_meter_data or told.signed_meter_value
    if not data:
        raise SignedFormatError("signed value", "its JSON has neither signedMeterData nor signedMeterValue")
    return Envelope(data, told.signing_method, told.encoding_method, told.public_key)


def wrap_oca(key: PublicKey) -> str:
    """A public key as OCPP's ``publicKey`` carries it."""
    return base64.b64encode(f"{_OCA}base16:asn1:{key.spki().hex()}".encode()).decode()


def key_from(text: str, curves: tuple[str, ...] = ()) -> PublicKey:
    """The key in OCPP's ``publicKey``: in its envelope, which may be in base64 or not, or bare. Raises SignedFormatError."""
    if len(text) > MAX_TEXT:
        raise SignedFormatError("public key", f"{len(text)} characters, more than {MAX_TEXT}")
    inside = text
    if not text.startswith(_OCA):
        try:
            inside = base64.b64decode(text, validate=True).decode("ascii")
        except (binascii.Error, ValueError):
            return read_key(text, curves)
    if inside.startswith(_OCA):
        return read_key(inside.rpartition(":")[2], curves)
    try:
        return read_key(text, curves)
    except SignedFormatError:
        return read_key(inside, curves)  # hex, or PEM, in base64 once more
