"""The fleet solver: which of its two ways a fleet goes, and what comes out.

One place, or a few: the cars are summed up by window and answer to prices, `columns`. A tree of limits in which most cars share theirs
with few others: every car is a row of its own, `interior`.
"""

from typing import Protocol

import numpy as np
from msgspec import Struct

from chargebridge.planning.arrays import Floats, Ints
from chargebridge.planning.exact import powers_of
from chargebridge.planning.fleet import interior
from chargebridge.planning.fleet.cars import Fleet, check_fleet
from chargebridge.planning.fleet.coarse import coarse_prices
from chargebridge.planning.fleet.columns import load, mix, run, turnover
from chargebridge.planning.fleet.crowd import Account, Crowd, chosen, gather, settle
from chargebridge.planning.fleet.grow import grow, rooms, without
from chargebridge.planning.fleet.share import Plans
from chargebridge.planning.fleet.site import Site, draw_up, node_prices, places_of
from chargebridge.planning.fleet.tree import Tree
from chargebridge.planning.fleet.windows import Windows
from chargebridge.planning.lp import GOAL
from chargebridge.planning.money import Powers, grid_kw, money
from chargebridge.planning.problem import Horizon

PLACES = 6
"""More sets of limits than these are planned as a tree."""
GROUPS = 20
ENOUGH = 3.0
"""What needed energy is worth at first, in terms of the highest price. Where it turns out that some is missing, it is worth more and
comes in quarters."""
CHUNK = 20000
NOTHING = 1e-5
"""The share of all energy whose lack is a tolerance and nobody's loss."""


class Drawn(Protocol):
    """Energy of some of a crowd's cars, kWh (cars, T)."""

    def energy(self, cars: Ints) -> Floats: ...


class Whole:
    """Energy that is all there."""

    def __init__(self, energy: Floats) -> None:
        self._energy = energy

    def energy(self, cars: Ints) -> Floats:
        return np.asarray(self._energy[cars])


class FleetSchedule(Struct, frozen=True, kw_only=True):
    """cost: money over the horizon as `money.Money` has it, with the cars' worth of what they have beyond their need. bound: no plan that
    misses as little costs less. turnover: money that passes the grid connection, whichever way; the measure of the gap.

    price_per_kwh (nodes, T): what a car at each node should see, to be sent to sites. grid_w (T): import positive. missing_wh (N): needed
    energy that cars do not get, in their own measure; not for those with a price cap. way: columns or tree. rest: what batteries, plants
    and PV do, after `planning.arrays`; its stores begin with the property's own.
    """

    horizon: Horizon
    cost: float
    bound: float
    turnover: float
    iterations: int
    way: str
    price_per_kwh: Floats
    grid_w: Floats
    missing_wh: Floats
    rest: Powers
    cars: int
    crowd: Crowd
    drawn: Drawn

    @property
    def gap(self) -> float:
        return (self.cost - self.bound) / self.turnover

    def power_w(self, begin: int = 0, end: int | None = None) -> Floats:
        """(cars, T): the mean power of the fleet's cars from begin to end in each step. A million cars do not fit into memory at once."""
        end = self.cars if end is None else min(end, self.cars)
        found = np.zeros((max(end - begin, 0), len(self.crowd.hours)))
        mine = np.flatnonzero((self.crowd.index >= begin) & (self.crowd.index < end))
        found[self.crowd.index[mine] - begin] = self.drawn.energy(mine) / self.crowd.hours * 1000.0
        return found


def plan_cars(fleet: Fleet, gap: float = 1e-4, budget_s: float = 20.0) -> FleetSchedule:
    """The cheapest plan of a fleet, to within the gap. ProblemError for what cannot be meant; what cannot be had is named, not refused.

    gap: of the turnover. budget_s: roughly the solver's time; when it is over the best so far is returned, with its gap.
    """
    check_fleet(fleet)
    if len(places_of(fleet)[1]) > PLACES:
        room = rooms(fleet)
        if (room[:, 0] >= 0).any():
            return _by_tree(fleet, without(fleet, room), room, gap, budget_s)
    return _by_columns(fleet, gap, budget_s)


def _by_columns(fleet: Fleet, gap: float, budget_s: float) -> FleetSchedule:
    site = draw_up(fleet)
    price = coarse_prices(fleet, lambda small: _by_columns(small, max(gap, 1e-4), budget_s / 4), site)
    iterations = 0
    for quarters in (False, True):
        # one slice first: only where energy is missing does its order matter
        crowd = gather(fleet, site.place, site.places, needed=site.weight * GOAL, quarters=quarters)
        if not len(crowd.power):
            return _without_cars(fleet, site, crowd)
        group, place = _groups(crowd)
        most = max(1.01 * float(crowd.values.max(initial=0.0)), site.weight * ENOUGH)
        found = mix(
            site, Windows(crowd, group, len(place)), place, gap=gap, budget_s=budget_s, price=price, most=most, price_of_need=quarters
        )
        iterations += found.iterations
        drawn = Plans(crowd, group, found)
        account = Account(missing=np.zeros(len(crowd.power)), money=found.cars_cost)
        if found.short:
            account = settle(crowd, totals(drawn, len(crowd.power)), site.weight * 2)
        if account.missing.sum() <= NOTHING * crowd.sizes.sum():
            break
        price = found.price
    return _schedule(
        fleet,
        site,
        crowd,
        drawn,
        account,
        found.x,
        found.energy,
        found.cost,
        found.bound,
        found.price,
        site.place.max(axis=1),
        iterations,
        "columns",
    )


def _twist(site: Site) -> float:
    """Money that the programme may have missed in steps in which exporting pays more than importing costs, where it reckons with the lower price."""
    a, steps = site.a, site.form.twisted
    most = np.maximum(a.discharge_kw.sum(axis=0) - a.base, 0.0)[steps]
    return float(((a.export_price - a.import_price) * a.hours)[steps] @ most)


def totals(drawn: Drawn, count: int) -> Floats:
    """(N): kWh of each car."""
    parts = [drawn.energy(np.arange(begin, min(begin + CHUNK, count))).sum(axis=1) for begin in range(0, count, CHUNK)]
    return np.concatenate(parts) if parts else np.zeros(0)


def _groups(crowd: Crowd) -> tuple[Ints, Ints]:
    """Of each car its group, by place and departure; of each group its place."""
    each = max(3, GROUPS // max(crowd.places, 1))
    group = crowd.place * each + crowd.last * each // len(crowd.hours)
    return group, np.repeat(np.arange(crowd.places), each)


def _by_tree(fleet: Fleet, above: Fleet, room: Floats, gap: float, budget_s: float) -> FleetSchedule:
    site = draw_up(above)
    spent = 0
    for quarters, needed in ((False, ENOUGH), (True, GOAL)):
        crowd = gather(above, site.place, site.places, needed=site.weight * needed, quarters=quarters)
        if not len(crowd.power):
            return _without_cars(fleet, site, crowd)
        present = interior.presence(crowd)
        tree, order, at = grow(above, room, crowd, present / crowd.hours)
        crowd = chosen(crowd, order)
        bill = float(
            (np.abs(site.a.import_price) * site.a.hours) @ (np.abs(site.a.base) + 0.25 * site.a.charge_kw[site.stores :].sum(axis=0))
        )
        found = interior.solve(site, crowd, tree, gap=gap / 2, turnover=0.5 * bill, budget_s=budget_s)
        spent += found.iterations
        energy = _inside(found.energy, crowd, tree, present[order])
        account = settle(crowd, energy.sum(axis=1), site.weight * 2)
        if account.missing.sum() <= NOTHING * crowd.sizes.sum():
            break
    flow = np.array([energy[crowd.place == p].sum(axis=0) for p in range(site.places)])
    drawn = Whole(energy)
    return _schedule(fleet, site, crowd, drawn, account, found.x, flow, found.cost, found.bound, found.price, at, spent, "tree")


def _inside(energy: Floats, crowd: Crowd, tree: Tree, present: Floats) -> Floats:
    """What the method's tolerances leave over a limit is taken back, in equal shares."""
    energy = np.minimum(energy, present)
    energy *= np.minimum(1.0, crowd.sizes.sum(axis=0) / np.maximum(energy.sum(axis=1), 1e-12))[:, None]
    count = len(tree.above)
    size = np.diff(tree.first)
    room = tree.room * crowd.hours
    node = np.repeat(np.arange(count + tree.places), size)
    load = np.zeros((count + tree.places, energy.shape[1]))
    np.add.at(load, node, energy)
    share = np.ones_like(load)
    for k in range(count - 1, -1, -1):
        share[k] = np.minimum(1.0, room[k] / np.maximum(load[k], 1e-12))
        load[tree.above[k]] += load[k] * share[k]
    for k in range(count):
        share[k] *= share[tree.above[k]]
    return np.asarray(energy * share[node])


def _without_cars(fleet: Fleet, site: Site, crowd: Crowd) -> FleetSchedule:
    x, cost = run(load(site.programme, site.scale))
    x *= site.scale
    none = Account(missing=np.zeros(0), money=0.0)
    nowhere = np.full(len(fleet.property.nodes), -1)
    drawn = Whole(np.zeros((0, site.a.steps)))
    flow = np.zeros((site.places, site.a.steps))
    return _schedule(fleet, site, crowd, drawn, none, x, flow, cost * site.scale, cost * site.scale, flow, nowhere, 0, "columns")


def _schedule(
    fleet: Fleet,
    site: Site,
    crowd: Crowd,
    drawn: Drawn,
    account: Account,
    x: Floats,
    flow: Floats,
    solved: float,
    bound: float,
    price: Floats,
    at: Ints,
    iterations: int,
    way: str,
) -> FleetSchedule:
    powers = powers_of(site.form, site.a, x)
    powers.charge[site.stores :] = flow / site.a.hours
    grid = grid_kw(site.a, powers)
    spent = money(site.a, powers)
    cost = spent.total + account.money
    # needed energy of cars that no car could ever take in its time is missing whatever is planned
    efficiency = fleet.cars.column("efficiency", 1.0)
    missing = np.asarray(fleet.cars.least_wh, dtype=float).copy()
    missing[~np.isinf(fleet.cars.column("least_price", np.inf))] = 0.0
    open_end = crowd.owed[:, None] & (crowd.values > site.weight * 2)
    missing[crowd.index] -= np.where(open_end, crowd.sizes, 0.0).sum(axis=0) * efficiency[crowd.index] * 1000.0
    missing = np.where(missing > 1e-6 * np.maximum(fleet.cars.least_wh, 1.0), missing, 0.0)
    missing[crowd.index] += account.missing * efficiency[crowd.index] * 1000.0
    return FleetSchedule(
        horizon=fleet.property.horizon,
        cost=cost,
        bound=min(cost, bound - (solved - cost) - _twist(site)),
        turnover=turnover(site, x),
        iterations=iterations,
        way=way,
        price_per_kwh=node_prices(fleet, price, at, np.where(grid < 0, site.a.export_price, site.a.import_price)),
        grid_w=grid * 1000.0,
        missing_wh=missing,
        rest=powers,
        cars=len(fleet.cars),
        crowd=crowd,
        drawn=drawn,
    )
