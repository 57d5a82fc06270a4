"""A payload beside the type that it should have: what does not fit is spelled so that it does, as far as the repairs that are allowed go.

Nothing here decides whether the result is good: it is decoded strictly afterwards (`tolerance.py`).
"""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct, inspect

from chargebridge.wire.ocpp.payload import Payload

REPAIRS = {
    "lone_object": "an object where a list of objects belongs becomes a list of one",
    "number_as_text": '"1" where the number 1 belongs, outside of meter values',
    "text_as_number": '1 where the text "1" belongs, outside of meter values',
    "whole_fraction": "1.0 where the whole number 1 belongs, outside of meter values",
    "boolean_as_text": '"true" or "False" where a boolean belongs',
    "null_field": "null for a field that may be left out: left out",
    "empty_field": '"" or {} for a field that may be left out: left out',
    "blanks": "spaces and line ends around a word or a time: taken away",
    "letter_case": "a word of the schema in other letters, such as kwh: as the schema writes it",
    "field_case": "a field's name in other letters, such as Unit: as the schema writes it",
    "alias": "another spelling of a word of the schema, by the profile's table",
    "unknown_field": "a field that the schema does not have: left out",
    "unknown_word": "a word that the schema does not have, for a field that may be left out: left out",
    "too_long": "a describing text that is longer than the schema allows: cut",
    "odd_time": "a time written as 2026-01-05T12:00+01, 2026/01/05 12:00:00 or the like",
    "missing_field": "a needed field is missing: the profile's default",
    "missing_value": '"transactionId":, in the frame: read as null',
    "meter_number_spelling": "a meter's number as text where a number belongs, or the other way round; the figure stays",
    "sample_dropped": "a sampled value with an unknown unit, measurand, phase, context, location or format: left out as a whole",
    "empty_samples": "a meter value without sampled values: left out",
}
"""Every repair there is, and what it does."""

MAX_REPAIRS = 1000  # in one message: more is no deviation but another format
MAX_DEPTH = 12  # no schema is deeper
METER_VALUES = frozenset({"SampledValue", "SampledValueType", "UnitOfMeasureType", "SignedMeterValueType"})
METER_REGISTERS = frozenset({"meterStart", "meterStop"})
READING = {
    "SampledValue": {"unit", "measurand", "phase", "location", "format"},
    "SampledValueType": {"measurand", "phase", "location"},
}
"""What a sampled value's number means nothing without."""
CUT = frozenset(
    {
        *("additionalInfo", "chargeBoxSerialNumber", "chargePointModel", "chargePointSerialNumber", "chargePointVendor", "firmwareVersion"),
        *("iccid", "imsi", "info", "meterSerialNumber", "meterType", "model", "serialNumber", "techInfo", "vendorErrorCode", "vendorName"),
    }
)
"""Texts that only describe, and may be cut."""

TIME = re.compile(
    r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(?:(Z|z|UTC|GMT)|([+-])(\d{1,2})(?::?(\d{2}))?)?"
)
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d{1,3})?")
_encoder = msgspec.json.Encoder(decimal_format="number")


class Repair(Struct, frozen=True, kw_only=True):
    """One repair. where: `$.meterValue[0].timestamp`; before, after: as JSON, None where there was or is nothing."""

    name: str
    where: str
    before: str | None = None
    after: str | None = None


class _UnmendableError(Exception):
    """The value here cannot stand. name: the repair that may take away what holds it; without that the whole message stays refused."""

    def __init__(self, name: str) -> None:
        self.name = name


@cache
def _type_of(kind: type[Payload]) -> inspect.Type:
    return inspect.type_info(kind)


class Mender:
    """One message beside its type. Each `_x` takes a value and gives the one that fits, or the value as it was."""

    def __init__(self, may: frozenset[str], aliases: Mapping[str, str], missing: Mapping[str, Any], action: str) -> None:
        self._may = may
        self._aliases = aliases
        self._missing = missing
        self._action = action
        self.repairs: list[Repair] = []

    def mend(self, kind: type[Payload], payload: bytes | msgspec.Raw) -> tuple[bytes, tuple[Repair, ...]]:
        try:
            value = msgspec.json.Decoder(float_hook=Decimal).decode(payload)
            value = self._value(_type_of(kind), value, "$", "", 0)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, _UnmendableError):
            return bytes(payload), ()
        return _encode(value), tuple(self.repairs)

    def _told(self, name: str, where: str, before: Any = msgspec.UNSET, after: Any = msgspec.UNSET) -> bool:
        """Note a repair if the profile has it."""
        if name not in self._may or len(self.repairs) >= MAX_REPAIRS:
            return False
        self.repairs.append(Repair(name=name, where=where, before=_words(before), after=_words(after)))
        return True

    def _value(self, kind: inspect.Type, value: Any, where: str, owner: str, depth: int) -> Any:
        """owner: the struct that the value stands in, and its field, as "SampledValue.unit"."""
        if depth > MAX_DEPTH:
            return value
        match kind:
            case inspect.Metadata(type=inner):
                return self._value(inner, value, where, owner, depth)
            case inspect.StructType():
                return self._struct(kind, value, where, depth)
            case inspect.VarTupleType():
                return self._list(kind, value, where, owner, depth)
            case inspect.LiteralType(values=words):
                return self._word(words, value, where, owner)
            case inspect.DateTimeType():
                return self._time(value, where)
            case inspect.BoolType():
                return self._boolean(value, where)
            case inspect.IntType() | inspect.FloatType():
                return self._number(value, where, owner, whole=isinstance(kind, inspect.IntType))
            case inspect.StrType():
                return self._text(kind, value, where, owner)
        return value

    def _struct(self, kind: inspect.StructType, value: Any, where: str, depth: int) -> Any:
        if not isinstance(value, dict):
            return value
        name = kind.cls.__name__
        fields = {field.encode_name: field for field in kind.fields}
        value = self._names(fields, value, where, name)
        mended = {}
        for key, item in value.items():
            field, place = fields[key], f"{where}.{key}"
            if not field.required and self._is_nothing(name, key, item, place):
                continue
            try:
                mended[key] = self._value(field.type, item, place, f"{name}.{key}", depth + 1)
            except _UnmendableError as gone:
                if field.required or gone.name != "unknown_word" or not self._told("unknown_word", place, item):
                    raise
            else:
                if not field.required and mended[key] == [] != item:
                    del mended[key]  # all that it held is gone
        for key, field in fields.items():
            default = self._missing.get(f"{self._action if depth == 0 else name}.{key}")
            if (
                field.required
                and key not in mended
                and default is not None
                and self._told("missing_field", f"{where}.{key}", after=default)
            ):
                mended[key] = default
        return mended

    def _names(self, fields: dict[str, inspect.Field], value: dict[str, Any], where: str, name: str) -> dict[str, Any]:
        """The object with the fields that it may have. A name that only differs in its letters is never dropped: it means something."""
        known = {key.lower(): key for key in fields}
        mended: dict[str, Any] = {}
        for key, item in value.items():
            if key in fields:
                mended[key] = item
                continue
            meant = known.get(key.strip().lower())
            if meant is not None:
                if meant in value or not self._told("field_case", f"{where}.{key}", key, meant):
                    raise _UnmendableError("unknown_field")
                mended[meant] = item
            elif not self._told("unknown_field", f"{where}.{key}", item):
                raise _UnmendableError("unknown_field")
        return mended

    def _is_nothing(self, name: str, key: str, item: Any, where: str) -> bool:
        """Whether an optional field says nothing. A meter value's "" is no unit left out, but one that was lost."""
        if item is None:
            return self._told("null_field", where, None)
        reads = key in READING.get(name, ()) or name == "UnitOfMeasureType"
        return item in ("", {}) and not reads and self._told("empty_field", where, item)

    def _list(self, kind: inspect.VarTupleType, value: Any, where: str, owner: str, depth: int) -> Any:
        if isinstance(value, dict) and self._told("lone_object", where, value):
            value = [value]
        if not isinstance(value, list):
            return value
        mended = []
        for number, item in enumerate(value):
            place = f"{where}[{number}]"
            try:
                fit = self._value(kind.item_type, item, place, owner, depth + 1)
            except _UnmendableError as gone:
                if gone.name != "sample_dropped" or not owner.endswith("sampledValue") or not self._told("sample_dropped", place, item):
                    raise
                continue
            holds_none = owner.endswith((".meterValue", ".transactionData")) and isinstance(fit, dict) and not fit.get("sampledValue")
            if holds_none and self._told("empty_samples", place, item):
                continue
            mended.append(fit)
        return mended

    def _word(self, words: tuple[Any, ...], value: Any, where: str, owner: str) -> Any:
        if value in words or not isinstance(value, str):
            return value
        field = owner.rpartition(".")[2]
        alias = self._aliases.get(f"{field}:{value.strip()}", self._aliases.get(value.strip()))
        if alias in words and self._told("alias", where, value, alias):
            return alias
        bare = value.strip()
        if bare in words and self._told("blanks", where, value, bare):
            return bare
        meant = [word for word in words if str(word).lower() == bare.lower()]
        if len(meant) == 1 and self._told("letter_case", where, value, meant[0]):
            return meant[0]
        struct, _, key = owner.rpartition(".")
        if key in READING.get(struct, ()):
            raise _UnmendableError("sample_dropped")
        if "unknown_word" in self._may:
            raise _UnmendableError("unknown_word")
        return value

    def _time(self, value: Any, where: str) -> Any:
        if not isinstance(value, str):
            return value
        bare = value.strip()
        if bare != value and self._told("blanks", where, value, bare):
            value = bare
        try:
            msgspec.convert(value, datetime)
        except msgspec.ValidationError:
            written = _moment(bare)
            if written is not None and self._told("odd_time", where, value, written):
                return written
        return value

    def _boolean(self, value: Any, where: str) -> Any:
        fit = {"true": True, "false": False}.get(value.strip().lower()) if isinstance(value, str) else None
        return fit if fit is not None and self._told("boolean_as_text", where, value, fit) else value

    def _number(self, value: Any, where: str, owner: str, *, whole: bool) -> Any:
        """The same figure, spelled as a number. A fraction is never rounded."""
        if isinstance(value, bool):
            return value
        metered = _is_metered(owner)
        if isinstance(value, str) and len(value) < 64 and NUMBER.fullmatch(value.strip()):
            fit: Any = Decimal(value.strip())
            name = "number_as_text"
        elif isinstance(value, Decimal) and whole:
            fit, name = value, "whole_fraction"
        else:
            return value
        if whole or fit == fit.to_integral_value():
            if fit != fit.to_integral_value() or abs(fit) > 10**18:
                return value
            fit = int(fit)
        return fit if self._told("meter_number_spelling" if metered else name, where, value, fit) else value

    def _text(self, kind: inspect.StrType, value: Any, where: str, owner: str) -> Any:
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            name = "meter_number_spelling" if _is_metered(owner) else "text_as_number"
            return str(value) if self._told(name, where, value, str(value)) else value
        if not isinstance(value, str) or kind.max_length is None or len(value) <= kind.max_length:
            return value
        bare = value.strip()
        if len(bare) <= kind.max_length and self._told("blanks", where, value, bare):
            return bare
        if owner.rpartition(".")[2] in CUT and self._told("too_long", where, value, value[: kind.max_length]):
            return value[: kind.max_length]
        return value


def _is_metered(owner: str) -> bool:
    struct, _, key = owner.rpartition(".")
    return struct in METER_VALUES or key in METER_REGISTERS


def _moment(text: str) -> str | None:
    """A time as RFC 3339 writes it; without a zone when it had none. None: it is no time that we can read without guessing."""
    found = TIME.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, utc, sign, hours, minutes = found.groups()
    zone = "Z" if utc else f"{sign}{int(hours):02}:{minutes or '00'}" if sign else ""
    part = f".{fraction[:6]}" if fraction else ""
    written = f"{year}-{int(month):02}-{int(day):02}T{int(hour):02}:{minute}:{second or '00'}{part}{zone}"
    try:
        msgspec.convert(written, datetime)
    except msgspec.ValidationError:
        return None
    return written


def _encode(value: Any) -> bytes:
    """JSON; numbers keep the digits that they came with."""
    return _encoder.encode(value)


def _words(value: Any) -> str | None:
    return None if value is msgspec.UNSET else _encode(value).decode()[:200]
