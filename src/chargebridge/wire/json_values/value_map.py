"""A value map as a person writes it, and what must be true of it."""

from typing import Annotated

from msgspec import Meta, Struct

from chargebridge.wire.meter.quantity_rules import MapError, check_quantity


class Entry(Struct, frozen=True, forbid_unknown_fields=True):
    """One quantity.

    path: JSON Pointer (RFC 6901) to its number, such as ``/emeters/0/power``; "" where the whole message is the number. part: what is to be
    appended to the meter's topic or address to get the message, "" where there is one message only. code, unit: the OBIS code
    ``A-B:C.D.E`` and its unit without prefix. scale: what one count is worth in ``unit``; negative turns the sign. missing: numbers that mean
    "not measured". valid: pointer to a truth value that must be true for this quantity to count. needed: without it nothing counts. keep: as the
    map's, for this quantity.
    """

    code: str
    path: str = ""
    part: str = ""
    unit: str = ""
    scale: float = 1.0
    missing: tuple[float, ...] = ()
    valid: str = ""
    needed: bool = False
    keep: Annotated[float, Meta(gt=0, le=3600)] | None = None


class ValueMap(Struct, frozen=True, forbid_unknown_fields=True):
    """All quantities of one kind of meter. source: the document that they are from. keep: where a meter sends its quantities in several
    messages, s for which a quantity is carried on beside newer ones."""

    title: str
    source: str
    values: Annotated[tuple[Entry, ...], Meta(min_length=1, max_length=500)]
    keep: Annotated[float, Meta(gt=0, le=3600)] = 15.0

    @property
    def parts(self) -> tuple[str, ...]:
        """Each message that it takes, once."""
        return tuple(dict.fromkeys(entry.part for entry in self.values))


def check(chosen: ValueMap) -> None:
    """Raises ``MapError`` for the first entry that cannot be."""
    seen: dict[str, int] = {}
    for index, entry in enumerate(chosen.values):
        check_quantity(index, entry.code, entry.unit, entry.scale)
        if entry.code in seen:
            raise MapError(index, f"{entry.code} is already entry {seen[entry.code] + 1}", "keep one of them")
        seen[entry.code] = index
        for pointer in (entry.path, entry.valid):
            if pointer and not pointer.startswith("/"):
                raise MapError(index, f"path {pointer!r} is no JSON Pointer", "begin it with a slash, like /emeters/0/power")
