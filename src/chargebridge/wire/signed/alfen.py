"""Alfen's format: ``AP;<type>;<version>;<key>;<data set>;<signature>;``, the last three in Base32.

Signed are the 82 bytes of the data set alone, all integers with the low byte first:

    0 adapter id (10)   10 firmware (4, ASCII)   14 its checksum (2)   16 meter id (10)   26 status (4)   30 second index (4)   34 Unix time (4)
    38 OBIS (6)   44 unit   45 scaler   46 value (8)   54 user (20, ASCII)   74 session (4)   78 page (4)

Neither the type (0 start, 1 stop, 2 between) nor the key is covered: order follows from the pages.
"""

import base64
import binascii
import struct
from datetime import UTC, datetime
from decimal import Decimal

from chargebridge.wire.signed.der import raw_signature
from chargebridge.wire.signed.errors import SignedFormatError
from chargebridge.wire.signed.keys import PublicKey, read_key
from chargebridge.wire.signed.record import Kind, Reading, Signature, SignedFormat, SignedRecord, TimeQuality

MAX_BYTES = 4096
_LAYOUT = struct.Struct("<10s4s2s10s4sII6sBbq20sII")
_KINDS = {"0": Kind.BEGIN, "1": Kind.END, "2": Kind.INTERMEDIATE}
_WATT_HOURS = 30
_FAULTS = (1, 2, 16, 26, 30, 31)
"""Bits of the status: of the meter 1 and 2, of the adapter 16, 30, 31; 26: the start does not fit."""


def read_alfen(data: bytes) -> SignedRecord:
    """One record. Raises SignedFormatError."""
    if len(data) > MAX_BYTES:
        raise SignedFormatError("record", f"{len(data)} bytes, more than {MAX_BYTES}")
    parts = data.decode("ascii", "replace").strip().split(";")
    if len(parts) < 6 or parts[0] != "AP":
        raise SignedFormatError("record", "is not AP; and five more fields")
    _, letter, version, key_text, set_text, signature_text = parts[:6]
    block = _base32("data set", set_text)
    if len(block) != _LAYOUT.size:
        raise SignedFormatError("data set", f"{len(block)} bytes instead of {_LAYOUT.size}")
    adapter, firmware, _, meter, status, _, time, obis, unit, scaler, value, user, session, page = _LAYOUT.unpack(block)
    r, s = raw_signature(_base32("signature", signature_text))
    key, refused = _key(key_text)
    faults = [bit for bit in _FAULTS if int.from_bytes(status, "big") >> bit & 1]
    energy_wh = Decimal(value).scaleb(scaler) if unit == _WATT_HOURS else None
    return SignedRecord(
        format=SignedFormat.ALFEN,
        raw=data,
        signatures=(Signature(signed=block, r=r, s=s, curves=("secp192r1",)),),
        readings=(
            Reading(
                kind=_KINDS.get(letter, Kind.OTHER),
                energy_wh=energy_wh,
                step_wh=Decimal(1).scaleb(scaler),
                obis=obis.hex(),
                at=datetime.fromtimestamp(time, UTC) if time else None,
                time_quality=TimeQuality.INFORMATIVE,
                good=not faults,
                status=status.hex() + "".join(f" bit {bit}" for bit in faults),
            ),
        ),
        key=key,
        key_refused=refused,
        version=f"{version} {firmware.decode('latin-1').strip(chr(0))}",
        meter=meter.hex(),
        gateway=adapter.hex(),
        session=str(session),
        page=page,
        customer=user.rstrip(b"\0").decode("latin-1"),
        unsigned=("type", "key"),
    )


def _key(text: str) -> tuple[PublicKey | None, str]:
    try:
        return read_key(_base32("key", text), ("secp192r1",)), ""
    except SignedFormatError as error:
        return None, error.reason


def _base32(name: str, text: str) -> bytes:
    bare = text.strip().rstrip("=")
    try:
        return base64.b32decode(bare + "=" * (-len(bare) % 8))
    except (binascii.Error, ValueError):
        raise SignedFormatError(name, f"{text[:20]!r} is not Base32") from None
