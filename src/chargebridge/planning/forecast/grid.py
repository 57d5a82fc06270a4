"""Quarter hours: the grid on which forecasts are made, its local calendar, and the way from it to the steps of a horizon."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from chargebridge.planning.problem import Horizon

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

QUARTER_S = 900
DAY = 96
"""Quarter hours of a day; of one with a change of the clocks 92 or 100."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def slot_of(at: datetime) -> int:
    """The quarter hour, counted from 1970, in which a moment lies."""
    return int((at - EPOCH).total_seconds() // QUARTER_S)


def start_of(slot: int) -> datetime:
    return EPOCH + timedelta(seconds=slot * QUARTER_S)


class Past(Struct, frozen=True):
    """Means of quarter hours, the oldest first. first: the slot of values[0] (see ``slot_of``). values: nan where nothing is known."""

    first: int
    values: Floats

    def before(self, now: datetime) -> "Past":
        """Only quarter hours that are wholly over at ``now``."""
        return Past(self.first, self.values[: max(0, slot_of(now) - self.first)])

    def on(self, first: int, count: int) -> Floats:
        """(count): from a slot on; nan where nothing is known."""
        found = np.full(count, np.nan)
        begin, end = max(first, self.first), min(first + count, self.first + len(self.values))
        if begin < end:
            found[begin - first : end - first] = self.values[begin - self.first : end - self.first]
        return found


EMPTY = Past(0, np.empty(0))


def quarters(samples: Iterable[tuple[datetime, float | None]]) -> Past:
    """The mean of what was sampled in each quarter hour; samples without a value are left out."""
    known = [((at - EPOCH).total_seconds(), value) for at, value in samples if value is not None]
    if not known:
        return EMPTY
    table = np.array(known, dtype=float)
    slots = (table[:, 0] // QUARTER_S).astype(np.int64)
    first = int(slots.min())
    count = np.bincount(slots - first)
    with np.errstate(invalid="ignore"):
        return Past(first, np.bincount(slots - first, weights=table[:, 1]) / count)


class Calendar(Struct, frozen=True):
    """timezone: IANA name. holidays: local days that count as Sundays."""

    timezone: str = "UTC"
    holidays: frozenset[date] = frozenset()


class Grid(Struct, frozen=True):
    """Quarter hours in the local calendar, each array (M). quarter: of the day, 0..95 by the clock on the wall, so that a change of the clocks
    leaves out four or has them twice. day: the local date as days from 1970. kind: 0 working day, 1 Saturday, 2 Sunday and holiday."""

    first: int
    quarter: Ints
    day: Ints
    kind: Ints


def grid(calendar: Calendar, first: int, count: int) -> Grid:
    slots = np.arange(first, first + count)
    local = slots + _offsets(calendar.timezone, slots)
    day, quarter = np.divmod(local, DAY)
    weekday = (day + 3) % 7  # 1970 began with a Thursday
    kind = np.where(weekday < 5, 0, weekday - 4)
    if calendar.holidays:
        off = [holiday.toordinal() - EPOCH.toordinal() for holiday in calendar.holidays]
        kind = np.where(np.isin(day, off), 2, kind)
    return Grid(first, quarter, day, kind)


def _offsets(timezone: str, slots: Ints) -> Ints:
    """Quarter hours that the local clock is ahead of UTC. Asked once a day of UTC, and each quarter hour of a day in which it changes."""
    zone = ZoneInfo(timezone)

    def ahead(slot: int) -> int:
        offset = start_of(slot).astimezone(zone).utcoffset()
        assert offset is not None
        return round(offset.total_seconds() / QUARTER_S)

    found = np.empty(len(slots), dtype=np.int64)
    days = slots // DAY
    for day in range(int(days[0]), int(days[-1]) + 1) if len(slots) else ():
        inside = slice(max(0, day * DAY - int(slots[0])), max(0, (day + 1) * DAY - int(slots[0])))
        begins, ends = ahead(day * DAY), ahead((day + 1) * DAY)
        found[inside] = begins if begins == ends else [ahead(int(slot)) for slot in slots[inside]]
    return found


def slots_of(horizon: Horizon) -> tuple[int, int]:
    """(first slot, number of slots) that cover a horizon."""
    end = horizon.starts_at + timedelta(seconds=sum(horizon.steps_s))
    first = slot_of(horizon.starts_at)
    return first, max(1, -int(-(end - EPOCH).total_seconds() // QUARTER_S) - first)


def on_horizon(values: Floats, first: int, horizon: Horizon) -> Floats:
    """(..., T): means over the horizon's steps of values (..., M) of slots from ``first`` on; they cover it. nan where a part is not known."""
    edges = (horizon.starts_at - EPOCH).total_seconds() + np.concatenate(([0.0], np.cumsum(np.asarray(horizon.steps_s, dtype=float))))
    place = edges / QUARTER_S - first
    whole = np.clip(np.floor(place).astype(int), 0, values.shape[-1] - 1)

    def sums(each: Floats) -> Floats:
        total = np.concatenate((np.zeros((*each.shape[:-1], 1)), np.cumsum(each, axis=-1)), axis=-1)
        upto = total[..., whole] + (place - whole) * each[..., whole]
        return np.asarray(upto[..., 1:] - upto[..., :-1])

    unknown = sums(np.isnan(values).astype(float))
    known = np.nan_to_num(values)
    means = np.clip(sums(known) / np.diff(place), known.min(axis=-1, keepdims=True), known.max(axis=-1, keepdims=True))  # sums are rounded
    return np.where(unknown > 1e-9, np.nan, means)
