"""Small fleets by lot, and their optimum from a linear programme written out car by car."""

from datetime import UTC, datetime

import highspy
import numpy as np
from msgspec.structs import replace

from chargebridge.planning.fleet import Cars, Fleet
from chargebridge.planning.problem import Band, Horizon, Node, Prices, Problem, Store, Taste

START = datetime(2026, 1, 5, 12, tzinfo=UTC)
HOURLY = (900.0,) * 24


def fleet(
    seed: int,
    count: int,
    *,
    steps: tuple[float, ...] = HOURLY,
    ragged: bool = False,
    tight: float = 0.5,
    leaves: int = 0,
    leaf_tight: float = 0.4,
    prices: tuple[float, ...] | None = None,
    battery: bool = False,
) -> Fleet:
    """tight: the connection in terms of all cars' power. leaves: circuits with a limit, three of which share another."""
    dice = np.random.default_rng(seed)
    size = len(steps)
    arrival = dice.integers(0, size - 2, count).astype(float)
    departure = np.minimum(arrival + dice.integers(2, size, count), size).astype(float)
    if ragged:
        arrival, departure = arrival + dice.uniform(0, 0.95, count), departure - dice.uniform(0, 0.95, count)
    power = dice.choice([3700.0, 7400.0, 11000.0, 22000.0], count)
    clock = np.concatenate(([0.0], np.cumsum(steps))) / 3600.0
    hours = np.interp(departure, np.arange(size + 1), clock) - np.interp(arrival, np.arange(size + 1), clock)
    most = power * hours * dice.uniform(0.1, 0.9, count)
    each = prices or tuple(np.round(dice.uniform(0.05, 0.45, size), 2).tolist())
    load = tuple((count * dice.uniform(100, 900, size)).tolist())
    inner, node = (
        [Node(id="grid", import_w=(float(power.sum() * tight + max(load)),) * size, load=Band.sure(load))],
        np.zeros(count, dtype=np.int64),
    )
    if leaves:
        node = dice.integers(0, leaves, count)
        each_w = np.bincount(node, power, leaves) * leaf_tight
        mains = -(-leaves // 3)
        main_w = np.bincount(np.arange(leaves) // 3, each_w, mains) * 0.8
        inner += [Node(id=f"main {k}", parent="grid", import_w=(float(main_w[k]),) * size) for k in range(mains)]
        inner += [Node(id=f"leaf {k}", parent=f"main {k // 3}", import_w=(float(each_w[k]),) * size) for k in range(leaves)]
        node = node + 1 + mains
    stores = ()
    if battery:
        stores = (
            Store(
                id="battery", node="grid", charge_max_w=power.sum() * 0.1, discharge_max_w=power.sum() * 0.1, full_wh=power.sum() * 0.2,
                stored_wh=power.sum() * 0.1, charge_efficiency=0.95, discharge_efficiency=0.95,
            ),
        )  # fmt: skip
    problem = Problem(
        horizon=Horizon(starts_at=START, steps_s=steps),
        nodes=tuple(inner),
        prices=Prices(import_per_kwh=each, export_per_kwh=tuple(min(0.04, price) for price in each)),
        stores=stores,
        taste=Taste(sooner=False),
    )
    cars = Cars(
        arrival=arrival,
        departure=departure,
        power_w=power,
        least_wh=most * dice.uniform(0.2, 1.0, count),
        most_wh=most,
        rest_price=dice.choice([0.1, 0.18, 0.25, 0.31], count),
        node=node,
    )
    return Fleet(property=problem, cars=cars)


def with_cars(some: Fleet, **columns: object) -> Fleet:
    return Fleet(property=some.property, cars=replace(some.cars, **columns))


def optimum(some: Fleet, dear: float = 1e3) -> tuple[float, float]:
    """Money without what is missing, and the kWh that are missing; of a fleet without batteries, plants and PV."""
    cars, problem = some.cars, some.property
    hours = np.array(problem.horizon.steps_s) / 3600.0
    steps, count = len(hours), len(cars)
    there = np.minimum(cars.departure[:, None], np.arange(1, steps + 1)) - np.maximum(cars.arrival[:, None], np.arange(steps))
    most = cars.power_w[:, None] / 1e3 * np.clip(there, 0, 1) * hours
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", 1)

    def variables(upper: np.ndarray, cost: np.ndarray) -> np.ndarray:
        begin = highs.getNumCol()
        none = np.zeros(0, dtype=np.int32)
        highs.addCols(
            upper.size, cost.ravel(), np.zeros(upper.size), upper.ravel(), 0, np.zeros(upper.size, dtype=np.int32), none, np.zeros(0)
        )
        return begin + np.arange(upper.size).reshape(upper.shape)

    p = variables(most, np.zeros_like(most))
    bought = variables(np.full(steps, np.inf), np.array(problem.prices.import_per_kwh))
    sold = variables(np.full(steps, np.inf), -np.array(problem.prices.export_per_kwh))
    efficiency = cars.column("efficiency", 1.0)
    least = np.minimum(cars.least_wh / 1e3, most.sum(axis=1) * efficiency)
    extra = variables(np.maximum(cars.most_wh / 1e3 - least, 0.0), -cars.rest_price)
    lack = variables(least, np.full(count, dear))
    for i in range(count):
        columns = np.concatenate((p[i], [extra[i], lack[i]]))
        values = np.concatenate((np.full(steps, efficiency[i]), [-1.0, 1.0]))
        highs.addRow(least[i], least[i], len(columns), columns.astype(np.int32), values)
    index = {node.id: n for n, node in enumerate(problem.nodes)}
    below = np.zeros((len(problem.nodes), count))
    for i in range(count):
        n: int | None = int(cars.node[i])
        while n is not None:
            below[n, i] = 1.0
            parent = problem.nodes[n].parent
            n = index[parent] if parent is not None else None
    for n, node in enumerate(problem.nodes):
        mine = np.flatnonzero(below[n])
        base = np.array(node.load.likely if node.load else np.zeros(steps)) / 1e3
        for t in range(steps):
            if n == 0:
                columns = np.concatenate((p[mine, t], [bought[t], sold[t]]))
                values = np.concatenate((np.ones(len(mine)), [-1.0, 1.0]))
                highs.addRow(-base[t] * hours[t], -base[t] * hours[t], len(columns), columns.astype(np.int32), values)
            if node.import_w is not None and len(mine):
                room = max(node.import_w[t] / 1e3 - base[t], 0.0) * hours[t]
                highs.addRow(-np.inf, room, len(mine), p[mine, t].astype(np.int32), np.ones(len(mine)))
    highs.run()
    assert highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
    missing = float(np.array(highs.getSolution().col_value)[lack].sum())
    return highs.getInfo().objective_function_value - dear * missing, missing
