"""One forecast out of several methods: each is held against the last days as it would have been told then, and the best of late is taken.

The band comes from the same rehearsal: the errors that the method made at this time of day and this far ahead (split conformal prediction,
Vovk, Gammerman and Shafer 2005, ch. 2.2; Lei and others 2018, section 2.2).
"""

from datetime import datetime

import numpy as np
from msgspec import Struct

from chargebridge.planning.forecast.grid import DAY, Floats, Ints, on_horizon
from chargebridge.planning.forecast.methods import HALF_LIFE_DAYS, Table, Teller
from chargebridge.planning.forecast.score import LEVELS, mean_pinball
from chargebridge.planning.problem import Band, Horizon

REHEARSED_DAYS = 14
NEIGHBOURS = 4
"""Errors of so many quarter hours before and after are taken together."""
NOTHING = "nothing known"


class MethodScore(Struct, frozen=True, kw_only=True):
    """How a method would have done of late. mae, pinball: mean over the rehearsed days, the newest counting most, W; days: how many."""

    method: str
    mae: float
    pinball: float
    days: int


class Forecast(Struct, frozen=True, kw_only=True):
    """band: over the horizon's steps. method: whose it is. why: a sentence for a person. scores: of all methods, the best first."""

    made_at: datetime
    horizon: Horizon
    band: Band
    method: str
    why: str
    scores: tuple[MethodScore, ...] = ()


class Bounds(Struct, frozen=True, kw_only=True):
    """What can be at all, W."""

    low: float = 0.0
    high: float


def combine(
    table: Table,
    origin: int,
    tell: Teller,
    bounds: Bounds,
    horizon: Horizon,
    now: datetime,
    *,
    scale: Floats | None = None,
    top: Floats | None = None,
    only: str | None = None,
) -> Forecast:
    """Tell the slots of the table from ``origin`` on. bounds: nothing outside is told. scale (M): to what errors are in proportion, positive; None:
    they are the same at all times. top (M): the most that can be in each slot. only: the one method that is asked; None: the best."""
    count = len(table.values) - origin
    scale = np.ones(len(table.values)) if scale is None else scale
    top = np.full(count, bounds.high) if top is None else top[origin:]
    first = table.grid.first + origin
    earlier = [origin - days * DAY for days in range(1, REHEARSED_DAYS + 1) if origin - days * DAY >= DAY]
    truth = np.stack([_truth(table, origin, at, count) for at in earlier]) if earlier else np.empty((0, count))
    told: list[tuple[MethodScore, Floats]] = []
    for name, lines in tell(table, (origin, *earlier), count).items():
        errors = truth - lines[1:]
        rehearsed = ~np.isnan(errors).all(axis=1)
        if np.isnan(lines[0]).any() or not rehearsed.any() or only not in (None, name):
            continue
        trial = _Trial(errors[rehearsed], np.flatnonzero(rehearsed) + 1, origin, scale)
        spread = trial.spread()
        told.append((trial.score(name, spread), np.clip(lines[0] + spread * scale[origin:], bounds.low, top)))
    if not told:
        band = _band(np.stack([np.full(count, bounds.low), (bounds.low + top) / 2, top]), first, horizon)
        why = "Less than two days are known, so this is a guess, and the band is wide."
        return Forecast(made_at=now, horizon=horizon, band=band, method=NOTHING, why=why)
    told.sort(key=lambda pair: (pair[0].pinball, pair[0].method))
    scores = tuple(score for score, _ in told)
    band = _band(told[0][1], first, horizon)
    return Forecast(made_at=now, horizon=horizon, band=band, method=scores[0].method, why=_why(scores), scores=scores)


class _Trial:
    """What a method would have told at the same time of the last days. errors (days, count): what came less what was told, nan where nothing came
    yet; ages (days): how many days ago."""

    def __init__(self, errors: Floats, ages: Ints, origin: int, scale: Floats) -> None:
        count = errors.shape[1]
        self.errors, self.ages = errors, ages.astype(np.float64)
        self.scales = np.stack([scale[origin - int(age) * DAY :][:count] for age in ages])

    def spread(self) -> Floats:
        """(3, count): the quantiles of the errors about each slot, in proportion to the scale; wider while there are few of them."""
        days, count = self.errors.shape
        padded = np.pad(self.errors / self.scales, ((0, 0), (NEIGHBOURS, NEIGHBOURS)), constant_values=np.nan)
        window = np.lib.stride_tricks.sliding_window_view(padded, 2 * NEIGHBOURS + 1, axis=1)
        found = _quantiles(window.transpose(0, 2, 1).reshape(-1, count), days)
        empty = np.isnan(found[0])
        if empty.any():  # further ahead than what is known reaches: as at the same time of the last day
            known = np.flatnonzero(~empty)
            place = np.arange(count)
            back = place - np.maximum(0, (place - known[-1] + DAY - 1) // DAY) * DAY
            found = found[:, known[np.argmin(np.abs(back[:, None] - known), axis=1)]]
        low, middle, high = found
        wider = 1.0 + 1.0 / days
        return np.stack([middle - (middle - low) * wider, middle, middle + (high - middle) * wider])

    def score(self, name: str, spread: Floats) -> MethodScore:
        weight = 0.5 ** (self.ages / HALF_LIFE_DAYS)
        pinball = [mean_pinball(spread * scale, errors) for scale, errors in zip(self.scales, self.errors, strict=True)]
        absolute = np.nanmean(np.abs(self.errors - spread[1] * self.scales), axis=1)
        mae, loss = (float(np.average(each, weights=weight)) for each in (absolute, np.array(pinball)))
        return MethodScore(method=name, mae=mae, pinball=loss, days=len(self.errors))


def _truth(table: Table, origin: int, earlier: int, count: int) -> Floats:
    """What came after an earlier origin, as far as it is known today."""
    truth = np.full(count, np.nan)
    known = table.values[earlier : min(earlier + count, origin)]
    truth[: len(known)] = known
    return truth


def _quantiles(pool: Floats, days: int) -> Floats:
    """(3, count) of (pool, count), nan left out. The outer levels are those of a sample of so many days, for errors of one day hang together."""
    ranked = np.sort(pool, axis=0)
    known = (~np.isnan(pool)).sum(axis=0)
    outer = 1.0 / days
    found = []
    for level in LEVELS:
        asked = min(1.0, max(0.0, level + (level - 0.5) * outer))
        place = asked * np.maximum(known - 1, 0)
        below = np.floor(place).astype(int)
        above = np.minimum(below + 1, np.maximum(known - 1, 0))
        column = np.arange(pool.shape[1])
        found.append(ranked[below, column] + (place - below) * (ranked[above, column] - ranked[below, column]))
    return np.stack(found)


def _band(values: Floats, first: int, horizon: Horizon) -> Band:
    low, likely, high = np.sort(on_horizon(values, first, horizon), axis=0)
    return Band(likely=tuple(likely.tolist()), low=tuple(low.tolist()), high=tuple(high.tolist()))


def _why(scores: tuple[MethodScore, ...]) -> str:
    best = scores[0]
    told = f"{best.method}: of late it would have been {best.mae:.0f} W beside the truth"
    if len(scores) > 1:
        others = ", ".join(f"{score.method} {score.mae:.0f} W" for score in scores[1:])
        told += f" ({others})"
    return f"{told}, tried on {best.days} day{'s' if best.days > 1 else ''}."
