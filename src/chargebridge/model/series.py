"""Interval values: the energy of each quarter hour, half hour or hour, one after the other without holes."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct

from chargebridge.model.errors import ModelError

HOUR_S = 3600


class Quality(StrEnum):
    """Where an interval's value comes from. ESTIMATED: somebody reckoned it, and said so. MISSING: there is none."""

    MEASURED = "measured"
    ESTIMATED = "estimated"
    MISSING = "missing"


class Direction(StrEnum):
    """Which way the energy went, seen from the property."""

    IMPORT = "import"
    EXPORT = "export"


class Interval(Struct, frozen=True, gc=False):
    """One value: energy of the interval, Wh, exact; None if and only if it is missing."""

    energy_wh: Decimal | None = None
    quality: Quality = Quality.MISSING


class Series(Struct, frozen=True, kw_only=True):
    """Interval values of one meter.

    start: of the first interval, aware UTC. resolution_s: length of each, a divisor of an hour, so that a change to or from daylight saving
    time never cuts one. values: value ``i`` belongs to [start + i * resolution, start + (i + 1) * resolution); one that is not there stands
    as missing. Raises ``ModelError`` when made of what cannot be.
    """

    meter: str
    start: datetime
    resolution_s: int
    values: tuple[Interval, ...]
    direction: Direction = Direction.IMPORT

    def __post_init__(self) -> None:
        where = f"interval values of {self.meter}"
        if self.start.utcoffset() != timedelta(0):
            raise ModelError(where, f"start {self.start} is not in UTC", "give the start in UTC")
        _check_resolution(self.resolution_s, where)
        for number, value in enumerate(self.values):
            if (value.energy_wh is None) != (value.quality is Quality.MISSING):
                raise ModelError(where, f"value {number} is {value.energy_wh} Wh and {value.quality}", "only a missing value has no energy")

    @property
    def end(self) -> datetime:
        """Where the last interval ends."""
        return self.at(len(self.values))

    def at(self, number: int) -> datetime:
        """Where interval ``number`` starts."""
        return self.start + timedelta(seconds=number * self.resolution_s)

    @property
    def energy_wh(self) -> Decimal:
        """The sum of what is there."""
        return sum((v.energy_wh for v in self.values if v.energy_wh is not None), Decimal(0))

    def count(self, quality: Quality) -> int:
        return sum(value.quality is quality for value in self.values)

    def between(self, start: datetime, end: datetime) -> "Series":
        """The intervals that lie wholly in [start, end)."""
        step = timedelta(seconds=self.resolution_s)
        first = max(0, -((self.start - start) // step))
        last = max(first, min(len(self.values), (end - self.start) // step))
        return Series(
            meter=self.meter,
            start=self.at(first),
            resolution_s=self.resolution_s,
            values=self.values[first:last],
            direction=self.direction,
        )


def local_day(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """From its first moment to that of the next, UTC: 23, 24 or 25 hours apart."""
    first, last = (datetime.combine(d, time(), zone).astimezone(UTC) for d in (day, day + timedelta(days=1)))
    return first, last


def expected_count(day: date, zone: ZoneInfo, resolution_s: int) -> int:
    """How many intervals a local day has: of quarter hours 92, 96 or 100."""
    _check_resolution(resolution_s, "interval values")
    start, end = local_day(day, zone)
    return int((end - start).total_seconds()) // resolution_s


def _check_resolution(resolution_s: int, where: str) -> None:
    if resolution_s <= 0 or HOUR_S % resolution_s:
        raise ModelError(where, f"resolution {resolution_s} s does not divide an hour", "give values of 60, 900, 1800 or 3600 s")
