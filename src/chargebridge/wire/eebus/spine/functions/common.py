"""Types that many functions share: numbers, times, addresses."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from chargebridge.wire.eebus.spine.element import Element
from chargebridge.wire.eebus.spine.errors import SpineError

MAX_SCALE = 30
"""Of a ScaledNumber, either way; more is no physical quantity, but a way to fill memory."""
_DURATION = re.compile(r"(-?)P(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9}(?:\.\d{1,9})?)S)?)?")
_PART_S = (86400, 3600, 60, 1)


class ScaledNumber(Element, frozen=True):
    """number * 10 ** scale."""

    number: int | None = None
    scale: int | None = None


class TimePeriod(Element, frozen=True):
    """Each a duration from the message's arrival on, or an absolute time."""

    start_time: str | None = None
    end_time: str | None = None


class RecurringTime(Element, frozen=True):
    """A time that is absolute, comes again and again, or is a duration from the message's arrival on (relative)."""

    date_time: str | None = None
    month: str | None = None
    day_of_month: int | None = None
    calendar_week: int | None = None
    day_of_week_occurrence: str | None = None
    time: str | None = None
    relative: str | None = None


class DeviceAddress(Element, frozen=True):
    device: str | None = None


class EntityAddress(Element, frozen=True):
    device: str | None = None
    entity: tuple[int, ...] | None = None


class FeatureAddress(Element, frozen=True):
    device: str | None = None
    entity: tuple[int, ...] | None = None
    feature: int | None = None


def scaled(value: Decimal | int) -> ScaledNumber:
    """A number as SPINE writes it; both parts are always there, since older stacks need them."""
    _, digits, exponent = Decimal(value).as_tuple()
    if not isinstance(exponent, int):
        raise SpineError("value", f"{value} is no number", "send finite values only")
    number = int("".join(map(str, digits))) * (-1 if value < 0 else 1)
    return ScaledNumber(number=number * 10**exponent, scale=0) if exponent >= 0 else ScaledNumber(number=number, scale=exponent)


def number(value: ScaledNumber | None) -> Decimal | None:
    """What a ScaledNumber says; None where it is absent or empty."""
    if value is None or value.number is None:
        return None
    scale = value.scale or 0
    if abs(scale) > MAX_SCALE or abs(value.number) >= 1 << 63:
        raise SpineError(
            "value", f"{value.number}e{scale} is out of range", f"send scales of -{MAX_SCALE} to {MAX_SCALE} and numbers of 64 bits"
        )
    return Decimal(value.number).scaleb(scale)


def told(value: ScaledNumber | None) -> Decimal | None:
    """The same of what a peer has said long ago: None also where it is out of range."""
    try:
        return number(value)
    except SpineError:
        return None


def duration_s(text: str) -> float:
    """Seconds of an ISO 8601 duration of days, hours, minutes and seconds, e.g. ``PT2H``. Months and years have no length."""
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()[1:]):
        raise SpineError("duration", f"{text!r:.40} is no duration of days, hours, minutes and seconds", "send for example PT2H")
    seconds = sum(float(part) * factor for part, factor in zip(match.groups()[1:], _PART_S, strict=True) if part)
    return -seconds if match.group(1) else seconds


def duration(seconds: float) -> str:
    """ISO 8601 of a duration of 0 s or more; whole seconds, rounded up, so that a limit never ends early."""
    whole = max(0, -int(-seconds // 1))
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    text = "".join(f"{part}{unit}" for part, unit in ((hours, "H"), (minutes, "M"), (left, "S")) if part)
    return f"PT{text or '0S'}"


def instant(text: str) -> datetime:
    """An absolute time; one without zone is UTC."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise SpineError("dateTime", f"{text!r:.40} is no time", "send for example 2026-11-21T00:57:39Z") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def timestamp(time: datetime) -> str:
    """UTC to the second."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_until(text: str, now: datetime) -> float:
    """Seconds to an end that is a duration or an absolute time."""
    if text.lstrip("-").startswith("P"):
        return duration_s(text)
    return (instant(text) - now) / timedelta(seconds=1)
