"""Aidon V0001 and Embriq (Landis+Gyr E350) lists: an array of ``{code, value}`` and ``{code, value, {scaler, unit}}``.

Everything is in the telegram. Norway: list 1 has active power only, list 2 adds identifiers, currents and voltages (9 items on one phase, 12 on
three-wire, 13 on four-wire nets), list 3 the clock and four registers; Sweden sends 27 items. Source: Aidon "RJ45 HAN Interface" V1.6.
"""

from chargebridge.wire.meter import obis
from chargebridge.wire.meter.axdr import Data
from chargebridge.wire.meter.cosem_time import MeterTime
from chargebridge.wire.meter.lists.common import (
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
from chargebridge.wire.meter.telegram import ContentError, Register


def read(body: Data, options: DecoderOptions) -> MeterList | None:
    """A self-describing list; None if ``body`` is none."""
    if not isinstance(body, list):
        return None
    registers: dict[str, Register] = {}
    clock: MeterTime | None = None
    for item in body:
        match item:
            case (code, int() as raw, (int() as scaler, int() as unit)) if -128 <= scaler < 128:
                registers[code_of(code)] = register(raw, scaler, obis.UNITS.get(unit, f"unit {unit}"))
            case (code, value):
                registers[code_of(code)], time = unscaled(value, options)
                clock = time or clock
            case _:
                raise ContentError(0, f"{item!r:.60} is no object of a self-describing list")
    list_id = text_at(registers, LIST_ID)
    return MeterList(
        profile="embriq" if list_id is not None and list_id.startswith("EMBRIQ") else "aidon",
        registers=registers,
        device=text_at(registers, METER_TYPE),
        meter_id=text_at(registers, METER_ID),
        clock=clock,
    )
