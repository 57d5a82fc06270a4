"""Plants that are on or off: what a MILP needs to know of them, and where the cheapest stretch is."""

from typing import Protocol

import numpy as np

from chargebridge.planning.arrays import Arrays, Floats, Ints
from chargebridge.planning.exact import TINY
from chargebridge.planning.limits import node_limits
from chargebridge.planning.lp import Form


class Switchboard(Protocol):
    def add(self, columns: Ints, start: Floats) -> Ints: ...


def plant_switches(form: Form, a: Arrays, switches: Switchboard, x: Floats) -> None:
    """A switch for each step of each plant. While it is on it takes its full power from every limit, however little of the step it runs; once it
    has begun it runs its least time, without a break."""
    sheet = form.sheet
    for p, plant in enumerate(a.problem.plants):
        there = np.flatnonzero(form.flow.on[p] >= 0)
        if not len(there):
            continue
        on = form.flow.on[p, there]
        running = (x[on] > TINY).astype(float)
        switch = switches.add(sheet.columns(len(there), high=1.0), running)
        share = a.plant_share[p, there]
        rows = sheet.rows(len(there), high=0.0)
        sheet.put(rows, on, 1.0)
        sheet.put(rows, switch, -share)
        _full_power(form, a, p, there, switch)
        least = min(plant.min_run_s, plant.run_s)
        if least > 0:
            _stretch(form, a, there, on, switch, share, least, once=plant.min_run_s >= plant.run_s)


def _full_power(form: Form, a: Arrays, p: int, there: Ints, switch: Ints) -> None:
    factors = {}
    for limit in node_limits(a):
        if limit.plants[p]:
            factors[limit.node, limit.kind, limit.sign] = float(limit.plants[p]) * limit.sign * float(a.plant_kw[p])
    for rows in form.limits:
        factor = factors.get((rows.node, rows.kind, rows.sign))
        if factor is None or rows.sign < 0:
            continue
        at = np.isin(rows.steps, there)
        where = np.searchsorted(there, rows.steps[at])
        form.sheet.put(rows.rows[at], switch[where], factor)
        form.sheet.put(rows.rows[at], form.flow.on[p, there[where]], -factor)


def _stretch(form: Form, a: Arrays, there: Ints, on: Ints, switch: Ints, share: Floats, least_s: float, *, once: bool) -> None:
    sheet, count = form.sheet, len(there)
    begins = sheet.columns(count, high=1.0)
    # it begins where it is on and was not before
    rows = sheet.rows(count, low=0.0)
    sheet.put(rows, begins, 1.0)
    sheet.put(rows, switch, -1.0)
    sheet.put(rows[1:], switch[:-1], 1.0)
    if once:
        row = sheet.rows(1, high=1.0)
        sheet.put(np.full(count, row[0]), begins, 1.0)
    # between two steps in which it is on, it is on all the time
    if count > 2:
        rows = sheet.rows(count - 2, low=-2.0 * share[1:-1])
        sheet.put(rows, on[1:-1], 1.0)
        for part in (switch[:-2], switch[1:-1], switch[2:]):
            sheet.put(rows, part, -share[1:-1])
    edges = a.edges_s
    for k, t in enumerate(there.tolist()):
        reach = np.flatnonzero((there >= t) & (edges[there] < edges[t + 1] + least_s - 1e-6))
        row = sheet.rows(1, low=0.0)
        sheet.put(np.full(len(reach), row[0]), on[reach], a.hours[there[reach]])
        sheet.put(row, begins[k : k + 1], -least_s / 3600.0)


def cheapest_stretch(possible: Floats, hours: Floats, price: Floats, need: float) -> Floats | None:
    """(T): the share of each step in which a plant runs ``need`` hours at a stretch where that costs least; None where it cannot.

    possible (T): the share of each step in which it may run.
    """
    best, dearest = None, np.inf
    for first in np.flatnonzero(possible > 0).tolist():
        cut = np.flatnonzero(possible[first:] <= 0)
        span = slice(first, first + int(cut[0]) if len(cut) else len(hours))
        ran = np.cumsum(possible[span] * hours[span])
        if ran[-1] < need - 1e-9:
            continue
        on = np.clip(np.diff(np.concatenate(([0.0], np.minimum(ran, need)))) / hours[span], 0.0, 1.0)
        cost = float(on @ (hours[span] * price[span]))
        if cost < dearest - 1e-12:
            best, dearest = np.zeros(len(hours)), cost
            best[span] = on
    return best
