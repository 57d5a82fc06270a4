"""From a mixture of answers to a plan for every car: each car does its share of what it answers to each of the prices."""

from typing import NamedTuple

import numpy as np

from chargebridge.planning.arrays import Floats, Ints
from chargebridge.planning.fleet.columns import Mixture
from chargebridge.planning.fleet.crowd import Crowd
from chargebridge.planning.fleet.windows import Offer, order, units

AT_ONCE = 4096
LEAST_SHARE = 1e-9


class _Asked(NamedTuple):
    """An offer made ready: (places, T), (places, T + 1, T) and (places, T, T)."""

    seen: Floats
    cheaper: Floats
    not_dearer: Floats
    before: Floats
    before_or_same: Floats
    spread: bool


class Plans:
    """The plans of a crowd's cars, reckoned when asked for."""

    def __init__(self, crowd: Crowd, group: Ints, mixture: Mixture) -> None:
        self._crowd, self._group, self._mixture = crowd, group, mixture
        self._ready: dict[int, _Asked] = {}

    def __len__(self) -> int:
        return len(self._crowd.power)

    def energy(self, cars: Ints) -> Floats:
        """kWh drawn by some of the crowd's cars in each step (cars, T)."""
        found = np.zeros((len(cars), len(self._crowd.hours)))
        groups = self._group[cars]
        for g in np.unique(groups):
            mine = np.flatnonzero(groups == g)
            for offer in np.flatnonzero(self._mixture.weights[g] > LEAST_SHARE):
                share = self._mixture.weights[g, offer]
                asked = self._asked(int(offer))
                for begin in range(0, len(mine), AT_ONCE):
                    some = mine[begin : begin + AT_ONCE]
                    found[some] += share * _answer(self._crowd, cars[some], asked)
        return found

    def _asked(self, offer: int) -> _Asked:
        if offer not in self._ready:
            self._ready[offer] = _prepare(self._crowd, self._mixture.offers[offer])
        return self._ready[offer]


def _prepare(crowd: Crowd, offer: Offer) -> _Asked:
    places, steps = offer.price.shape
    unit, lengths = units(crowd)
    grades, seen = offer.grades()
    cheaper, not_dearer = order(grades, lengths, True)
    return _Asked(
        seen=seen,
        cheaper=np.asarray(cheaper[1].reshape(places, steps + 1, steps) * (unit / 3600.0), dtype=np.float64),
        not_dearer=np.asarray(not_dearer[1].reshape(places, steps + 1, steps) * (unit / 3600.0), dtype=np.float64),
        before=cheaper[0].reshape(places, steps, steps).astype(float),
        before_or_same=not_dearer[0].reshape(places, steps, steps).astype(float),
        spread=offer.spread > 0,
    )


def _answer(crowd: Crowd, cars: Ints, asked: _Asked) -> Floats:
    """kWh of each car in each step: the same as `Windows.respond` in sum, car by car."""
    hours = crowd.hours
    place, first, last = crowd.place[cars], crowd.first[cars], crowd.last[cars]
    begin, end = (first + 1, np.maximum(last, first + 1)) if crowd.ragged else (first, last + 1)
    low = asked.cheaper[place, end] - asked.cheaper[place, begin]
    wide = asked.not_dearer[place, end] - asked.not_dearer[place, begin] - low
    each = np.arange(len(cars))
    steps = np.arange(len(hours))
    part = np.divide(hours, wide, out=np.ones_like(wide), where=wide > 0)
    if crowd.ragged:
        first_h, last_h = crowd.first_h[cars], crowd.last_h[cars]
        edge_low = (
            low[each, first] + last_h * asked.before[place, last, first],
            low[each, last] + first_h * asked.before_or_same[place, first, last],
        )
        low += first_h[:, None] * asked.before_or_same[place, first] + last_h[:, None] * asked.before_or_same[place, last]
        two = last > first
        low[each[two], last[two]], wide[each[two], last[two]], part[each[two], last[two]] = edge_low[1][two], last_h[two], 1.0
        low[each, first], wide[each, first], part[each, first] = edge_low[0], first_h, 1.0
    power = crowd.power[cars][:, None]
    low, high = low * power, (low + wide) * power
    part *= (steps >= first[:, None]) & (steps <= last[:, None])
    seen = asked.seen[place]
    top = float(seen.max(initial=-np.inf))
    found = np.zeros_like(low)
    below = np.zeros(len(cars))
    for size, value in zip(crowd.sizes[:, cars], crowd.grade[:, cars], strict=True):
        upto = (below + size)[:, None]
        taken = np.minimum(high, upto) - np.minimum(low, upto)
        if below.any():
            taken -= np.minimum(high, below[:, None]) - np.minimum(low, below[:, None])
        if value.min(initial=np.inf) <= top:
            taken *= seen < value[:, None]
        found += taken
        below = below + size
    return np.asarray(found * part)


def gather_up(crowd: Crowd, behind: Ints, energy: Floats) -> Floats:
    """The same energy of each car and of each window's cars in each step, with as much of it as can be at full power: kWh (N, T).

    behind (N): cars with another number are behind other limits. Cars of one window take turns: in each step those with the longest time
    still to charge go first. Where that does not come out even, a window stays as it is. Steps at the edges of a window stay as they are
    too, if cars come and go within steps.
    """
    found = energy.copy()
    steps = energy.shape[1]
    key = (behind * steps + crowd.first) * steps + crowd.last
    order = np.argsort(key, kind="stable")
    for cars in np.split(order, np.flatnonzero(np.diff(key[order])) + 1):
        if len(cars) < 2:
            continue
        first, last = int(crowd.first[cars[0]]), int(crowd.last[cars[0]])
        inner = np.arange(first + 1, last) if crowd.ragged else np.arange(first, last + 1)
        if not len(inner):
            continue
        part, power = energy[np.ix_(cars, inner)], crowd.power[cars]
        total, left = part.sum(axis=0), part.sum(axis=1)
        turned = np.zeros_like(part)
        for t in np.argsort(-total / crowd.hours[inner], kind="stable"):
            if total[t] <= 0:
                break
            turn = np.argsort(-left / power, kind="stable")
            most = np.minimum(power * crowd.hours[inner[t]], left)[turn]
            turned[turn, t] = np.clip(total[t] - (np.cumsum(most) - most), 0.0, most)
            left = left - turned[:, t]
        if np.abs(turned.sum(axis=0) - total).max() < 1e-9 * (1 + total.max()):
            found[np.ix_(cars, inner)] = turned
    return found
