"""German local time without a zone, as PPC's pages write it, to UTC.

In spring the hour from 2 to 3 does not exist; in autumn it comes twice. The pages list the newest first, and both passes of the repeated hour
one after the other. So, going down a list, times of that hour belong to the second pass (normal time) until one is later than the one
above it: from there on they belong to the first (summer time). A list with one pass only, such as a single present value, does not tell which; it is
then the pass nearer to ``near``, the moment at which the page was read, or without one the first.
"""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from chargebridge.wire.smgw.value import content_error

ZONE = ZoneInfo("Europe/Berlin")
_FORM = "%Y-%m-%d %H:%M:%S"
_WRITTEN = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)


def text(at: datetime) -> str:
    """As the forms want it."""
    return at.astimezone(ZONE).strftime(_FORM)


def parse(written: str) -> datetime:
    """``2024-12-20 16:00:01`` -> naive local time. Raises ``SmgwError``."""
    text = written.strip()
    try:
        if _WRITTEN.fullmatch(text):
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    raise content_error(f"time {written!r:.40} is no {_FORM}")


def resolve(times: list[datetime], near: datetime | None = None) -> list[datetime]:
    """UTC of naive local times, in their order, which may be newest or oldest first. Raises ``SmgwError`` for an hour that does not exist."""
    oldest_first = bool(times) and times[0] < times[-1]
    listed = times[::-1] if oldest_first else times
    folds = _passes(listed)
    found = [_utc(local, _alone(local, near) if fold is None else fold) for local, fold in zip(listed, folds, strict=True)]
    return found[::-1] if oldest_first else found


def _passes(listed: list[datetime]) -> list[int | None]:
    """For each time, newest first, its fold where both passes are listed, None elsewhere."""
    folds: list[int | None] = [None] * len(listed)
    begin = 0
    while begin < len(listed):
        end = begin + 1
        if _repeated(listed[begin]):
            while end < len(listed) and _repeated(listed[end]) and listed[end].date() == listed[begin].date():
                end += 1
            turn = next((i for i in range(begin + 1, end) if listed[i] > listed[i - 1]), None)
            if turn is not None:
                folds[begin:end] = [int(i < turn) for i in range(begin, end)]
        begin = end
    return folds


def _alone(local: datetime, near: datetime | None) -> int:
    """The pass of a time of which only one is listed."""
    if near is None or not _repeated(local):
        return 0
    return min((0, 1), key=lambda fold: abs(_utc(local, fold) - near))


def _repeated(local: datetime) -> bool:
    return local.replace(tzinfo=ZONE, fold=0).utcoffset() != local.replace(tzinfo=ZONE, fold=1).utcoffset() and _exists(local)


def _exists(local: datetime) -> bool:
    return local.replace(tzinfo=ZONE).astimezone(UTC).astimezone(ZONE).replace(tzinfo=None) == local


def _utc(local: datetime, fold: int) -> datetime:
    try:
        if _exists(local):
            return local.replace(tzinfo=ZONE, fold=fold).astimezone(UTC)
    except OverflowError:
        pass
    raise content_error(f"local time {local} does not exist")
