"""Lists of Austrian customer interfaces, as each grid operator ordered them.

(a) Netz NÖ and others (Kaifa MA309, Sagemcom T210-D): clock, then code, value and ``{scaler, unit}`` in turn, last the meter's number without a code.
(b) Tirol, Salzburg, Vorarlberg (Kaifa MA309): code and clock, then ``{code, value}`` and ``{code, value, {scaler, unit}}``.
(c) Burgenland (Landis+Gyr E450): 14 bare values.
(d) Wien (Iskraemeco AM550, Landis+Gyr): clock and eight bare values; or code and value in turn.

Sources: Netz NÖ "Folder Kundenschnittstelle" 218_9; real telegrams for (a), (b), (c); for (d) what its users' readers take.
"""

from chargebridge.wire.meter import cosem_time, obis
from chargebridge.wire.meter.axdr import Data
from chargebridge.wire.meter.cosem_time import MeterTime
from chargebridge.wire.meter.lists.common import CLOCK, METER_ID, MeterList, code_of, identifier, text_at, time_register, unscaled
from chargebridge.wire.meter.number import register
from chargebridge.wire.meter.options import DecoderOptions
from chargebridge.wire.meter.telegram import ContentError, Register, Scale

_CODE_SIZE = 6
_LOGICAL_NAME = "0-0:42.0.0"
_BURGENLAND: tuple[tuple[str, str, int, Scale], ...] = (
    *((f"1-0:{c}.7.0", "V", 0, Scale.PROFILE) for c in (32, 52, 72)),
    *((f"1-0:{c}.7.0", "A", -2, Scale.PROFILE) for c in (31, 51, 71)),
    ("1-0:1.7.0", "W", 0, Scale.PROFILE),
    ("1-0:2.7.0", "W", 0, Scale.PROFILE),
    ("1-0:1.8.0", "Wh", 0, Scale.PROFILE),
    ("1-0:2.8.0", "Wh", 0, Scale.PROFILE),
    *((f"1-0:{c}.7.0", "", -3, Scale.UNKNOWN) for c in (33, 53, 73)),
)
"""Code, unit and scaler by place. The last three are power factors by what they come to beside the other values; nobody says so."""
_WIEN = ("1.8.0", "2.8.0", "3.8.0", "4.8.0", "1.7.0", "2.7.0", "3.7.0", "4.7.0")


def read(body: Data, options: DecoderOptions) -> MeterList | None:
    """An Austrian list; None if ``body`` is none."""
    if not isinstance(body, tuple) or not body:
        return None
    first = body[0]
    if isinstance(first, tuple):
        return _labelled(body, options) if first and _is_code(first[0]) else None
    if _is_code(first):
        return _labelled(body, options)
    if cosem_time.looks_like(first):
        if len(body) > 1 and _is_code(body[1]):
            return _labelled(body, options)
        return _wien(body, options) if len(body) == 1 + len(_WIEN) and _all_numbers(body[1:]) else None
    if len(body) == 1 + len(_BURGENLAND) and _all_numbers(body[:-1]) and isinstance(body[-1], bytes):
        return _burgenland(body)
    return None


def _is_code(item: Data) -> bool:
    return isinstance(item, bytes) and len(item) == _CODE_SIZE


def _all_numbers(items: tuple[Data, ...]) -> bool:
    return all(type(item) is int for item in items)


def _labelled(body: tuple[Data, ...], options: DecoderOptions) -> MeterList:
    """Forms (a) and (b), and the pairs of (d)."""
    registers: dict[str, Register] = {}
    clock: MeterTime | None = None
    at = 0
    while at < len(body):
        item, at = body[at], at + 1
        factor: Data = None
        if isinstance(item, tuple):
            code, value, factor = _nested(item)
        elif _is_code(item):
            if at == len(body):
                raise ContentError(0, "the last code has no value")
            code, value, at = code_of(item), body[at], at + 1
            if at < len(body) and _is_factor(body[at]):
                factor, at = body[at], at + 1
        elif isinstance(item, bytes | str):
            code, value = (CLOCK if cosem_time.looks_like(item) else METER_ID), item
        else:
            raise ContentError(0, f"{item!r:.60} stands where a code should")
        registers[code], time = _register(code, value, factor, options)
        clock = time or clock
    return MeterList("austria", registers, text_at(registers, _LOGICAL_NAME), text_at(registers, METER_ID), clock)


def _nested(item: tuple[Data, ...]) -> tuple[str, Data, Data]:
    match item:
        case (code, value):
            return code_of(code), value, None
        case (code, value, factor) if _is_factor(factor):
            return code_of(code), value, factor
        case _:
            raise ContentError(0, f"{item!r:.60} is no object of an Austrian list")


def _is_factor(item: Data) -> bool:
    """A structure of scaler and unit."""
    return type(item) is tuple and len(item) == 2 and type(item[0]) is int and type(item[1]) is int


def _register(code: str, value: Data, factor: Data, options: DecoderOptions) -> tuple[Register, MeterTime | None]:
    if type(value) is int:
        match factor:
            case (int() as scaler, int() as unit) if -128 <= scaler < 128:
                return register(value, scaler, obis.UNITS.get(unit, f"unit {unit}")), None
        name = obis.unit_of(code)
        if name:
            return register(value, 0, name, Scale.PROFILE), None
    if code == METER_ID and isinstance(value, bytes | str):
        return identifier(value), None
    return unscaled(value, options)


def _burgenland(body: tuple[Data, ...]) -> MeterList:
    registers = {
        code: register(value, scaler, unit, scale)
        for (code, unit, scaler, scale), value in zip(_BURGENLAND, body, strict=False)
        if isinstance(value, int)
    }
    number = body[-1]
    if isinstance(number, bytes):
        registers[METER_ID] = identifier(number)
    return MeterList("burgenland", registers, None, text_at(registers, METER_ID))


def _wien(body: tuple[Data, ...], options: DecoderOptions) -> MeterList:
    registers: dict[str, Register] = {}
    clock: MeterTime | None = None
    if isinstance(body[0], bytes):
        clock = cosem_time.parse(body[0], options.standard_offset)
        registers[CLOCK] = time_register(clock)
    for code, value in zip(_WIEN, body[1:], strict=True):
        if isinstance(value, int):
            name = f"1-0:{code}"
            registers[name] = register(value, 0, obis.unit_of(name), Scale.PROFILE)
    return MeterList("wien", registers, None, None, clock)
