"""The form of a meter's SML files, learnt from one of them, so that the next ones are read without parsing.

A meter sends the same file again and again with other values in it: type-length bytes, codes, units and scalers stay. A skeleton keeps those
bytes (``mask``, ``pattern``) and where the values stand between them (one ``struct`` format). A file that differs in any of the kept bytes does
not match, and is parsed. The checksums of its messages are checked either way.
"""

from datetime import datetime
from struct import Struct as Layout
from typing import Any

from msgspec import Struct

from chargebridge.wire.meter import obis
from chargebridge.wire.meter.sml_list import register, telegram, time_of, unit_name
from chargebridge.wire.meter.sml_messages import GET_LIST_RESPONSE, is_right, messages
from chargebridge.wire.meter.sml_transport import SmlFile
from chargebridge.wire.meter.sml_tree import ABSENT, BOOL, INTEGER, OCTETS, UNSIGNED, Place, Places, places
from chargebridge.wire.meter.telegram import Telegram

_FORMATS = {1: "b", 2: "h", 4: "i", 8: "q"}
_NOTHING = -1
"""The slot of an element that is absent."""


class _Unlearnable(Exception):  # noqa: N818  (a signal, not an error)
    """The file is rare in some way; it will be parsed each time."""


class _Time(Struct, frozen=True, gc=False):
    """An SML_Time. choice: 1 second index, 2 timestamp, 3 local timestamp; slot: of its seconds."""

    choice: int
    slot: int

    def read(self, values: tuple[Any, ...]) -> datetime | None:
        if self.slot == _NOTHING:
            return None
        seconds = values[self.slot]
        return time_of([2, seconds] if self.choice == 2 else [3, [seconds, None, None]])


_UNTIMED = _Time(0, _NOTHING)


class _Entry(Struct, frozen=True, gc=False):
    code: str
    unit: str
    scaler: int | None
    value: int
    status: int
    time: _Time


class _Form:
    """Collects what is kept and what is read, in the order of the file."""

    def __init__(self, payload: bytes) -> None:
        self.payload = payload
        self.read: list[Place] = []
        self.open: list[Place] = []

    def slot(self, place: Places) -> int:
        """The value that stands here is read each time."""
        if not isinstance(place, Place) or place.kind == BOOL:
            raise _Unlearnable
        if place.kind == ABSENT:
            return _NOTHING
        self.open.append(place)
        self.read.append(place)
        return len(self.read) - 1

    def kept(self, place: Places) -> int | None:
        """The integer that stands here belongs to the form."""
        match place:
            case Place(kind=kind, at=at, end=end) if kind in (INTEGER, UNSIGNED):
                return int.from_bytes(self.payload[at:end], "big", signed=kind == INTEGER)
            case Place(kind=kind) if kind == ABSENT:
                return None
        raise _Unlearnable

    def skip(self, tree: Places) -> None:
        """Whatever stands here may change and is not read."""
        if isinstance(tree, Place):
            self.open.append(tree)
        else:
            for item in tree:
                self.skip(item)

    def time(self, tree: Places) -> _Time:
        match tree:
            case [choice, [seconds, offset, season]] if (kind := self.kept(choice)) == 3:
                found = _Time(kind, self.slot(seconds))
                self.skip([offset, season])
                return found
            case [choice, seconds] if (kind := self.kept(choice)) == 2:
                return _Time(kind, self.slot(seconds))
        self.skip(tree)
        return _UNTIMED

    def entry(self, tree: Places) -> _Entry:
        match tree:
            case [Place(kind=kind, at=at, end=end), status, time, unit, scaler, value, signature] if kind == OCTETS:
                slot = self.slot(status)
                when = self.time(time)
                found = _Entry(obis.name(self.payload[at:end]), unit_name(self.kept(unit)), self.kept(scaler), self.slot(value), slot, when)
                self.skip(signature)
                return found
        raise _Unlearnable

    def mask(self) -> bytes:
        mask = bytearray(b"\xff" * len(self.payload))
        for place in self.open:
            mask[place.at : place.end] = bytes(place.end - place.at)
        return bytes(mask)

    def layout(self) -> Layout:
        parts, at = [], 0
        for place in self.read:
            width = place.end - place.at
            if place.kind == OCTETS:
                form = f"{width}s"
            elif width in _FORMATS:
                form = _FORMATS[width] if place.kind == INTEGER else _FORMATS[width].upper()
            else:
                form = f"{width}s"
            parts.append(f"{place.at - at}x{form}")
            at = place.end
        return Layout(">" + "".join(parts))

    def odd(self) -> tuple[tuple[int, bool], ...]:
        """Slots of integers of a width that ``struct`` does not know, and whether they are signed."""
        return tuple(
            (slot, place.kind == INTEGER)
            for slot, place in enumerate(self.read)
            if place.kind in (INTEGER, UNSIGNED) and place.end - place.at not in _FORMATS
        )


class Skeleton:
    """The form of files with one GetList response. ``learn`` makes it, ``read`` uses it."""

    def __init__(self, form: _Form, checks: list[tuple[int, int, int]], server: int, clock: _Time, entries: list[_Entry]) -> None:
        mask = form.mask()
        self._mask = int.from_bytes(mask, "little")
        self._pattern = int.from_bytes(form.payload, "little") & self._mask
        self._size = len(form.payload)
        self._layout = form.layout()
        self._odd = form.odd()
        self._checks, self._server, self._clock, self._entries = checks, server, clock, entries

    def read(self, file: SmlFile) -> Telegram | None:
        """The telegram, None if the file has another form or a message's checksum is wrong: then it must be parsed."""
        payload = file.payload
        if len(payload) != self._size or int.from_bytes(payload, "little") & self._mask != self._pattern:
            return None
        values: tuple[Any, ...] = self._layout.unpack_from(payload)
        if self._odd:
            exact = list(values)
            for slot, signed in self._odd:
                exact[slot] = int.from_bytes(exact[slot], "big", signed=signed)
            values = tuple(exact)
        for begin, end, slot in self._checks:
            if not is_right(payload[begin:end], values[slot]):
                return None
        registers = {}
        for entry in self._entries:
            value = None if entry.value < 0 else values[entry.value]
            status = None if entry.status < 0 else values[entry.status]
            at = None if entry.time is _UNTIMED else entry.time.read(values)
            registers[entry.code] = register(value, entry.unit, entry.scaler, status, at)
        server = None if self._server < 0 else values[self._server]
        return telegram(server, self._clock.read(values), registers, file)


def learn(payload: bytes) -> Skeleton | None:
    """The form of a file that has been read without error; None if it is not worth it."""
    form = _Form(payload)
    checks: list[tuple[int, int, int]] = []
    lists: list[tuple[int, _Time, list[_Entry]]] = []
    try:
        for begin, covered, tree in messages(payload, places):
            match tree:
                case [transaction, group, abort, [tag, body], check, _]:
                    form.skip([transaction, group, abort])
                    if form.kept(tag) == GET_LIST_RESPONSE:
                        lists.append(_list(form, body))
                    else:
                        form.skip(body)
                    checks.append((begin, covered, form.slot(check)))
    except _Unlearnable:
        return None
    return Skeleton(form, checks, *lists[0]) if len(lists) == 1 else None


def _list(form: _Form, body: Places) -> tuple[int, _Time, list[_Entry]]:
    match body:
        case [client, server, name, sensor_time, list() as entries, signature, gateway_time]:
            form.skip(client)
            slot = form.slot(server)
            form.skip(name)
            found = slot, form.time(sensor_time), [form.entry(entry) for entry in entries]
            form.skip([signature, gateway_time])
            return found
    raise _Unlearnable
