"""Cars under a tree of limits: a primal-dual interior point method (Mehrotra's predictor and corrector) whose equations fall apart along
the tree.

Rows: of each car, energy drawn = slices filled; of each node and step, cars + headroom left = headroom; of each place and step, cars =
flow of the site's programme; and that programme's own. All variables have bounds, so any prices give a lower bound.
"""

import numpy as np
from msgspec import Struct

from chargebridge.planning.arrays import Floats, Ints
from chargebridge.planning.fleet.crowd import Crowd
from chargebridge.planning.fleet.site import Site
from chargebridge.planning.fleet.tree import Elimination, Tree

STEP = 0.995
STUCK = 1e-5
"""Shorter steps lead nowhere: rounding has the last word."""
LAST = 80
ENTRY_S = 3e-7
"""What one step takes for each car and step of the horizon; only to keep to a budget without a clock."""


class Solution(Struct, frozen=True):
    """energy (N, T), kWh, of the cars in the crowd's order; x: the site's columns; price (K + places, T): what cars at each node and
    place see.
    astray: by how much rows are missed, as a share of what they are about."""

    energy: Floats
    x: Floats
    price: Floats
    cost: float
    bound: float
    astray: float
    iterations: int


class _Box:
    """Variables between 0 and u: values x, room to u w, multipliers of both bounds. Where u is 0 nothing happens."""

    def __init__(self, u: Floats, cost: Floats) -> None:
        self.live = u > 0
        self.u = np.where(self.live, u, 1.0)
        self.cost = np.where(self.live, cost, 0.0)
        self.count = int(self.live.sum())
        self.size = float(np.median(self.u[self.live])) if self.count else 1.0
        self.weight = 1.0
        self.dx = self.dlow = self.dhigh = np.zeros(0)

    def start(self, paid: Floats, product: float) -> None:
        """Where x low = w high = product and cost - paid = low - high: the middle of the way that these prices allow."""
        reduced = np.where(self.live, self.cost - paid, 0.0)
        product *= self.weight
        ease = product / np.maximum(np.abs(reduced), 1e-9)
        near = self.u * ease / (self.u / 2 + ease + np.hypot(self.u / 2, ease))
        self.x = np.where(reduced >= 0, near, self.u - near)
        self.w = np.where(reduced >= 0, self.u - near, near)
        self.low = np.where(self.live, product / self.x, 0.0)
        self.high = np.where(self.live, product / self.w, 0.0)

    def weigh(self) -> Floats:
        self.theta = self.live / np.where(self.live, self.low / self.x + self.high / self.w, 1.0)
        return self.theta

    def aim(self, centre: float, second: bool) -> Floats:
        """Where the products of values and multipliers are to go; the part of the step that does not depend on prices."""
        centre *= self.weight
        self.to_low = centre - self.x * self.low
        self.to_high = centre - self.w * self.high
        if second:
            self.to_low -= self.dx * self.dlow
            self.to_high += self.dx * self.dhigh
        self.to_low *= self.live
        self.to_high *= self.live
        self.fixed = self.theta * (self.to_low / self.x - self.to_high / self.w)
        return self.fixed

    def move(self, paid: Floats) -> None:
        self.dx = self.theta * paid + self.fixed
        self.dlow = (self.to_low - self.low * self.dx) / self.x
        self.dhigh = (self.to_high + self.high * self.dx) / self.w

    def product(self) -> float:
        return float(np.vdot(self.x, self.low) + np.vdot(self.w, self.high))

    def reach(self) -> tuple[float, float]:
        """How far values and multipliers may go, at most 1."""
        primal = max(1.0, float((-self.dx / self.x).max(initial=0.0)), float((self.dx / self.w).max(initial=0.0)))
        low = np.divide(-self.dlow, self.low, out=np.zeros_like(self.low), where=self.live)
        high = np.divide(-self.dhigh, self.high, out=np.zeros_like(self.high), where=self.live)
        return 1.0 / primal, 1.0 / max(1.0, float(low.max(initial=0.0)), float(high.max(initial=0.0)))

    def after(self, primal: float, dual: float) -> float:
        low, high = self.low + dual * self.dlow, self.high + dual * self.dhigh
        return float(np.vdot(self.x + primal * self.dx, low) + np.vdot(self.w - primal * self.dx, high))

    def go(self, primal: float, dual: float) -> None:
        self.x += primal * self.dx
        self.w -= primal * self.dx
        self.low += dual * self.dlow
        self.high += dual * self.dhigh


def presence(crowd: Crowd) -> Floats:
    """(N, T): the most that each car can draw, kWh."""
    steps = np.arange(len(crowd.hours))
    there = (steps >= crowd.first[:, None]) & (steps <= crowd.last[:, None])
    hours = np.where(there, crowd.hours, 0.0)
    each = np.arange(len(crowd.power))
    wider = crowd.last > crowd.first
    hours[each[wider], crowd.last[wider]] = crowd.last_h[wider]
    hours[each, crowd.first] = crowd.first_h
    return np.asarray(hours * crowd.power[:, None])


class _Top:
    """The site's programme with equal rows only, shifted so that all columns begin at 0, in one dense matrix; links (places, T): rows
    cars - hours . flow = 0."""

    def __init__(self, site: Site) -> None:
        p, steps = site.programme, len(site.a.hours)
        height, width = len(p.row_low), len(p.cost)
        rows = np.repeat(np.arange(height), np.diff(p.starts))
        matrix = np.zeros((height, width))
        matrix[rows, p.columns] = p.values
        finite = np.concatenate(
            (p.high[np.isfinite(p.high)], np.abs(p.row_low[np.isfinite(p.row_low)]), np.abs(p.row_high[np.isfinite(p.row_high)]))
        )
        much = 10.0 * max(1.0, float(finite.max(initial=1.0)))
        low = matrix @ p.low
        bottom, top = p.row_low - low, p.row_high - low
        keep = np.isfinite(bottom) | np.isfinite(top)
        matrix, bottom, top = matrix[keep], bottom[keep], top[keep]
        # a row between two bounds is equal to one of them with a slack beside it
        from_low = np.isfinite(bottom)
        loose = np.flatnonzero(bottom < top)
        slack = np.zeros((len(matrix), len(loose)))
        slack[loose, np.arange(len(loose))] = np.where(from_low[loose], -1.0, 1.0)
        span = np.minimum((top - bottom)[loose], much)
        links = site.places * steps
        link = np.zeros((links, width))
        places, at = np.nonzero(site.flow >= 0)
        link[places * steps + at, site.flow[places, at]] = -site.a.hours[at]
        self.matrix = np.concatenate(
            (np.concatenate((link, np.zeros((links, len(loose)))), axis=1), np.concatenate((matrix, slack), axis=1))
        )
        self.right = np.concatenate((np.zeros(links), np.where(from_low, bottom, top)))
        self.cost = np.concatenate((p.cost, np.zeros(len(loose))))
        self.high = np.concatenate((np.minimum(p.high - p.low, much), span))
        self.matrix[:, self.high <= 0] = 0.0
        self.low, self.fixed, self.links, self.width = p.low, float(p.cost @ p.low), links, width


def solve(site: Site, crowd: Crowd, tree: Tree, *, gap: float, turnover: float, budget_s: float) -> Solution:
    """The crowd's cars stand in the tree's order. turnover: money; the gap's measure. budget_s: roughly, s."""
    steps, places = len(crowd.hours), tree.places
    count = len(tree.above)
    top, elimination = _Top(site), Elimination(tree, steps)
    room = tree.room * crowd.hours
    node = np.repeat(np.arange(count + places), elimination.size)
    # where a node has no room for cars, nobody below it can draw
    shut = np.zeros((count + places, steps), dtype=bool)
    for k in range(count):
        shut[k] = (room[k] <= 0) | shut[tree.above[k]]
    u = np.where(shut[node], 0.0, presence(crowd))
    shut = shut[:count]
    # nor can a slice be larger than what is left of the car's time
    sizes = np.diff(np.minimum(np.cumsum(crowd.sizes, axis=0), u.sum(axis=1)), axis=0, prepend=0.0)
    energy = sizes.sum(axis=0)
    cars, slices = _Box(u, np.zeros_like(u)), _Box(sizes.T, -crowd.values.T)
    left, rest = _Box(np.where(shut, 0.0, room), np.zeros_like(room)), _Box(top.high, top.cost)
    boxes = (cars, slices, left, rest)
    y_node, y_top = np.zeros((count, steps)), np.zeros(len(top.right))
    y_top[: top.links] = -np.tile(site.a.import_price, places)
    seen = np.tile(-site.a.import_price, (count + places, 1))
    inside = u > 0
    y_car = -np.where(inside, seen[node], 0.0).sum(axis=1) / np.maximum(inside.sum(axis=1), 1)
    typical = 10.0 * float(np.abs(site.a.import_price).mean() + 1e-3) * float(max(u.sum(), 1.0) / max(inside.sum(), 1))
    for box, paid in zip(boxes, _paid(y_car, seen, y_node, y_top, node, top), strict=True):
        # what is large may keep further from its bounds: the same share of the gap for the same share of the energy
        box.weight = max(1.0, box.size / cars.size)
        box.start(paid, typical)
    variables = 2 * sum(box.count * box.weight for box in boxes)
    right_node = np.where(shut, 0.0, room)
    owed = float((crowd.sizes * crowd.values)[crowd.owed].sum())
    cost, best, astray, iterations = 0.0, -np.inf, np.inf, 0
    for count_of in range(1, int(np.clip(budget_s / (ENTRY_S * u.size), 5, LAST)) + 1):
        iterations = count_of
        short_car = slices.x.sum(axis=1, where=slices.live) - cars.x.sum(axis=1, where=cars.live)
        load = _loads(elimination, tree, np.where(cars.live, cars.x, 0.0))
        short_node = right_node - load[:count] - np.where(left.live, left.x, 0.0)
        short_top = top.right - top.matrix @ rest.x
        short_top[: top.links] -= load[count:].ravel()
        mu = sum(box.product() for box in boxes) / variables
        cost = float(np.vdot(slices.cost, slices.x) + top.cost @ rest.x) + owed + top.fixed
        # with all variables in boxes any y bounds the cost: y . right - sum of u times what a reduced cost is below 0
        bound = float((y_node * right_node).sum() + y_top @ top.right) + owed + top.fixed
        for box, paid in zip(boxes, _paid(y_car, seen, y_node, y_top, node, top), strict=True):
            bound += float((np.minimum(box.cost - paid, 0.0) * box.u).sum(where=box.live))
        best = max(best, bound)
        astray = max(
            np.abs(short_car).max(initial=0.0) / (1 + energy.max(initial=0.0)),
            np.abs(short_node).max(initial=0.0) / (1 + room.max(initial=0.0)),
        )
        astray = max(astray, np.abs(short_top).max(initial=0.0) / (1 + top.high[: top.width].max(initial=0.0)))
        if astray < 1e-6 and cost - best <= gap * turnover:
            break
        thetas = [box.weigh() for box in boxes]
        give = np.where(shut, 1e-12, thetas[2])
        try:
            answers = elimination.factor(thetas[0], thetas[1].sum(axis=1), give)
        except np.linalg.LinAlgError:
            break  # as near as rounding lets it come
        normal = (top.matrix * thetas[3]) @ top.matrix.T
        for p in range(places):
            some = slice(p * steps, (p + 1) * steps)
            normal[some, some] += answers[p]
        normal[np.diag_indices(len(normal))] += 1e-11 * (1 + np.diag(normal))
        inverse = np.linalg.inv(normal)
        centre = 0.0
        useful = False
        for second in (False, True):
            fixed = [box.aim(centre, second and useful) for box in boxes]
            load = _loads(elimination, tree, fixed[0])
            n = elimination.up(
                short_car - fixed[0].sum(axis=1) + fixed[1].sum(axis=1), np.where(shut, 0.0, short_node - load[:count] - fixed[2])
            )
            right = short_top - top.matrix @ fixed[3]
            right[: top.links] -= load[count:].ravel() + n.ravel()
            d_top = inverse @ right
            d_top += inverse @ (right - normal @ d_top)
            d_car, d_seen, d_node = elimination.down(d_top[: top.links].reshape(places, steps))
            for box, paid in zip(boxes, _paid(d_car, d_seen, d_node, d_top, node, top), strict=True):
                box.move(paid)
            primal, dual = (min(values) for values in zip(*(box.reach() for box in boxes), strict=True))
            if not second:
                useful = min(primal, dual) > 0.1
                after = sum(box.after(primal, dual) for box in boxes) / variables
                centre = mu * ((after / mu) ** 3 if useful else 0.5)
        primal, dual = min(1.0, STEP * primal), min(1.0, STEP * dual)
        if min(primal, dual) < STUCK or not np.isfinite(primal + dual):
            break
        for box in boxes:
            box.go(primal, dual)
        y_car += dual * d_car
        y_node += dual * d_node
        seen = seen + dual * d_seen
        y_top += dual * d_top
    return Solution(
        energy=np.where(cars.live, cars.x, 0.0),
        x=np.where(rest.live, rest.x, 0.0)[: top.width] + top.low,
        price=-seen,
        cost=cost,
        bound=best,
        astray=astray,
        iterations=iterations,
    )


def _paid(car: Floats, seen: Floats, node: Floats, top_rows: Floats, of: Ints, top: _Top) -> tuple[Floats, Floats, Floats, Floats]:
    """What the rows' prices say of each variable: the transposed matrix times them."""
    return car[:, None] + seen[of], -car[:, None], node, top.matrix.T @ top_rows


def _loads(elimination: Elimination, tree: Tree, energy: Floats) -> Floats:
    """(K + places, T): what flows through each node and place."""
    found = elimination.by_node(energy)
    for k in range(len(tree.above) - 1, -1, -1):
        found[tree.above[k]] += found[k]
    return found
