"""Kamstrup OMNIPOWER lists ("Kamstrup_V0001"): the list's name, then codes and values in turn, without any scaler.

Scales are the maker's: power 1 W, current 0.01 A, power factor 0.01; voltage 1 V, on newer firmware 0.01 V. Energy
counts 10 Wh, in Sweden 1 Wh. Where a phase is missing its code and value are null while the count stays. Sources:
Kamstrup 5512-2012 "HAN-NVE", 5512-2565 "DLMS push".

Scales cannot be told from the telegram on meters behind current transformers; a current that no directly connected
meter carries gives them away, and their values are marked ``Scale.UNKNOWN``.
"""

from chargebridge.wire.meter import obis
from chargebridge.wire.meter.axdr import Data
from chargebridge.wire.meter.cosem_time import MeterTime
from chargebridge.wire.meter.lists.common import (
    MeterList,
    code_of,
    text_at,
    unscaled,
)
from chargebridge.wire.meter.number import register
from chargebridge.wire.meter.options import DecoderOptions
from chargebridge.wire.meter.telegram import ContentError, Register, Scale

_NAME = "Kamstrup_"
_METER_ID, _TYPE, _NUMBER = "1-1:0.0.5", "1-1:96.1.1", "1-1:0.0.1"
_SWEDISH_TYPE = "092"
_DIRECT_MAX_RAW = 20_000
"""200 A: a directly connected OMNIPOWER carries 100 A at most (data sheet 5810-1237)."""
_HIGH_RESOLUTION_RAW = 1_000
_FACTOR_GROUPS = frozenset(("13", "33", "53", "73"))
_ENERGIES = frozenset(("Wh", "varh", "VAh"))


def read(body: Data, options: DecoderOptions) -> MeterList | None:
    """A Kamstrup list; None if ``body`` is none."""
    if not isinstance(body, tuple) or not body or not isinstance(body[0], str) or not body[0].startswith(_NAME):
        return None
    if len(body) % 2 == 0:
        raise ContentError(0, f"{len(body)} elements leave a code without a value")
    pairs = [(code_of(code), value) for code, value in zip(body[1::2], body[2::2], strict=True) if code is not None]
    scale, energy_scaler = _scales(pairs, options)
    registers: dict[str, Register] = {}
    clock: MeterTime | None = None
    for code, value in pairs:
        if type(value) is int:
            registers[code] = _number(code, value, scale, energy_scaler)
        else:
            registers[code], time = unscaled(value, options)
            clock = time or clock
    number = registers.get(_NUMBER)
    meter_id = text_at(registers, _METER_ID) or (None if number is None else str(number.raw))
    return MeterList("kamstrup", registers, text_at(registers, _TYPE), meter_id, clock)


def _scales(pairs: list[tuple[str, Data]], options: DecoderOptions) -> tuple[Scale, int]:
    """How sure the scales are, and the power of ten of the energy registers."""
    transformers = False
    swedish = False
    for code, value in pairs:
        if type(value) is int and value > _DIRECT_MAX_RAW and obis.unit_of(code) == "A":
            transformers = True
        elif code == _TYPE and isinstance(value, str):
            swedish = value.endswith(_SWEDISH_TYPE)
    if options.kamstrup_energy_scaler is not None:
        return (Scale.UNKNOWN if transformers else Scale.PROFILE), options.kamstrup_energy_scaler
    if transformers:
        return Scale.UNKNOWN, 0
    return Scale.PROFILE, 0 if swedish else 1


def _number(code: str, raw: int, scale: Scale, energy_scaler: int) -> Register:
    unit = obis.unit_of(code)
    if unit == "A":
        return register(raw, -2, unit, scale)
    if unit == "V":
        return register(raw, -2 if raw > _HIGH_RESOLUTION_RAW else 0, unit, scale)
    if unit in _ENERGIES:
        return register(raw, energy_scaler, unit, scale)
    if unit:
        return register(raw, 0, unit, scale)
    if code.rpartition(":")[2].split(".")[0] in _FACTOR_GROUPS:
        return register(raw, -2, "", scale)
    return Register(raw, "", raw)
