"""What a kWh costs here and when: a fixed price, or a list for stretches of time that a file or the REST interface brings.

Where the list says nothing (tomorrow, before it is published), the same time of the day before counts, and before that the fixed price.
"""

import csv
from bisect import bisect_right
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

from msgspec import Struct

from chargebridge.model.errors import ModelError
from chargebridge.site.config import PriceTable

DAY = timedelta(days=1)
LAST_LASTS_S = 3600.0
"""How long the last entry of a list without ends holds, where it is the only one."""
KEPT = timedelta(days=2)
"""Prices of longer ago are of no use any more."""
LIST_MAX = 20_000


class PriceEntry(Struct, frozen=True, kw_only=True):
    """From starts_at to ends_at. per_kwh: for supply, without the network fees of the configuration; co2_g_per_kwh: of the grid's mix then."""

    starts_at: datetime
    ends_at: datetime
    per_kwh: float
    export_per_kwh: float | None = None
    co2_g_per_kwh: float | None = None


class PriceAt(Struct, frozen=True, kw_only=True):
    """What holds at a moment, in the site's currency a kWh. known: it is published, not taken from the day before."""

    supply: float
    network: float
    export: float
    co2_g_per_kwh: float | None
    known: bool

    @property
    def total(self) -> float:
        """What one kWh from the grid costs."""
        return self.supply + self.network


class PriceBook:
    """Answers for any moment. version: grows with each change."""

    def __init__(self, fixed: float | None = None, table: PriceTable | None = None, timezone: str = "UTC") -> None:
        self._fixed, self._table, self._zone = fixed, table or PriceTable(), ZoneInfo(timezone)
        self._entries: list[PriceEntry] = []
        self._starts: list[datetime] = []
        self.version = 0

    def __bool__(self) -> bool:
        return self._fixed is not None or bool(self._entries)

    @property
    def entries(self) -> tuple[PriceEntry, ...]:
        return tuple(self._entries)

    def take(self, entries: Iterable[PriceEntry], now: datetime) -> tuple[PriceEntry, ...]:
        """Take in entries; where they overlap with older ones the new ones count. Returns all that is kept."""
        fresh = sorted(entries, key=lambda e: e.starts_at)
        if not fresh:
            return self.entries
        first, last = fresh[0].starts_at, max(e.ends_at for e in fresh)
        old = [e for e in self._entries if (e.ends_at <= first or e.starts_at >= last) and e.ends_at > now - KEPT]
        self._entries = sorted([*old, *fresh], key=lambda e: e.starts_at)
        self._starts = [e.starts_at for e in self._entries]
        self.version += 1
        return self.entries

    def at(self, moment: datetime) -> PriceAt | None:
        """None where nobody has said anything."""
        entry, known = self._entry(moment), True
        if entry is None:
            entry, known = self._entry(moment - DAY), False
        supply = entry.per_kwh if entry is not None else self._fixed
        if supply is None:
            return None
        export = entry.export_per_kwh if entry is not None and entry.export_per_kwh is not None else self._table.export_per_kwh
        co2 = entry.co2_g_per_kwh if entry is not None and entry.co2_g_per_kwh is not None else self._table.co2_g_per_kwh
        return PriceAt(
            supply=supply, network=self._network(moment), export=export, co2_g_per_kwh=co2, known=known or self._fixed is not None
        )

    def edges(self, since: datetime, until: datetime) -> set[datetime]:
        """The moments between at which a price changes."""
        found = {e.starts_at + shift for e in self._entries for shift in (timedelta(), DAY)}
        found |= {e.ends_at + shift for e in self._entries for shift in (timedelta(), DAY)}
        day, last = since.astimezone(self._zone).date(), until.astimezone(self._zone).date()
        while self._table.network and day <= last:
            found |= {self._local(day, fee.since) for fee in self._table.network} | {
                self._local(day, fee.until) for fee in self._table.network
            }
            day += DAY
        return {edge for edge in found if since < edge < until}

    def _local(self, day: date, clock: time) -> datetime:
        return datetime.combine(day, clock, self._zone).astimezone(UTC)

    def _entry(self, moment: datetime) -> PriceEntry | None:
        index = bisect_right(self._starts, moment) - 1
        return self._entries[index] if index >= 0 and moment < self._entries[index].ends_at else None

    def _network(self, moment: datetime) -> float:
        clock = moment.astimezone(self._zone).time()
        for fee in self._table.network:
            inside = fee.since <= clock < fee.until if fee.since < fee.until else clock >= fee.since or clock < fee.until
            if inside:
                return fee.per_kwh
        return self._table.network_per_kwh


def checked(entries: Iterable[PriceEntry]) -> tuple[PriceEntry, ...]:
    """Raises ModelError for what can be no price list."""
    listed = sorted(entries, key=lambda e: e.starts_at)
    if len(listed) > LIST_MAX:
        raise ModelError("prices", f"{len(listed)} are too many at once", f"give up to {LIST_MAX}")
    for entry in listed:
        if entry.starts_at.tzinfo is None or entry.ends_at.tzinfo is None or entry.ends_at <= entry.starts_at:
            raise ModelError(
                "prices", f"{entry.starts_at} to {entry.ends_at} is no stretch of time", "give times with their zone, the end last"
            )
        if not all(abs(value) < 1e4 for value in (entry.per_kwh, entry.export_per_kwh or 0.0, entry.co2_g_per_kwh or 0.0)):
            raise ModelError("prices", f"{entry.per_kwh} at {entry.starts_at} is no price a kWh", "give it in the site's currency a kWh")
    for one, other in pairwise(listed):
        if other.starts_at < one.ends_at:
            raise ModelError("prices", f"{other.starts_at} has two prices", "let each stretch end where the next begins")
    return tuple(listed)


def read_file(path: Path) -> tuple[PriceEntry, ...]:
    """A CSV file with a head: starts_at, per_kwh, and perhaps export_per_kwh and co2_g_per_kwh; each line holds until the next. Raises ModelError."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        starts = [datetime.fromisoformat(row["starts_at"]) for row in rows]
        if any(start.tzinfo is None for start in starts):
            raise ValueError("a time has no zone")
        last = starts[-1] + (starts[-1] - starts[-2] if len(starts) > 1 else timedelta(seconds=LAST_LASTS_S)) if starts else None
        ends = [*starts[1:], last] if starts else []
        return checked(
            PriceEntry(
                starts_at=start.astimezone(UTC),
                ends_at=end.astimezone(UTC),
                per_kwh=float(row["per_kwh"]),
                export_per_kwh=_figure(row, "export_per_kwh"),
                co2_g_per_kwh=_figure(row, "co2_g_per_kwh"),
            )
            for row, start, end in zip(rows, starts, ends, strict=True)
            if end is not None
        )
    except (OSError, KeyError, ValueError, TypeError) as error:
        cure = "write a head starts_at,per_kwh and lines such as 2026-11-21T18:00+01:00,0.31"
        raise ModelError(f"prices in {path}", f"cannot be read ({error})", cure) from error


def _figure(row: dict[str, str], name: str) -> float | None:
    value = row.get(name)
    return float(value) if value else None
