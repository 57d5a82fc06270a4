"""Points and their types (SunSpec Device Information Model Specification, "Point Types").

A point is one value in one to many 16-bit registers, the most significant first. Each type has one pattern of bits that says "not
implemented"; it is None here. A number with a scale factor stands on the wire as ``value / 10 ** factor``, rounded to an integer; the
factor is a point of its own in the same model, of type sunssf.
"""

import math
import struct
from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

from chargebridge.wire.sunspec.errors import SunSpecError

Value = int | float | str | None
"""int: unscaled numbers, enumerations and bit fields; float: scaled numbers, in the point's unit; None: not implemented."""

SCALE_MIN, SCALE_MAX = -10, 10


class Kind(StrEnum):
    INT16 = "int16"
    UINT16 = "uint16"
    INT32 = "int32"
    UINT32 = "uint32"
    UINT64 = "uint64"
    ENUM16 = "enum16"
    BITFIELD16 = "bitfield16"
    BITFIELD32 = "bitfield32"
    SCALE = "sunssf"
    PAD = "pad"
    STRING = "string"
    FLOAT32 = "float32"
    ACC32 = "acc32"


_FORMS: dict[Kind, tuple[int, bool]] = {
    Kind.INT16: (1, True),
    Kind.UINT16: (1, False),
    Kind.INT32: (2, True),
    Kind.UINT32: (2, False),
    Kind.UINT64: (4, False),
    Kind.ENUM16: (1, False),
    Kind.BITFIELD16: (1, False),
    Kind.BITFIELD32: (2, False),
    Kind.SCALE: (1, True),
    Kind.PAD: (1, True),
    Kind.FLOAT32: (2, True),
    Kind.ACC32: (2, False),
}
"""Registers and signedness. Not implemented is the lowest value of a signed type and the highest of an unsigned one; NaN of a float; an
accumulator has no such value, and 0 says that nothing was counted."""


class Point(Struct, frozen=True):
    """One line of a model's table. offset: from the model's ID register. scale: name of its scale factor. unit: "" where it has none."""

    name: str
    offset: int
    kind: Kind
    size: int
    scale: str | None = None
    writable: bool = False
    unit: str = ""

    @property
    def end(self) -> int:
        return self.offset + self.size


def size_of(kind: Kind) -> int:
    """Registers of a numeric type."""
    return _FORMS[kind][0]


def bounds(kind: Kind) -> tuple[int, int]:
    """The lowest and the highest integer of a numeric type that mean a number."""
    width, signed = _FORMS[kind]
    bits = 16 * width
    if kind is Kind.ACC32:
        return 0, (1 << bits) - 1
    return (1 - (1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 2)


def unpack(point: Point, registers: Sequence[int], factor: int | None, position: int, model: int) -> Value:
    """The value of ``point`` in its own ``registers``. factor: its scale factor's value, unused by points that have none."""
    where = f"model {model} point {point.name}"
    data = b"".join(register.to_bytes(2, "big") for register in registers)
    if point.kind is Kind.STRING:
        return data.split(b"\0")[0].decode("utf-8", "backslashreplace").strip() or None
    if point.kind is Kind.FLOAT32:
        number: float = struct.unpack(">f", data)[0]
        return number if math.isfinite(number) else None
    signed = _FORMS[point.kind][1]
    raw = int.from_bytes(data, "big", signed=signed)
    low, high = bounds(point.kind)
    if not low <= raw <= high:
        return None
    if point.kind is Kind.SCALE and not SCALE_MIN <= raw <= SCALE_MAX:
        raise SunSpecError(position, where, f"scale factor {raw} is out of range", f"it may be {SCALE_MIN} to {SCALE_MAX}: mend the device")
    if point.scale is None:
        return raw
    if factor is None:
        raise SunSpecError(position, where, f"has no scale factor in {point.scale}", "mend the device: a scaled point needs one")
    return float(raw * 10**factor) if factor >= 0 else raw / 10**-factor


def pack(point: Point, value: Value, factor: int | None, position: int, model: int) -> list[int]:
    """The registers that hold ``value``, rounded to the scale factor's step. Raises ``SunSpecError`` for what does not fit."""
    where = f"model {model} point {point.name}"
    if point.kind is Kind.STRING:
        text = b"" if value is None else str(value).encode()
        if len(text) > 2 * point.size:
            raise SunSpecError(position, where, f"{len(text)} bytes of text", f"give at most {2 * point.size}")
        return _registers(text.ljust(2 * point.size, b"\0"))
    if point.kind is Kind.FLOAT32:
        return _registers(_float(math.nan if value is None else value, position, where))
    low, high = bounds(point.kind)
    width, signed = _FORMS[point.kind]
    if value is None:
        raw = 0 if point.kind is Kind.ACC32 else low - 1 if signed else high + 1
    else:
        raw = _raw(point, value, factor, position, where)
        if not low <= raw <= high:
            step = 10.0 ** (factor or 0) if point.scale else 1
            cure = f"give {low * step:g} to {high * step:g} {point.unit}".rstrip()
            raise SunSpecError(position, where, f"{value} does not fit into {point.kind}", cure)
    return _registers(raw.to_bytes(2 * width, "big", signed=signed))


def _raw(point: Point, value: int | float | str, factor: int | None, position: int, where: str) -> int:
    if point.scale is not None and factor is None:
        raise SunSpecError(position, where, f"the device has no scale factor in {point.scale}", "a scaled point needs one to be written")
    try:
        number = float(value) if point.scale is not None or isinstance(value, float) else int(value)
        return round(number / 10.0**factor) if point.scale is not None and factor is not None else round(number)
    except (ValueError, OverflowError):  # a text, an infinity or not a number
        raise SunSpecError(position, where, f"{value!r} is no number for it", "give a finite number") from None


def _float(value: int | float | str, position: int, where: str) -> bytes:
    try:
        return struct.pack(">f", float(value))
    except (ValueError, OverflowError):
        raise SunSpecError(position, where, f"{value!r} is no number for it", "give a finite number of up to 3.4e38") from None


def _registers(data: bytes) -> list[int]:
    return [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]
