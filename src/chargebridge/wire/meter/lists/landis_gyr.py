"""Landis+Gyr E450 lists at the customer interface (CII): the capture objects of the list, then their values in the same order.

Each object is ``{class, code, attribute, index}``; value *i* is that of object *i*. The first object is the list itself, the second its name. Grid
operators choose what is in a list. Switzerland (Romande Energie "Spécifications techniques Landis"; AEW, RWB).

No scaler is in the telegram unless the grid operator put attribute 3 of a register into the list. By the maker's profile powers count 1 W,
registers 1 Wh, currents 0.01 A. Voltages count 1 V with some grid operators and 0.1 V with others: low voltage tells which. Currents that with
these voltages cannot carry the power that is shown, and voltages that are none, are marked ``Scale.UNKNOWN``.
"""

from typing import NamedTuple

from chargebridge.wire.meter import obis
from chargebridge.wire.meter.axdr import Data
from chargebridge.wire.meter.cosem_time import MeterTime
from chargebridge.wire.meter.lists.common import METER_ID, MeterList, code_of, text_at, unscaled
from chargebridge.wire.meter.number import register
from chargebridge.wire.meter.options import DecoderOptions
from chargebridge.wire.meter.telegram import ContentError, Register, Scale

_NAME_CLASS = 40
_VALUE, _SCALER_UNIT = 2, 3
_WHOLE_VOLTS = range(80, 500)
_TENTHS_OF_VOLTS = range(800, 5000)
_NOMINAL_V = 230.0
_MARGIN_VA = 50.0
"""For the rounding of three currents to 0.01 A and of voltages to 1 V, and for values that were not captured at one moment."""


class _Object(NamedTuple):
    """What stands at one place of the list."""

    class_id: int
    code: str
    attribute: int


def read(body: Data, options: DecoderOptions) -> MeterList | None:
    """A list that opens with its capture objects; None if ``body`` is none."""
    if not isinstance(body, tuple) or not body or not isinstance(body[0], list) or not body[0] or not _is_object(body[0][0]):
        return None
    objects = [_object(item) for item in body[0]]
    if len(objects) != len(body):
        raise ContentError(0, f"{len(objects)} capture objects for {len(body)} values")
    values: dict[str, Data] = {}
    told: dict[str, tuple[int, int]] = {}
    for (class_id, code, attribute), value in zip(objects, body, strict=True):
        if class_id == _NAME_CLASS:
            continue
        if attribute == _VALUE:
            values[code] = value
        elif attribute == _SCALER_UNIT:
            told[code] = _scaler_unit(value)
    registers, clock = _registers(values, told, options)
    return MeterList("lg-cii", registers, None, text_at(registers, METER_ID, "0-0:96.1.1", "0-0:42.0.0"), clock)


def _is_object(item: Data) -> bool:
    return isinstance(item, tuple) and list(map(type, item)) == [int, bytes, int, int]


def _object(item: Data) -> _Object:
    match item:
        case (int() as class_id, bytes() as code, int() as attribute, int()):
            return _Object(class_id, code_of(code), attribute)
    raise ContentError(0, f"{item!r:.60} is no capture object")


def _scaler_unit(value: Data) -> tuple[int, int]:
    match value:
        case (int() as scaler, int() as unit) if -128 <= scaler < 128:
            return scaler, unit
    raise ContentError(0, f"{value!r:.60} stands where a scaler and a unit should")


def _registers(
    values: dict[str, Data], told: dict[str, tuple[int, int]], options: DecoderOptions
) -> tuple[dict[str, Register], MeterTime | None]:
    scales = _scales({code: value for code, value in values.items() if type(value) is int and code not in told})
    registers: dict[str, Register] = {}
    clock: MeterTime | None = None
    for code, value in values.items():
        if type(value) is int and code in told:
            scaler, unit_code = told[code]
            registers[code] = register(value, scaler, obis.UNITS.get(unit_code, f"unit {unit_code}"))
        elif type(value) is int and (unit := obis.unit_of(code)):
            scaler, scale = scales.get(unit, (0, Scale.PROFILE))
            registers[code] = register(value, scaler, unit, scale)
        else:
            registers[code], time = unscaled(value, options)
            clock = time or clock
    return registers, clock


def _scales(raws: dict[str, int]) -> dict[str, tuple[int, Scale]]:
    """Power of ten and sureness of voltages and currents, by unit."""

    def of(groups: tuple[int, int, int]) -> list[int]:
        return [raws.get(f"1-0:{group}.7.0", 0) for group in groups]

    volts = _volts_scale(max(of((32, 52, 72))))
    power = max(raws.get("1-0:1.7.0", 0), raws.get("1-0:2.7.0", 0))
    voltages = [raw * 10.0 ** volts[0] or _NOMINAL_V for raw in of((32, 52, 72))]
    currents = of((31, 51, 71))
    carried = sum(raw / 100 * voltage for raw, voltage in zip(currents, voltages, strict=True))
    # Where a phase's current is not in the list, nothing can be said.
    impossible = all(currents) and volts[1] is Scale.PROFILE and power > carried * 1.05 + _MARGIN_VA
    return {"V": volts, "A": (-2, Scale.UNKNOWN if impossible else Scale.PROFILE)}


def _volts_scale(highest: int) -> tuple[int, Scale]:
    if highest == 0 or highest in _WHOLE_VOLTS:
        return 0, Scale.PROFILE
    return (-1, Scale.PROFILE) if highest in _TENTHS_OF_VOLTS else (0, Scale.UNKNOWN)
