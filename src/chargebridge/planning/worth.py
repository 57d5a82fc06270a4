"""Dual values as prices: what one more kWh costs in each step, and what a little more of each constraint would save."""

import numpy as np

from chargebridge.planning.arrays import Arrays, Floats
from chargebridge.planning.exact import Solved
from chargebridge.planning.schedule import Worth

LEAST = 1e-6
"""Money below which a constraint is not worth naming."""


def step_prices(s: Solved, a: Arrays) -> Floats:
    """(T): money for one more kWh in each step at the grid connection; demand charges and stored energy in it, limits not."""
    dual = np.where(s.form.split >= 0, s.answer.row_dual[s.form.split], 0.0) * s.money_scale
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
    marginal: dict[int, float] = {}
    for short in s.form.shorts:
        need = float(s.answer.row_dual[short.row]) * s.money_scale
        marginal[short.aim.store] = marginal.get(short.aim.store, 0.0) + need
        if need > LEAST:
            name = a.problem.stores[short.aim.store].id
            found.append(Worth(what=name, kind="goal", per_unit=need, unit="kWh", step=short.aim.step))
    for i, value in marginal.items():
        saved = _hour_more(a, i, value, at_store[i])
        if saved > LEAST:
            found.append(Worth(what=a.problem.stores[i].id, kind="departure", per_unit=saved, unit="hour"))
    for charge in s.form.charges:
        if s.x[charge.column] > LEAST:
            tariff = a.problem.prices.demand[charge.index]
            found.append(Worth(what="demand charge", kind="peak", per_unit=tariff.price_per_kw, unit="kW"))
    return tuple(sorted(found, key=lambda worth: -worth.per_unit))


def _hour_more(a: Arrays, i: int, value: float, price: Floats) -> float:
    """By duality no later departure saves more than this: full power in the next hour, at what its energy is worth less what it costs there."""
    there = np.flatnonzero(a.present[i] > 0)
    if not len(there) or a.aims[i] == ():
        return 0.0
    leaves = float(a.edges_s[there[-1]] + a.present[i, there[-1]] * (a.edges_s[there[-1] + 1] - a.edges_s[there[-1]]))
    begins, ends = np.maximum(a.edges_s[:-1], leaves), np.minimum(a.edges_s[1:], leaves + 3600.0)
    hours = np.clip(ends - begins, 0.0, None) / 3600.0
    power = a.problem.stores[i].charge_max_w / 1000.0
    return float(np.maximum(value * a.charge_efficiency[i] - price, 0.0) @ hours * power)
