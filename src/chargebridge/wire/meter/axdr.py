"""A-XDR: the tagged data of DLMS (IEC 62056-53 clause 8, "Data" type of the Green Book clause 9.5; IEC 61334-6).

Values come out as Python objects: array as ``list``, structure as ``tuple``, octet string as ``bytes``, visible and UTF-8 string as
``str``, all integers and enum as ``int``, floats as ``float``, bool as ``bool``, null as None; date-time, date and time as ``bytes``; bit
string as ``str`` of 0 and 1.
"""

from struct import unpack_from
from typing import TypeAlias

from chargebridge.wire.meter.telegram import ContentError

Data: TypeAlias = "bool | int | float | str | bytes | list[Data] | tuple[Data, ...] | None"

MAX_DEPTH = 8
NULL, ARRAY, STRUCTURE, BOOL, BITS, INT32, UINT32, OCTETS, VISIBLE, UTF8, BCD = 0, 1, 2, 3, 4, 5, 6, 9, 10, 12, 13
INT8, INT16, UINT8, UINT16, INT64, UINT64, ENUM, FLOAT32, FLOAT64, DATETIME, DATE, TIME = (
    15, 16, 17, 18, 20, 21, 22, 23, 24, 25, 26, 27,
)  # fmt: skip

_FIXED: dict[int, tuple[int, bool]] = {
    BCD: (1, True), INT8: (1, True), UINT8: (1, False), ENUM: (1, False), INT16: (2, True), UINT16: (2, False),
    INT32: (4, True), UINT32: (4, False), INT64: (8, True), UINT64: (8, False),
}  # fmt: skip
_STRINGS = frozenset((OCTETS, VISIBLE, UTF8))
_FLOATS = {FLOAT32: ">f", FLOAT64: ">d"}
_TIMES = {DATETIME: 12, DATE: 5, TIME: 4}


def parse(data: bytes, at: int = 0) -> tuple[Data, int]:
    """The value that starts at ``at`` and the index after it. Raises ``ContentError`` where the bytes cannot be a value."""
    try:
        return _value(data, at, 0)
    except IndexError:
        raise ContentError(len(data), "data end inside a value") from None


def _value(data: bytes, at: int, depth: int) -> tuple[Data, int]:
    tag = data[at]
    at += 1
    fixed = _FIXED.get(tag)
    if fixed is not None:
        width, signed = fixed
        end = at + width
        if end > len(data):
            raise ContentError(at, "data end inside an integer")
        return int.from_bytes(data[at:end], "big", signed=signed), end
    if tag in _STRINGS:
        length, at = read_length(data, at)
        end = at + length
        if end > len(data):
            raise ContentError(at, f"a string of {length} bytes reaches beyond the data")
        return (data[at:end] if tag == OCTETS else data[at:end].decode("utf-8", "backslashreplace")), end
    if tag in (STRUCTURE, ARRAY):
        if depth >= MAX_DEPTH:
            raise ContentError(at, f"nested more than {MAX_DEPTH} deep")
        count, at = read_length(data, at)
        if count > len(data) - at:
            raise ContentError(at, f"{count} elements cannot be in {len(data) - at} bytes")
        items: list[Data] = []
        depth += 1
        for _ in range(count):
            item, at = _value(data, at, depth)
            items.append(item)
        return (tuple(items) if tag == STRUCTURE else items), at
    if tag == NULL:
        return None, at
    return _rare(data, at, tag)


def _rare(data: bytes, at: int, tag: int) -> tuple[Data, int]:
    if tag == BOOL:
        return data[at] != 0, at + 1
    if tag in _FLOATS:
        width = 4 if tag == FLOAT32 else 8
        if at + width > len(data):
            raise ContentError(at, "data end inside a float")
        return float(unpack_from(_FLOATS[tag], data, at)[0]), at + width
    if tag in _TIMES:
        end = at + _TIMES[tag]
        if end > len(data):
            raise ContentError(at, "data end inside a time")
        return data[at:end], end
    if tag == BITS:
        bits, at = read_length(data, at)
        end = at + (bits + 7) // 8
        if end > len(data):
            raise ContentError(at, f"a string of {bits} bits reaches beyond the data")
        return "".join(f"{byte:08b}" for byte in data[at:end])[:bits], end
    raise ContentError(at - 1, f"tag {tag} is no A-XDR type")


def read_length(data: bytes, at: int) -> tuple[int, int]:
    """A length or a count as in BER: one byte, or 8n and n bytes."""
    length = data[at]
    at += 1
    if length < 0x80:
        return length, at
    width = length & 0x7F
    if not 1 <= width <= 4 or at + width > len(data):
        raise ContentError(at - 1, f"length field {length:02x} cannot be")
    return int.from_bytes(data[at : at + width], "big"), at + width
