"""From powers to a schedule: what each store does, what it costs, what bent."""

from collections.abc import Sequence

import numpy as np

from chargebridge.planning.arrays import Arrays, Floats
from chargebridge.planning.limits import NodeLimit, node_limits
from chargebridge.planning.money import Powers, grid_kw, missing_kwh, money, stock_kwh
from chargebridge.planning.schedule import PlantPlan, Schedule, Solver, StorePlan, Worth
from chargebridge.planning.sentences import relaxations


def schedule(
    a: Arrays,
    powers: Powers,
    solver: Solver,
    *,
    price: Floats,
    bound: float,
    limits: Sequence[NodeLimit] | None = None,
    blame: dict[str, str] | None = None,
    worths: tuple[Worth, ...] = (),
    note: str = "",
) -> Schedule:
    """price (T): money a kWh at the grid connection. bound: money; what no plan goes below.

    limits: of all nodes, if they are at hand. blame: store -> the node whose limit is in its way.
    """
    problem = a.problem
    spent = money(a, powers)
    grid = grid_kw(a, powers)
    stock = stock_kwh(a, powers)
    net = powers.charge - powers.discharge
    missing = missing_kwh(a, stock)
    done, of_store = _done(a, stock), _by_store(a, missing)
    used = np.array([len(store.phases) for store in problem.stores], dtype=int).reshape(-1, 1) * np.ones((1, a.steps), dtype=int)
    used = np.where(np.abs(net) > 0, np.where(powers.single > 0, 1, used), 0)
    costs = net @ (price * a.hours) + a.wear * (powers.discharge @ a.hours)
    power_rows, stock_rows, phase_rows = (net * 1000.0).tolist(), (stock * 1000.0).tolist(), used.tolist()
    stores = tuple(
        StorePlan(
            store=store.id,
            power_w=tuple(power_rows[i]),
            stored_wh=tuple(stock_rows[i]),
            phases=tuple(phase_rows[i]),
            cost=float(costs[i]),
            done_step=done[i],
            missing_wh=of_store[i],
        )
        for i, store in enumerate(problem.stores)
    )
    co2 = 0.0
    if problem.prices.co2_g_per_kwh is not None:
        co2 = float(np.maximum(grid, 0.0) * a.hours @ np.array(problem.prices.co2_g_per_kwh)) / 1000.0
    return Schedule(
        horizon=problem.horizon,
        solver=solver,
        stores=stores,
        plants=tuple(PlantPlan(plant=plant.id, on=tuple(powers.on[p].tolist())) for p, plant in enumerate(problem.plants)),
        curtailed_w={gen.id: tuple((powers.curtail[g] * 1000.0).tolist()) for g, gen in enumerate(problem.generators) if gen.curtailable},
        grid_w=tuple((grid * 1000.0).tolist()),
        cost=spent.total,
        energy_cost=spent.energy,
        demand_cost=spent.demand,
        co2_kg=co2,
        bound=min(bound, spent.total),
        price_per_kwh=tuple(price.tolist()),
        relaxations=relaxations(a, powers, missing, stock, tuple(node_limits(a)) if limits is None else limits, blame or {}),
        worths=worths,
        note=note,
    )


def _by_store(a: Arrays, missing: Floats) -> list[tuple[float, ...]]:
    """Wh missing of each store's goals, in the order in which they were given."""
    found = [[0.0] * len(store.goals) for store in a.problem.stores]
    for i, index, amount in zip(a.aims.store.tolist(), a.aims.index.tolist(), (missing * 1000.0).tolist(), strict=True):
        found[i][index] = amount
    return [tuple(amounts) for amounts in found]


def _done(a: Arrays, stock: Floats) -> list[int | None]:
    level = np.full(len(stock), -1.0)
    np.maximum.at(level, a.aims.store, a.aims.level)
    reached = stock >= level.reshape(-1, 1) - 1e-4
    first = np.argmax(reached, axis=1)
    return [int(first[i]) if level[i] >= 0 and reached[i, first[i]] else None for i in range(len(stock))]
