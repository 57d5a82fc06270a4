"""A register map as a person writes it, and what must be true of it."""

from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Literal

from msgspec import Meta, Struct

from chargebridge.wire.meter.quantity_rules import MapError, check_quantity

READ_MAX = 125
"""Registers in one request (Modbus Application Protocol V1.1b3, 6.3)."""


class Kind(StrEnum):
    INT16 = "int16"
    UINT16 = "uint16"
    INT32 = "int32"
    UINT32 = "uint32"
    INT64 = "int64"
    UINT64 = "uint64"
    FLOAT32 = "float32"
    FLOAT64 = "float64"

    @property
    def size(self) -> int:
        """In registers of 16 bits."""
        return int(self.value.lstrip("uintfloa")) // 16


class Entry(Struct, frozen=True, forbid_unknown_fields=True):
    """One quantity.

    at: address of its first register, counted from 0 (as it goes over the line). code, unit: the OBIS code ``A-B:C.D.E`` and its unit without
    prefix. scale: what one count is worth in ``unit``; negative turns the sign. missing: raw values that mean "not measured".
    needed: without this one nothing of the meter's answer counts.
    """

    at: Annotated[int, Meta(ge=0, le=0xFFFF)]
    type: Kind
    code: str
    unit: str = ""
    scale: float = 1.0
    missing: tuple[int, ...] = ()
    needed: bool = False


class RegisterMap(Struct, frozen=True, forbid_unknown_fields=True):
    """All quantities of one type of meter.

    source: the document that the registers are from. function: which registers (3 holding, 4 input). words: which register of a value that
    spans several comes first. most: registers in one request. gap: so many unused registers are read over rather than asked anew behind them.
    invalid: all ones of an unsigned, the greatest or least of a signed integer mean "not measured" (a float's NaN always does).
    objects: each address holds one whole value, whatever its size (E-REDES), so that a request counts values. pause: s that the meter needs
    between two requests.
    """

    title: str
    source: str
    registers: Annotated[tuple[Entry, ...], Meta(min_length=1, max_length=500)]
    function: Literal["holding", "input"] = "holding"
    words: Literal["high-first", "low-first"] = "high-first"
    most: Annotated[int, Meta(ge=1, le=READ_MAX)] = READ_MAX
    gap: Annotated[int, Meta(ge=0, le=READ_MAX)] = 8
    invalid: bool = False
    objects: bool = False
    pause: Annotated[float, Meta(ge=0, le=60)] = 0.0


def check(chosen: RegisterMap) -> None:
    """Raises ``MapError`` for the first entry that cannot be."""
    seen: dict[str, int] = {}
    for index, entry in enumerate(chosen.registers):
        check_quantity(index, entry.code, entry.unit, entry.scale)
        if entry.code in seen:
            raise MapError(index, f"{entry.code} is already entry {seen[entry.code] + 1}", "keep one of them")
        seen[entry.code] = index
        if not chosen.objects and entry.type.size > chosen.most:
            raise MapError(index, f"{entry.type} is longer than a request of most = {chosen.most}", "raise most, or drop the entry")
    _check_overlaps(chosen)


def _check_overlaps(chosen: RegisterMap) -> None:
    order = sorted(range(len(chosen.registers)), key=lambda index: chosen.registers[index].at)
    for one, other in pairwise(order):
        first, second = chosen.registers[one], chosen.registers[other]
        if second.at < first.at + (1 if chosen.objects else first.type.size):
            reason = f"register {second.at} lies inside {first.code}, a {first.type} at {first.at}"
            raise MapError(other, reason, "check the address and the types against the manual")
