"""Iskraemeco AM550 and IE.5 lists of Slovenia and Croatia: bare values, without any code, in the order that the grid operator chose.

``iskra.toml`` has the orders. Nothing in a telegram names its order, so it is known by the number and the types of the values, and by
``DecoderOptions.layout`` where somebody says it. Powers count 1 W, registers 1 Wh, voltages 0.1 V, currents 0.01 A: the sums over tariffs and phases
in captures agree, and UI with P.
"""

import re
import tomllib
from importlib.resources import files

import msgspec
from msgspec import Struct

from chargebridge.wire.meter import obis
from chargebridge.wire.meter.axdr import Data
from chargebridge.wire.meter.lists.common import MeterList, text_of
from chargebridge.wire.meter.number import register
from chargebridge.wire.meter.options import DecoderOptions
from chargebridge.wire.meter.telegram import ContentError, Register, Scale

_ID = re.compile(rb"ISK\d{6,13}|\d{8,13}")
_IDS = ("0-0:96.1.0", "0-0:42.0.0")
_PUSH_OBJECT = 25
_TIME, _DATE = "1-0:0.9.1", "1-0:0.9.2"
_LEFT_OUT = "-"
_KINDS: dict[str, type] = {"text": bytes, "name": bytes, "number": int, "flag": bool, "limit": list}


class Place(Struct, frozen=True, gc=False):
    """What stands at one place of a list."""

    kind: str
    code: str
    scaler: int
    unit: str
    scale: Scale


class Order(Struct, frozen=True, gc=False):
    """One order of values. shape: their Python types. within: least and greatest raw value of the register at a place."""

    name: str
    shape: tuple[type, ...]
    places: tuple[Place, ...]
    id_at: int
    within: tuple[tuple[int, int, int], ...]


class _Entry(Struct, frozen=True):
    """One [[layout]] as it is written."""

    name: str
    values: str
    within: dict[str, tuple[int, int]] = {}
    unsure: tuple[str, ...] = ()


class _Table(Struct, frozen=True):
    scalers: dict[str, int]
    layout: tuple[_Entry, ...]


def _load() -> tuple[Order, ...]:
    table = msgspec.convert(tomllib.loads(files(__package__).joinpath("iskra.toml").read_text("utf-8")), _Table)
    return tuple(_order(entry, table.scalers) for entry in table.layout)


def _order(entry: _Entry, scalers: dict[str, int]) -> Order:
    words = entry.values.split()
    places: list[Place] = []
    for kind, text in zip(words[::2], words[1::2], strict=True):
        code, *rest = text.split(",")
        unit = rest[1] if len(rest) > 1 else "" if code == _LEFT_OUT else obis.unit_of(code)
        scaler = int(rest[0]) if rest else scalers.get(unit, 0)
        places.append(Place(kind, code, scaler, unit, Scale.UNKNOWN if code in entry.unsure else Scale.PROFILE))
    codes = [place.code for place in places]
    return Order(
        name=entry.name,
        shape=tuple(_KINDS[place.kind] for place in places),
        places=tuple(places),
        id_at=next(codes.index(code) for code in _IDS if code in codes),
        within=tuple((codes.index(code), *bounds) for code, bounds in entry.within.items()),
    )


ORDERS = _load()
_BY_SHAPE: dict[tuple[type, ...], list[Order]] = {}
for _known in ORDERS:
    _BY_SHAPE.setdefault(_known.shape, []).append(_known)


def read(body: Data, options: DecoderOptions) -> MeterList | None:
    """A list in one of the known orders; None if ``body`` is none. ``options.layout`` decides between orders of one shape."""
    if not isinstance(body, tuple):
        return None
    orders = _BY_SHAPE.get(tuple(map(type, body)), [])
    chosen = [order for order in orders if order.name == options.layout] or [order for order in orders if _fits(order, body)]
    for order in chosen:
        device = body[order.id_at]
        if isinstance(device, bytes) and _ID.fullmatch(device):
            return MeterList(f"iskra-{order.name}", _registers(order, body), None, text_of(device))
    return None


def _fits(order: Order, body: tuple[Data, ...]) -> bool:
    """What stands where a voltage should can be one."""
    found = ((body[at], least, most) for at, least, most in order.within)
    return all(isinstance(value, int) and least <= value <= most for value, least, most in found)


def _registers(order: Order, body: tuple[Data, ...]) -> dict[str, Register]:
    pairs = list(zip(order.places, body, strict=True))
    for place, value in pairs:
        if place.kind == "name" and not (isinstance(value, bytes) and len(value) == 6 and value[2] == _PUSH_OBJECT):
            raise ContentError(0, f"{value!r:.60} stands where the code of the push object should")
    return {place.code: _register(place, value) for place, value in pairs if place.code != _LEFT_OUT}


def _register(place: Place, value: Data) -> Register:
    match value:
        case bool():
            return Register(int(value), "", int(value))
        case int() if place.unit or place.scaler:
            return register(value, place.scaler, place.unit, place.scale)
        case int():
            return Register(value, "", value)
        case bytes():
            return Register(_text(place.code, value), "", value)
        case [int() as limit]:
            return register(limit, place.scaler, place.unit, place.scale)
    raise ContentError(0, f"{value!r:.60} stands where {place.code} should")


def _text(code: str, value: bytes) -> str:
    """An identifier, or the time or date of COSEM as ISO 8601 writes it."""
    if code == _TIME and len(value) == 4:
        return f"{value[0]:02d}:{value[1]:02d}:{value[2]:02d}"
    if code == _DATE and len(value) == 5:
        return f"{int.from_bytes(value[:2], 'big'):04d}-{value[2]:02d}-{value[3]:02d}"
    return text_of(value)
