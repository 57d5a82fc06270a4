"""SML binary encoding (SML 1.04 clause 6): type-length fields and what they hold.

A type-length byte has bit 7 = another one follows, bits 6..4 = type (0 octets, 4 bool, 5 integer, 6 unsigned, 7 list),
bits 3..0 = length, which counts the type-length bytes themselves except in lists. ``01`` is an absent optional, ``00``
the end of a message. Integers may have any width of 1 to 8 bytes and take their sign from the width that was sent.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

from msgspec import Struct

from chargebridge.wire.meter.telegram import ContentError

Element: TypeAlias = "bool | int | bytes | list[Element] | None"
Places: TypeAlias = "Place | list[Places]"

MAX_DEPTH = 8
END_OF_MESSAGE = 0x00
OCTETS, BOOL, INTEGER, UNSIGNED, ABSENT = 0x00, 0x40, 0x50, 0x60, -1
_MORE, _TYPE, _LENGTH, _LIST = 0x80, 0x70, 0x0F, 0x70
_MAX_INTEGER = 8


class Place(Struct, frozen=True, gc=False):
    """Where the content of one element that is no list stands. kind: OCTETS, BOOL, INTEGER, UNSIGNED, or ABSENT."""

    kind: int
    at: int
    end: int


def parse(data: bytes, at: int) -> tuple[Element, int]:
    """The element at ``at`` and the index after it. Raises ``ContentError``."""
    found: tuple[Element, int] = _walk(data, at, _value)
    return found


def places(data: bytes, at: int) -> tuple[Places, int]:
    """Like ``parse``, with a ``Place`` for each value."""
    return _walk(data, at, lambda _, kind, at, end: Place(kind, at, end))


def _walk(data: bytes, at: int, leaf: Callable[[bytes, int, int, int], Any]) -> tuple[Any, int]:
    try:
        return _element(data, at, 0, leaf)
    except IndexError:
        raise ContentError(len(data), "message ends inside an element") from None


def _value(data: bytes, kind: int, at: int, end: int) -> Element:
    if kind in (INTEGER, UNSIGNED):
        return int.from_bytes(data[at:end], "big", signed=kind == INTEGER)
    if kind == OCTETS:
        return data[at:end]
    return data[at] != 0 if kind == BOOL else None


def _element(data: bytes, at: int, depth: int, leaf: Callable[[bytes, int, int, int], Any]) -> tuple[Any, int]:
    head = data[at]
    if head == END_OF_MESSAGE:
        return leaf(data, ABSENT, at + 1, at + 1), at + 1
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
        items = []
        for _ in range(length):
            item, at = _element(data, at, depth + 1, leaf)
            items.append(item)
        return items, at
    end = at + length
    if end > len(data):
        raise ContentError(at, f"an element of {length} bytes reaches beyond the message")
    content = at + used
    if kind in (INTEGER, UNSIGNED):
        if not 0 < end - content <= _MAX_INTEGER:
            raise ContentError(content, f"an integer of {end - content} bytes cannot be")
    elif kind == OCTETS:
        if length < used:
            raise ContentError(content, "type-length field counts less than itself")
        kind = ABSENT if length == 1 else OCTETS
    elif kind != BOOL or end - content != 1:
        raise ContentError(content, f"type-length byte {head:02x} cannot be")
    return leaf(data, kind, content, end), end


def integer(value: int, *, signed: bool, width: int | None = None) -> bytes:
    """An integer in ``width`` bytes, by default the least of 1, 2, 4, 8 that hold it."""
    if width is None:
        width = next(w for w in (1, 2, 4, 8) if -(1 << 8 * w - 1) <= value < 1 << (8 * w - 1 if signed else 8 * w))
    return bytes([(INTEGER if signed else UNSIGNED) | width + 1]) + value.to_bytes(width, "big", signed=signed)


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
