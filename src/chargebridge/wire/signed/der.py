"""ECDSA signatures as DER: SEQUENCE of two INTEGERs (RFC 3279 clause 2.2.3), read leniently where real stations write it wrongly.

Stations were seen that leave out the byte 00 before an integer whose highest bit is set, so that it reads as a negative one, and one that writes
it where none is due. Both are taken for what was meant, and said to be lenient.
"""

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from chargebridge.wire.signed.errors import SignedFormatError
from chargebridge.wire.signed.record import Lenience

_CURE = "ask the maker of the meter; the signature cannot be evaluated"


def read_der(data: bytes) -> tuple[int, int, tuple[Lenience, ...]]:
    """r, s, and in what the form is wrong. Raises SignedFormatError."""
    try:
        return *decode_dss_signature(data), ()
    except ValueError:
        return _read_leniently(data)


def _read_leniently(data: bytes) -> tuple[int, int, tuple[Lenience, ...]]:
    body, end = _element(data, 0, 0x30)
    if end != len(data):
        raise SignedFormatError("signature", f"{len(data) - end} bytes follow it", _CURE)
    first, at = _element(body, 0, 0x02)
    second, at = _element(body, at, 0x02)
    if at != len(body):
        raise SignedFormatError("signature", "more than two integers", _CURE)
    found: list[Lenience] = []
    for integer in (first, second):
        if integer[0] & 0x80:
            found.append(Lenience.NEGATIVE_INTEGER)
        elif len(integer) > 1 and integer[0] == 0 and not integer[1] & 0x80:
            found.append(Lenience.PADDED_INTEGER)
    return int.from_bytes(first, "big"), int.from_bytes(second, "big"), tuple(dict.fromkeys(found))


def raw_signature(data: bytes) -> tuple[int, int]:
    """r and s, each half of the bytes."""
    half = len(data) // 2
    if len(data) % 2 or half < 20:
        raise SignedFormatError("signature", f"{len(data)} bytes are no two numbers", _CURE)
    return int.from_bytes(data[:half], "big"), int.from_bytes(data[half:], "big")


def _element(data: bytes, at: int, tag: int) -> tuple[bytes, int]:
    if len(data) < at + 2 or data[at] != tag:
        raise SignedFormatError("signature", f"no DER element {tag:02x} at byte {at}", _CURE)
    size, start = data[at + 1], at + 2
    if size & 0x80:
        many = size & 0x7F
        if many not in (1, 2) or len(data) < start + many:
            raise SignedFormatError("signature", f"a length that cannot be at byte {at + 1}", _CURE)
        size, start = int.from_bytes(data[start : start + many], "big"), start + many
    if not 0 < size <= len(data) - start:
        raise SignedFormatError("signature", f"DER breaks off at byte {start}", _CURE)
    return data[start : start + size], start + size
