"""Energy in the linear programme: what is in each store, and what is missing of its goals. Numbers of equations as in `docs/planning.md`."""

import numpy as np

from chargebridge.planning.arrays import Arrays, Flags, Ints
from chargebridge.planning.flow import Flow
from chargebridge.planning.highs import INFINITY, Sheet
from chargebridge.planning.weights import GOAL

QUARTERS = 4


def store_energy(a: Arrays, sheet: Sheet, flow: Flow, weight: float) -> tuple[Ints, Ints, Ints]:
    """(3) columns (S, T) of the stock, -1 where there is none; columns (K, 4) and rows (K) of the goals.

    Stores that only take need one row a goal; those that give back or taper need their stock in every step.
    """
    stock = np.full(flow.charge.shape, -1)
    shelves = (a.discharge_kw.max(axis=1, initial=0.0) > 0) | (a.now_kw.max(axis=1, initial=0.0) > 0)
    shelves = shelves | np.array([store.taper is not None for store in a.problem.stores], dtype=bool)
    short, rows = _goals(a, sheet, weight)
    _sums(a, sheet, flow, ~shelves, rows)
    for i in np.flatnonzero(shelves).tolist():
        _shelf(a, sheet, i, flow, stock)
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


def _sums(a: Arrays, sheet: Sheet, flow: Flow, simple: Flags, goal_rows: Ints) -> None:
    """Energy of stores that only take: what was charged until each goal, and in all no more than fits."""
    aims = a.aims
    gain = a.charge_efficiency.reshape(-1, 1) * a.hours
    there = flow.charge >= 0
    counted = aims.weights(a.steps) * there[aims.store] * simple[aims.store].reshape(-1, 1)
    k, t = np.nonzero(counted)
    for field in (flow.charge, flow.single):
        columns = field[aims.store[k], t]
        known = columns >= 0
        sheet.put(goal_rows[k[known]], columns[known], (counted[k, t] * gain[aims.store[k], t])[known])
    # a goal that counts all there is says both in one row: what is missing only takes the place of what could be
    whole = simple[aims.store] & (counted == there[aims.store]).all(axis=1) & (aims.level <= a.most[aims.store])
    room = a.most - a.stored
    for goal in np.flatnonzero(whole).tolist():
        sheet.top(int(goal_rows[goal]), float(room[aims.store[goal]]))
    bounded = np.zeros(len(there), dtype=bool)
    bounded[aims.store[whole]] = True
    left = np.flatnonzero(simple & ~bounded & ((a.charge_kw * gain).sum(axis=1) > room))
    rows = sheet.rows(len(left), high=room[left])
    for field in (flow.charge, flow.single):
        r, t = np.nonzero(field[left] >= 0)
        sheet.put(rows[r], field[left[r], t], gain[left[r], t])


def _shelf(a: Arrays, sheet: Sheet, i: int, flow: Flow, stock: Ints) -> None:
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
    taken, given = -a.charge_efficiency[i], 1.0 / a.discharge_efficiency[i]
    for field, factor in ((flow.charge, taken), (flow.single, taken), (flow.discharge, given)):
        used = np.flatnonzero(field[i, there] >= 0)
        sheet.put(rows[used], field[i, there[used]], a.hours[there[used]] * factor)
    if store.taper is not None and store.full_wh > 0:
        # (5) charge <= a line that falls from the taper's beginning to full, at the mean of the stock before and after
        begin, top = store.taper * store.full_wh / 1000.0, store.full_wh / 1000.0
        most, end = store.charge_max_w / 1000.0, store.taper_end_w / 1000.0
        slope = max(most - end, 0.0) / (top - begin)
        used = np.flatnonzero(flow.charge[i, there] >= 0)
        share = a.present[i, there[used]]
        edge = share * (most + slope * begin)
        edge[used == 0] -= share[used == 0] * slope / 2.0 * a.stored[i]
        # a store that is fuller than full takes nothing, which is no reason to have no plan
        if a.stored[i] > top:
            edge = np.maximum(edge, share * slope * a.stored[i] * np.where(used == 0, 0.5, 1.0))
        rows = sheet.rows(len(used), high=edge)
        sheet.put(rows, flow.charge[i, there[used]], 1.0)
        both = flow.single[i, there[used]] >= 0
        sheet.put(rows[both], flow.single[i, there[used[both]]], 1.0)
        sheet.put(rows, columns[used], share * slope / 2.0)
        sheet.put(rows[used > 0], columns[used[used > 0] - 1], (share * slope / 2.0)[used > 0])


def charge_now(a: Arrays, sheet: Sheet, flow: Flow, stock: Ints, weight: float) -> tuple[Ints, Ints]:
    """(10) what charges whatever it costs: charge + behind >= now . (1 - full), stock >= floor + full . (what it can hold - floor).

    Columns (S, T) of full, which is 0 or 1 (`whole`), and of behind, kW.
    """
    full, behind = np.full(stock.shape, -1), np.full(stock.shape, -1)
    i, t = np.nonzero((a.now_kw > 0) & (flow.charge >= 0))
    if len(i):
        full[i, t] = sheet.columns(len(i), high=1.0)
        behind[i, t] = sheet.columns(len(i), cost=weight * GOAL * a.hours[t])
        rows = sheet.rows(len(i), low=a.now_kw[i, t])
        sheet.put(rows, flow.charge[i, t], 1.0)
        sheet.put(rows, behind[i, t], 1.0)
        sheet.put(rows, full[i, t], a.now_kw[i, t])
        single = flow.single[i, t] >= 0
        sheet.put(rows[single], flow.single[i, t][single], 1.0)
        rows = sheet.rows(len(i), low=a.floor[i])
        sheet.put(rows, stock[i, t], 1.0)
        sheet.put(rows, full[i, t], a.floor[i] - a.most[i])
    return full, behind


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
