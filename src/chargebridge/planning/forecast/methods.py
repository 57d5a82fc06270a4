"""Ways to tell a series that repeats with the day and the week. Each sees a table and an origin, and nothing of the values after the origin.

A teller (table, origins, count) -> by method's name (origins, count): the value expected in each of ``count`` slots from each origin on, all nan
where it cannot tell. Origins lie whole days apart, the newest first.
"""

from collections.abc import Callable, Sequence

import numpy as np
from msgspec import Struct

from chargebridge.planning.forecast.grid import DAY, QUARTER_S, Floats, Grid, Ints

HALF_LIFE_DAYS = 7.0
OTHER_KIND = 0.1
"""What a day of another kind (working day, Saturday, Sunday) counts beside one of the same."""
WINDOW_DAYS = 42
"""Older days are not looked at."""
NUDGE_SLOTS = 4
NUDGE_FADES_S = 2 * 3600.0
"""What the last hour lay above or below the method is expected to stay so, and fades with this time constant."""
HARMONICS = 6
RIDGE = 3.0
"""Of the regression, in quarter hours: features that were rarely seen change little."""
HEATS_BELOW_C, COOLS_ABOVE_C = 15.0, 22.0


class Table(Struct, frozen=True):
    """All arrays (M), slots from grid.first on: what is known (nan elsewhere), then what is being asked for.

    temperature_c, irradiance_w_m2: measured, and later as forecast; nan where not known.
    """

    grid: Grid
    values: Floats
    temperature_c: Floats
    irradiance_w_m2: Floats


Teller = Callable[[Table, Sequence[int], int], dict[str, Floats]]
Fitted = Callable[[slice], Floats]


def tell(table: Table, origins: Sequence[int], count: int) -> dict[str, Floats]:
    """persistence, seasonal, regression, and both: the mean of the last two, whose errors partly cancel (Bates and Granger 1969, The Combination of
    Forecasts)."""
    seasonals = np.stack([_nudged(table, origin, count, _seasonal(table, origin)) for origin in origins])
    fits = _regressions(table, origins, count)
    regressions = np.stack([_nudged(table, origin, count, fit) for origin, fit in zip(origins, fits, strict=True)])
    return {
        "persistence": np.stack([persistence(table, origin, count) for origin in origins]),
        "seasonal": seasonals,
        "regression": regressions,
        "both": (seasonals + regressions) / 2,
    }


def persistence(table: Table, origin: int, count: int) -> Floats:
    """The same quarter hour of the last day on which it is known."""
    matrix, _ = _days(table, origin)
    last = np.full(DAY, np.nan)
    for row in matrix:
        last = np.where(np.isnan(row), last, row)
    return last[table.grid.quarter[origin : origin + count]]


def _seasonal(table: Table, origin: int) -> Fitted:
    """The median of the same quarter hour and its neighbours on the last days; those of the same kind and the newest count most."""
    matrix, kinds = _days(table, origin)
    age = np.arange(len(matrix), 0, -1.0)
    around = np.concatenate([np.roll(matrix, shift, axis=1) for shift in (0, 1, -1)])
    weights = [0.5 ** (age / HALF_LIFE_DAYS) * np.where(kinds == kind, 1.0, OTHER_KIND) for kind in range(3)]
    profile = weighted_medians(around, np.stack([np.concatenate([weight, weight / 2, weight / 2]) for weight in weights]))
    return lambda where: profile[table.grid.kind[where], table.grid.quarter[where]]


def _regressions(table: Table, origins: Sequence[int], count: int) -> list[Fitted]:
    """Of each origin, ridge regression (Hoerl and Kennard 1970, Ridge Regression, eq. 2.1) on harmonics of the time of day for each kind of day, on
    heating and cooling degrees, and on irradiance where it is known; older days count less."""
    features = _features(table)
    size, fade = features.shape[1], 0.5 ** (1.0 / (2 * HALF_LIFE_DAYS))
    blocks = min(origins[0] // DAY, WINDOW_DAYS + len(origins))
    edge = origins[0] - blocks * DAY
    values = table.values[edge : origins[0]]
    known = ~np.isnan(values)
    x = np.where(known[:, None], features[edge : origins[0]], 0.0).reshape(blocks, DAY, size)[::-1]
    y = np.where(known, values, 0.0).reshape(blocks, DAY, 1)[::-1]
    gram = x.transpose(0, 2, 1) @ x
    moment, sums, seen = (x.transpose(0, 2, 1) @ y)[:, :, 0], x.sum(axis=1), known.reshape(blocks, DAY).sum(axis=1)[::-1]
    fits: list[Fitted] = []
    for origin in origins:
        block = (origins[0] - origin) // DAY
        weight = fade ** np.arange(max(0, blocks - block))
        fitted = np.full(len(table.values), np.nan)
        if seen[block:].sum() >= DAY:
            level = float(weight @ y[block:, :, 0].sum(axis=1) / (weight @ seen[block:]))
            right = weight @ (moment[block:] - level * sums[block:])
            slope = np.linalg.solve(np.tensordot(weight, gram[block:], 1) + RIDGE * np.eye(size), right)
            around = slice(max(0, origin - NUDGE_SLOTS), origin + count)
            fitted[around] = level + features[around] @ slope
        fits.append(lambda where, fitted=fitted: fitted[where])  # type: ignore[misc]
    return fits


def _features(table: Table) -> Floats:
    """(M, F), each of the size of one."""
    angle = 2 * np.pi * table.grid.quarter / DAY
    waves = [np.ones(len(angle))] + [wave(k * angle) for k in range(1, HARMONICS + 1) for wave in (np.sin, np.cos)]
    columns = [np.where(table.grid.kind == kind, wave, 0.0) for kind in range(3) for wave in waves]
    columns += [np.nan_to_num(np.maximum(degrees, 0.0)) / 10.0 for degrees in _degrees(table.temperature_c)]
    columns.append(np.nan_to_num(table.irradiance_w_m2) / 500.0)
    return np.stack(columns, axis=1)


def _degrees(temperature_c: Floats) -> tuple[Floats, Floats]:
    return HEATS_BELOW_C - temperature_c, temperature_c - COOLS_ABOVE_C


def _nudged(table: Table, origin: int, count: int, fitted: Fitted) -> Floats:
    """The method's values, shifted by what the last hour lay beside them."""
    told = fitted(slice(origin, origin + count))
    recent = slice(max(0, origin - NUDGE_SLOTS), origin)
    beside = table.values[recent] - fitted(recent)
    beside = beside[~np.isnan(beside)]
    if not len(beside):
        return told
    fades = np.exp(-(np.arange(count) + 0.5) * QUARTER_S / NUDGE_FADES_S)
    return np.asarray(told + float(beside.mean()) * fades)


def _days(table: Table, origin: int) -> tuple[Floats, Ints]:
    """(D, 96) what is known before the origin by local day and quarter hour, and the kind of each day (D), the oldest first."""
    first = max(0, origin - WINDOW_DAYS * DAY)
    day, quarter = table.grid.day[first:origin], table.grid.quarter[first:origin]
    if not len(day):
        return np.full((0, DAY), np.nan), np.empty(0, dtype=np.int64)
    values, row = table.values[first:origin], day - day[0]
    matrix = np.full((int(row[-1]) + 1, DAY), np.nan)
    known = ~np.isnan(values)
    matrix[row[known], quarter[known]] = values[known]
    kinds = np.zeros(len(matrix), dtype=np.int64)
    kinds[row] = table.grid.kind[first:origin]
    return matrix, kinds


def weighted_medians(values: Floats, weights: Floats) -> Floats:
    """(K, C): of each column of values (R, C) by each set of weights (K, R); nan is left out, and is the answer where nothing is known."""
    if not len(values):
        return np.full((len(weights), values.shape[1]), np.nan)
    order = np.argsort(values, axis=0)
    ranked = np.take_along_axis(values, order, axis=0)
    total = np.cumsum(np.where(np.isnan(ranked), 0.0, weights[:, order]), axis=1)
    middle = np.argmax(total >= total[:, -1:] / 2, axis=1)
    found: Floats = ranked[middle, np.arange(values.shape[1])]
    return found
