"""Integers on the wire to values: exact where it is billed, float where it is measured."""

from decimal import Decimal

from chargebridge.wire.meter.obis import CUMULATIVE
from chargebridge.wire.meter.telegram import Register, Scale

_TENS: list[int] = [10**n for n in range(129)]
_DECIMAL_TENS = {n: Decimal(10) ** n for n in range(-128, 128)}


def scaled(raw: int, scaler: int, unit: str) -> Decimal | float:
    """``raw`` times ten to the power of ``scaler`` (-128..127)."""
    if unit in CUMULATIVE:
        return Decimal(raw) * _DECIMAL_TENS[scaler] if scaler else Decimal(raw)
    if scaler < 0:
        return raw / _TENS[-scaler]
    return float(raw * _TENS[scaler])


def register(raw: int, scaler: int, unit: str, scale: Scale = Scale.TELEGRAM) -> Register:
    """The register of an integer with its power of ten."""
    return Register(scaled(raw, scaler, unit), unit, raw, scale, scaler)
