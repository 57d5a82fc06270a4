"""What a plan costs, reckoned from its powers alone: the one measure by which plans of all solvers are compared."""

import numpy as np
from msgspec import Struct

from chargebridge.planning.arrays import Arrays, Floats
from chargebridge.planning.demand import windows


class Powers(Struct, frozen=True):
    """Means of each step. charge, discharge (S, T), curtail (G, T): kW, none negative. on (P, T): share of the step. single (S, T): what of the
    charging goes over the first phase alone."""

    charge: Floats
    single: Floats
    discharge: Floats
    on: Floats
    curtail: Floats


class Money(Struct, frozen=True):
    """energy: paid for import less what export earns. demand: for the peak above what was reached. wear: of what is given back.

    missing: what is missing of goals with a price cap, at their cap. stored: worth of what is stored at the end beyond the goals, or beyond
    what was there, at the rest price. total = energy + demand + wear + missing - stored.
    """

    energy: float
    demand: float
    wear: float
    missing: float
    stored: float

    @property
    def total(self) -> float:
        return self.energy + self.demand + self.wear + self.missing - self.stored


def grid_kw(a: Arrays, powers: Powers) -> Floats:
    """(T), kW: what flows over the grid connection when everything comes as likely; import positive."""
    plants = (powers.on * a.plant_kw.reshape(-1, 1)).sum(axis=0)
    net: Floats = a.base + powers.charge.sum(axis=0) - powers.discharge.sum(axis=0) + plants + powers.curtail.sum(axis=0)
    return net


def stock_kwh(a: Arrays, powers: Powers) -> Floats:
    """(S, T), kWh: what each store holds at the end of each step."""
    change = a.charge_efficiency.reshape(-1, 1) * powers.charge - powers.discharge / a.discharge_efficiency.reshape(-1, 1)
    stock: Floats = a.stored.reshape(-1, 1) + np.cumsum(change * a.hours, axis=1)
    return stock


def missing_kwh(a: Arrays, stock: Floats) -> Floats:
    """kWh missing of each goal (K)."""
    aims = a.aims
    before = np.where(aims.step > 0, stock[aims.store, aims.step - 1], a.stored[aims.store])
    have = before + aims.share * (stock[aims.store, aims.step] - before)
    return np.asarray(np.maximum(aims.level - have, 0.0))


def money(a: Arrays, powers: Powers) -> Money:
    grid = grid_kw(a, powers)
    stock = stock_kwh(a, powers)
    energy = float(np.where(grid > 0, a.import_price, a.export_price) @ (grid * a.hours))
    demand = 0.0
    for charge in a.problem.prices.demand:
        means = [float(shares @ np.maximum(grid[steps], 0.0)) + begun for steps, shares, begun in windows(a, charge)]
        demand += charge.price_per_kw * max(0.0, *means, charge.reached_w / 1000.0) - charge.price_per_kw * charge.reached_w / 1000.0
    wear = float(a.wear @ (powers.discharge @ a.hours)) if len(a.wear) else 0.0
    forgone = np.where(a.aims.capped, (a.aims.cap - a.rest[a.aims.store]) * a.aims.probability, 0.0)
    missing = float(forgone @ missing_kwh(a, stock))
    stored = float(a.rest @ (stock[:, -1] - a.wanted))
    return Money(energy=energy, demand=demand, wear=wear, missing=missing, stored=stored)
