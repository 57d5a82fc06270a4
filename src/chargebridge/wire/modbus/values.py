"""Registers of 16 bits to values in their unit, and back."""

import math
import struct
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache, lru_cache

from chargebridge.wire.meter.obis import CUMULATIVE
from chargebridge.wire.meter.telegram import Register, Scale, Value
from chargebridge.wire.modbus.batches import Batch
from chargebridge.wire.modbus.register_map import Entry, Kind, RegisterMap

_FORMS = {
    Kind.INT16: ">h",
    Kind.UINT16: ">H",
    Kind.INT32: ">i",
    Kind.UINT32: ">I",
    Kind.INT64: ">q",
    Kind.UINT64: ">Q",
    Kind.FLOAT32: ">f",
    Kind.FLOAT64: ">d",
}
_FLOATS = (Kind.FLOAT32, Kind.FLOAT64)
_COUNTED = frozenset({"", "s"})
"""Units of what is counted or coded, not measured."""


def values(chosen: RegisterMap, batch: Batch, registers: Sequence[int]) -> dict[str, Register]:
    """The quantities of ``batch`` by OBIS code. What the meter marks as not measured, and NaN and infinities, are absent.

    Raises ``ValueError`` unless there are ``batch.words`` registers.
    """
    if len(registers) != batch.words:
        raise ValueError(f"{len(registers)} registers instead of {batch.words}")
    data = struct.pack(f">{batch.words}H", *registers)
    found: dict[str, Register] = {}
    place = 0
    for entry in batch.entries:
        first = place if chosen.objects else entry.at - batch.at
        place += entry.type.size
        own = data[2 * first : 2 * (first + entry.type.size)]
        if chosen.words == "low-first":
            own = b"".join(own[at : at + 2] for at in range(len(own) - 2, -1, -2))
        raw: int | float = struct.unpack(_FORMS[entry.type], own)[0]
        if not _absent(chosen, entry, raw):
            found[entry.code] = Register(_value(entry, raw), entry.unit, raw, Scale.PROFILE)
    return found


def encode(chosen: RegisterMap, batch: Batch, given: Mapping[str, int | float]) -> list[int]:
    """The registers in which a meter sends the raw values ``given`` by OBIS code; what it lacks is 0, and so is what lies between."""
    words = [0] * batch.words
    place = 0
    for entry in batch.entries:
        first = place if chosen.objects else entry.at - batch.at
        place += entry.type.size
        data = struct.pack(_FORMS[entry.type], given.get(entry.code, 0))
        own = list(struct.unpack(f">{entry.type.size}H", data))
        words[first : first + entry.type.size] = own[::-1] if chosen.words == "low-first" else own
    return words


def _absent(chosen: RegisterMap, entry: Entry, raw: int | float) -> bool:
    if isinstance(raw, float):
        return not math.isfinite(raw) or raw in entry.missing
    return raw in entry.missing or (chosen.invalid and raw in _invalid(entry.type))


@cache
def _invalid(kind: Kind) -> tuple[int, ...]:
    bits = 16 * kind.size
    return ((1 << bits) - 1,) if kind.value.startswith("u") else ((1 << bits - 1) - 1, -(1 << bits - 1))


@lru_cache(maxsize=1024)
def _exact(scale: float) -> Decimal:
    return Decimal(repr(scale))


def _value(entry: Entry, raw: int | float) -> Value:
    """Exact where it is billed, whole where it is counted, float where it is measured."""
    if entry.unit in _COUNTED and entry.scale == 1.0 and isinstance(raw, int):
        return raw
    worth = _exact(entry.scale) * (_shortest(raw) if entry.type is Kind.FLOAT32 else Decimal(repr(raw)))
    return worth if entry.unit in CUMULATIVE else float(worth)


def _shortest(raw: float) -> Decimal:
    """The shortest decimal that is the same float of 32 bits: what the meter meant."""
    wanted = struct.pack(">f", raw)
    text = next((text for digits in (6, 7, 8) if struct.pack(">f", float(text := f"{raw:.{digits}g}")) == wanted), f"{raw:.9g}")
    return Decimal(text)
