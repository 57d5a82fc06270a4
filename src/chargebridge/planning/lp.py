"""The linear programme of a problem: `docs/planning.md` has the formulation; the numbers of its equations stand here as (1) to (9).

What cannot bind is left out: a limit above all that could flow, the split of import and export where its sign is certain, the stock of a store that
only takes (its energy is one row a goal). That is most of what makes it quick.
"""

import numpy as np
from msgspec import Struct

from chargebridge.planning.arrays import Arrays, Flags, Floats, Ints
from chargebridge.planning.demand import windows
from chargebridge.planning.highs import INFINITY, Sheet
from chargebridge.planning.limits import node_limits

QUARTERS = 4


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
    """Where everything stands. charge, discharge (S, T), stock (S, T), on (P, T), curtail (G, T), grid (T): columns, -1 where there is none.

    short (K, 4): columns of what is missing of each goal's quarters, the first quarter first; goal_rows (K).
    linear (T): what a kWh costs in each step apart from the column grid; split (T): its row, -1 where the sign is certain.
    idle (P): columns of hours that a plant does not run. weight: the base of all penalties, money a kWh, above all money in the problem.
    """

    sheet: Sheet
    charge: Ints
    discharge: Ints
    stock: Ints
    on: Ints
    curtail: Ints
    grid: Ints
    split: Ints
    linear: Floats
    twisted: Ints
    short: Ints
    goal_rows: Ints
    limits: tuple[LimitRows, ...]
    charges: tuple[Charge, ...]
    idle: Ints
    run_rows: Ints
    peak: int
    weight: float


SOFT, GOAL, PLANT, OVERLOAD = 10.0, 100.0, 1e4, 1e5
"""Weights of what bends, times the base: docs/planning.md, "What bends". Only the scale has to be right: where anything bends at all, the order is
kept by programmes of their own (`relax`)."""


def formulate(a: Arrays) -> Form:
    """Write the LP of arrays."""
    sheet = Sheet()
    # (1) what flows may cost; where exporting would pay more than importing costs, the LP would pump: there export pays what import costs
    weight = base_weight(a)
    taste = a.problem.taste
    low = a.base - a.discharge_kw.sum(axis=0)
    high = a.base + a.charge_kw.sum(axis=0) + (a.plant_share.T @ a.plant_kw) + a.gen_likely[a.curtailable].sum(axis=0)
    export = np.where(high > 0, np.minimum(a.export_price, a.import_price), a.export_price)
    certain_import = (low >= 0) | (a.import_price == export)
    linear = np.where(certain_import, a.import_price, export)
    counted = bool(a.problem.prices.demand) or taste.calm_grid
    with_grid = np.flatnonzero((high > 0) & (~certain_import | counted))
    charge, discharge, on, curtail = _flows(a, sheet, linear)
    grid = _placed(sheet.columns(len(with_grid), cost=((a.import_price - linear) * a.hours)[with_grid]), with_grid, a.steps)
    # (2) grid >= what is planned + base: what comes in from the grid
    split = _placed(sheet.rows(len(with_grid), low=a.base[with_grid]), with_grid, a.steps)
    sheet.put(split[with_grid], grid[with_grid], 1.0)
    _net(a, sheet, split, charge, discharge, on, curtail, -1.0)
    stock, short, goal_rows = _stores(a, sheet, charge, discharge, weight)
    limits = _limits(a, sheet, charge, discharge, on, curtail, weight)
    _own_use(a, sheet, charge, discharge, on, curtail)
    idle, run_rows = _plants(a, sheet, on, weight)
    charges = _demand(a, sheet, grid)
    peak = -1
    if taste.calm_grid:
        peak = int(sheet.columns(1)[0])
        rows = sheet.rows(len(with_grid), high=0.0)
        sheet.put(rows, grid[with_grid], 1.0)
        sheet.put(rows, np.full(len(with_grid), peak), -1.0)
    return Form(
        sheet=sheet, charge=charge, discharge=discharge, stock=stock, on=on, curtail=curtail, grid=grid, split=split, linear=linear,
        twisted=np.flatnonzero((a.export_price > a.import_price) & (low < 0) & (high > 0)),
        short=short, goal_rows=goal_rows, limits=limits, charges=charges,
        idle=idle, run_rows=run_rows, peak=peak, weight=weight,
    )  # fmt: skip


def base_weight(a: Arrays) -> float:
    """Money a kWh that nothing in the problem exceeds; positive whatever the prices."""
    money = [1e-4, np.abs(a.import_price).max(), np.abs(a.export_price).max()]
    money += np.abs(a.aims.cap[a.aims.capped]).tolist()
    if len(a.rest):
        money += [np.abs(a.rest).max(), a.wear.max()]
    windows = [charge.price_per_kw / (min(charge.window_s, *np.diff(a.edges_s)) / 3600.0) for charge in a.problem.prices.demand]
    efficiency = min([1.0, *(a.charge_efficiency * a.discharge_efficiency)])
    return float((max(money) + sum(windows)) / efficiency)


def _placed(columns: Ints, where: Ints, count: int) -> Ints:
    found = np.full(count, -1)
    found[where] = columns
    return found


def _flows(a: Arrays, sheet: Sheet, linear: Floats) -> tuple[Ints, Ints, Ints, Ints]:
    """Columns of charging, discharging (kW), plants (share of the step) and what is turned down (kW)."""
    worth = (a.rest * a.charge_efficiency).reshape(-1, 1)
    charge = _field(sheet, a.charge_kw, (linear - worth) * a.hours)
    given = (a.rest / a.discharge_efficiency + a.wear).reshape(-1, 1)
    discharge = _field(sheet, a.discharge_kw, (given - linear) * a.hours)
    on = _field(sheet, a.plant_share, a.plant_kw.reshape(-1, 1) * linear * a.hours)
    down = np.where(a.curtailable.reshape(-1, 1), a.gen_likely, 0.0)
    curtail = _field(sheet, down, np.broadcast_to(linear * a.hours, down.shape))
    return charge, discharge, on, curtail


def _field(sheet: Sheet, most: Floats, cost: Floats) -> Ints:
    found = np.full(most.shape, -1)
    where = most > 0
    if where.any():
        found[where] = sheet.columns(int(where.sum()), high=most[where], cost=cost[where])
    return found


def _net(a: Arrays, sheet: Sheet, rows: Ints, charge: Ints, discharge: Ints, on: Ints, curtail: Ints, sign: float) -> None:
    """Put what is planned, all over the property, into one row a step."""
    weighted(sheet, rows, charge, np.full(len(charge), sign))
    weighted(sheet, rows, discharge, np.full(len(discharge), -sign))
    weighted(sheet, rows, on, a.plant_kw * sign)
    weighted(sheet, rows, curtail, np.full(len(curtail), sign))


def weighted(sheet: Sheet, rows: Ints, columns: Ints, factors: Floats) -> None:
    """Put ``columns`` (things, T) into ``rows`` (T), each thing with its factor."""
    chosen = np.flatnonzero(factors)
    if not len(chosen):
        return
    part = columns[chosen]
    things, steps = np.nonzero((part >= 0) & (rows >= 0))
    sheet.put(rows[steps], part[things, steps], factors[chosen][things])


def _stores(a: Arrays, sheet: Sheet, charge: Ints, discharge: Ints, weight: float) -> tuple[Ints, Ints, Ints]:
    """(3) energy: one row a goal for stores that only take, a stock for those that give back or taper."""
    stock = np.full(charge.shape, -1)
    shelves = (a.discharge_kw.max(axis=1, initial=0.0) > 0) | np.array([store.taper is not None for store in a.problem.stores], dtype=bool)
    short, rows = _goals(a, sheet, weight)
    _sums(a, sheet, charge, ~shelves, rows)
    for i in np.flatnonzero(shelves).tolist():
        _shelf(a, sheet, i, charge, discharge, stock)
        for k in np.flatnonzero(a.aims.store == i).tolist():
            _aim_of_stock(a, sheet, k, stock, int(rows[k]))
    return stock, short, rows


def _goals(a: Arrays, sheet: Sheet, weight: float) -> tuple[Ints, Ints]:
    """(4) columns (K, 4) of what is missing of each goal, kWh, and its rows (K), to which stored energy is still to be added.

    Of a goal with a price cap the quarters cost the cap, so that energy is bought where the price at the store is below.
    """
    aims, count = a.aims, len(a.aims.store)
    if not count:
        return np.zeros((0, QUARTERS), dtype=int), np.zeros(0, dtype=int)
    need = aims.level - a.stored[aims.store]
    rank = np.array([store.priority for store in a.problem.stores])[aims.store]
    penalty = weight * GOAL * aims.probability * 4.0 ** np.clip(rank, -4, 4)
    value = (aims.cap - a.rest[aims.store]) * aims.probability
    cost = np.where(aims.capped.reshape(-1, 1), value.reshape(-1, 1), np.outer(penalty, np.arange(QUARTERS, 0, -1)))
    size = np.repeat(np.maximum(need, 0.0) / QUARTERS, QUARTERS).reshape(-1, QUARTERS)
    size[:, 0] = INFINITY
    columns = sheet.columns(count * QUARTERS, high=size.ravel(), cost=cost.ravel()).reshape(-1, QUARTERS)
    rows = sheet.rows(count, low=need)
    sheet.put(rows.reshape(-1, 1), columns, 1.0)
    return columns, rows


def _sums(a: Arrays, sheet: Sheet, charge: Ints, simple: Flags, goal_rows: Ints) -> None:
    """Energy of stores that only take: what was charged until each goal, and in all no more than fits."""
    aims = a.aims
    gain = a.charge_efficiency.reshape(-1, 1) * a.hours
    counted = aims.weights(a.steps) * (charge[aims.store] >= 0) * simple[aims.store].reshape(-1, 1)
    k, t = np.nonzero(counted)
    sheet.put(goal_rows[k], charge[aims.store[k], t], counted[k, t] * gain[aims.store[k], t])
    # a goal that counts all there is says both in one row: what is missing only takes the place of what could be
    whole = simple[aims.store] & (counted == (charge[aims.store] >= 0)).all(axis=1) & (aims.level <= a.most[aims.store])
    room = a.most - a.stored
    for goal in np.flatnonzero(whole).tolist():
        sheet.top(int(goal_rows[goal]), float(room[aims.store[goal]]))
    bounded = np.zeros(len(charge), dtype=bool)
    bounded[aims.store[whole]] = True
    left = np.flatnonzero(simple & ~bounded & ((a.charge_kw * gain).sum(axis=1) > room))
    rows = sheet.rows(len(left), high=room[left])
    r, t = np.nonzero(charge[left] >= 0)
    sheet.put(rows[r], charge[left[r], t], gain[left[r], t])


def _shelf(a: Arrays, sheet: Sheet, i: int, charge: Ints, discharge: Ints, stock: Ints) -> None:
    store = a.problem.stores[i]
    there = np.flatnonzero(a.present[i] > 0)
    if not len(there):
        return
    high = np.full(len(there), a.full[i])
    low = np.full(len(there), a.floor[i])
    high[-1] = a.most[i]
    if store.rest_price is None and not store.goals:
        low[-1] = a.stored[i]
    columns = sheet.columns(len(there), low=low, high=high)
    stock[i, there] = columns
    first = np.concatenate(([a.stored[i]], np.zeros(len(there) - 1)))
    rows = sheet.rows(len(there), low=first, high=first)
    sheet.put(rows, columns, 1.0)
    sheet.put(rows[1:], columns[:-1], -1.0)
    for field, factor in ((charge, -a.charge_efficiency[i]), (discharge, 1.0 / a.discharge_efficiency[i])):
        used = np.flatnonzero(field[i, there] >= 0)
        sheet.put(rows[used], field[i, there[used]], a.hours[there[used]] * factor)
    if store.taper is not None and store.full_wh > 0:
        # (5) charge <= a line that falls from the taper's beginning to full, at the mean of the stock before and after
        begin, top = store.taper * store.full_wh / 1000.0, store.full_wh / 1000.0
        most, end = store.charge_max_w / 1000.0, store.taper_end_w / 1000.0
        slope = max(most - end, 0.0) / (top - begin)
        used = np.flatnonzero(charge[i, there] >= 0)
        share = a.present[i, there[used]]
        edge = share * (most + slope * begin)
        edge[used == 0] -= share[used == 0] * slope / 2.0 * a.stored[i]
        # a store that is fuller than full takes nothing, which is no reason to have no plan
        if a.stored[i] > top:
            edge = np.maximum(edge, share * slope * a.stored[i] * np.where(used == 0, 0.5, 1.0))
        rows = sheet.rows(len(used), high=edge)
        sheet.put(rows, charge[i, there[used]], 1.0)
        sheet.put(rows, columns[used], share * slope / 2.0)
        sheet.put(rows[used > 0], columns[used[used > 0] - 1], (share * slope / 2.0)[used > 0])


def _aim_of_stock(a: Arrays, sheet: Sheet, k: int, stock: Ints, row: int) -> None:
    step, share, line = int(a.aims.step[k]), float(a.aims.share[k]), stock[a.aims.store[k]]
    before = np.flatnonzero(line[:step] >= 0)
    parts = [(line[before[-1]] if len(before) else -1, 1.0 - share if line[step] >= 0 else 1.0)]
    if line[step] >= 0:
        parts.append((line[step], share))
    given = sum(part for column, part in parts if column >= 0)
    for column, part in parts:
        if column >= 0 and part > 0:
            sheet.put(np.array([row]), np.array([column]), part)
    # the row was written for what comes on top of what is stored at the beginning; a stock counts from nothing
    sheet.bottom(row, float(a.aims.level[k]) - float(a.stored[a.aims.store[k]]) * (1.0 - given))


def _limits(a: Arrays, sheet: Sheet, charge: Ints, discharge: Ints, on: Ints, curtail: Ints, weight: float) -> tuple[LimitRows, ...]:
    """(6) what flows over each node, in sum and on each phase, on the bad side of the forecast."""
    found = []
    sure = _sure(a, sheet, curtail)
    for limit in node_limits(a):
        sign = limit.sign
        helps = limit.stores @ a.discharge_kw if sign > 0 else limit.stores @ a.charge_kw + limit.plants @ a.plant_share
        relief = limit.overload * (helps > 0) if limit.hard else np.zeros(a.steps)
        rows_wanted = np.flatnonzero(limit.binding | (relief > 0))
        if not len(rows_wanted):
            continue
        rows = _placed(sheet.rows(len(rows_wanted), high=(limit.room - relief)[rows_wanted]), rows_wanted, a.steps)
        weighted(sheet, rows, charge, limit.stores * sign)
        weighted(sheet, rows, discharge, limit.stores * -sign)
        weighted(sheet, rows, on, limit.plants * a.plant_kw * sign)
        weighted(sheet, rows, curtail, limit.curtailed * sign)
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
    sure = _field(sheet, low, np.zeros(low.shape))
    for g in np.flatnonzero(a.banded):
        there = np.flatnonzero(sure[g] >= 0)
        rows = sheet.rows(len(there), high=a.gen_likely[g, there])
        sheet.put(rows, sure[g, there], 1.0)
        sheet.put(rows, curtail[g, there], 1.0)
    return sure


def _own_use(a: Arrays, sheet: Sheet, charge: Ints, discharge: Ints, on: Ints, curtail: Ints) -> None:
    """(7) stores that may not charge from the grid take no more than is left over; those that may not feed in give no more than is used."""
    only_own = np.array([not store.from_grid for store in a.problem.stores], dtype=float)
    home = np.array([not store.to_grid for store in a.problem.stores], dtype=float)
    left, used = np.maximum(-a.base, 0.0), np.maximum(a.base, 0.0)
    steps = np.flatnonzero((only_own @ a.charge_kw > left) if len(only_own) else np.zeros(a.steps, dtype=bool))
    if len(steps):
        rows = _placed(sheet.rows(len(steps), high=left[steps]), steps, a.steps)
        weighted(sheet, rows, charge, only_own)
        weighted(sheet, rows, discharge, -np.ones(len(discharge)))
        weighted(sheet, np.where(a.base < 0, rows, -1), curtail, np.ones(len(curtail)))
    steps = np.flatnonzero((home @ a.discharge_kw > used) if len(home) else np.zeros(a.steps, dtype=bool))
    if len(steps):
        rows = _placed(sheet.rows(len(steps), high=used[steps]), steps, a.steps)
        weighted(sheet, rows, discharge, home)
        weighted(sheet, rows, charge, -np.ones(len(charge)))
        weighted(sheet, rows, on, -a.plant_kw)


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
