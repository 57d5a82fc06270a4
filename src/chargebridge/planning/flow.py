"""Columns of what flows: the choices of the linear programme."""

import numpy as np
from msgspec import Struct

from chargebridge.planning.arrays import Arrays, Floats, Ints
from chargebridge.planning.highs import Sheet


class Flow(Struct, frozen=True):
    """Columns, -1 where there is none. charge, discharge (S, T), kW; single (S, T), kW: charging on the first of its phases alone, besides charge;
    on (P, T): share of the step; curtail (G, T), kW."""

    charge: Ints
    single: Ints
    discharge: Ints
    on: Ints
    curtail: Ints


def flows(a: Arrays, sheet: Sheet, linear: Floats) -> Flow:
    """Columns at ``linear`` (T), what a kWh costs in each step."""
    worth = (a.rest * a.charge_efficiency).reshape(-1, 1)
    given = (a.rest / a.discharge_efficiency + a.wear).reshape(-1, 1)
    down = np.where(a.curtailable.reshape(-1, 1), a.gen_likely, 0.0)
    flow = Flow(
        charge=field(sheet, a.charge_kw, (linear - worth) * a.hours),
        single=field(sheet, a.single_kw, (linear - worth) * a.hours),
        discharge=field(sheet, a.discharge_kw, (given - linear) * a.hours),
        on=field(sheet, a.plant_share, a.plant_kw.reshape(-1, 1) * linear * a.hours),
        curtail=field(sheet, down, np.broadcast_to(linear * a.hours, down.shape)),
    )
    i, t = np.nonzero(flow.single >= 0)
    if len(i):
        # one phase or all of them: the shares of the step add up to one at most
        rows = sheet.rows(len(i), high=1.0)
        sheet.put(rows, flow.charge[i, t], 1.0 / a.charge_kw[i, t])
        sheet.put(rows, flow.single[i, t], 1.0 / a.single_kw[i, t])
    return flow


def field(sheet: Sheet, most: Floats, cost: Floats) -> Ints:
    """Columns from 0 to ``most`` where that is above 0, -1 elsewhere."""
    found = np.full(most.shape, -1)
    where = most > 0
    if where.any():
        found[where] = sheet.columns(int(where.sum()), high=most[where], cost=cost[where])
    return found


def net(a: Arrays, sheet: Sheet, rows: Ints, flow: Flow, sign: float) -> None:
    """Put what is planned, all over the property, into one row a step."""
    stores = np.full(len(flow.charge), sign)
    weighted(sheet, rows, flow.charge, stores)
    weighted(sheet, rows, flow.single, stores)
    weighted(sheet, rows, flow.discharge, -stores)
    weighted(sheet, rows, flow.on, a.plant_kw * sign)
    weighted(sheet, rows, flow.curtail, np.full(len(flow.curtail), sign))


def weighted(sheet: Sheet, rows: Ints, columns: Ints, factors: Floats) -> None:
    """Put ``columns`` (things, T) into ``rows`` (T), each thing with its factor."""
    chosen = np.flatnonzero(factors)
    if not len(chosen):
        return
    part = columns[chosen]
    things, steps = np.nonzero((part >= 0) & (rows >= 0))
    sheet.put(rows[steps], part[things, steps], factors[chosen][things])


def placed(found: Ints, where: Ints, count: int) -> Ints:
    """Columns or rows found for some steps, -1 for the others."""
    every = np.full(count, -1)
    every[where] = found
    return every
