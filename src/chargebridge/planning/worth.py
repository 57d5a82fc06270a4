"""Dual values as prices: what one more kWh costs in each step, and what a little more of each constraint would save."""

import numpy as np

from chargebridge.planning.arrays import Arrays, Floats
from chargebridge.planning.exact import Solved
from chargebridge.planning.schedule import Worth

LEAST = 1e-6
"""Money below which a constraint is not worth naming."""


def step_prices(s: Solved, a: Arrays) -> Floats:
    """(T): money for one more kWh in each step at the grid connection; demand charges and stored energy in it, limits not."""
    dual = np.append(s.answer.row_dual, 0.0)[s.form.split] * s.money_scale  # no row, -1, no price
    price: Floats = s.form.linear + dual / a.hours
    return price


def store_prices(s: Solved, a: Arrays, price: Floats) -> Floats:
    """(S, T): the price at each store: of the step, and of every limit between it and the grid connection that binds."""
    found = np.tile(price, (len(a.stored), 1))
    for limit in s.form.limits:
        dual = -s.answer.row_dual[limit.rows] * s.money_scale / a.hours[limit.steps] * limit.sign
        below = a.store_below[limit.node].astype(float)
        if limit.kind[0] == "L":
            below = below * a.store_spread[:, int(limit.kind[1]) - 1]
        found[:, limit.steps] += np.outer(below, dual)
    return found


def worths(s: Solved, a: Arrays, price: Floats) -> tuple[Worth, ...]:
    """What a kW more of a limit for an hour, a kWh less of a goal, an hour more until departure, a kW of peak would save; the dearest first."""
    found = []
    for limit in s.form.limits:
        dual = np.abs(s.answer.row_dual[limit.rows]) * s.money_scale / a.hours[limit.steps]
        node = a.problem.nodes[limit.node].id
        found += [
            Worth(what=node, kind=limit.kind, per_unit=float(value), unit="kW for an hour", step=int(step))
            for value, step in zip(dual, limit.steps, strict=True)
            if value > LEAST
        ]
    at_store = store_prices(s, a, price)
    needs = s.answer.row_dual[s.form.goal_rows] * s.money_scale
    stores = a.problem.stores
    found += [
        Worth(what=stores[a.aims.store[k]].id, kind="goal", per_unit=float(needs[k]), unit="kWh", step=int(a.aims.step[k]))
        for k in np.flatnonzero(needs > LEAST)
    ]
    saved = _hour_more(a, np.bincount(a.aims.store, weights=needs, minlength=len(stores)).astype(float), at_store)
    found += [Worth(what=stores[i].id, kind="departure", per_unit=float(saved[i]), unit="hour") for i in np.flatnonzero(saved > LEAST)]
    for charge in s.form.charges:
        if s.x[charge.column] > LEAST:
            tariff = a.problem.prices.demand[charge.index]
            found.append(Worth(what="demand charge", kind="peak", per_unit=tariff.price_per_kw, unit="kW"))
    return tuple(sorted(found, key=lambda worth: -worth.per_unit))


def _hour_more(a: Arrays, value: Floats, price: Floats) -> Floats:
    """(S): by duality no departure an hour later saves more: full power in that hour, at what its energy is worth less what it costs there."""
    spans = np.diff(a.edges_s)
    there = a.present > 0
    last = a.steps - 1 - np.argmax(there[:, ::-1], axis=1)
    rows = np.arange(len(value))
    leaves = (a.edges_s[last] + a.present[rows, last] * spans[last]).reshape(-1, 1)
    hours = np.clip(np.minimum(a.edges_s[1:], leaves + 3600.0) - np.maximum(a.edges_s[:-1], leaves), 0.0, None) / 3600.0
    power = np.array([store.charge_max_w for store in a.problem.stores]) / 1000.0
    gain = np.maximum((value * a.charge_efficiency).reshape(-1, 1) - price, 0.0)
    return np.asarray(np.where(there.any(axis=1) & (value > LEAST), (gain * hours).sum(axis=1) * power, 0.0))
