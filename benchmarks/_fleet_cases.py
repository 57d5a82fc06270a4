"""Synthetic fleets for the fleet benchmark, and what stands beside the solver: one linear programme for HiGHS, and a greedy rule.

Cars come home in the evening or to work in the morning, charge with 3.7 to 22 kW and need lognormal energy; a house load, PV, a battery
and a limit that is narrower in the evening. Prices are a real day of the Dutch day-ahead market where the vectors are at hand
(CHARGEBRIDGE_VECTORS), else a drawn one.
"""

import csv
import gzip
import os
from datetime import UTC, datetime
from pathlib import Path
from time import process_time

import numpy as np
from msgspec.structs import replace

from chargebridge.planning.arrays import Floats
from chargebridge.planning.exact import powers_of
from chargebridge.planning.fleet import Cars, Fleet
from chargebridge.planning.fleet.columns import load, run
from chargebridge.planning.fleet.crowd import Crowd, gather
from chargebridge.planning.fleet.interior import presence
from chargebridge.planning.fleet.site import Site, draw_up
from chargebridge.planning.highs import SolverError
from chargebridge.planning.lp import GOAL
from chargebridge.planning.money import money
from chargebridge.planning.problem import Band, Horizon, Node, Prices, Problem, Store, Taste

DAY = 379 * 24 + 12
"""2024-01-15 12:00 UTC in the vectors' series."""
DRAWN = (16, 15, 15, 16, 18, 22, 26, 27, 24, 21, 19, 17, 15, 14, 13, 13, 14, 17, 22, 26, 24, 21, 19, 17)


def day_prices() -> tuple[list[float], str]:
    """24 h from noon, money a kWh with 0.10 of tax and grid."""
    file = Path(os.environ.get("CHARGEBRIDGE_VECTORS", "../shared/vectors")) / "planning/prices/nl_dayahead_2023_2024.csv.gz"
    if not file.exists():
        return [price / 100 for price in DRAWN], "drawn"
    with gzip.open(file, "rt") as lines:
        rows = list(csv.reader(lines))[1:]
    return [float(row[1]) / 1000 + 0.10 for row in rows[DAY : DAY + 24]], "NL day-ahead, 2024-01-15 noon to noon"


def case(
    count: int, steps_s: tuple[float, ...], *, leaf: int = 0, leaf_tight: float = 0.3, diversity: float = 0.85, ragged: bool = False
) -> Fleet:
    """leaf: cars of a leaf circuit, ten of which share a main; its limit is leaf_tight of their power, a main's diversity of its leaves'
    limits."""
    dice = np.random.default_rng(1)
    edges = np.concatenate(([0.0], np.cumsum(steps_s))) / 3600.0
    days = edges[-1] / 24.0
    home = dice.random(count) < 0.7
    day = np.floor(dice.random(count) * days) * 24.0
    arrive = np.where(home, dice.normal(6, 2, count), dice.normal(20.5, 1, count)).clip(0, 22)
    leave = np.where(home, dice.normal(19.5, 1.3, count), dice.normal(23, 0.8, count))
    leave = np.maximum(leave, arrive + 1).clip(1, 24)
    arrival, departure = (np.interp(at + day, edges, np.arange(len(edges))) for at in (arrive, leave))
    if not ragged:
        arrival, departure = np.floor(arrival), np.ceil(departure)
    power = dice.choice([3.7, 7.4, 11, 22], count, p=[0.2, 0.2, 0.5, 0.1])
    most = np.minimum(dice.lognormal(2.6, 0.6, count), 0.85 * power * (leave - arrive))
    middle = (edges[:-1] + edges[1:]) / 2 % 24.0
    house = count * (0.3 + 0.25 * np.exp(-(((middle - 7) / 2.5) ** 2)) + 0.15 * np.exp(-(((middle - 19.5) / 1.5) ** 2)))
    clock = (middle + 12) % 24
    pv = count * 0.8 * np.maximum(0, np.sin(np.pi * (clock - 7) / 10)) * ((clock > 7) & (clock < 17))
    limit = house.max() + 0.14 * power.sum() / days * np.where((middle > 5) & (middle < 9), 0.7, 1.0)

    def watts(values: Floats) -> tuple[float, ...]:
        return tuple((values * 1000).tolist())

    nodes = [Node(id="grid", import_w=watts(limit), load=Band.sure(watts(house - pv)))]
    node = np.zeros(count, dtype=np.int64)
    if leaf:
        leaves = max(1, count // leaf)
        mains = max(1, leaves // 10)
        at = np.random.default_rng(2).permutation(np.arange(count) % leaves)
        each = np.bincount(at, power, leaves) * leaf_tight * 1000
        main = np.bincount(np.arange(leaves) % mains, each, mains) * diversity
        flat = np.ones(len(steps_s))
        nodes += [Node(id=f"main {m}", parent="grid", import_w=tuple((main[m] * flat).tolist())) for m in range(mains)]
        nodes += [Node(id=f"leaf {k}", parent=f"main {k % mains}", import_w=tuple((each[k] * flat).tolist())) for k in range(leaves)]
        node = at + 1 + mains
    prices = np.array(day_prices()[0])[(middle).astype(int)]
    battery = Store(
        id="battery", node="grid", charge_max_w=200.0 * count, discharge_max_w=200.0 * count, full_wh=400.0 * count, stored_wh=200.0 * count,
        charge_efficiency=0.95, discharge_efficiency=0.95,
    )  # fmt: skip
    return Fleet(
        property=Problem(
            horizon=Horizon(starts_at=datetime(2026, 1, 5, 12, tzinfo=UTC), steps_s=steps_s),
            nodes=tuple(nodes),
            prices=Prices(import_per_kwh=tuple(prices.tolist()), export_per_kwh=(0.06,) * len(steps_s)),
            stores=(battery,),
            taste=Taste(sooner=False),
        ),
        cars=Cars(
            arrival=arrival,
            departure=departure,
            power_w=power * 1000,
            least_wh=most * dice.uniform(0.3, 1, count) * 1000,
            most_wh=most * 1000,
            rest_price=dice.choice([0.14, 0.16, 0.18, 0.20, 0.25], count),
            node=node,
        ),
    )


def _parts(fleet: Fleet) -> tuple[Site, Crowd, Floats]:
    """Site and cars with the limits of the nodes below the connection beside: room (nodes, T), kW."""
    nodes = fleet.property.nodes
    room = np.array(
        [np.array(node.import_w) / 1000 if n else np.full(len(fleet.property.horizon.steps_s), np.inf) for n, node in enumerate(nodes)]
    )
    flat = Fleet(
        property=replace(fleet.property, nodes=nodes[:1]), cars=replace(fleet.cars, node=np.zeros(len(fleet.cars), dtype=np.int64))
    )
    site = draw_up(flat)
    return site, gather(flat, site.place, site.places, needed=site.weight * GOAL, quarters=False), room


def directly(fleet: Fleet, limit_s: float) -> tuple[float | None, float]:
    """One programme with a column for each car and step, in HiGHS: its cost, None when the time is over, and seconds of CPU with building
    it."""
    begun = process_time()
    site, crowd, room = _parts(fleet)
    most = presence(crowd)
    cars, steps = np.nonzero(most > 0)
    highs = load(site.programme, site.scale)
    highs.setOptionValue("time_limit", limit_s)
    width, (slices, count) = len(site.programme.cost), crowd.sizes.shape
    none = (0, np.zeros(0, dtype=np.int32), np.zeros(0))

    def columns(cost: Floats, high: Floats) -> None:
        highs.addCols(len(cost), cost, np.zeros(len(cost)), high / site.scale, 0, np.zeros(len(cost), dtype=np.int32), *none[1:])

    columns(np.zeros(len(cars)), most[cars, steps])
    columns(-crowd.values.ravel(), crowd.sizes.ravel())
    own = width + np.arange(len(cars))
    entries = [(cars, own, np.ones(len(cars)))]
    entries.append((np.tile(np.arange(count), slices), width + len(cars) + np.arange(slices * count), -np.ones(slices * count)))
    at = np.flatnonzero(site.flow[0] >= 0)
    entries += [(count + at, site.flow[0, at], -site.a.hours[at]), (count + steps, own, np.ones(len(cars)))]
    low, high = [np.zeros(count + len(site.a.hours))], [np.zeros(count + len(site.a.hours))]
    index = {node.id: n for n, node in enumerate(fleet.property.nodes)}
    parent = np.array([index[node.parent] if node.parent is not None else 0 for node in fleet.property.nodes])
    row, length = count + len(site.a.hours), len(site.a.hours)
    above = fleet.cars.node[crowd.index][cars]
    while (above > 0).any():
        some = np.flatnonzero(above > 0)
        entries.append((row + above[some] * length + steps[some], own[some], np.ones(len(some))))
        above = np.where(above > 0, parent[above], 0)
    low.append(np.full(room.size, -np.inf))
    high.append((room * site.a.hours).ravel() / site.scale)
    rows, where, values = (np.concatenate(part) for part in zip(*entries, strict=True))
    order = np.lexsort((where, rows))
    starts = np.searchsorted(rows[order], np.arange(row + room.size)).astype(np.int32)
    highs.addRows(len(starts), np.concatenate(low), np.concatenate(high), len(values), starts, where[order].astype(np.int32), values[order])
    try:
        x = run(highs)[0] * site.scale
    except SolverError:
        return None, process_time() - begun
    spent = process_time() - begun
    got = x[width + len(cars) :].reshape(crowd.sizes.shape)
    worth = np.where(crowd.owed[:, None], crowd.sizes - got, -got) * crowd.values
    return _bill(site, x[:width]) + float(worth.sum()), spent


def _bill(site: Site, x: Floats) -> float:
    return money(site.a, powers_of(site.form, site.a, x)).total


def greedily(fleet: Fleet) -> tuple[float, float, float]:
    """Least laxity first, each car in its cheapest steps that have room left, needed energy before the rest; then the battery at its best.

    Its cost, the kWh that are missing, and seconds of CPU.
    """
    begun = process_time()
    site, crowd, room = _parts(fleet)
    nodes = fleet.property.nodes
    index = {node.id: n for n, node in enumerate(nodes)}
    own = np.array(nodes[0].import_w) / 1000 - np.array(nodes[0].load.likely if nodes[0].load else 0.0) / 1000
    left = room * site.a.hours
    left[0] = np.maximum(own, 0) * site.a.hours
    chains = []
    for n, node in enumerate(nodes):
        chains.append([n] if node.parent is None else [n, *chains[index[node.parent]]])
    price = site.a.import_price
    order_of_steps = np.argsort(price, kind="stable")
    most = presence(crowd)
    need, value = crowd.sizes, crowd.values
    spare = most.sum(axis=1) - need[0]
    flow = np.zeros(len(price))
    worth = missing = 0.0
    for j in range(len(need)):
        for i in np.argsort(spare if j == 0 else -value[j], kind="stable"):
            want = need[j, i]
            if want <= 0:
                continue
            steps = order_of_steps[most[i, order_of_steps] > 0]
            if not crowd.owed[j]:
                steps = steps[price[steps] < value[j, i]]
            chain = chains[fleet.cars.node[crowd.index[i]]]
            free = np.minimum(most[i, steps], left[np.ix_(chain, steps)].min(axis=0))
            take = np.clip(want - (np.cumsum(free) - free), 0.0, free)
            most[i, steps] -= take
            left[np.ix_(chain, steps)] -= take
            flow[steps] += take
            got = float(take.sum())
            missing += want - got if crowd.owed[j] else 0.0
            worth -= 0.0 if crowd.owed[j] else got * value[j, i]
    highs = load(site.programme, site.scale)
    at = np.flatnonzero(site.flow[0] >= 0)
    fixed = np.minimum(flow[at] / site.a.hours[at], site.programme.high[site.flow[0, at]]) / site.scale
    highs.changeColsBounds(len(at), site.flow[0, at].astype(np.int32), fixed, fixed)
    return _bill(site, run(highs)[0] * site.scale) + worth, missing, process_time() - begun
