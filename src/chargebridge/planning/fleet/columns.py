"""The cheapest mixture of what the cars answer to prices: Dantzig-Wolfe decomposition.

A master programme holds the site and, of each group of cars, the answers to all prices asked so far; it mixes them and says at which
prices it would like another answer. The cars' answer to any price is also a bound: site and cars, each at its best for itself, cost no
more together than any plan.

Prices are asked between the master's and the best known (Wentges' smoothing), which keeps them from swinging. Each is answered twice:
exactly, and spread evenly over steps of nearly the same price; the second kind fits under limits.
"""

from typing import Any

import highspy
import numpy as np
from msgspec import Struct

from chargebridge.planning.arrays import Floats, Ints
from chargebridge.planning.exact import powers_of
from chargebridge.planning.fleet.site import Site
from chargebridge.planning.fleet.windows import Offer, Response, Windows
from chargebridge.planning.highs import INFINITY, Programme, SolverError
from chargebridge.planning.money import grid_kw

TRUST = 0.5
"""How far from the best prices known, towards the master's, the next are asked; less after answers that raised no bound."""
ROUNDS = 500
ENTRY_S = 2e-8
"""What one entry of the tables takes in one answer; only to keep to a budget without a clock."""


class Mixture(Struct, frozen=True):
    """weights (G, offers): the share of each group's cars that follow each offer; what is missing to 1 does nothing. x: of the site's
    columns.

    energy (places, T): kWh of the cars. cars_cost: what they miss, less the worth of what they have beyond. short: prices went towards
    that of needed energy, so some of it may be missing. bound: of cost, which has the cars' missing and worth in it. price: at which the
    bound was found.
    """

    offers: tuple[Offer, ...]
    weights: Floats
    x: Floats
    energy: Floats
    cars_cost: float
    short: bool
    cost: float
    bound: float
    turnover: float
    price: Floats
    iterations: int

    @property
    def gap(self) -> float:
        return (self.cost - self.bound) / self.turnover


def turnover(site: Site, x: Floats) -> float:
    """Money that passes the grid connection in either direction, whatever its sign: what gaps are measured by, where a bill may be near
    0."""
    flow = grid_kw(site.a, powers_of(site.form, site.a, x)) * site.a.hours
    price = np.where(flow > 0, np.abs(site.a.import_price), np.abs(site.a.export_price))
    return float(np.abs(flow) @ price) + 1e-9


class _Master:
    """Site, link rows (places x T): hours . flow + lent - cars = 0, and one row a group: shares add up to 1."""

    def __init__(self, site: Site, groups: int, place: Ints, idle: Floats, top: float) -> None:
        self.site, self.groups = site, groups
        p, self.scale = site.programme, site.scale
        self.width, self.height = len(p.cost), len(p.row_low)
        steps = len(site.a.hours)
        self.links = self.height + np.arange(site.places * steps)
        self.shares = self.links[-1] + 1 + np.arange(groups)
        self.highs = load(p, self.scale)
        places, at = np.nonzero(site.flow >= 0)
        self._rows(len(self.links), 0.0, self.links[places * steps + at] - self.height, site.flow[places, at], site.a.hours[at])
        self._rows(groups, 1.0, np.zeros(0, dtype=int), np.zeros(0, dtype=int), np.zeros(0))
        self.lent = self.width + np.arange(len(self.links))
        self._columns(np.full(len(self.links), top), self.links.reshape(-1, 1), np.ones((len(self.links), 1)))
        self._columns(idle / self.scale, self.shares.reshape(-1, 1), np.ones((groups, 1)))
        self.place = place

    def _rows(self, count: int, value: float, rows: Ints, columns: Ints, values: Floats) -> None:
        order = np.argsort(rows, kind="stable")
        starts = np.searchsorted(rows[order], np.arange(count)).astype(np.int32)
        self.highs.addRows(
            count, np.full(count, value), np.full(count, value), len(rows), starts, columns[order].astype(np.int32), values[order]
        )

    def _columns(self, cost: Floats, rows: Ints, values: Floats) -> None:
        count = len(cost)
        keep = values != 0
        starts = np.concatenate(([0], np.cumsum(keep.sum(axis=1))[:-1])).astype(np.int32)
        self.highs.addCols(
            count, cost, np.zeros(count), np.full(count, INFINITY), int(keep.sum()), starts, rows[keep].astype(np.int32), values[keep]
        )

    def add(self, answer: Response) -> None:
        steps = answer.energy.shape[1]
        rows = self.links[0] + self.place.reshape(-1, 1) * steps + np.arange(steps)
        self._columns(
            answer.cost / self.scale, np.concatenate((rows, self.shares.reshape(-1, 1)), axis=1),
            np.concatenate((-answer.energy / self.scale, np.ones((self.groups, 1))), axis=1),
        )  # fmt: skip

    def top(self, price: float) -> None:
        self.highs.changeColsCost(len(self.lent), self.lent.astype(np.int32), np.full(len(self.lent), price))

    def shut(self) -> None:
        none = np.zeros(len(self.lent))
        self.highs.changeColsBounds(len(self.lent), self.lent.astype(np.int32), none, none)

    def solve(self) -> tuple[Floats, Floats, float]:
        x, cost = run(self.highs)
        dual = np.array(self.highs.getSolution().row_dual)
        x[: self.lent[-1] + 1] *= self.scale
        return x, dual[self.links].reshape(self.site.places, -1), cost * self.scale


def load(p: Programme, scale: float) -> Any:
    """The programme in HiGHS with all amounts divided by the scale, so that they are not far from one."""
    highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    for name, value in (("output_flag", False), ("threads", 1), ("random_seed", 0)):
        highs.setOptionValue(name, value)
    highs.passModel(
        len(p.cost), len(p.row_low), len(p.values), int(highspy.MatrixFormat.kRowwise), int(highspy.ObjSense.kMinimize), 0.0,
        p.cost, p.low / scale, p.high / scale,
        p.row_low / scale, p.row_high / scale, p.starts.astype(np.int32), p.columns.astype(np.int32), p.values, np.zeros(len(p.cost),
        dtype=np.int32), )  # fmt: skip
    return highs


def run(highs: Any) -> tuple[Floats, float]:
    highs.run()
    if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        raise SolverError(f"HiGHS says {highs.modelStatusToString(highs.getModelStatus())!r}")
    return np.array(highs.getSolution().col_value), float(highs.getInfo().objective_function_value)


class _Alone:
    """The site for itself, paid for what it lets the cars draw."""

    def __init__(self, site: Site) -> None:
        self.site, self.highs = site, load(site.programme, site.scale)
        self.places, self.at = np.nonzero(site.flow >= 0)
        self.columns = site.flow[self.places, self.at]

    def best(self, price: Floats) -> float:
        cost = self.site.programme.cost.copy()
        cost[self.columns] -= price[self.places, self.at] * self.site.a.hours[self.at]
        self.highs.changeColsCost(len(cost), np.arange(len(cost), dtype=np.int32), cost)
        return run(self.highs)[1] * self.site.scale


def mix(
    site: Site,
    windows: Windows,
    place: Ints,
    *,
    gap: float,
    budget_s: float,
    price: Floats | None = None,
    most: float = INFINITY,
    price_of_need: bool = False,
) -> Mixture:
    """place (G): of each group. price: to begin with. most: above all that anything is worth; prices go there only if they must, or from
    the beginning (price_of_need)."""
    steps = len(site.a.hours)
    prices = site.a.import_price
    usual = 3.0 * float(max(np.abs(prices).max(), np.abs(site.a.export_price).max(), 1e-3))
    top = most if price_of_need else min(usual, most)
    nothing = windows.respond(np.full((site.places, steps), most * 2))
    master = _Master(site, windows.groups, place, nothing.cost, top)
    alone = _Alone(site)
    asked = np.broadcast_to(prices, (site.places, steps)).copy() if price is None else price
    offers: list[Offer] = []
    costs = [nothing.cost]
    best, best_price, spread, trust, count, spent = -INFINITY, asked, 0.02 * usual, 1.0, 0, 0.0
    found: tuple[Floats, float, float] | None = None
    while True:
        count += 1
        asked = np.minimum(asked, top)
        answer = windows.respond(asked)
        bound = alone.best(asked) + float((answer.energy * asked[place]).sum() + answer.cost.sum()) - answer.loss
        if bound > best:
            best, best_price = bound, asked
            trust = min(1.0, trust * 1.3)
        else:
            trust = max(TRUST, trust * 0.7)
        master.add(answer)
        costs.append(answer.cost)
        offers.append(Offer(price=asked, spread=0.0))
        if spread:
            even = windows.respond(asked, spread)
            master.add(even)
            costs.append(even.cost)
            offers.append(Offer(price=asked, spread=spread))
            spread = max(spread * 0.8, 1e-5 * usual)
        x, dual, cost = master.solve()
        lent = x[master.lent].sum()
        money = turnover(site, x[: master.width])
        if count >= ROUNDS:
            budget_s = 0.0
        spent = master.highs.getRunTime() + alone.highs.getRunTime() + count * windows.entries * ENTRY_S * 2
        tight = cost - best <= gap * money
        if lent > 1e-9 * max(1.0, float(answer.energy.sum())) and (tight or spent > budget_s) and top < most:
            # the cars cannot be served at usual prices
            top = min(top * 10.0, most)
            master.top(top)
            x, dual, cost = master.solve()
            lent, tight = x[master.lent].sum(), False
        found = (x, cost, money)
        if (tight or spent > budget_s) and (top >= most or lent <= 1e-9 * max(1.0, float(answer.energy.sum()))):
            break
        asked = dual if count <= 2 else best_price + trust * (dual - best_price)
    x, cost, money = found
    if x[master.lent].any():
        # stopped while some was lent, or by tolerances: only what is there counts
        master.shut()
        x, _, cost = master.solve()
        money = turnover(site, x[: master.width])
    shares = np.maximum(x[master.lent[-1] + 1 :].reshape(-1, windows.groups), 0.0)
    shares /= shares.sum(axis=0)
    flow = np.where(site.flow >= 0, x[np.maximum(site.flow, 0)], 0.0) * site.a.hours
    return Mixture(
        offers=tuple(offers),
        weights=shares[1:].T,
        x=x[: master.width],
        energy=flow,
        cars_cost=float((shares * np.array(costs)).sum()),
        short=top > usual,
        cost=cost,
        bound=min(best, cost),
        turnover=money,
        price=best_price,
        iterations=count,
    )
