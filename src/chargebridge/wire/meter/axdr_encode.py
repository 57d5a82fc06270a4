"""A-XDR the other way round: one function for each type of DLMS data, which returns its bytes with their tag (see ``axdr``).

Integers beyond the width of their type raise ``OverflowError``.
"""

from collections.abc import Iterable
from struct import pack

from chargebridge.wire.meter import axdr

NULL = bytes((axdr.NULL,))


def length(count: int) -> bytes:
    """A length or a count as in BER: one byte below 128, else 8n and n bytes."""
    if count < 0x80:
        return bytes((count,))
    width = (count.bit_length() + 7) // 8
    return bytes((0x80 | width,)) + count.to_bytes(width, "big")


def boolean(value: bool) -> bytes:
    return bytes((axdr.BOOL, value))


def int8(value: int) -> bytes:
    return bytes((axdr.INT8,)) + value.to_bytes(1, "big", signed=True)


def int16(value: int) -> bytes:
    return bytes((axdr.INT16,)) + value.to_bytes(2, "big", signed=True)


def int32(value: int) -> bytes:
    return bytes((axdr.INT32,)) + value.to_bytes(4, "big", signed=True)


def int64(value: int) -> bytes:
    return bytes((axdr.INT64,)) + value.to_bytes(8, "big", signed=True)


def uint8(value: int) -> bytes:
    return bytes((axdr.UINT8,)) + value.to_bytes(1, "big")


def uint16(value: int) -> bytes:
    return bytes((axdr.UINT16,)) + value.to_bytes(2, "big")


def uint32(value: int) -> bytes:
    return bytes((axdr.UINT32,)) + value.to_bytes(4, "big")


def uint64(value: int) -> bytes:
    return bytes((axdr.UINT64,)) + value.to_bytes(8, "big")


def enum(value: int) -> bytes:
    return bytes((axdr.ENUM,)) + value.to_bytes(1, "big")


def float32(value: float) -> bytes:
    return bytes((axdr.FLOAT32,)) + pack(">f", value)


def float64(value: float) -> bytes:
    return bytes((axdr.FLOAT64,)) + pack(">d", value)


def octets(value: bytes) -> bytes:
    return bytes((axdr.OCTETS,)) + length(len(value)) + value


def visible(text: str) -> bytes:
    value = text.encode("ascii")
    return bytes((axdr.VISIBLE,)) + length(len(value)) + value


def bits(value: str) -> bytes:
    """A bit string, written as 0 and 1."""
    width = (len(value) + 7) // 8
    return bytes((axdr.BITS,)) + length(len(value)) + int(value.ljust(8 * width, "0") or "0", 2).to_bytes(width, "big")


def structure(*items: bytes) -> bytes:
    return bytes((axdr.STRUCTURE,)) + length(len(items)) + b"".join(items)


def array(items: Iterable[bytes]) -> bytes:
    members = tuple(items)
    return bytes((axdr.ARRAY,)) + length(len(members)) + b"".join(members)
