"""What a million cars do at given prices, exactly, at a cost that does not depend on how many they are.

A car that stands there in a window of steps and wants E kWh at P kW charges in the cheapest steps of its window until it has them. So all
that matters of a step is how many hours of the window are cheaper, H; the car takes P min(E / P, H + h) - P min(E / P, H) there, h being
the step's length. The sum over the cars of one window is a difference of one table, F(H) = sum of P min(E / P, H), which is made once.
Steps at the window's edges, in which a car is there for a part c of the step, shift H: one table for each of the four cases of which
edges are cheaper. Ranks need no sorting for each window either: with C[s, t] the hours before step s that are cheaper than t, H = C[end,
t] - C[begin, t].

Energy that is only wanted below a price is another set of cars, which see no steps dearer than that; needed energy is wanted below a
price above all others.
"""

from typing import Any

import numpy as np
from msgspec import Struct

from chargebridge.planning.arrays import Flags, Floats, Ints
from chargebridge.planning.fleet.crowd import Crowd

BLOCK = 1 << 15
"""Entries answered at a time, so that what they need stays in the processor's cache."""


class Offer(Struct, frozen=True):
    """Prices (places, T) that the cars are asked at, money a kWh. spread: prices that differ by less are taken to be the same; 0: none
    are."""

    price: Floats
    spread: float

    def grades(self) -> tuple[Floats, Floats]:
        """What steps are ordered by, the sooner first where prices are the same; and the prices that slices are held against."""
        if self.spread:
            grades = np.rint(self.price / self.spread)
            return grades, grades * self.spread
        return np.argsort(np.argsort(self.price, axis=1, kind="stable"), axis=1).astype(float), self.price


class Response(Struct, frozen=True):
    """energy (G, T): kWh of each group of cars in each step. cost (G): of what they miss, less the worth of what they have beyond.
    loss: money by which this may be dearer than the cars' cheapest, since values are rounded."""

    energy: Floats
    cost: Floats
    loss: float


class _Entries(Struct, frozen=True):
    """Every step of every window: where it finds its hours that are cheaper, its table, and whose energy it is."""

    base: Ints
    low_c: Ints
    high_c: Ints
    first: Ints
    last: Ints
    inc: Ints
    edge: Flags
    stride_first: Ints
    stride_last: Ints
    cell: Ints
    at: Ints


class Windows:
    """The cars of a crowd, summed up. group (N): of each car, 0 to ``groups`` - 1; it may depend on place and window only."""

    def __init__(self, crowd: Crowd, group: Ints, groups: int) -> None:
        self.steps, self.places, self.groups = len(crowd.hours), crowd.places, groups
        self._unit, self._units = units(crowd)
        self._ragged = crowd.ragged
        self._missing = np.zeros(groups)
        for size, value, counted in zip(crowd.sizes, crowd.values, crowd.owed, strict=True):
            if counted:
                self._missing += np.bincount(group, size * value, groups)
        steps = self.steps
        rows, row = np.unique((crowd.place * steps + crowd.first) * steps + crowd.last, return_inverse=True)
        last, rows = rows % steps, rows // steps
        first, place = rows % steps, rows // steps
        row_group = np.zeros(len(first), dtype=np.int64)
        row_group[row] = group
        begin, end = (first + 1, np.maximum(last, first + 1)) if self._ragged else (first, last + 1)
        clock = np.concatenate(([0], np.cumsum(self._units)))
        width = clock[end] - clock[begin] + 1
        base = np.concatenate(([0], np.cumsum(width * (4 if self._ragged else 1))))
        self._fill(crowd, base, width, row)
        self._enter(base, width, place, first, last, begin, end, row_group)
        self.entries = len(self._all.at)

    def _fill(self, crowd: Crowd, base: Ints, width: Ints, row: Ints) -> None:
        """Tables (levels + 1, cells): of all energy that is worth more than each level, and its worth."""
        wanted = crowd.sizes > 0
        self._levels = np.unique(crowd.grade[wanted])
        count, cells = len(self._levels), int(base[-1])
        table, worth = np.zeros((count + 1, cells)), np.zeros((count + 1, cells))
        self._least = np.zeros(count + 1)
        below = np.cumsum(crowd.sizes, axis=0) - crowd.sizes
        unit_h = self._unit / 3600.0
        for k, level in enumerate(self._levels):
            chosen = wanted & (crowd.grade == level)
            self._least[k] = crowd.values[chosen].min()
            for j in np.flatnonzero(chosen.any(axis=1)):
                cars = np.flatnonzero(chosen[j])
                power, value, from_, to = crowd.power[cars], crowd.values[j, cars], below[j, cars], (below + crowd.sizes)[j, cars]
                for case in range(4 if self._ragged else 1):
                    shift = crowd.first_h[cars] * (case >= 2) + crowd.last_h[cars] * (case % 2) if self._ragged else np.zeros(len(cars))
                    where, wide = (base[:-1] + case * width)[row[cars]], width[row[cars]]
                    for energy, sign in ((to, 1.0), (from_, -1.0)):
                        if energy.any():
                            table[k] += sign * _table(power, energy / power, shift, where, wide, unit_h, cells)
                            if self._least[k] < level:
                                worth[k] += sign * _table(power * value, energy / power, shift, where, wide, unit_h, cells)
            if self._least[k] == level:
                worth[k] = table[k] * level
        self._rounded = bool((self._least[:count] < self._levels).any())
        for k in range(count - 1, -1, -1):
            table[k] += table[k + 1]
            worth[k] += worth[k + 1]
        self._table, self._worth, self._cells = table.ravel(), worth.ravel(), cells

    def _enter(self, base: Ints, width: Ints, place: Ints, first: Ints, last: Ints, begin: Ints, end: Ints, row_group: Ints) -> None:
        steps = self.steps
        length = last - first + 1
        start = np.concatenate(([0], np.cumsum(length)))
        entry = np.repeat(np.arange(len(first)), length)
        at = np.arange(start[-1]) - start[entry] + first[entry]
        is_first, is_last = (at == first[entry]) & self._ragged, (at == last[entry]) & (last > first)[entry] & self._ragged
        stride = width[entry]
        square = place[entry] * steps * steps
        # which of two edges comes first where both cost the same: before the inner steps, and the first before the last
        first_at = np.where(is_first, square + at * steps + at, square + self.places * steps * steps + first[entry] * steps + at)
        last_at = np.where(
            is_last | (last == first)[entry],
            square + at * steps + at,
            square + np.where(is_first, 0, self.places * steps * steps) + last[entry] * steps + at,
        )
        tall = place[entry] * (steps + 1) * steps
        self._all = _Entries(
            base=base[:-1][entry].astype(np.int32),
            low_c=(tall + begin[entry] * steps + at).astype(np.int32),
            high_c=(tall + end[entry] * steps + at).astype(np.int32),
            first=first_at.astype(np.int32) if self._ragged else np.zeros(0, dtype=np.int32),
            last=last_at.astype(np.int32) if self._ragged else np.zeros(0, dtype=np.int32),
            inc=np.where(is_first, 2 * stride, np.where(is_last, stride, self._units[at])).astype(np.int32),
            edge=is_first | is_last,
            stride_first=(2 * stride).astype(np.int32) if self._ragged else np.zeros(0, dtype=np.int32),
            stride_last=stride.astype(np.int32) if self._ragged else np.zeros(0, dtype=np.int32),
            cell=(row_group[entry] * steps + at).astype(np.int32),
            at=(place[entry] * steps + at).astype(np.int32),
        )

    def respond(self, price: Floats, spread: float = 0.0) -> Response:
        """The cheapest that the cars can do at price (places, T), money a kWh: the sooner of two steps that cost the same.

        With a spread, prices that differ less are taken to be the same, and cars spread evenly over steps of the same price. That is not
        the cheapest any more, but a plan that fits under a limit far better.
        """
        steps = self.steps
        grades, seen = Offer(price=price, spread=spread).grades()
        cheaper, not_dearer = order(grades, self._units, self._ragged)
        count, count_all = cheaper[1], not_dearer[1]
        before = np.concatenate((cheaper[0].ravel(), not_dearer[0].ravel())) if self._ragged else cheaper[0]
        level = np.searchsorted(self._levels, seen.ravel(), side="right")
        shelf = (level * self._cells).astype(np.int32)
        # where prices lie among values that are taken as one, not all that is taken is worth its price
        over = np.maximum(seen.ravel() - self._least[level], 0.0) * (level < len(self._levels)) if self._rounded else np.zeros(0)
        energy, worth, loss = np.zeros(self.groups * steps), np.zeros(self.groups * steps), 0.0
        every = self._all
        for begin in range(0, len(every.at), BLOCK):
            some = slice(begin, begin + BLOCK)
            low_c, high_c, at, inc = every.low_c[some], every.high_c[some], every.at[some], every.inc[some]
            hours = count[high_c] - count[low_c]
            low = every.base[some] + hours + shelf[at]
            if self._ragged:
                low += every.stride_first[some] * before[every.first[some]] + every.stride_last[some] * before[every.last[some]]
            if spread:
                wide = count_all[high_c] - count_all[low_c] - hours
                edge = every.edge[some]
                high, share = low + np.where(edge, inc, wide), np.where(edge, 1.0, inc / np.maximum(wide, 1))
            else:
                high, share = low + inc, np.ones(1)
            taken, cell = (self._table[high] - self._table[low]) * share, every.cell[some]
            energy += np.bincount(cell, taken, len(energy))
            worth += np.bincount(cell, (self._worth[high] - self._worth[low]) * share, len(energy))
            if self._rounded:
                some_over = over[at]
                mine = np.flatnonzero(some_over)
                low, high = low[mine], high[mine]
                more = self._table[high + self._cells] - self._table[low + self._cells]
                loss += float(some_over[mine] @ (taken[mine] - more * (share[mine] if spread else share)))
        return Response(
            energy=energy.reshape(self.groups, steps),
            cost=self._missing - worth.reshape(self.groups, steps).sum(axis=1),
            loss=loss,
        )


def units(crowd: Crowd) -> tuple[int, Ints]:
    """The time, s, of which all steps that a car can be in the middle of are multiples; and how many of it each step has (T)."""
    seconds = np.rint(crowd.hours * 3600.0).astype(np.int64)
    inner = seconds[1:-1] if crowd.ragged and len(seconds) > 2 else seconds
    unit = int(np.gcd.reduce(inner))
    return unit, np.rint(seconds / unit).astype(np.int32)


def order(grades: Floats, units: Ints, ragged: bool) -> tuple[tuple[Ints, Ints], tuple[Ints, Ints]]:
    """Which steps come before which, strictly and not: (places, T, T), and the units of time before step s that do: (places, T + 1, T),
    flat.

    Step t itself counts as not dearer.
    """
    found: list[tuple[Any, Any]] = []
    for before in (grades[:, :, None] < grades[:, None, :], grades[:, :, None] <= grades[:, None, :]):
        count = np.zeros((grades.shape[0], grades.shape[1] + 1, grades.shape[1]), dtype=np.int32)
        np.cumsum(before * units[None, :, None], axis=1, out=count[:, 1:], dtype=np.int32)
        found.append((before.astype(np.int32) if ragged else np.zeros(0, dtype=np.int32), count.ravel()))
    return found[0], found[1]


def _table(power: Floats, hours: Floats, shift: Floats, where: Ints, width: Ints, unit_h: float, size: int) -> Floats:
    """Sum of P min(hours, k unit + shift) over cars, for k from 0 to width - 1, at where + k."""
    start = np.minimum(hours, shift)
    whole = np.clip(np.floor((hours - shift) / unit_h + 1e-12), 0, width - 1).astype(np.int64)
    rest = np.clip(hours - shift - whole * unit_h, 0.0, None)
    rest[whole >= width - 1] = 0.0
    # what each further unit adds: a whole one `whole` times, then the rest of one
    slope = np.bincount(where + 1, power * unit_h * (whole > 0), size + 3)
    slope -= np.bincount(where + whole + 1, power * unit_h * (whole > 0), size + 3)
    slope += np.bincount(where + whole + 1, power * rest, size + 3)
    slope -= np.bincount(where + whole + 2, power * rest, size + 3)
    # a row's first value does not follow from the row before: the step to it replaces all that was summed up there
    total = np.cumsum(np.cumsum(slope))[:size]
    starts, index = np.unique(where, return_inverse=True)
    widths = np.zeros(len(starts), dtype=np.int64)
    widths[index] = width
    level = np.bincount(index, power * start) - total[starts]
    found = np.zeros(size)
    spans = np.repeat(np.arange(len(starts)), widths)
    cells = np.arange(len(spans)) - np.repeat(np.cumsum(widths) - widths, widths) + starts[spans]
    found[cells] = total[cells] + level[spans]
    return found
