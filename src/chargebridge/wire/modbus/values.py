"""Registers of 16 bits to values in their unit, and back."""

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
_BEYOND = 1e18
"""Floats from here on, infinities and NaN are no figures of a meter."""
_COUNTED = frozenset({"", "s"})
"""Units of what is counted or coded, not measured."""


def values(chosen: RegisterMap, batch: Batch, registers: Sequence[int]) -> dict[str, Register]:
    """The quantities of ``batch`` by OBIS code. What the meter marks as not measured is absent, and so is a float that cannot be.

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
        return not abs(raw) < _BEYOND or raw in entry.missing
    return raw in entry.missing or (chosen.invalid and raw in _invalid(entry.type))


@cache
def _invalid(kind: Kind) -> tuple[int, ...]:
    bits = 16 * kind.size
    return ((1 << bits) - 1,) if kind.value.startswith("u") else ((1 << bits - 1) - 1, -(1 << bits - 1))


@lru_cache(maxsize=1024)
def _worth(scale: float) -> tuple[Decimal, float, float]:
    """``scale`` exactly, and as a factor and a divisor of floats, one of which is 1: dividing by 100 leaves no dust where times 0.01 does."""
    exact = Decimal(repr(scale))
    inverse = 1 / exact
    return (exact, 1.0, float(inverse)) if inverse == inverse.to_integral_value() else (exact, scale, 1.0)


def _value(entry: Entry, raw: int | float) -> Value:
    """Exact where it is billed, whole where it is counted, float where it is measured."""
    exact, factor, divisor = _worth(entry.scale)
    if entry.unit in CUMULATIVE:
        billed = exact * (_shortest(raw) if entry.type is Kind.FLOAT32 else Decimal(repr(raw)))
        whole = billed.to_integral_value()
        return whole if whole == billed else billed
    if entry.unit in _COUNTED and entry.scale == 1.0 and isinstance(raw, int):
        return raw
    if entry.type is Kind.FLOAT32:
        raw = float(f"{raw:.7g}")  # all digits that a float of 32 bits has
    return raw * factor / divisor


def _shortest(raw: float) -> Decimal:
    """The shortest decimal that is the same float of 32 bits: what the meter meant."""
    wanted = struct.pack(">f", raw)
    text = next((text for digits in (7, 8) if struct.pack(">f", float(text := f"{raw:.{digits}g}")) == wanted), f"{raw:.9g}")
    return Decimal(text)
