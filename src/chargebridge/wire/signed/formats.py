"""Which format some bytes are in, in whatever encoding they were carried, and the records in them.

Stations, back ends and customers' files name formats and encodings wrongly (``plain`` for hex); so the content decides, and what they say is only
compared.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterator

import msgspec

from chargebridge.wire.signed.alfen import read_alfen
from chargebridge.wire.signed.bsm import MARK as BSM_MARK
from chargebridge.wire.signed.bsm import read_bsm
from chargebridge.wire.signed.chargepoint import MARK as CHARGEPOINT_MARK
from chargebridge.wire.signed.chargepoint import read_chargepoint
from chargebridge.wire.signed.edl40 import read_edl40
from chargebridge.wire.signed.edl40_sig import read_edl40_sig
from chargebridge.wire.signed.emh_crypt import MARK as EMH_MARK
from chargebridge.wire.signed.emh_crypt import read_emh_crypt
from chargebridge.wire.signed.errors import SignedFormatError
from chargebridge.wire.signed.isa_edl40 import NAME_PREFIX, read_isa_edl40
from chargebridge.wire.signed.mennekes import read_mennekes
from chargebridge.wire.signed.ocmf import HEAD, read_ocmf
from chargebridge.wire.signed.pcdf import HEAD as PCDF_HEAD
from chargebridge.wire.signed.pcdf import read_pcdf
from chargebridge.wire.signed.record import SignedFormat, SignedRecord

MAX_BYTES = 4 * 1024 * 1024
MAX_BASE32 = 64 * 1024
"""Only short records come in it, and it is slow to decode."""
_SML = bytes.fromhex("1b1b1b1b01010101")
_PCDF = PCDF_HEAD.encode()
_OCMF, _CHARGEPOINT = SignedFormat.OCMF, SignedFormat.CHARGEPOINT
"""Looked up once: in Python 3.11 an enum finds each of its members by a function in Python."""
_HEX = re.compile(rb"[0-9A-Fa-f]+\Z")

READERS: dict[SignedFormat, Callable[[bytes], tuple[SignedRecord, ...]]] = {
    SignedFormat.OCMF: lambda data: (read_ocmf(data),),
    SignedFormat.ALFEN: lambda data: (read_alfen(data),),
    SignedFormat.EDL40: lambda data: (read_edl40(data),),
    SignedFormat.ISA_EDL40: lambda data: (read_isa_edl40(data),),
    SignedFormat.MENNEKES: read_mennekes,
    SignedFormat.EDL40_SIG: lambda data: (read_edl40_sig(data),),
    SignedFormat.PCDF: lambda data: (read_pcdf(data),),
    SignedFormat.BSM: lambda data: (read_bsm(data),),
    SignedFormat.EMH_CRYPT: lambda data: (read_emh_crypt(data),),
    SignedFormat.CHARGEPOINT: lambda data: (read_chargepoint(data, None),),
}


def format_of(data: bytes) -> SignedFormat | None:
    """The format of a record that is no longer encoded; None: none that is known."""
    head = data[:400].lstrip()
    if head.startswith(HEAD):
        return _OCMF
    if head.startswith(b"AP;"):
        return SignedFormat.ALFEN
    if head.startswith(_SML):
        return SignedFormat.ISA_EDL40 if NAME_PREFIX in data else SignedFormat.EDL40
    if _PCDF in head[:16]:
        return SignedFormat.PCDF
    if head.startswith(b"{"):
        marks = ((BSM_MARK, SignedFormat.BSM), (EMH_MARK, SignedFormat.EMH_CRYPT), (CHARGEPOINT_MARK, SignedFormat.CHARGEPOINT))
        return next((found for mark, found in marks if mark in data), None)
    if b"<" in head[:4]:
        if b"encodedMeterValue" in data:
            return SignedFormat.EDL40_SIG
        if b"ChargingProcess" in data:
            return SignedFormat.MENNEKES
    return None


def unpack(data: bytes) -> tuple[bytes, SignedFormat]:
    """The record itself, out of hex, base64 or Base32 where it is in one, and its format. Raises SignedFormatError."""
    if len(data) > MAX_BYTES:
        raise SignedFormatError("record", f"{len(data)} bytes, more than {MAX_BYTES}")
    if found := format_of(data):
        return data, found
    for decoded in _decodings(b"".join(data.split())):
        if found := format_of(decoded):
            return decoded, found
    raise SignedFormatError("record", f"{data[:24]!r} is the begin of no known format of signed values")


def read(data: bytes | str, signature: bytes | None = None) -> tuple[SignedRecord, ...]:
    """The records in the bytes, or the text, of one signed value. signature: where it stands in a file of its own. Raises SignedFormatError."""
    record, found = unpack(data.encode() if isinstance(data, str) else data)
    return (read_chargepoint(record, signature),) if found is _CHARGEPOINT else READERS[found](record)


def _decodings(packed: bytes) -> Iterator[bytes]:
    if _HEX.match(packed) and len(packed) % 2 == 0:
        yield bytes.fromhex(packed.decode())
    bare = packed.rstrip(b"=")
    for decode, unit, most in ((_base64, 4, MAX_BYTES), (base64.b32decode, 8, MAX_BASE32)):
        if len(bare) > most:
            continue
        try:
            yield decode(bare + b"=" * (-len(bare) % unit))
        except (binascii.Error, ValueError, msgspec.ValidationError):
            continue


def _base64(data: bytes) -> bytes:
    """Strictly; several times as quick as binascii."""
    return msgspec.convert(data.decode("ascii"), bytes)
