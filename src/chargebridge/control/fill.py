"""Weighted max-min fairness under any number of shared bounds: nobody gets more while somebody who could use it gets less.

All shares rise together like water, x_i = weight_i * level between their lower and upper ends, until a bound is full; the shares that take part in
it stay there and the others rise on. Done literally that is one round for each bound that fills. Instead, every round finds for *each* bound the
level at which it would fill if nothing else stopped its shares, and settles all bounds at once that are the tightest for every one of their
shares: no other bound can stop those shares earlier, since levels of bounds only go up as shares elsewhere are settled. The tightest bound of all
is always among them, so every round settles something; on a tree a handful of rounds settle all.
"""

from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

CLOSE = 1e-9
"""Amperes (or their equivalent in another unit) that are no difference."""
SLACK = 1e-6
"""A bound that is passed by less than this (A or W) is kept: sums of the same figures in another order differ by as much."""
ROUNDS_OF_LEVEL = 60
"""Enough halvings to bring any level to the precision of a double."""


class Shares:
    """Who takes part in which bound: entry k says that one unit of share ``owner[k]`` takes ``weight[k]`` of bound ``bound[k]``; ordered by owner."""

    def __init__(self, uses: Sequence[tuple[Sequence[int], Sequence[float]]], bounds: int) -> None:
        counts = [len(numbers) for numbers, _ in uses]
        self.count = len(uses)
        self.bounds = bounds
        self.owner: Ints = np.repeat(np.arange(len(uses)), counts)
        self.bound: Ints = np.array(list(chain.from_iterable(numbers for numbers, _ in uses)), dtype=np.intp)
        self.weight: Floats = np.array(list(chain.from_iterable(weights for _, weights in uses)), dtype=np.float64)

    def taken(self, x: Floats) -> Floats:
        """How much of each bound the shares take."""
        return np.bincount(self.bound, self.weight * x[self.owner], self.bounds).astype(np.float64, copy=False)


def fill(shares: Shares, room: Floats, low: Floats, high: Floats, weight: Floats) -> Floats:
    """The weighted max-min fair x with low <= x <= high that keeps every bound within ``room``; where ``low`` already fills a bound, it stays."""
    x = low.copy()
    left = room - shares.taken(low)
    rising = high > low + CLOSE
    keep = rising[shares.owner]
    owner, bound, takes = shares.owner[keep], shares.bound[keep], shares.weight[keep]
    level = np.zeros(shares.bounds)
    while owner.size:
        level = _levels(owner, bound, takes, left, low, high, weight, level)
        starts = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
        who = owner[starts]
        tightest = np.full(shares.count, np.inf)
        tightest[who] = np.minimum.reduceat(level[bound], starts)
        full = weight * tightest >= high - CLOSE
        stopped_elsewhere = (level[bound] > tightest[owner] * (1 + CLOSE) + CLOSE) & ~full[owner]
        settled_bound = np.bincount(bound, stopped_elsewhere, shares.bounds) == 0
        done = np.zeros(shares.count, dtype=bool)
        done[owner[settled_bound[bound] & (level[bound] <= tightest[owner] * (1 + CLOSE) + CLOSE)]] = True
        done[who] |= full[who]
        ended = who[done[who]]
        x[ended] = np.clip(weight[ended] * np.minimum(tightest[ended], high[ended] / weight[ended]), low[ended], high[ended])
        gone = done[owner]
        left -= np.bincount(bound[gone], takes[gone] * (x - low)[owner[gone]], shares.bounds)
        stay = ~gone
        owner, bound, takes = owner[stay], bound[stay], takes[stay]
    free = rising & (np.bincount(shares.owner, minlength=shares.count) == 0)
    x[free] = high[free]
    return x


def _levels(owner: Ints, bound: Ints, takes: Floats, left: Floats, low: Floats, high: Floats, weight: Floats, known: Floats) -> Floats:
    """For each bound the level at which its rising shares fill what is left of it; infinite where they never do. ``known`` is a level below it.

    What the shares take is a rising line of straight pieces in the level: Newton's step is exact on a piece, halving covers the corners.
    """
    bounds = left.size
    lo, hi, rate = low[owner], high[owner], weight[owner]
    could = np.bincount(bound, takes * (hi - lo), bounds)
    answer = np.full(bounds, np.inf)
    open_ = could > np.maximum(left, 0.0) + CLOSE
    bottom = known.copy()
    top = np.zeros(bounds)
    np.maximum.at(top, bound, hi / rate)
    at = bottom.copy()
    for _ in range(ROUNDS_OF_LEVEL):
        mine = open_[bound]
        here = at[bound[mine]] * rate[mine]
        taken = np.bincount(bound[mine], takes[mine] * (np.clip(here, lo[mine], hi[mine]) - lo[mine]), bounds)
        slope = np.bincount(bound[mine], (takes * rate)[mine] * ((here >= lo[mine]) & (here < hi[mine])), bounds)
        over = taken - np.maximum(left, 0.0)
        reached = open_ & (np.abs(over) <= CLOSE)
        answer[reached] = at[reached]
        open_ &= ~reached
        if not open_.any():
            break
        below = over < 0
        bottom = np.where(open_ & below, at, bottom)
        top = np.where(open_ & ~below, at, top)
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = at - over / slope
        inside = (newton > bottom) & (newton < top)
        at = np.where(inside, newton, (bottom + top) / 2)
    answer[open_] = bottom[open_]
    return answer
