"""Limits below the places: circuits under which there is nothing to plan but cars, as deep as they go, and their equations solved from
the leaves up.

A price q_k at a node is the price above it and the node's own. The load below answers to it by N_k q_k + n_k, N_k being a matrix over
steps. The row of a node, load + headroom left = limit, with W_k the give of what is left, says  N_k q_k + n_k + W_k (q_k - q_above) =
r_k.  So what the node hands up is again such an answer, N = W_k - W_k (N_k + W_k)^-1 W_k,   n = r_k - W_k (N_k + W_k)^-1 (r_k - n_k)
and no matrix is larger than steps x steps. Of a leaf with few cars N_k is a diagonal less one term a car, and its inverse as small as
they are (Woodbury's identity).
"""

from typing import NamedTuple

import numpy as np
from msgspec import Struct

from chargebridge.planning.arrays import Floats, Ints

FEW = 48
"""Cars of a leaf up to which its matrix is written car by car."""


class Tree(Struct, frozen=True):
    """K nodes, children after parents. above (K): index of the node above, or K + p for the place p. room (K, T): kW for cars.

    first (K + places + 1): the cars, in order of their nodes, of each node and then of each place.
    """

    above: Ints
    room: Floats
    first: Ints
    places: int


class _Leaves(NamedTuple):
    nodes: Ints
    cars: Ints


class _LeafFactor(NamedTuple):
    wide: Floats
    theta: Floats
    inverse: Floats


class Elimination:
    """Solves for one set of weights. Order of cars as in the tree."""

    def __init__(self, tree: Tree, steps: int) -> None:
        self.tree, self.steps = tree, steps
        count = len(tree.above)
        self.size = np.diff(tree.first)
        depth = np.zeros(count, dtype=np.int64)
        for k in range(count):
            depth[k] = 0 if tree.above[k] >= count else depth[tree.above[k]] + 1
        inner = np.zeros(count, dtype=bool)
        inner[tree.above[tree.above < count]] = True
        small = ~inner & (self.size[:count] <= FEW)
        total = int(tree.first[-1])
        self.levels: list[tuple[list[_Leaves], Ints]] = []
        for d in range(int(depth.max(initial=-1)), -1, -1):
            here = depth == d
            buckets = []
            width = 1
            while width <= 2 * FEW:
                nodes = np.flatnonzero(here & small & (self.size[:count] <= width) & ((self.size[:count] > width // 2) | (width == 1)))
                if len(nodes):
                    slots = np.arange(width)
                    cars = np.where(slots < self.size[nodes, None], tree.first[nodes, None] + slots, total)
                    # children of one parent stand together, so that what they hand up is one product
                    order = np.argsort(tree.above[nodes], kind="stable")
                    buckets.append(_Leaves(nodes[order], cars[order]))
                width *= 2
            self.levels.append((buckets, np.flatnonzero(here & ~small)))
        self._used = np.flatnonzero(self.size)

    def by_node(self, values: Floats) -> Floats:
        """(K + places, T): sums over the cars that hang there directly."""
        found = np.zeros((len(self.size), self.steps))
        if len(self._used):
            found[self._used] = np.add.reduceat(values, self.tree.first[self._used], axis=0)
        return found

    def factor(self, theta: Floats, slack: Floats, give: Floats) -> Floats:
        """theta (N, T), slack (N): the give of each car in each step, and beside; give (K, T): of what is left. N of each place: (places,
        T, T)."""
        tree, steps = self.tree, self.steps
        count = len(tree.above)
        self.theta, self.give = theta, give
        self.total = theta.sum(axis=1) + slack
        self.total[self.total <= 0] = 1.0
        padded = np.concatenate((theta, np.zeros((1, steps))))
        weight = np.concatenate((self.total, [1.0]))
        own = self.by_node(theta)
        answer = np.zeros((count + tree.places, steps, steps)) if count else np.zeros((tree.places, steps, steps))
        eye = np.arange(steps)
        self.leaf: list[list[_LeafFactor]] = []
        self.dense: list[Floats] = []
        for buckets, nodes in self.levels:
            factors = []
            for bucket in buckets:
                block = padded[bucket.cars]
                w = give[bucket.nodes]
                wide = own[bucket.nodes] + w
                scaled = block / wide[:, None, :]
                core = -scaled @ block.transpose(0, 2, 1)
                d = np.arange(block.shape[1])
                core[:, d, d] += weight[bucket.cars] * (1 + 1e-13)
                inverse = np.asarray(np.linalg.inv(core), dtype=np.float64)
                factors.append(_LeafFactor(wide, scaled, inverse))
                root = np.linalg.cholesky((inverse + inverse.transpose(0, 2, 1)) / 2)
                up = root.transpose(0, 2, 1) @ (scaled * w[:, None, :])
                parents, begin = np.unique(tree.above[bucket.nodes], return_index=True)
                ends = np.append(begin[1:], len(bucket.nodes))
                diagonal = np.add.reduceat(w - w * w / wide, begin, axis=0)
                for p, b, e, diag in zip(parents, begin, ends, diagonal, strict=True):
                    flat = up[b:e].reshape(-1, steps)
                    answer[p] -= flat.T @ flat
                    answer[p, eye, eye] += diag
            self.leaf.append(factors)
            inverses = np.zeros((len(nodes), steps, steps))
            for j, k in enumerate(nodes):
                self._add_cars(answer[k], k, own[k])
                inverses[j] = answer[k]
                inverses[j, eye, eye] += give[k]
            if len(nodes):
                inverses = np.asarray(np.linalg.inv(inverses), dtype=np.float64)
                for j, k in enumerate(nodes):
                    w = give[k]
                    answer[tree.above[k]] -= w[:, None] * inverses[j] * w
                    answer[tree.above[k], eye, eye] += w
            self.dense.append(inverses)
        for p in range(tree.places):
            self._add_cars(answer[count + p], count + p, own[count + p])
        return answer[count:]

    def _add_cars(self, answer: Floats, k: int, own: Floats) -> None:
        some = slice(self.tree.first[k], self.tree.first[k + 1])
        block = self.theta[some]
        if len(block):
            answer -= block.T @ (block / self.total[some, None])
            eye = np.arange(self.steps)
            answer[eye, eye] += own

    def up(self, cars: Floats, nodes: Floats) -> Floats:
        """Right sides of the cars' rows (N) and the nodes' (K, T) -> n of each place (places, T)."""
        tree = self.tree
        count = len(tree.above)
        self.cars, self.right = cars, nodes
        self.n = self.by_node(self.theta * (cars / self.total)[:, None])
        for (buckets, dense), factors, inverses in zip(self.levels, self.leaf, self.dense, strict=True):
            for bucket, f in zip(buckets, factors, strict=True):
                k = bucket.nodes
                self._hand_up(k, self._leaf(f, nodes[k] - self.n[k]))
            if len(dense):
                self._hand_up(dense, np.einsum("kst,kt->ks", inverses, nodes[dense] - self.n[dense]))
        return self.n[count:]

    def _hand_up(self, k: Ints, solved: Floats) -> None:
        np.add.at(self.n, self.tree.above[k], self.right[k] - self.give[k] * solved)

    @staticmethod
    def _leaf(f: _LeafFactor, right: Floats) -> Floats:
        inner = f.inverse @ (f.theta @ right[:, :, None])
        return np.asarray(right / f.wide + (f.theta.transpose(0, 2, 1) @ inner)[:, :, 0])

    def down(self, prices: Floats) -> tuple[Floats, Floats, Floats]:
        """Prices of the places (places, T) -> of the cars' rows (N), of every node and place as its cars see it (K + places, T), and each
        node's own (K, T)."""
        tree = self.tree
        count = len(tree.above)
        q = np.zeros((count + tree.places, self.steps))
        q[count:] = prices
        for (buckets, dense), factors, inverses in reversed(list(zip(self.levels, self.leaf, self.dense, strict=True))):
            for bucket, f in zip(buckets, factors, strict=True):
                k = bucket.nodes
                q[k] = self._leaf(f, self.right[k] - self.n[k] + self.give[k] * q[tree.above[k]])
            if len(dense):
                q[dense] = np.einsum("kst,kt->ks", inverses, self.right[dense] - self.n[dense] + self.give[dense] * q[tree.above[dense]])
        own = q[:count] - q[tree.above] if count else np.zeros((0, self.steps))
        seen = np.repeat(q, self.size, axis=0)
        return (self.cars - (self.theta * seen).sum(axis=1)) / self.total, q, own
