"""Forecasts held against what came."""

from datetime import datetime

import numpy as np
from msgspec import Struct

from chargebridge.planning.forecast.grid import Floats, Past, on_horizon, slots_of
from chargebridge.planning.problem import Band, Horizon

LEVELS = (0.1, 0.5, 0.9)
"""The quantiles of a ``Band``: low, likely, high."""


class Score(Struct, frozen=True, kw_only=True):
    """W. pinball: mean over the three quantiles. coverage: share of the steps whose truth lay in the band; 0.8 is what a band promises.

    width: mean of high less low. steps: how many could be scored.
    """

    mae: float
    pinball: float
    coverage: float
    width: float
    steps: int


def pinball(level: float, told: Floats, truth: Floats) -> Floats:
    """The loss whose mean is least for the true quantile (Koenker and Bassett 1978, Regression Quantiles, eq. 1.1)."""
    over = truth - told
    return np.maximum(level * over, (level - 1.0) * over)


def mean_pinball(band: Floats, truth: Floats) -> float:
    """Of low, likely, high (3, T) against the truth (T); nan is left out."""
    return float(np.nanmean([pinball(level, line, truth) for level, line in zip(LEVELS, band, strict=True)]))


def score_band(band: Band, truth: Floats) -> Score | None:
    """Against what came in each step (T), nan where it is not known. None: nothing is."""
    known = ~np.isnan(truth)
    if not known.any():
        return None
    lines, came = np.array([band.low, band.likely, band.high], dtype=float)[:, known], truth[known]
    return Score(
        mae=float(np.abs(lines[1] - came).mean()),
        pinball=mean_pinball(lines, came),
        coverage=float(((came >= lines[0] - 1e-6) & (came <= lines[2] + 1e-6)).mean()),
        width=float((lines[2] - lines[0]).mean()),
        steps=int(known.sum()),
    )


def truth_on(past: Past, horizon: Horizon, now: datetime) -> Floats:
    """(T): what came in each step of a horizon; nan where it is not over or not known."""
    first, count = slots_of(horizon)
    return on_horizon(past.before(now).on(first, count), first, horizon)
