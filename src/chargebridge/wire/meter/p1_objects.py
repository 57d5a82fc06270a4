"""The objects of a P1 telegram: ``A-B:C.D.E(value*unit)`` lines to registers.

Values are normalised to units without prefix (kWh to Wh). Where an object is repeated all raw values are kept and the last one counts. Times are
``YYMMDDhhmmssX`` with X = S (summer) or W (winter), local (DSMR P1 5.0.2 clause 6.4, tag TST).
"""

import re
from datetime import UTC, datetime, timedelta, timezone

from msgspec.structs import replace

from chargebridge.wire.meter import obis
from chargebridge.wire.meter.number import measured
from chargebridge.wire.meter.telegram import (
    ClockOrigin,
    ErrorKind,
    Event,
    Protocol,
    Register,
    Telegram,
    error,
)

_LINE = re.compile(r"^([^(\r\n]*)\((?:(-?\d+(?:\.\d+)?)\*(\w+)|([^()\r\n]*))\)\r?$|^([^\r\n]+)\r?$", re.MULTILINE | re.ASCII)
_CONTINUED = re.compile(r"\r?\n\(")
_NUMBER = re.compile(r"-?\d+(?:\.\d*)?", re.ASCII)
_TIME = re.compile(r"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)([SW]?)", re.ASCII)
_LONG_TIME = re.compile(r"20(\d\d)(\d\d)(\d\d) (\d\d):(\d\d):(\d\d)()", re.ASCII)
_EPOCH_YEAR = 70
_LONGEST_CODE = 8

_METER_NUMBERS = ("0-0:96.1.0", "0-0:96.1.1", "0-0:42.0.0", "0-0:96.1.255", "1-0:0.0.0")
_CLOCK = "0-0:1.0.0"
_OLD_CHILD = ":24.3.0"


def read(text: str, standard_offset: timedelta, *, crc_ok: bool | None, offset: int, size: int) -> Event:
    """The telegram from its ``/`` up to, not including, its ``!``."""
    header, _, body = text.partition("\n")
    device = header[1:].strip()
    if len(device) < 4 or not device.isprintable():
        return error(Protocol.P1, ErrorKind.CONTENT, offset, f"{header!r:.40} is no identification line")
    registers: dict[str, Register] = {}
    unparsed: list[str] = []
    if "\n(" in body:
        body = _CONTINUED.sub("(", body)
    for code_text, number, unit, plain, other in _LINE.findall(body):
        code: str | None
        if other:
            code_text, bracket, rest = other.partition("(")
            code = obis.canonical(code_text) if bracket and rest.endswith(")") else None
            if code is None:
                unparsed.append(other)
                continue
            register = _several(code, tuple(rest[:-1].split(")(")), standard_offset)
        else:
            code = obis.canonical(code_text)
            if code is None:
                unparsed.append(f"{code_text}({f'{number}*{unit}' if unit else plain})")
                continue
            register = measured(number, unit) if unit else _plain(code, plain, standard_offset)
        if code in registers:
            register = _joined(registers[code], register)
        registers[code] = register
    return _telegram(device, registers, tuple(unparsed), crc_ok, offset, size)


def _telegram(
    device: str, registers: dict[str, Register], unparsed: tuple[str, ...], crc_ok: bool | None, offset: int, size: int
) -> Telegram:
    clock = registers.get(_CLOCK)
    at = clock.value if clock is not None and isinstance(clock.value, datetime) else None
    return Telegram(
        protocol=Protocol.P1,
        profile="p1",
        device=device,
        meter_id=next((str(found.value) for code in _METER_NUMBERS if (found := registers.get(code)) and found.value), None),
        registers=registers,
        clock=at,
        clock_origin=ClockOrigin.NONE if at is None else ClockOrigin.ASSUMED,
        clock_text=clock.raw[-1] if clock is not None and isinstance(clock.raw, tuple) else None,
        crc_ok=crc_ok,
        unparsed=unparsed,
        offset=offset,
        size=size,
    )


def _plain(code: str, text: str, standard_offset: timedelta) -> Register:
    """A value without unit: a time, a code, a count, or an identifier in the hexadecimal form of its characters."""
    if code == _CLOCK:
        return Register(_time(text, standard_offset), "", (text,))
    return Register(_meaning(text), "", (text,))


def _meaning(text: str) -> int | float | str | None:
    if not text:
        return None
    if text.isdecimal() and len(text) <= _LONGEST_CODE:
        return int(text)
    if "." in text and _NUMBER.fullmatch(text):
        return float(text)
    try:
        characters = bytes.fromhex(text).decode("ascii")
    except ValueError:
        return text
    return characters if characters.isprintable() else text


def _several(code: str, texts: tuple[str, ...], standard_offset: timedelta) -> Register:
    """An object with several values.

    ``(time)(value)`` is a value captured at that time (children on the M-Bus, month's peak); DSMR 2 and 3 describe a child's value as
    ``(time)(..)(..)(..)(code)(unit)(value)``. Anything else is a list of its own, kept raw.
    """
    at = _time(texts[0], standard_offset)
    if at is not None and len(texts) == 2:
        number, _, unit = texts[1].partition("*")
        if _NUMBER.fullmatch(number):
            return replace(measured(number, unit, at), raw=texts)
    if at is not None and code.endswith(_OLD_CHILD) and len(texts) == 7 and _NUMBER.fullmatch(texts[6]):
        return replace(measured(texts[6], texts[5], at), raw=texts)
    return Register(None, "", texts)


def _joined(first: Register, second: Register) -> Register:
    return replace(second, raw=(*_texts(first), *_texts(second)))


def _texts(register: Register) -> tuple[str, ...]:
    return register.raw if isinstance(register.raw, tuple) else ()


def _time(text: str, standard_offset: timedelta) -> datetime | None:
    """The aware UTC time, None if the text is none or no time at all (some meters send zeros before they know it)."""
    match = _TIME.fullmatch(text) or _LONG_TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    offset = standard_offset + timedelta(hours=match[7] == "S")
    try:
        century = 1900 if year >= _EPOCH_YEAR else 2000
        return datetime(century + year, month, day, hour, minute, second, tzinfo=timezone(offset)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
