"""One message to the quantities in it."""

import math
import re
from decimal import Decimal

import msgspec

from chargebridge.wire.json_values.value_map import Entry, ValueMap
from chargebridge.wire.meter.obis import CUMULATIVE
from chargebridge.wire.meter.telegram import Register, Scale

MAX_SIZE = 256 * 1024
_NUMBER = re.compile(r"\s*[+-]?(\d{1,18}(\.\d{0,18})?|\.\d{1,18})([eE][+-]?\d{1,2})?\s*", re.ASCII)
_ABSENT = object()


class MessageError(ValueError):
    """A message that cannot be read at all."""


def read(chosen: ValueMap, part: str, message: bytes) -> dict[str, Register]:
    """The quantities of ``part`` by OBIS code; those that the message does not tell as a number are absent. Raises ``MessageError``."""
    if len(message) > MAX_SIZE:
        raise MessageError(f"{len(message)} bytes are more than {MAX_SIZE}")
    try:
        tree = msgspec.json.decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        tree = message.decode("utf-8", "replace")  # a word such as "unavailable", or no JSON at all
        if any(entry.path for entry in chosen.values if entry.part == part):
            raise MessageError(f"is no JSON: {tree[:40]!r}") from None
    found: dict[str, Register] = {}
    for entry in chosen.values:
        if entry.part == part and (not entry.valid or _at(tree, entry.valid) is True):
            number = _number(_at(tree, entry.path))
            if number is not None and float(number) not in entry.missing:
                found[entry.code] = _register(entry, number)
    return found


def _register(entry: Entry, number: Decimal) -> Register:
    worth = number * Decimal(repr(entry.scale))
    whole = worth.to_integral_value()
    worth = whole if whole == worth else worth
    return Register(worth if entry.unit in CUMULATIVE else float(worth), entry.unit, str(number), Scale.PROFILE)


def _at(tree: object, pointer: str) -> object:
    """What stands at a JSON Pointer, ``_ABSENT`` if nothing does."""
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(tree, dict) and name in tree:
            tree = tree[name]
        elif isinstance(tree, list) and name.isascii() and name.isdigit() and len(name) < 6 and int(name) < len(tree):
            tree = tree[int(name)]
        else:
            return _ABSENT
    return tree


def _number(found: object) -> Decimal | None:
    """A finite number, also one written as a text; None for anything else."""
    if isinstance(found, bool):
        return None
    if isinstance(found, int | float):
        return Decimal(repr(found)) if math.isfinite(found) and abs(found) < 1e18 else None
    return Decimal(found.strip()) if isinstance(found, str) and _NUMBER.fullmatch(found) else None
