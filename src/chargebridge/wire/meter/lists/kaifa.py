"""Kaifa KFM_001 lists: a structure of bare values whose count selects the layout, or (Sweden) of codes and values in turn.

Scales are the maker's: W, var, Wh and varh as they are, current in mA, voltage in 0.1 V (Kaifa "KFM_001" list description, NVE).
"""

from chargebridge.wire.meter import cosem_time, obis
from chargebridge.wire.meter.axdr import Data
from chargebridge.wire.meter.cosem_time import MeterTime
from chargebridge.wire.meter.lists.common import (
    CLOCK,
    LIST_ID,
    METER_ID,
    METER_TYPE,
    MeterList,
    code_of,
    text_at,
    unscaled,
)
from chargebridge.wire.meter.number import register
from chargebridge.wire.meter.options import DecoderOptions
from chargebridge.wire.meter.telegram import ContentError, Register, Scale

_NAME = b"KFM_"
_SCALERS = {"A": -3, "V": -1}
_HEAD = (LIST_ID, METER_ID, METER_TYPE, "1-0:1.7.0", "1-0:2.7.0", "1-0:3.7.0", "1-0:4.7.0")
_ONE_PHASE = (*_HEAD, "1-0:31.7.0", "1-0:32.7.0")
_THREE_PHASES = (*_HEAD, "1-0:31.7.0", "1-0:51.7.0", "1-0:71.7.0", "1-0:32.7.0", "1-0:52.7.0", "1-0:72.7.0")
_HOURLY = (CLOCK, "1-0:1.8.0", "1-0:2.8.0", "1-0:3.8.0", "1-0:4.8.0")
LAYOUTS = {
    1: ("1-0:1.7.0",),
    9: _ONE_PHASE,
    13: _THREE_PHASES,
    14: (*_ONE_PHASE, *_HOURLY),
    18: (*_THREE_PHASES, *_HOURLY),
}
"""Codes in order, by the number of values."""


def read(body: Data, options: DecoderOptions) -> MeterList | None:
    """A Kaifa list; None if ``body`` is none."""
    if not isinstance(body, tuple):
        return None
    count = len(body)
    if count == 1 and type(body[0]) is int:
        return MeterList("kaifa", {"1-0:1.7.0": register(body[0], 0, "W", Scale.PROFILE)})
    first = body[0] if body else None
    if isinstance(first, bytes) and first.startswith(_NAME):
        codes = LAYOUTS.get(count)
        if codes is None:
            raise ContentError(0, f"no Kaifa layout has {count} values")
        return _registers(codes, body, options)
    if count >= 2 and count % 2 == 0 and isinstance(body[1], bytes) and body[1].startswith(_NAME):
        return _registers(tuple(map(code_of, body[::2])), body[1::2], options)
    return None


def _registers(codes: tuple[str, ...], values: tuple[Data, ...], options: DecoderOptions) -> MeterList:
    registers: dict[str, Register] = {}
    clock: MeterTime | None = None
    for code, value in zip(codes, values, strict=True):
        if type(value) is int and (unit := obis.unit_of(code)):
            registers[code] = register(value, _SCALERS.get(unit, 0), unit, Scale.PROFILE)
        elif code == CLOCK and not cosem_time.looks_like(value):
            raise ContentError(0, f"{value!r:.60} stands where the clock should")
        else:
            registers[code], time = unscaled(value, options)
            clock = time or clock
    return MeterList("kaifa", registers, text_at(registers, METER_TYPE), text_at(registers, METER_ID), clock)
