"""The objects of a D0 telegram: ``code(value*unit)`` to registers (IEC 62056-21 clause 6.5; codes by IEC 62056-61).

A code may lack medium and channel (``1.8.0``, ``32.7``): that is electricity on channel 0. C, F, L and P are the groups 96 to 99 (``C.1.0``,
``F.F``). 255 in group E is "not specified", as is an E that is missing. Behind ``*`` or ``&`` stands a storage number, ``*255`` being the present
value; Logarex keeps the last day, week, month and year in ``*96`` to ``*99``.

A value without unit, where the code says what is measured, counts kWh, kW, V or A as displays do: it is marked ``Scale.UNKNOWN``.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

from msgspec.structs import replace

from chargebridge.wire.meter import obis
from chargebridge.wire.meter.number import WRITTEN_UNITS, measured
from chargebridge.wire.meter.telegram import ClockOrigin, ErrorKind, Event, Protocol, Register, Scale, Telegram, error

_SETS = re.compile(r"([^()\r\n]*)\(([^()\r\n]*)\)((?:\([^()\r\n]*\))*)|([^\r\n]+)")
_CODE = re.compile(r"(?:(\d{1,3})-(\d{1,3}):)?(\d{1,3}|[CFLP])\.(\d{1,3}|F)(?:\.(\d{1,3}))?(?:[*&](\d{1,3}))?", re.ASCII)
_VALUE = re.compile(r"([+-]?\d+(?:\.\d*)?)(\*)?([A-Za-z]\w*)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?", re.ASCII)
_LONGEST_COUNT = 18
_LETTERS = {"C": "96", "F": "97", "L": "98", "P": "99"}
_ABSTRACT = frozenset("CF")
_UNSPECIFIED = "255"
_KILO = frozenset(("Wh", "varh", "VAh", "W", "var", "VA"))
_METER_NUMBERS = ("1-0:96.1.0", "0-0:96.1.0", "1-0:0.0.0", "0-0:42.0.0")
_TIME, _DATE = "1-0:0.9.1", "1-0:0.9.2"
_PUNCTUATION = str.maketrans("", "", "-:. ")
_SUMMER, _UTC = "1", "2"
_TEXT_GROUPS = frozenset(("0", "96", "97"))
_EVENTS = "96.7."


def read(header: str, body: str, standard_offset: timedelta, *, crc_ok: bool | None, offset: int, size: int) -> Event:
    """The telegram from its identification line and its objects; ``header`` without slash and line end."""
    registers: dict[str, Register] = {}
    unparsed: list[str] = []
    last: str | None = None
    for text, first, more, other in _SETS.findall(body):
        code = None if other else name(text.strip()) if text.strip() else last
        if code is None:
            unparsed.append(other or f"{text}({first}){more}")
            continue
        texts = (first, *more[1:-1].split(")(")) if more else (first,)
        known = registers.get(code)
        registers[code] = _register(code, texts, standard_offset) if known is None else _joined(known, texts)
        last = code
    if not registers:
        return error(Protocol.D0, ErrorKind.CONTENT, offset, f"telegram of {size} bytes holds no object")
    clock, origin, clock_text = _clock(registers, standard_offset)
    return Telegram(
        protocol=Protocol.D0,
        profile="d0",
        device=header.strip(),
        meter_id=next((str(found.value) for code in _METER_NUMBERS if (found := registers.get(code)) and found.value), None),
        registers=registers,
        clock=clock,
        clock_origin=origin,
        clock_text=clock_text,
        crc_ok=crc_ok,
        unparsed=tuple(unparsed),
        offset=offset,
        size=size,
    )


@lru_cache(maxsize=2048)
def name(text: str) -> str | None:
    """The one spelling of a code; None if it is none."""
    match = _CODE.fullmatch(text)
    if match is None:
        return None
    a, b, c, d, e, f = match.groups()
    if a is None:
        a, b = ("0" if c in _ABSTRACT else "1"), "0"
    return obis.canonical(
        f"{a}-{b}:{_LETTERS.get(c, c)}.{_LETTERS.get(d, d)}.{'0' if e in (None, _UNSPECIFIED) else e}{'' if f is None else f'*{f}'}"
    )


def _register(code: str, texts: tuple[str, ...], standard_offset: timedelta) -> Register:
    text = texts[0]
    at = _moment(texts[1], standard_offset)[0] if len(texts) > 1 else None
    match = _VALUE.fullmatch(text)
    if match is not None:
        number, star, unit = match.groups()
        implied = obis.unit_of(code)
        if unit and (star or (implied and unit.lower() in WRITTEN_UNITS)):
            return measured(number, unit, at, raw=texts)
        if implied and not unit:
            return measured(number, f"k{implied}" if implied in _KILO else implied, at, raw=texts, scale=Scale.UNKNOWN)
    return Register(_plain(code, text), "", texts, at=at)


def _plain(code: str, text: str) -> int | float | str | None:
    """A value without unit: numbers of meters, states and addresses are texts, others are counts."""
    short = code.rpartition(":")[2]
    if len(text) <= _LONGEST_COUNT and _NUMBER.fullmatch(text) and (short.split(".")[0] not in _TEXT_GROUPS or short.startswith(_EVENTS)):
        return float(text) if "." in text else int(text)
    return text.strip() or None


def _joined(known: Register, texts: tuple[str, ...]) -> Register:
    """More values of an object on its next line, or the object once more: all texts are kept, the first value counts."""
    return replace(known, raw=(*(known.raw if isinstance(known.raw, tuple) else ()), *texts))


def _moment(text: str, standard_offset: timedelta) -> tuple[datetime | None, ClockOrigin]:
    """``YYMMDDhhmm`` or ``YYMMDDhhmmss``, with a digit before it where the meter tells its season: 0 normal, 1 summer, 2 UTC (VDEW "ZSTs")."""
    digits = text.translate(_PUNCTUATION)
    if not digits.isdecimal() or not digits.isascii() or not 10 <= len(digits) <= 13:
        return None, ClockOrigin.NONE
    season = digits[0] if len(digits) & 1 else ""
    digits = digits[len(season) :]
    offset = timedelta() if season == _UTC else standard_offset + timedelta(hours=season == _SUMMER)
    try:
        year, month, day, hour, minute, second = (int(digits[at : at + 2] or "0") for at in range(0, 12, 2))
        time = datetime(2000 + year, month, day, hour, minute, second, tzinfo=timezone(offset)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None, ClockOrigin.NONE
    return time, ClockOrigin.TELEGRAM if season == _UTC else ClockOrigin.ASSUMED


def _clock(registers: dict[str, Register], standard_offset: timedelta) -> tuple[datetime | None, ClockOrigin, str | None]:
    """The meter's time of day and date, which are two objects."""
    date, time = registers.get(_DATE), registers.get(_TIME)
    if date is None or time is None:
        return None, ClockOrigin.NONE, None
    days, clock = str(date.value), str(time.value)
    moment, origin = _moment(days + clock[-8:].zfill(6), standard_offset)
    return moment, origin, f"{days} {clock}" if moment is not None else None
