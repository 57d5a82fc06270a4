"""OBIS codes and units (IEC 62056-61; DLMS UA Blue Book, table "Enumerated values for physical units").

One spelling for all protocols: ``A-B:C.D.E``, and ``A-B:C.D.E*F`` only where F is not 255.
"""

import re
from functools import lru_cache

_BYTES_CACHE: dict[bytes, str] = {}
_TEXT_CACHE: dict[str, str | None] = {}
_CACHE_LIMIT = 2048
_TEXT = re.compile(r"(?:(\d{1,3})-(\d{1,3}):)?(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:[.*](\d{1,3}))?", re.ASCII)

UNITS: dict[int, str] = {
    1: "a", 2: "mo", 3: "wk", 4: "d", 5: "h", 6: "min", 7: "s", 8: "deg", 9: "degC", 10: "currency", 11: "m", 12: "m/s",
    13: "m3", 14: "m3", 15: "m3/h", 16: "m3/h", 17: "m3/d", 18: "m3/d", 19: "l", 20: "kg", 21: "N", 22: "Nm", 23: "Pa",
    24: "bar", 25: "J", 26: "J/h", 27: "W", 28: "VA", 29: "var", 30: "Wh", 31: "VAh", 32: "varh", 33: "A", 34: "C", 35: "V",
    36: "V/m", 37: "F", 38: "Ohm", 39: "Ohm m2/m", 40: "Wb", 41: "T", 42: "A/m", 43: "H", 44: "Hz", 45: "1/Wh", 46: "1/varh",
    47: "1/VAh", 48: "V2h", 49: "A2h", 50: "kg/s", 51: "S", 52: "K", 56: "%", 57: "Ah", 60: "Wh/m3", 61: "J/m3", 67: "Vs",
    70: "dBm", 71: "dBuV", 72: "dB", 254: "", 255: "",
}  # fmt: skip
"""Unit code to name, IEC 62056-6-2 clause 4.3.2; 254 (other) and 255 (no unit) have none."""

CUMULATIVE = frozenset({"Wh", "varh", "VAh", "m3", "GJ", "J"})
"""Units of registers that are billed, whose values are kept exact."""


def name(code: bytes) -> str:
    """The spelling of six code bytes A B C D E F."""
    known = _BYTES_CACHE.get(code)
    if known is None:
        a, b, c, d, e, f = code
        known = f"{a}-{b}:{c}.{d}.{e}" if f == 255 else f"{a}-{b}:{c}.{d}.{e}*{f}"
        if len(_BYTES_CACHE) < _CACHE_LIMIT:
            _BYTES_CACHE[bytes(code)] = known
    return known


def canonical(text: str) -> str | None:
    """The one spelling of a code as a P1 line or a person writes it; None if it is no code."""
    try:
        return _TEXT_CACHE[text]
    except KeyError:
        known = _parse(text)
        if len(_TEXT_CACHE) < _CACHE_LIMIT:
            _TEXT_CACHE[text] = known
        return known


def _parse(text: str) -> str | None:
    match = _TEXT.fullmatch(text)
    if match is None:
        return None
    a, b, c, d, e, f = (None if group is None else int(group) for group in match.groups())
    if any(part is not None and part > 255 for part in (a, b, c, d, e, f)):
        return None
    head = f"{c}.{d}.{e}" if a is None else f"{a}-{b}:{c}.{d}.{e}"
    return head if f in (None, 255) else f"{head}*{f}"


@lru_cache(maxsize=1024)
def unit_of(code: str) -> str:
    """The unit, without prefix, that an electricity object has by its group C and D; "" where the code does not fix it.

    For telegrams that carry no unit: group C 1..10 and their phases 21..30, 41..50, 61..70 (active, reactive, apparent), 11/31/51/71 current,
    12/32/52/72 voltage, 14/34/54/74 frequency; D 7 is instantaneous, D 8 a register (IEC 62056-61 tables 3 and 6).
    """
    quantity, kind, _ = code.rpartition(":")[2].split(".", 2)
    c = int(quantity)
    c -= 20 * (c // 20) if 21 <= c < 81 else 0
    if kind == "7":
        return _INSTANTANEOUS.get(c, "")
    return _REGISTERED.get(c, "") if kind == "8" else ""


_INSTANTANEOUS = {
    **dict.fromkeys((1, 2, 15, 16), "W"),
    **dict.fromkeys((3, 4, 5, 6, 7, 8), "var"),
    **dict.fromkeys((9, 10), "VA"),
    11: "A",
    12: "V",
    14: "Hz",
}
_REGISTERED = {
    **dict.fromkeys((1, 2, 15, 16), "Wh"),
    **dict.fromkeys((3, 4, 5, 6, 7, 8), "varh"),
    **dict.fromkeys((9, 10), "VAh"),
}
