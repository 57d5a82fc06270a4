"""The groups of a Linky TIC frame to registers (Enedis-NOI-CPT_54E "Sorties de télé-information client des appareils de comptage Linky").

Historic mode: ``label SP data SP checksum``, the sum over label to data. Standard mode: ``label HT [horodate HT] data HT checksum``, the sum
over all before the checksum. The checksum is the low six bits of the sum of the bytes, plus 0x20 (clause 5.3). TIC has no OBIS
codes: those used here are the Blue Book's where it has one for the quantity, else of its groups for tariffs (96.14) and status (96.5).
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from chargebridge.wire.meter.telegram import ContentError, ErrorKind, Register, Scale, Value

METER = "0-0:96.1.0"
CLOCK = "0-0:1.0.0"
STATUS = "0-0:96.5.0"
_LAST = "*101"
MEMO_LIMIT = 512
"""Groups that are remembered, before the frame that is being read."""
_HORODATE = re.compile(r"([HEhe ])(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)", re.ASCII)
_SP, _HT = 0x20, 0x09
_LEAST = 4
_TOLD = Scale.TELEGRAM
_DIGITS = {width: re.compile(rf"\d{{1,{width}}}", re.ASCII).fullmatch for width in range(1, 10)}


class GroupError(ContentError):
    """A group that cannot be believed. kind: CHECKSUM or CONTENT."""

    def __init__(self, kind: ErrorKind, reason: str) -> None:
        super().__init__(0, reason)
        self.kind = kind


class Rule(NamedTuple):
    """How one label is read. fits: of data that can be, whole. stamped: a horodate stands before the data."""

    code: str
    fits: Callable[[str], object]
    value: Callable[[str], Value]
    unit: str = ""
    scaler: int | None = None
    stamped: bool = False


def _number(code: str, width: int, unit: str, *, stamped: bool = False) -> Rule:
    return Rule(code, _DIGITS[width], float, unit, 0, stamped)


def _kilo(code: str) -> Rule:
    return Rule(code, _DIGITS[2], lambda text: int(text) * 1000.0, "VA", 3)


def _energy(code: str, unit: str = "Wh") -> Rule:
    return Rule(code, _DIGITS[9], Decimal, unit, 0)


def _count(code: str, width: int, unit: str = "") -> Rule:
    return Rule(code, _DIGITS[width], int, unit)


def _word(code: str, form: str) -> Rule:
    return Rule(code, re.compile(form, re.ASCII).fullmatch, str)


def _text(code: str, width: int) -> Rule:
    return Rule(code, re.compile(rf"[ -~]{{0,{width}}}").fullmatch, str.strip)


def _phases(label: str, width: int, unit: str, groups: tuple[int, int, int], kind: str, *, stamped: bool = False) -> dict[str, Rule]:
    """``label`` 1 to 3, for L1 to L3."""
    return {f"{label}{n}": _number(f"1-0:{c}.{kind}", width, unit, stamped=stamped) for n, c in enumerate(groups, 1)}


_CURRENTS, _VOLTAGES, _APPARENT = (31, 51, 71), (32, 52, 72), (29, 49, 69)
_TEMPO = ("HCJB", "HPJB", "HCJW", "HPJW", "HCJR", "HPJR")

HISTORIC: dict[str, Rule] = {
    "ADCO": _word(METER, r"\d{12}"),
    "OPTARIF": _word("0-0:96.14.1", r"BASE|HC\.\.|EJP\.|BBR[ -_]"),
    "ISOUSC": _number("1-0:31.4.0", 2, "A"),
    "BASE": _energy("1-0:1.8.0"),
    "HCHC": _energy("1-0:1.8.1"),
    "HCHP": _energy("1-0:1.8.2"),
    "EJPHN": _energy("1-0:1.8.1"),
    "EJPHPM": _energy("1-0:1.8.2"),
    **{f"BBR{name}": _energy(f"1-0:1.8.{n}") for n, name in enumerate(_TEMPO, 1)},
    "PEJP": _count("0-0:96.14.10", 2, "min"),
    "PTEC": _word("0-0:96.14.2", r"TH\.\.|HC\.\.|HP\.\.|HN\.\.|PM\.\.|H[CP]J[BWR]"),
    "DEMAIN": _word("0-0:96.14.4", r"----|BLEU|BLAN|ROUG"),
    "IINST": _number("1-0:31.7.0", 3, "A"),
    **_phases("IINST", 3, "A", _CURRENTS, "7.0"),
    "ADPS": _number("1-0:31.34.0", 3, "A"),
    **_phases("ADPS", 3, "A", _CURRENTS, "34.0"),
    **_phases("ADIR", 3, "A", _CURRENTS, "34.0"),
    "IMAX": _number("1-0:31.6.0", 3, "A"),
    **_phases("IMAX", 3, "A", _CURRENTS, "6.0"),
    "PMAX": _number("1-0:1.6.0", 5, "W"),
    "PAPP": _number("1-0:9.7.0", 5, "VA"),
    "HHPHC": _word("0-0:96.14.5", "[A-Z]"),
    "MOTDETAT": _word(STATUS, "[0-9A-F]{6}"),
    "PPOT": _word("0-0:96.5.1", "[0-9A-F]{2}"),
}
"""Clause 6.1. ADPS and ADIR: the current by which the subscription is exceeded; PMAX: W, three-phase meters."""

STANDARD: dict[str, Rule] = {
    "ADSC": _word(METER, "[0-9A-Z]{12}"),
    "VTIC": _word("0-0:0.2.8", r"\d{2}"),
    "DATE": Rule(CLOCK, lambda text: not text, lambda _: None, stamped=True),
    "NGTF": _text("0-0:96.14.1", 16),
    "LTARF": _text("0-0:96.14.2", 16),
    "EAST": _energy("1-0:1.8.0"),
    **{f"EASF{n:02d}": _energy(f"1-0:1.8.{n}") for n in range(1, 11)},
    **{f"EASD{n:02d}": _energy(f"1-0:1.8.{10 + n}") for n in range(1, 5)},
    "EAIT": _energy("1-0:2.8.0"),
    **{f"ERQ{n}": _energy(f"1-0:{4 + n}.8.0", "varh") for n in range(1, 5)},
    **_phases("IRMS", 3, "A", _CURRENTS, "7.0"),
    **_phases("URMS", 3, "V", _VOLTAGES, "7.0"),
    "PREF": _kilo("1-0:9.31.0"),
    "PCOUP": _kilo("1-0:9.35.0"),
    "SINSTS": _number("1-0:9.7.0", 5, "VA"),
    **_phases("SINSTS", 5, "VA", _APPARENT, "7.0"),
    "SMAXSN": _number("1-0:9.6.0", 5, "VA", stamped=True),
    **_phases("SMAXSN", 5, "VA", _APPARENT, "6.0", stamped=True),
    "SMAXSN-1": _number(f"1-0:9.6.0{_LAST}", 5, "VA", stamped=True),
    **{f"SMAXSN{n}-1": _number(f"1-0:{c}.6.0{_LAST}", 5, "VA", stamped=True) for n, c in enumerate(_APPARENT, 1)},
    "SINSTI": _number("1-0:10.7.0", 5, "VA"),
    "SMAXIN": _number("1-0:10.6.0", 5, "VA", stamped=True),
    "SMAXIN-1": _number(f"1-0:10.6.0{_LAST}", 5, "VA", stamped=True),
    "CCASN": _number("1-0:1.5.0", 5, "W", stamped=True),
    "CCASN-1": _number(f"1-0:1.5.0{_LAST}", 5, "W", stamped=True),
    "CCAIN": _number("1-0:2.5.0", 5, "W", stamped=True),
    "CCAIN-1": _number(f"1-0:2.5.0{_LAST}", 5, "W", stamped=True),
    **_phases("UMOY", 3, "V", _VOLTAGES, "5.0", stamped=True),
    "STGE": Rule(STATUS, re.compile("[0-9A-F]{8}").fullmatch, lambda text: int(text, 16)),
    **{f"DPM{n}": Rule(f"0-0:96.14.{20 + n}", _DIGITS[2], int, stamped=True) for n in range(1, 4)},
    **{f"FPM{n}": Rule(f"0-0:96.14.{23 + n}", _DIGITS[2], int, stamped=True) for n in range(1, 4)},
    "MSG1": _text("0-0:96.13.0", 32),
    "MSG2": _text("0-0:96.13.1", 16),
    "PRM": _word("0-0:96.1.10", r"\d{14}"),
    "RELAIS": _count("0-0:96.3.2", 3),
    "NTARF": _count("0-0:96.14.0", 2),
    "NJOURF": _count("0-0:96.14.6", 2),
    "NJOURF+1": _count("0-0:96.14.7", 2),
    "PJOURF+1": _word("0-0:96.14.8", r"[0-9A-F]{4,8}(?: (?:[0-9A-F]{8}|NONUTILE))*|NONUTILE(?: NONUTILE)*"),
    "PPOINTE": _word("0-0:96.14.9", r"[0-9A-F]{4,8}(?: (?:[0-9A-F]{8}|NONUTILE))*|NONUTILE(?: NONUTILE)*"),
}
"""Clause 6.2. EASF: by the supplier's calendar; EASD: by the distributor's. PREF, PCOUP: subscribed and cut-off power. CCASN, CCAIN: mean power
of the last period of the load curve, and of the one before it (-1). DPM, FPM: begin and end of a mobile peak."""

_COLOURS = (None, "BLEU", "BLAN", "ROUG")


@lru_cache(maxsize=64)
def status_registers(word: int) -> dict[str, Register]:
    """What a Linky's status word (STGE, clause 6.2.3.14) says: each part as a register of its own, ``raw`` its bits.

    96.3.10 breaker (bits 1-3; 0 closed); 96.3.1 dry contact (0; 1 open); 96.5.2 cover open (4); 96.5.3 over-voltage on a phase (6); 96.5.4 subscribed
    power exceeded (7); 96.5.5 energy flows out (9); 96.14.0*1 supplier's and 96.14.0*2 distributor's index, from 1 (10-13, 14-15); 96.14.3 and
    96.14.4 today's and tomorrow's Tempo colour (24-25, 26-27); 96.14.11 notice of, 96.14.12 running mobile peak, its number (28-29, 30-31).
    """
    bits = {
        "0-0:96.3.1": word & 1,
        "0-0:96.3.10": word >> 1 & 7,
        "0-0:96.5.2": word >> 4 & 1,
        "0-0:96.5.3": word >> 6 & 1,
        "0-0:96.5.4": word >> 7 & 1,
        "0-0:96.5.5": word >> 9 & 1,
        "0-0:96.14.11": word >> 28 & 3,
        "0-0:96.14.12": word >> 30 & 3,
    }
    found = {code: Register(value, "", value) for code, value in bits.items()}
    for code, shift, mask in (("0-0:96.14.0*1", 10, 15), ("0-0:96.14.0*2", 14, 3)):
        found[code] = Register((word >> shift & mask) + 1, "", word >> shift & mask)
    for code, shift in (("0-0:96.14.3", 24), ("0-0:96.14.4", 26)):
        found[code] = Register(_COLOURS[word >> shift & 3], "", word >> shift & 3)
    return found


class Groups(dict[bytes, tuple[str, Register]]):
    """Groups to ``(code, register)``, each kept as long as there is room: a meter repeats most of its groups in every frame.

    The key is the group whole, checksum included, so that nothing is taken for known that was not checked. A group of an unknown label has a key
    in ``unknown`` for its code. ``self[group]`` raises ``GroupError``.
    """

    def __init__(self, standard_offset: timedelta) -> None:
        super().__init__()
        self._seasons = {
            "H": timezone(standard_offset),
            "E": timezone(standard_offset + timedelta(hours=1)),
        }
        self.unknown: set[str] = set()

    def forget(self) -> None:
        """Make room. Only between frames, so that what is ``unknown`` in one frame stays known to be so."""
        self.clear()
        self.unknown.clear()

    def __missing__(self, group: bytes) -> tuple[str, Register]:
        found = self[group] = self._read(group)
        return found

    def _read(self, group: bytes) -> tuple[str, Register]:
        if len(group) < _LEAST:
            raise GroupError(ErrorKind.CONTENT, f"{group!r} is no group of label, data and checksum")
        text = group[:-2]
        fields: tuple[str, ...]
        if group[-2] == _SP:
            total, rules = sum(text), HISTORIC
            label, _, data = text.decode("latin-1").partition(" ")
            fields = (data,)
        elif group[-2] == _HT:
            total, rules = sum(text, _HT), STANDARD
            label, *parts = text.decode("latin-1").split("\t", 2)
            fields = tuple(parts)
        else:
            raise GroupError(ErrorKind.CONTENT, f"{group[:20]!r} is no group of label, data and checksum")
        right = (total & 0x3F) + 0x20
        if group[-1] != right:
            raise GroupError(ErrorKind.CHECKSUM, f"checksum of group {label[:9]!r} is {chr(group[-1])!r}, should be {chr(right)!r}")
        if not (fields and group.isascii()):
            raise GroupError(ErrorKind.CONTENT, f"{group[:20]!r} is no group of label, data and checksum")
        rule = rules.get(label)
        if rule is None:
            return self._unread(label, fields)
        code, fits, value, unit, scaler, stamped = rule
        data = fields[-1]
        if stamped != (len(fields) == 2) or not fits(data):
            raise GroupError(ErrorKind.CONTENT, f"group {label} cannot be {' '.join(fields)!r:.60}")
        if not stamped:
            return code, Register(value(data), unit, fields, _TOLD, scaler)
        at = self._time(label, fields[0])
        return code, Register(at if code == CLOCK else value(data), unit, fields, _TOLD, scaler, None, at)

    def _unread(self, label: str, fields: tuple[str, ...]) -> tuple[str, Register]:
        if not re.fullmatch(r"[A-Z][A-Z0-9+-]{1,9}", label) or not "".join(fields).isprintable():
            raise GroupError(ErrorKind.CONTENT, f"{label[:20]!r} is no label")
        self.unknown.add(label)
        return label, Register(None, "", fields)

    def _time(self, label: str, text: str) -> datetime | None:
        """The aware UTC time; None where the season or the date is blank. A degraded clock (lower case) still tells one."""
        match = _HORODATE.fullmatch(text)
        if match is None:
            raise GroupError(ErrorKind.CONTENT, f"group {label} has {text!r:.20} for a time")
        season = self._seasons.get(match[1].upper())
        year, month, day, hour, minute, second = map(int, match.groups()[1:])
        if season is None or not month:
            return None
        try:
            return datetime(2000 + year, month, day, hour, minute, second, tzinfo=season).astimezone(UTC)
        except ValueError:
            raise GroupError(ErrorKind.CONTENT, f"group {label} has {text!r} for a time") from None
