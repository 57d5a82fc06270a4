"""Numbers on the wire to values: exact where it is billed, float where it is measured."""

from datetime import datetime
from decimal import Decimal

from chargebridge.wire.meter.obis import CUMULATIVE
from chargebridge.wire.meter.telegram import Register, Scale

_TENS: list[int] = [10**n for n in range(129)]
_DECIMAL_TENS = {n: Decimal(10) ** n for n in range(-128, 128)}

WRITTEN_UNITS: dict[str, tuple[str, str, int]] = {
    "kwh": ("Wh", "E3", 3), "wh": ("Wh", "", 0), "mwh": ("Wh", "E6", 6), "kvarh": ("varh", "E3", 3), "varh": ("varh", "", 0),
    "kvah": ("VAh", "E3", 3), "vah": ("VAh", "", 0), "kw": ("W", "E3", 3), "w": ("W", "", 0), "kvar": ("var", "E3", 3),
    "var": ("var", "", 0), "kva": ("VA", "E3", 3), "va": ("VA", "", 0), "v": ("V", "", 0), "a": ("A", "", 0), "hz": ("Hz", "", 0),
    "m3": ("m3", "", 0), "gj": ("GJ", "", 0), "s": ("s", "", 0),
}  # fmt: skip
"""Unit in lower case (meters write kvar and kVAr) to the unit without prefix, and the exponent as text and as number."""


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


def measured(
    number: str, unit: str, at: datetime | None = None, *, raw: tuple[str, ...] | None = None, scale: Scale = Scale.TELEGRAM
) -> Register:
    """A number with its unit; an unknown unit is kept as it is. ``raw`` where that is not just the two of them."""
    name, exponent, scaler = WRITTEN_UNITS.get(unit.lower(), (unit, "", 0))
    value: Decimal | float
    if name in CUMULATIVE:
        value = Decimal(number + exponent)
        if scaler and number[-scaler - 1 : -scaler] != "." and value == value.to_integral_value():
            value = Decimal(int(value))  # not 1.8E+3
    else:
        value = float(number + exponent)
    return Register(value, name, raw or (f"{number}*{unit}",), scale, scaler, None, at)
