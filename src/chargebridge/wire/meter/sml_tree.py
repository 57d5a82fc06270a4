"""SML binary encoding (SML 1.04 clause 6): type-length fields and what they hold.

A type-length byte has bit 7 = another one follows, bits 6..4 = type (0 octets, 4 bool, 5 integer, 6 unsigned, 7 list),
bits 3..0 = length, which counts the type-length bytes themselves except in lists. ``01`` is an absent optional, ``00``
the end of a message. Integers may have any width of 1 to 8 bytes and take their sign from the width that was sent.
"""

from typing import TypeAlias

from chargebridge.wire.meter.telegram import ContentError

Element: TypeAlias = "bool | int | bytes | list[Element] | None"

MAX_DEPTH = 8
END_OF_MESSAGE = 0x00
_MORE, _TYPE, _LENGTH = 0x80, 0x70, 0x0F
_OCTETS, _BOOL, _INTEGER, _UNSIGNED, _LIST = 0x00, 0x40, 0x50, 0x60, 0x70
_MAX_INTEGER = 8


def parse(data: bytes, at: int) -> tuple[Element, int]:
    """The element at ``at`` and the index after it. Raises ``ContentError``."""
    try:
        return _element(data, at, 0)
    except IndexError:
        raise ContentError(len(data), "message ends inside an element") from None


def _element(data: bytes, at: int, depth: int) -> tuple[Element, int]:
    head = data[at]
    if head == END_OF_MESSAGE:
        return None, at + 1
    kind, length, used = head & _TYPE, head & _LENGTH, 1
    while head & _MORE:
        head = data[at + used]
        length = length << 4 | head & _LENGTH
        used += 1
        if used > 4 or head & _TYPE:
            raise ContentError(at, "type-length field has no end")
    if kind == _LIST:
        if depth >= MAX_DEPTH:
            raise ContentError(at, f"nested more than {MAX_DEPTH} deep")
        at += used
        if length > len(data) - at:
            raise ContentError(at, f"{length} elements cannot be in {len(data) - at} bytes")
        items: list[Element] = []
        depth += 1
        for _ in range(length):
            item, at = _element(data, at, depth)
            items.append(item)
        return items, at
    end = at + length
    if end > len(data):
        raise ContentError(at, f"an element of {length} bytes reaches beyond the message")
    at += used
    if kind in (_INTEGER, _UNSIGNED):
        if not 0 < end - at <= _MAX_INTEGER:
            raise ContentError(at, f"an integer of {end - at} bytes cannot be")
        return int.from_bytes(data[at:end], "big", signed=kind == _INTEGER), end
    if kind == _OCTETS:
        if length < used:
            raise ContentError(at, "type-length field counts less than itself")
        return (None if length == 1 else data[at:end]), end
    if kind == _BOOL and end - at == 1:
        return data[at] != 0, end
    raise ContentError(at, f"type-length byte {head:02x} cannot be")


def integer(value: int, *, signed: bool, width: int | None = None) -> bytes:
    """An integer in ``width`` bytes, by default the least of 1, 2, 4, 8 that hold it."""
    if width is None:
        width = next(w for w in (1, 2, 4, 8) if -(1 << 8 * w - 1) <= value < 1 << (8 * w - 1 if signed else 8 * w))
    return bytes([(_INTEGER if signed else _UNSIGNED) | width + 1]) + value.to_bytes(width, "big", signed=signed)


def octets(value: bytes | None) -> bytes:
    """An octet string, or an absent optional."""
    if value is None:
        return b"\x01"
    length = len(value) + 1
    if length <= _LENGTH:
        return bytes([length]) + value
    length += 1
    if length > 0xFF:
        raise ValueError(f"{len(value)} bytes are too many for one octet string here")
    return bytes([_MORE | length >> 4, length & _LENGTH]) + value


def sequence(*items: bytes) -> bytes:
    """A list of elements that are encoded already."""
    count = len(items)
    head = bytes([_LIST | count]) if count <= _LENGTH else bytes([_MORE | _LIST | count >> 4, count & _LENGTH])
    return head + b"".join(items)
