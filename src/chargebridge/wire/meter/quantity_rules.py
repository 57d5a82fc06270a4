"""What a person may write of a quantity in a map of registers or of JSON values: its OBIS code and its unit."""

import math

from chargebridge.wire.meter.obis import canonical, unit_of

UNITS = frozenset({"W", "var", "VA", "Wh", "varh", "VAh", "V", "A", "Hz", "m3", "degC", "%", "s", ""})
_PREFIXES = {"k": "1000", "M": "1000000", "m": "0.001"}


class MapError(ValueError):
    """index: of the entry that is wrong, None where the map as a whole is."""

    def __init__(self, index: int | None, reason: str, cure: str) -> None:
        super().__init__(f"{reason}; {cure}")
        self.index = index
        self.reason = reason
        self.cure = cure


def check_quantity(index: int, code: str, unit: str, scale: float) -> None:
    """Raises ``MapError`` for what entry ``index`` of a map cannot say."""
    if canonical(code) != code or not code[0].isdigit() or "-" not in code:
        raise MapError(
            index, f"code {code!r} is no OBIS code", "write it like 1-0:16.7.0 (power), 1-0:1.8.0 (import) or 1-0:31.7.0 (current L1)"
        )
    if unit not in UNITS:
        factor = _PREFIXES.get(unit[:1]) if unit[1:] in UNITS else None
        cure = f"write unit = {unit[1:]!r} and scale = {factor}" if factor else f"write one of {', '.join(sorted(UNITS - {''}))}"
        raise MapError(index, f"unit {unit!r} is unknown", cure)
    wanted = unit_of(code)
    if wanted and unit != wanted:
        raise MapError(index, f"{code} is no quantity in {unit or 'no unit'}", f"write unit = {wanted!r}, or the code of another quantity")
    if not math.isfinite(scale) or not scale:
        raise MapError(index, f"scale {scale} cannot be", "write what one count is worth, such as 0.1")
