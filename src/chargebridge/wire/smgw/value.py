"""What the gateways of all makers have in common: values with time and signature, usage points, log entries, and what can go wrong."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from chargebridge.wire.meter import obis
from chargebridge.wire.meter.telegram import ClockOrigin, Protocol, Register, Scale, Telegram

MAX_ANSWER = 8 * 1024 * 1024
"""Bytes. A signed month of quarter hours of two registers has about 3 MB."""
_MAX_DIGITS = 20
_MAX_SCALER = 30
_CODE_DIGITS = 12


class Fault(StrEnum):
    """Why there is no answer that can be used.

    LINK: no connection, or it broke. CERTIFICATE: the gateway's certificate is not the pinned one. REFUSED: wrong user or password.
    LOCKED: the gateway takes no log-ins for a while. BUSY: it asks for patience, or somebody else holds its one session. CONTENT: the answer
    cannot be. ABSENT: what was asked for is not there.
    """

    LINK = "link"
    CERTIFICATE = "certificate"
    REFUSED = "refused"
    LOCKED = "locked"
    BUSY = "busy"
    CONTENT = "content"
    ABSENT = "absent"


class SmgwError(Exception):
    """reason: what happened. cure: what a person can do. wait_s: how long the gateway itself asked to be left alone, None if it did not say."""

    def __init__(self, fault: Fault, reason: str, cure: str, wait_s: float | None = None) -> None:
        super().__init__(f"{reason}; {cure}")
        self.fault = fault
        self.reason = reason
        self.cure = cure
        self.wait_s = wait_s


class Value(Struct, frozen=True, kw_only=True):
    """One measured value as the gateway handed it out.

    code: OBIS, ``A-B:C.D.E``. value: in ``unit`` (without prefix), exact; None if the gateway says that it has none. raw: as it was written.
    scaler: power of ten between the two; None with an empty unit where the answer tells neither. captured: when the gateway took it from the
    meter, target: the end of the interval that it stands for, both aware UTC. assumed: the time was written without a zone. meter: number on
    the meter's face. status: the gateway's and meter's status words as one number. valid: what the gateway says of it, None if nothing.
    signature: by the gateway's seal certificate, as it was written; kept, not checked.
    """

    code: str
    value: Decimal | None
    unit: str
    raw: str
    scaler: int | None
    captured: datetime | None
    target: datetime | None = None
    assumed: bool = False
    meter: str | None = None
    status: int | None = None
    valid: bool | None = None
    signature: str | None = None

    @property
    def at(self) -> datetime | None:
        """The moment that the value belongs to."""
        return self.target or self.captured

    @property
    def register(self) -> Register:
        """The same as an object of a telegram. Without a scale the bare number, so that nobody takes it for a quantity."""
        if self.value is None:
            return Register(None, self.unit, self.raw, Scale.TELEGRAM, self.scaler, self.status, self.captured)
        if self.scaler is None:
            return Register(int(self.value), "", self.raw, Scale.UNKNOWN, None, self.status, self.captured)
        number = self.value if self.unit in obis.CUMULATIVE else float(self.value)
        return Register(number, self.unit, self.raw, Scale.TELEGRAM, self.scaler, self.status, self.captured)


class UsagePoint(Struct, frozen=True, kw_only=True):
    """A tariff case (TAF) that the gateway evaluates for this user.

    taf: number of BSI TR-03109-1 clause 4.2.2: 1 (one register), 2 (time tariffs), 6 (on demand), 7 (quarter hours), 9 and 10 (present values
    of feeding in and of the grid), 14 (every minute). running: it is in force now.
    """

    id: str
    name: str
    taf: int
    running: bool
    meters: tuple[str, ...]


class LogEntry(Struct, frozen=True, kw_only=True):
    """A line of the consumer's log. level: as the gateway counts it."""

    index: int
    at: datetime
    level: int
    event: str
    outcome: str
    text: str
    subject: str = ""


def content_error(reason: str) -> SmgwError:
    """An answer that cannot be."""
    return SmgwError(Fault.CONTENT, reason, "keep the answer and report it: this firmware needs a change here")


def scaled(raw: str | int, scaler: int) -> Decimal:
    """An integer, as text or number, times ten to the power of ``scaler``. Raises ``SmgwError``."""
    text = str(raw).strip() if isinstance(raw, str) or abs(raw) < 10**_MAX_DIGITS else ""
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not digits.isascii() or not digits.isdigit() or len(digits) > _MAX_DIGITS:
        raise content_error(f"value {text!r:.30} is no whole number of up to {_MAX_DIGITS} digits")
    if not -_MAX_SCALER <= scaler <= _MAX_SCALER:
        raise content_error(f"scaler {scaler} cannot be")
    return Decimal(text) * Decimal(10) ** scaler


def logical_name(text: str) -> tuple[str, str | None] | None:
    """Code and meter of ``0100010800ff.1emh0012345678.sm`` (the meter may be left out); None if that is no code."""
    head, _, rest = text.strip().partition(".")
    if len(head) != _CODE_DIGITS:
        return None
    try:
        code = bytes.fromhex(head)
    except ValueError:
        return None
    return (obis.name(code), meter_number(rest) or None) if len(code) == _CODE_DIGITS // 2 else None


def meter_number(text: str) -> str:
    """``01005e318002.1lgz0072999211.sm`` and ``1lgz0072999211`` -> ``1LGZ0072999211``, as it stands on the meter."""
    return text.strip().removesuffix(".sm").rpartition(".")[2].upper()


def choose_meter(offered: Iterable[str], wanted: str | None) -> str:
    """Which of the meters that a gateway offers: the ``wanted`` one, or the only one. Raises ``SmgwError``."""
    numbers = sorted(set(offered))
    if wanted in numbers or (wanted is None and len(numbers) == 1):
        return wanted or numbers[0]
    if not numbers:
        raise SmgwError(
            Fault.ABSENT, "the gateway offers no meter to this user", "ask the meter operator to assign the meter to this log-in"
        )
    have = f"the gateway has the meters {', '.join(numbers)}"
    raise SmgwError(Fault.ABSENT, have if wanted is None else f"{have}, not {wanted}", "name one of them by meter=")


def number_of(text: str | None) -> int | None:
    """A status word in hexadecimal digits; None if there is none."""
    try:
        return int(text, 16) if text and len(text) <= 2 * _MAX_DIGITS else None
    except ValueError:
        return None


def moment(text: str | None) -> datetime | None:
    """ISO 8601 with its offset -> aware UTC; None for nothing. Raises ``SmgwError`` for what is no moment."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text.strip())
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise content_error(f"time {text!r:.40} is no moment with its offset to UTC")


def latest(values: Iterable[Value]) -> list[Value]:
    """Of each code the newest value that the gateway does not call invalid."""
    newest: dict[str, Value] = {}
    for value in values:
        known = newest.get(value.code)
        if value.valid is not False and (known is None or _order(value) >= _order(known)):
            newest[value.code] = value
    return list(newest.values())


def telegram(profile: str, values: Iterable[Value], *, meter: str | None = None, unparsed: tuple[str, ...] = (), size: int = 0) -> Telegram:
    """One telegram of what belongs together. profile: "theben", "ppc" or "emh". Values that the gateway calls invalid stand in ``unparsed``."""
    registers: dict[str, Register] = {}
    refused: list[str] = []
    clock: datetime | None = None
    assumed = False
    for value in values:
        if value.valid is False:
            refused.append(f"{value.code} {value.raw} is marked invalid")
            continue
        registers[value.code] = value.register
        meter = meter or value.meter
        if value.at is not None and (clock is None or value.at > clock):
            clock, assumed = value.at, value.assumed
    origin = ClockOrigin.ASSUMED if assumed else ClockOrigin.TELEGRAM
    return Telegram(
        protocol=Protocol.SMGW,
        profile=profile,
        device=None,
        meter_id=meter,
        registers=registers,
        clock=clock,
        clock_origin=ClockOrigin.NONE if clock is None else origin,
        clock_text=None if clock is None else clock.isoformat(),
        unparsed=(*unparsed, *refused),
        size=size,
    )


_NEVER = datetime.min.replace(tzinfo=UTC)


def _order(value: Value) -> datetime:
    return value.at or _NEVER
