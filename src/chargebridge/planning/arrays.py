"""The problem as arrays, in the units that keep a solver's numbers near one: kW, kWh, hours, money a kWh.

Shapes: T steps, S stores, P plants, G generators, N nodes.
"""

from datetime import datetime
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from chargebridge.model.phases import Phase
from chargebridge.planning.problem import Band, Node, Problem, Series

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Aims(Struct, frozen=True):
    """All goals (K) on the grid of steps, a store's earliest first: in ``step``, when ``share`` of the store's presence in it is over, ``level`` kWh
    are to be stored. index: of the store's goals, which. cap: nan where it is wanted whatever it costs."""

    store: Ints
    index: Ints
    step: Ints
    share: Floats
    level: Floats
    cap: Floats
    probability: Floats

    @property
    def capped(self) -> Flags:
        return ~np.isnan(self.cap)

    def weights(self, steps: int) -> Floats:
        """(K, T): which share of what is stored in each step counts for each goal."""
        order = np.arange(steps) - self.step.reshape(-1, 1)
        return np.where(order < 0, 1.0, np.where(order == 0, self.share.reshape(-1, 1), 0.0))


class Arrays(Struct, frozen=True):
    """edges_s (T + 1): where steps begin and end, from the start. hours (T). present (S, T): share of each step in which the store is there.

    charge_kw, discharge_kw (S, T): the most it may do as the mean of the step; single_kw (S, T): on the first of its phases alone, 0 where it cannot.
    now_kw (S, T): what it charges at least until it is full.
    least_charge_kw, least_discharge_kw (S, T): less than this is nothing; 0 where nothing is set, and never more than what still fits in.
    spread (S or P or G, 3): which share of its power lies on each phase; first_spread (S, 3): on one phase alone. below (N, things): what a node
    counts. floor (S), kWh: stock is never below; reserve: discharge never goes below, more than floor where less is there at the beginning.
    wanted (S), kWh: what the goals ask for, or what is there already. most (S): what it may hold at the end. rest (S): what a kWh beyond is
    worth. node_likely, node_low, node_high (N, T): load that a node counts; node_spread (N, 3, 3, T): of these three, the part on each phase.
    import_price (T): with network fee and CO2. base (T): likely load less generation.
    """

    problem: Problem
    edges_s: Floats
    hours: Floats
    present: Floats
    charge_kw: Floats
    single_kw: Floats
    now_kw: Floats
    discharge_kw: Floats
    least_charge_kw: Floats
    least_discharge_kw: Floats
    charge_efficiency: Floats
    discharge_efficiency: Floats
    stored: Floats
    full: Floats
    floor: Floats
    reserve: Floats
    wanted: Floats
    most: Floats
    rest: Floats
    wear: Floats
    aims: Aims
    store_spread: Floats
    first_spread: Floats
    store_below: Flags
    plant_spread: Floats
    plant_below: Flags
    plant_kw: Floats
    plant_share: Floats
    gen_spread: Floats
    gen_below: Flags
    gen_likely: Floats
    gen_low: Floats
    gen_high: Floats
    curtailable: Flags
    node_likely: Floats
    node_low: Floats
    node_high: Floats
    node_spread: Floats
    base: Floats
    import_price: Floats
    export_price: Floats

    @property
    def steps(self) -> int:
        return len(self.hours)

    @property
    def banded(self) -> Flags:
        """(G): generation that can be turned down and whose low value differs from the likely one."""
        found: Flags = self.curtailable & (self.gen_low < self.gen_likely).any(axis=1)
        return found


def seconds(problem: Problem, at: datetime | None, otherwise: float) -> float:
    return otherwise if at is None else (at - problem.horizon.starts_at).total_seconds()


def arrays(problem: Problem) -> Arrays:
    """A checked problem as arrays."""
    edges = np.concatenate(([0.0], np.cumsum(np.asarray(problem.horizon.steps_s, dtype=float))))
    lengths = np.diff(edges)
    end = float(edges[-1])
    stores, plants, gens, nodes = problem.stores, problem.plants, problem.generators, problem.nodes
    count = len(lengths)
    hours = lengths / 3600.0

    def column(name: str) -> Floats:
        return np.array([getattr(store, name) for store in stores], dtype=float)

    def overlap(begins: list[float], ends: list[float]) -> Floats:
        first = np.maximum(edges[:-1], np.array(begins, dtype=float).reshape(-1, 1))
        last = np.minimum(edges[1:], np.array(ends, dtype=float).reshape(-1, 1))
        return np.asarray(np.maximum(last - first, 0.0) / lengths)

    arrive = [max(0.0, seconds(problem, store.arrives_at, 0.0)) for store in stores]
    depart = [min(end, seconds(problem, store.departs_at, end)) for store in stores]
    present = overlap(arrive, depart)
    inner = np.broadcast_to(column("charge_max_w").reshape(-1, 1), (len(stores), count)).copy()
    for i, store in enumerate(stores):
        if store.charge_limit_w is not None:
            np.minimum(inner[i], store.charge_limit_w, out=inner[i])
    inner /= 1000.0
    least = column("charge_min_w") / 1000.0
    easiest = np.array([1.0 / len(store.phases) if store.switchable else 1.0 for store in stores])
    inner[inner < (least * easiest).reshape(-1, 1) - 1e-12] = 0.0
    charge = inner * present
    back = column("discharge_max_w") / 1000.0
    least_back = column("discharge_min_w") / 1000.0
    back[back < least_back] = 0.0
    stored, full = column("stored_wh") / 1000.0, column("full_wh") / 1000.0
    wanted = np.array([max([s.stored_wh, *(goal.stored_wh for goal in s.goals)]) for s in stores], dtype=float) / 1000.0
    rest, most = _rest(problem, wanted, np.maximum(full, stored))
    # one that is nearly full stops within the step, however much it takes at once
    gain = column("charge_efficiency").reshape(-1, 1) * hours
    fits = np.where((back > 0).reshape(-1, 1), np.inf, np.maximum(most - stored, 0.0).reshape(-1, 1) / gain)
    windows = [(seconds(problem, p.earliest_at, 0.0), seconds(problem, p.latest_at, end)) for p in plants]
    node_index = {node.id: n for n, node in enumerate(nodes)}
    above = _above(nodes, node_index)
    gen_band = [_band(gen.power) for gen in gens]
    gen_likely, gen_low, gen_high = (np.array([band[k] for band in gen_band]).reshape(-1, count) for k in range(3))
    curtailable = np.array([gen.curtailable for gen in gens], dtype=bool)
    loads = [_band(node.load) if node.load is not None else np.zeros((3, count)) for node in nodes]
    own = np.array(loads).reshape(len(nodes), 3, count)
    load_spread = np.array([_spread(node.load_phases) for node in nodes])
    # what a circuit counts hangs below it; a group counts its own load alone, besides its members
    counts = above & np.array([node.members is None for node in nodes]).reshape(-1, 1)
    np.fill_diagonal(counts, True)
    likely, low, high = (counts.astype(float) @ own[:, k, :] for k in range(3))
    spread = np.einsum("nm,mp,mkt->nkpt", counts.astype(float), load_spread, own)
    prices = problem.prices
    import_price = np.array(prices.import_per_kwh, dtype=float)
    if prices.network_per_kwh is not None:
        import_price = import_price + prices.network_per_kwh
    if prices.co2_g_per_kwh is not None:
        import_price = import_price + np.array(prices.co2_g_per_kwh) / 1000.0 * prices.co2_price_per_kg
    return Arrays(
        problem=problem,
        edges_s=edges,
        hours=hours,
        present=present,
        charge_kw=charge,
        now_kw=_now(problem, charge, present),
        single_kw=np.where(_switches(problem).reshape(-1, 1), charge * easiest.reshape(-1, 1), 0.0),
        discharge_kw=back.reshape(-1, 1) * present,
        least_charge_kw=np.minimum(least.reshape(-1, 1) * present, fits),
        least_discharge_kw=least_back.reshape(-1, 1) * present,
        charge_efficiency=column("charge_efficiency"),
        discharge_efficiency=column("discharge_efficiency"),
        stored=stored,
        full=np.maximum(full, stored),
        floor=np.minimum(column("floor_wh") / 1000.0, stored),
        wanted=wanted,
        most=most,
        rest=rest,
        reserve=column("floor_wh") / 1000.0,
        wear=column("wear_per_kwh"),
        aims=_aims(problem, edges, np.array(arrive), np.array(depart)),
        store_spread=_spreads(stores),
        first_spread=np.array([_spread(store.phases[:1]) for store in stores]).reshape(-1, 3),
        store_below=_below(stores, nodes, node_index, above),
        plant_spread=_spreads(plants),
        plant_below=_below(plants, nodes, node_index, above),
        plant_kw=np.array([p.power_w / 1000.0 for p in plants], dtype=float),
        plant_share=overlap([w[0] for w in windows], [w[1] for w in windows]),
        gen_spread=_spreads(gens),
        gen_below=_below(gens, nodes, node_index, above),
        gen_likely=gen_likely,
        gen_low=gen_low,
        gen_high=gen_high,
        curtailable=curtailable,
        node_likely=likely,
        node_low=low,
        node_high=high,
        node_spread=spread,
        base=own[:, 0, :].sum(axis=0) - gen_likely.sum(axis=0),
        import_price=import_price,
        export_price=np.array(prices.export_per_kwh, dtype=float),
    )


def _switches(problem: Problem) -> Flags:
    """(S): stores for which one phase alone makes a difference: to a phase's limit, or to the least that they take."""
    phases = any(node.current_a is not None for node in problem.nodes)
    return np.array([s.switchable and len(s.phases) > 1 and (phases or s.charge_min_w > 0) for s in problem.stores], dtype=bool)


def _now(problem: Problem, charge: Floats, present: Floats) -> Floats:
    """(S, T), kW: what each store charges at least until it is full."""
    found = np.zeros_like(charge)
    for i, store in enumerate(problem.stores):
        if store.charge_now_w is not None:
            found[i] = np.minimum(np.array(store.charge_now_w) / 1000.0 * present[i], charge[i])
    return found


def _band(band: Band) -> Floats:
    """(3, T), kW: likely, low, high; likely never outside the other two."""
    likely, low, high = np.array([band.likely, band.low, band.high], dtype=float) / 1000.0
    return np.array([likely, np.minimum(low, likely), np.maximum(high, likely)])


def _spread(phases: tuple[Phase, ...]) -> list[float]:
    return [1.0 / len(phases) if phase in phases else 0.0 for phase in (1, 2, 3)]


def _spreads(things: tuple[Any, ...]) -> Floats:
    return np.array([_spread(thing.phases) for thing in things], dtype=float).reshape(-1, 3)


def _above(nodes: tuple[Node, ...], index: dict[str, int]) -> Flags:
    """(N, N): whether the first node is the second, or a circuit above it."""
    above = np.eye(len(nodes), dtype=bool)
    for n, node in enumerate(nodes):
        if node.parent is not None:
            above[:, n] |= above[:, index[node.parent]]
    return above


def _below(things: tuple[Any, ...], nodes: tuple[Node, ...], index: dict[str, int], above: Flags) -> Flags:
    below = np.zeros((len(nodes), len(things)), dtype=bool)
    if things:
        below[:] = above[:, [index[thing.node] for thing in things]]
        for n, node in enumerate(nodes):
            if node.members is not None:
                below[n] = [thing.id in node.members for thing in things]
    return below


def _aims(problem: Problem, edges: Floats, arrive: Floats, depart: Floats) -> Aims:
    """A goal after the horizon is asked for less what can still be charged until then."""
    stores, starts, end = problem.stores, problem.horizon.starts_at, float(edges[-1])
    rows = []
    for i, store in enumerate(stores):
        leaves = seconds(problem, store.departs_at, np.inf)
        for index, goal in enumerate(store.goals):
            at, level = min((goal.at - starts).total_seconds(), leaves), goal.stored_wh / 1000.0
            if at > end:
                level = max(0.0, level - store.charge_max_w / 1000.0 * store.charge_efficiency * (at - end) / 3600.0)
            cap = np.nan if goal.price_cap is None else goal.price_cap
            rows.append((i, index, min(max(at, 0.0), end), level, cap, goal.probability))
    table = np.array(sorted(rows, key=lambda row: (row[0], row[2])), dtype=float).reshape(-1, 6)
    store_of, at_s = table[:, 0].astype(int), table[:, 2]
    step = np.clip(np.searchsorted(edges, at_s, side="left") - 1, 0, len(edges) - 2)
    begins, ends = np.maximum(edges[step], arrive[store_of]), np.minimum(edges[step + 1], depart[store_of])
    share = np.where(ends > begins, np.clip((at_s - begins) / np.where(ends > begins, ends - begins, 1.0), 0.0, 1.0), at_s >= ends)
    return Aims(
        store=store_of,
        index=table[:, 1].astype(int),
        step=step,
        share=share.astype(float),
        level=table[:, 3],
        cap=table[:, 4],
        probability=table[:, 5],
    )


def _rest(problem: Problem, wanted: Floats, full: Floats) -> tuple[Floats, Floats]:
    """What a kWh beyond the goals is worth to each store, and what it holds at most when its time is over, kWh."""
    rest = [min([s.rest_price or 0.0, *(g.price_cap for g in s.goals if g.price_cap is not None)]) for s in problem.stores]
    enough = np.array([store.rest_price is None for store in problem.stores], dtype=bool)
    return np.array(rest, dtype=float), np.where(enough, np.minimum(full, wanted), full)


def per_step(values: Series | None, steps: int) -> Floats:
    """A limit of each step in kW; infinite where there is none."""
    return np.full(steps, np.inf) if values is None else np.array(values, dtype=float) / 1000.0
