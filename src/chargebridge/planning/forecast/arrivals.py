"""Cars that will still come: what they would draw if they charged at once, as an uncertain load."""

from collections.abc import Collection
from datetime import datetime

import numpy as np

from chargebridge.planning.forecast.drivers import HALF_LIFE_DAYS, Habits
from chargebridge.planning.forecast.grid import DAY, QUARTER_S, Calendar, Floats, Grid, grid, on_horizon, slot_of, slots_of
from chargebridge.planning.forecast.score import LEVELS
from chargebridge.planning.problem import Band, Horizon

WINDOW_DAYS = 56
LEAST_DAYS = 3
"""With fewer days of a kind the other kinds are looked at too."""


def expected_load(
    habits: Habits, horizon: Horizon, calendar: Calendar, *, now: datetime, power_w: float, most_w: float, here: Collection[str] = ()
) -> Band:
    """Of cars that come after ``now``: each earlier day of the same kind, as if it came again; the quantiles are those of the days.

    power_w: what one car draws; most_w: all of them, which is the band's upper end where no earlier day is known. here: drivers whose car is
    plugged in already; on the first day theirs are not expected again. A band holds for each step by itself, not for the sum of several.
    """
    first, count = slots_of(horizon)
    ahead = grid(calendar, first, count)
    found = np.zeros((3, count))
    found[2] = most_w
    today = int(grid(calendar, slot_of(now), 1).day[0])
    for day in np.unique(ahead.day):
        where = ahead.day == day
        rows, ages = _days(habits, calendar, now, int(day), int(ahead.kind[where][0]), power_w, here if day == today else ())
        if len(rows):
            found[:, where] = _quantiles(rows, ages)[:, ahead.quarter[where]]
    low, likely, high = on_horizon(np.minimum(found, most_w), first, horizon)
    return Band(likely=tuple(likely.tolist()), low=tuple(low.tolist()), high=tuple(high.tolist()))


def _days(
    habits: Habits, calendar: Calendar, now: datetime, day: int, kind: int, power_w: float, here: Collection[str]
) -> tuple[Floats, Floats]:
    """(D, 96) what cars drew on each earlier day, of those that came later than it is now if ``day`` is today; and how long ago (D) it was."""
    slot = slot_of(now)
    first = slot - WINDOW_DAYS * DAY
    past = grid(calendar, first, WINDOW_DAYS * DAY + 1)
    today, quarter = int(past.day[-1]), int(past.quarter[-1])
    over = [visit for visit in habits.visits if visit.left_at <= now and slot_of(visit.arrived_at) >= first]
    if not over:
        return np.empty((0, DAY)), np.empty(0)
    begin = int(past.day[slot_of(min(visit.arrived_at for visit in over)) - first])
    matrix = np.zeros((today - begin, DAY))
    for visit in over:
        at = slot_of(visit.arrived_at) - first
        came = int(past.day[at])
        if came >= today or visit.driver in here or (day == today and past.quarter[at] <= quarter):
            continue
        _draw(matrix, past, at, begin, visit.energy_wh, power_w)
    kinds = _kinds(past, begin, today)
    same = kinds == kind
    chosen = same if same.sum() >= LEAST_DAYS else np.ones(len(kinds), dtype=bool)
    return matrix[chosen], np.arange(today - begin, 0, -1.0)[chosen]


def _draw(matrix: Floats, past: Grid, at: int, begin: int, energy_wh: float, power_w: float) -> None:
    """Full power from slot ``at`` on, also past midnight."""
    step_wh = power_w * QUARTER_S / 3600
    while energy_wh > 0 and at < len(past.day) and past.day[at] - begin < len(matrix):
        matrix[past.day[at] - begin, past.quarter[at]] += min(energy_wh, step_wh) * 3600 / QUARTER_S
        energy_wh -= step_wh
        at += 1


def _kinds(past: Grid, begin: int, today: int) -> Floats:
    kinds = np.zeros(today - begin)
    inside = (past.day >= begin) & (past.day < today)
    kinds[past.day[inside] - begin] = past.kind[inside]
    return kinds


def _quantiles(rows: Floats, ages: Floats) -> Floats:
    """(3, 96) of (D, 96), days weighted by age."""
    weight = 0.5 ** (ages / HALF_LIFE_DAYS)
    order = np.argsort(rows, axis=0)
    ranked = np.take_along_axis(rows, order, axis=0)
    total = np.cumsum(weight[order], axis=0)
    share = total / total[-1]
    return np.stack([ranked[np.argmax(share >= level, axis=0), np.arange(DAY)] for level in LEVELS])
