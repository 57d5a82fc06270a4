"""The cars as the solvers need them: hours in the window's first and last step, energy as slices with a price each."""

import msgspec
import numpy as np
from msgspec import Struct

from chargebridge.planning.arrays import Flags, Floats, Ints
from chargebridge.planning.fleet.cars import Fleet

QUARTERS = 4
FULL = 1e-9
MOST_VALUES = 48
"""Values of a kWh that are told apart in each slice when cars are summed up; few cars decide by a rounded one at any time."""


class Crowd(Struct, frozen=True):
    """hours (T). index (N): which of the fleet's cars; those that never charge are left out. place (N): whose prices it sees; power (N):
    kW.

    first, last (N): the steps of its window; first_h, last_h: hours that it is there in them (last_h is 0 where both are the same).
    sizes, values (J, N): kWh drawn, and what each is worth at the grid's side, falling with j. grade (J, N): the value
    rounded up to one of a few, by which cars decide when they are planned as a sum. owed (J): whether what is missing of it
    counts as a cost.
    ragged: whether any car comes or goes within a step, or steps are not whole multiples of the shortest.
    """

    hours: Floats
    index: Ints
    place: Ints
    places: int
    power: Floats
    first: Ints
    last: Ints
    first_h: Floats
    last_h: Floats
    sizes: Floats
    values: Floats
    grade: Floats
    owed: Flags
    ragged: bool

    def hours_there(self) -> Floats:
        """(N): how long each could charge."""
        clock = np.concatenate(([0.0], np.cumsum(self.hours)))
        inner = np.where(self.last > self.first, clock[self.last] - clock[np.minimum(self.first + 1, self.last)], 0.0)
        return np.asarray(self.first_h + self.last_h + inner)


def gather(fleet: Fleet, place: Ints, places: int, *, needed: float, quarters: bool) -> Crowd:
    """place (nodes x 8): of each node and set of phases. needed: what a needed kWh is worth at least, money. quarters: whether it is four
    slices, of which the last is the first to be missing, and priorities count; one is enough where nothing is."""
    cars = fleet.cars
    hours = np.asarray(fleet.property.horizon.steps_s, dtype=float) / 3600.0
    steps = len(hours)
    arrival, departure = np.clip(cars.arrival, 0.0, steps), np.clip(cars.departure, 0.0, steps)
    efficiency = cars.column("efficiency", 1.0)
    most, least = np.maximum(cars.most_wh, cars.least_wh) / efficiency / 1e3, np.asarray(cars.least_wh) / efficiency / 1e3
    index = np.flatnonzero((departure - arrival > 1e-9) & (cars.power_w > 0) & (most > 0))
    arrival, departure, most, least, efficiency = (column[index] for column in (arrival, departure, most, least, efficiency))
    first = np.minimum(np.floor(arrival + FULL), steps - 1).astype(np.int64)
    last = np.maximum(np.ceil(departure - FULL).astype(np.int64) - 1, first)
    first_h = (np.minimum(first + 1, departure) - np.maximum(arrival, first)) * hours[first]
    last_h = np.where(last > first, (departure - last) * hours[last], 0.0)
    crowd = Crowd(
        hours=hours,
        index=index,
        place=place[cars.node[index], np.asarray(cars.column("phases", 7.0)[index], dtype=np.int64)],
        places=places,
        power=np.asarray(cars.power_w, dtype=float)[index] / 1e3,
        first=first,
        last=last,
        first_h=first_h,
        last_h=last_h,
        sizes=np.zeros((0, len(index))),
        values=np.zeros((0, len(index))),
        grade=np.zeros((0, len(index))),
        owed=np.zeros(0, dtype=bool),
        ragged=_ragged(hours, first, last, first_h, last_h),
    )
    room = crowd.power * crowd.hours_there()
    most, least = np.minimum(most, room), np.minimum(least, room)
    cap = cars.column("least_price", np.inf)[index]
    rank = np.clip(cars.column("priority", 0.0)[index], -4, 4)
    rest = np.asarray(cars.rest_price, dtype=float)[index]
    open_end, capped = np.where(np.isinf(cap), least, 0.0), np.where(np.isinf(cap), 0.0, least)
    parts = QUARTERS if quarters else 1
    scale = 4.0 ** (rank - rank.min(initial=0)) if quarters else np.ones(len(index))
    slices = [(open_end / parts, needed * (parts - q) * scale, True) for q in range(parts)]
    slices += [(capped, np.where(np.isinf(cap), 0.0, cap) * efficiency, True), (most - least, np.minimum(rest, cap) * efficiency, False)]
    return _with(crowd, slices)


class Account(Struct, frozen=True):
    """missing (N): needed kWh, as drawn, that a car does not get. money: of needed energy with a price cap that is missing, at its cap,
    less the worth of what cars have beyond what they need."""

    missing: Floats
    money: float


def settle(crowd: Crowd, drawn: Floats, dearest: float) -> Account:
    """drawn (N): kWh of each car. dearest: what is worth more is needed whatever it costs."""
    missing, money, below = np.zeros(len(drawn)), 0.0, np.zeros(len(drawn))
    for size, value, owed in zip(crowd.sizes, crowd.values, crowd.owed, strict=True):
        got = np.clip(drawn - below, 0.0, size)
        below = below + size
        absolute = owed & (value > dearest)
        missing += np.where(absolute, size - got, 0.0)
        money += float(np.where(absolute, 0.0, value * (size - got if owed else -got)).sum())
    return Account(missing=missing, money=money)


def chosen(crowd: Crowd, cars: Ints) -> Crowd:
    """Some of the cars, in this order."""
    rows = {name: getattr(crowd, name)[cars] for name in ("index", "place", "power", "first", "last", "first_h", "last_h")}
    slices = {name: getattr(crowd, name)[:, cars] for name in ("sizes", "values", "grade")}
    return msgspec.structs.replace(crowd, **rows, **slices)


def _with(crowd: Crowd, slices: list[tuple[Floats, Floats, bool]]) -> Crowd:
    used = [part for part in slices if part[0].any()]
    count = len(crowd.power)
    return msgspec.structs.replace(
        crowd,
        sizes=np.array([part[0] for part in used]).reshape(len(used), count),
        values=np.array([part[1] for part in used]).reshape(len(used), count),
        grade=np.array([_grades(part[1], part[0] > 0) for part in used]).reshape(len(used), count),
        owed=np.array([part[2] for part in used], dtype=bool),
    )


def _grades(values: Floats, used: Flags) -> Floats:
    """Each value, or where there are many the next of MOST_VALUES of them that is not below it."""
    levels = np.unique(values[used])
    if len(levels) > MOST_VALUES:
        levels = levels[np.linspace(0, len(levels) - 1, MOST_VALUES).round().astype(int)]
    return np.asarray(levels[np.minimum(np.searchsorted(levels, values), len(levels) - 1)])


def _ragged(hours: Floats, first: Ints, last: Ints, first_h: Floats, last_h: Floats) -> bool:
    seconds = np.rint(hours * 3600.0).astype(np.int64)
    whole = (np.abs(first_h - hours[first]) < FULL).all() and (np.abs(last_h - hours[last])[last > first] < FULL).all()
    return not whole or bool((seconds % seconds.min()).any())
