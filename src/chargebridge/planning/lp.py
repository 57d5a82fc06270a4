"""The linear programme of a problem: `docs/planning.md` has the formulation; the numbers of its equations stand here as (1) to (9).

What cannot bind is left out: a limit above all that could flow, the split of import and export where its sign is certain, the stock of a store that
only takes (its energy is one row a goal). That is most of what makes it quick.
"""

import numpy as np
from msgspec import Struct

from chargebridge.planning.arrays import Arrays, Floats, Ints
from chargebridge.planning.demand import windows
from chargebridge.planning.energy import charge_now, store_energy
from chargebridge.planning.flow import Flow, field, flows, net, placed, weighted
from chargebridge.planning.highs import Sheet
from chargebridge.planning.limits import NodeLimit, node_limits
from chargebridge.planning.weights import GOAL, OVERLOAD, PLANT, SOFT, base_weight

__all__ = ["GOAL", "Charge", "Form", "LimitRows", "base_weight", "formulate"]


class LimitRows(Struct, frozen=True):
    """Rows of one limit. kind: import, export, or L1 to L3; sign: 1 for what comes in.

    over: columns of what crosses it, where it is soft or what is not planned crosses it.
    """

    node: int
    kind: str
    hard: bool
    steps: Ints
    rows: Ints
    over: Ints
    sign: int


class Charge(Struct, frozen=True):
    """A demand charge: the column of its peak and the rows of its windows."""

    index: int
    column: int
    rows: Ints


class Form(Struct, frozen=True):
    """Where everything stands. stock (S, T), grid (T), full, behind (S, T; `energy.charge_now`): columns, -1 where there is none.

    short (K, 4): columns of what is missing of each goal's quarters, the first quarter first; goal_rows (K). linear (T): what a kWh costs in each
    step apart from the column grid; split (T): its row, -1 where the sign is certain. twisted: steps in which exporting would pay more than importing
    costs. idle (P): columns of hours that a plant does not run. likings: of each taste its columns and their weights, the first one first.
    weight: the base of all penalties, money a kWh, above all money in the problem.
    """

    sheet: Sheet
    flow: Flow
    stock: Ints
    grid: Ints
    split: Ints
    linear: Floats
    twisted: Ints
    short: Ints
    goal_rows: Ints
    every_limit: tuple[NodeLimit, ...]
    limits: tuple[LimitRows, ...]
    charges: tuple[Charge, ...]
    idle: Ints
    run_rows: Ints
    full: Ints
    behind: Ints
    likings: tuple[tuple[Ints, Floats], ...]
    weight: float


def formulate(a: Arrays) -> Form:
    """Write the LP of arrays."""
    sheet = Sheet()
    # (1) what flows may cost; where exporting would pay more than importing costs, the LP would pump: there export pays what import costs
    weight = base_weight(a)
    low = a.base - a.discharge_kw.sum(axis=0)
    high = a.base + a.charge_kw.sum(axis=0) + (a.plant_share.T @ a.plant_kw) + a.gen_likely[a.curtailable].sum(axis=0)
    export = np.where(high > 0, np.minimum(a.export_price, a.import_price), a.export_price)
    certain_import = (low >= 0) | (a.import_price == export)
    linear = np.where(certain_import, a.import_price, export)
    with_grid = np.flatnonzero((high > 0) & (~certain_import | bool(a.problem.prices.demand)))
    flow = flows(a, sheet, linear)
    grid = placed(sheet.columns(len(with_grid), cost=((a.import_price - linear) * a.hours)[with_grid]), with_grid, a.steps)
    # (2) grid >= what is planned + base: what comes in from the grid
    split = placed(sheet.rows(len(with_grid), low=a.base[with_grid]), with_grid, a.steps)
    sheet.put(split[with_grid], grid[with_grid], 1.0)
    net(a, sheet, split, flow, -1.0)
    stock, short, goal_rows = store_energy(a, sheet, flow, weight)
    full, behind = charge_now(a, sheet, flow, stock, weight)
    every_limit = tuple(node_limits(a))
    limits = _limits(a, sheet, flow, every_limit, weight)
    _own_use(a, sheet, flow)
    idle, run_rows = _plants(a, sheet, flow.on, weight)
    charges = _demand(a, sheet, grid)
    return Form(
        sheet=sheet, flow=flow, stock=stock, grid=grid, split=split, linear=linear,
        twisted=np.flatnonzero((a.export_price > a.import_price) & (low < 0) & (high > 0)),
        short=short, goal_rows=goal_rows, every_limit=every_limit, limits=limits, charges=charges,
        idle=idle, run_rows=run_rows,
        full=full,
        behind=behind, likings=_likings(a, sheet, flow), weight=weight,
    )  # fmt: skip


def _limits(a: Arrays, sheet: Sheet, flow: Flow, every: tuple[NodeLimit, ...], weight: float) -> tuple[LimitRows, ...]:
    """(6) what flows over each node, in sum and on each phase, on the bad side of the forecast."""
    found = []
    sure = _sure(a, sheet, flow.curtail)
    for limit in every:
        sign = limit.sign
        helps = limit.stores @ a.discharge_kw if sign > 0 else limit.stores @ a.charge_kw + limit.plants @ a.plant_share
        relief = limit.overload * (helps > 0) if limit.hard else np.zeros(a.steps)
        rows_wanted = np.flatnonzero(limit.binding | (relief > 0))
        if not len(rows_wanted):
            continue
        rows = placed(sheet.rows(len(rows_wanted), high=(limit.room - relief)[rows_wanted]), rows_wanted, a.steps)
        weighted(sheet, rows, flow.charge, limit.stores * sign)
        weighted(sheet, rows, flow.single, limit.singles * sign)
        weighted(sheet, rows, flow.discharge, limit.stores * -sign)
        weighted(sheet, rows, flow.on, limit.plants * a.plant_kw * sign)
        weighted(sheet, rows, flow.curtail, limit.curtailed * sign)
        weighted(sheet, rows, sure, -limit.secured)
        over = np.zeros(0, dtype=int)
        if not limit.hard:
            over = sheet.columns(len(rows_wanted), cost=weight * SOFT * a.hours[rows_wanted])
            sheet.put(rows[rows_wanted], over, -1.0)
        elif relief.any():
            # what is too much without the plan: it takes away from it what it can, and never adds to it
            crossed = np.flatnonzero(relief)
            over = sheet.columns(len(crossed), high=relief[crossed], cost=weight * OVERLOAD * a.hours[crossed])
            sheet.put(rows[crossed], over, -1.0)
        found.append(
            LimitRows(node=limit.node, kind=limit.kind, hard=limit.hard, steps=rows_wanted, rows=rows[rows_wanted], over=over, sign=sign)
        )
    return tuple(found)


def _sure(a: Arrays, sheet: Sheet, curtail: Ints) -> Ints:
    """Columns (G, T) of what comes at least of generation that can be turned down: at most low, and at most what is left of the likely value."""
    low = np.where(a.banded.reshape(-1, 1), a.gen_low, 0.0)
    sure = field(sheet, low, np.zeros(low.shape))
    for g in np.flatnonzero(a.banded):
        there = np.flatnonzero(sure[g] >= 0)
        rows = sheet.rows(len(there), high=a.gen_likely[g, there])
        sheet.put(rows, sure[g, there], 1.0)
        sheet.put(rows, curtail[g, there], 1.0)
    return sure


def _own_use(a: Arrays, sheet: Sheet, flow: Flow) -> None:
    """(7) stores that may not charge from the grid take no more than is left over; those that may not feed in give no more than is used."""
    only_own = np.array([not store.from_grid for store in a.problem.stores], dtype=float)
    home = np.array([not store.to_grid for store in a.problem.stores], dtype=float)
    left, used = np.maximum(-a.base, 0.0), np.maximum(a.base, 0.0)
    steps = np.flatnonzero((only_own @ a.charge_kw > left) if len(only_own) else np.zeros(a.steps, dtype=bool))
    if len(steps):
        rows = placed(sheet.rows(len(steps), high=left[steps]), steps, a.steps)
        weighted(sheet, rows, flow.charge, only_own)
        weighted(sheet, rows, flow.single, only_own)
        weighted(sheet, rows, flow.discharge, -np.ones(len(only_own)))
        weighted(sheet, np.where(a.base < 0, rows, -1), flow.curtail, np.ones(len(flow.curtail)))
    steps = np.flatnonzero((home @ a.discharge_kw > used) if len(home) else np.zeros(a.steps, dtype=bool))
    if len(steps):
        rows = placed(sheet.rows(len(steps), high=used[steps]), steps, a.steps)
        weighted(sheet, rows, flow.discharge, home)
        weighted(sheet, rows, flow.charge, -np.ones(len(home)))
        weighted(sheet, rows, flow.single, -np.ones(len(home)))
        weighted(sheet, rows, flow.on, -a.plant_kw)


def _plants(a: Arrays, sheet: Sheet, on: Ints, weight: float) -> tuple[Ints, Ints]:
    """(8) every plant runs its time, or says how many hours are missing."""
    count = len(on)
    if not count:
        return np.zeros(0, dtype=int), np.zeros(0, dtype=int)
    idle = sheet.columns(count, cost=weight * PLANT * np.maximum(a.plant_kw, 1e-3))
    need = np.array([plant.run_s / 3600.0 for plant in a.problem.plants])
    rows = sheet.rows(count, low=need, high=need)
    sheet.put(rows, idle, 1.0)
    for p in range(count):
        there = np.flatnonzero(on[p] >= 0)
        sheet.put(np.full(len(there), rows[p]), on[p, there], a.hours[there])
    return idle, rows


def _demand(a: Arrays, sheet: Sheet, grid: Ints) -> tuple[Charge, ...]:
    """(9) a demand charge's peak, kW above what was reached, is at least the mean of each window."""
    found = []
    for index, charge in enumerate(a.problem.prices.demand):
        parts = windows(a, charge)
        peak = int(sheet.columns(1, cost=charge.price_per_kw)[0])
        floors = np.array([begun - charge.reached_w / 1000.0 for _, _, begun in parts])
        rows = sheet.rows(len(parts), high=-floors)
        sheet.put(rows, np.full(len(rows), peak), -1.0)
        for row, (steps, shares, _) in zip(rows, parts, strict=True):
            used = grid[steps] >= 0
            sheet.put(np.full(int(used.sum()), row), grid[steps][used], shares[used])
        found.append(Charge(index=index, column=peak, rows=rows))
    return tuple(found)


def _likings(a: Arrays, sheet: Sheet, flow: Flow) -> tuple[tuple[Ints, Floats], ...]:
    """What is liked between plans of the same cost, as costs of columns: nothing wasted first, then calm, smooth, and soon."""
    wish, found = a.problem.taste, []
    g, t = np.nonzero(flow.curtail >= 0)
    if len(g):
        found.append((flow.curtail[g, t], a.hours[t]))
    for wanted, sign in ((wish.calm_grid, 1.0), (wish.calm_feed_in, -1.0)):
        if wanted:
            peak = sheet.columns(1)
            rows = sheet.rows(a.steps, low=a.base * sign)
            sheet.put(rows, peak, 1.0)
            net(a, sheet, rows, flow, -sign)
            found.append((peak, np.ones(1)))
    if wish.smooth:
        i, t = np.nonzero((flow.charge[:, 1:] >= 0) & (flow.charge[:, :-1] >= 0))
        ramp = sheet.columns(len(i))
        for sign in (1.0, -1.0):
            rows = sheet.rows(len(i), low=0.0)
            sheet.put(rows, ramp, 1.0)
            sheet.put(rows, flow.charge[i, t + 1], sign)
            sheet.put(rows, flow.charge[i, t], -sign)
        found.append((ramp, np.ones(len(ramp))))
    if wish.sooner:
        middle = ((a.edges_s[:-1] + a.edges_s[1:]) / 2.0 / a.edges_s[-1] + 0.01) * a.hours
        fields = [each for each in (flow.charge, flow.single, flow.discharge, flow.on) if each.size]
        if fields:
            where = [np.nonzero(each >= 0) for each in fields]
            columns = np.concatenate([each[spots] for each, spots in zip(fields, where, strict=True)])
            found.append((columns, np.concatenate([middle[steps] for _, steps in where])))
    return tuple(found)
