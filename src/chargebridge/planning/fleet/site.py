"""Everything but the cars, as one small linear programme in which the cars of each place are a single flow.

The programme is the exact solver's (`planning.lp`), written for the property with one store a place that takes whatever it is given.
"""

import numpy as np
from msgspec import Struct

from chargebridge.model.phases import Phase
from chargebridge.planning.arrays import Arrays, Floats, Ints, arrays
from chargebridge.planning.fleet.cars import ALL_PHASES, Fleet
from chargebridge.planning.highs import Programme
from chargebridge.planning.lp import Form, base_weight, formulate
from chargebridge.planning.problem import Problem, Store

MUCH_WH = 1e15


class Site(Struct, frozen=True):
    """flow (places, T): columns of what the cars of a place draw, kW, -1 where none is there. place (nodes, 8): of a node and a set of
    phases, -1 where no car is.

    stores: how many of the arrays' stores are none of the places. weight: money a kWh above all prices, the cars' included.
    scale: kW by which amounts are divided in the solver.
    """

    a: Arrays
    form: Form
    programme: Programme
    flow: Ints
    place: Ints
    stores: int
    weight: float
    scale: float

    @property
    def places(self) -> int:
        return len(self.flow)


def places_of(fleet: Fleet) -> tuple[Ints, list[tuple[int, int]]]:
    """(nodes, 8): place of each node and set of phases, -1 where no car is, and of each place its node and phases. Nodes without a limit
    are as the one above."""
    nodes = fleet.property.nodes
    index = {node.id: n for n, node in enumerate(nodes)}
    limited = np.zeros(len(nodes), dtype=np.int64)
    phased = np.zeros(len(nodes), dtype=bool)
    for n, node in enumerate(nodes):
        above = index[node.parent] if node.parent is not None else n
        own = node.import_w is not None or node.export_w is not None or node.current_a is not None
        limited[n] = n if own else limited[above]
        phased[n] = node.current_a is not None or phased[above]
    phases = fleet.cars.column("phases", float(ALL_PHASES)).astype(np.int64)
    used = np.unique(np.stack((fleet.cars.node, phases), axis=1), axis=0) if len(fleet.cars) else np.zeros((0, 2), dtype=np.int64)
    found: dict[tuple[int, int], int] = {}
    place = np.full((len(nodes), 8), -1)
    for n, mask in used:
        key = (int(limited[n]), int(mask) if phased[n] else ALL_PHASES)
        place[n, mask] = found.setdefault(key, len(found))
    return place, list(found)


def draw_up(fleet: Fleet) -> Site:
    """Write the programme."""
    problem = fleet.property
    place, keys = places_of(fleet)
    flows = _most_w(fleet, place, len(keys))
    ids = {node.id for node in problem.nodes} | {store.id for store in problem.stores}
    ids |= {plant.id for plant in problem.plants} | {generator.id for generator in problem.generators}
    stores = []
    for p, (node, mask) in enumerate(keys):
        name = f"cars {p}"
        while name in ids:
            name += "'"
        listed: tuple[Phase, ...] = (1, 2, 3)
        phases = tuple(phase for phase in listed if mask >> (phase - 1) & 1)
        most = float(flows[p].max(initial=0.0))
        stores.append(
            Store(
                id=name,
                node=problem.nodes[node].id,
                charge_max_w=most,
                charge_limit_w=tuple(flows[p].tolist()),
                full_wh=MUCH_WH,
                rest_price=0.0,
                phases=phases,
            )
        )
    whole = Problem(
        horizon=problem.horizon, nodes=problem.nodes, prices=problem.prices, stores=(*problem.stores, *stores), plants=problem.plants,
        generators=problem.generators, taste=problem.taste, voltage_v=problem.voltage_v,
    )  # fmt: skip
    a = arrays(whole)
    form = formulate(a)
    cars = fleet.cars
    caps = cars.column("least_price", np.inf)
    worth = [base_weight(a), *(np.abs(cars.rest_price).max(initial=0.0, where=np.isfinite(cars.rest_price)),)]
    worth.append(float(np.abs(caps).max(initial=0.0, where=np.isfinite(caps))))
    lowest = float(cars.column("efficiency", 1.0).min(initial=1.0))
    return Site(
        a=a, form=form, programme=form.sheet.programme(), flow=form.flow.charge[len(problem.stores) :], place=place,
        stores=len(problem.stores), weight=max(worth) / lowest, scale=max(1.0, float(flows.max(initial=0.0)) / 1e6),
    )  # fmt: skip


def _most_w(fleet: Fleet, place: Ints, places: int) -> Floats:
    """(places, T): what all cars of a place could draw, W."""
    cars = fleet.cars
    steps = len(fleet.property.horizon.steps_s)
    row = place[cars.node, cars.column("phases", float(ALL_PHASES)).astype(np.int64)] if len(cars) else np.zeros(0, dtype=np.int64)
    # presence begins and ends within a step: the sum of its two ramps, differenced
    total = np.zeros((places, steps + 2))
    for edge, sign in ((np.clip(cars.arrival, 0, steps), 1.0), (np.clip(cars.departure, 0, steps), -1.0)):
        step = np.floor(edge).astype(np.int64)
        part = edge - step
        cell = row * (steps + 2) + step
        power = np.asarray(cars.power_w, dtype=float) * sign
        total += np.bincount(cell, power * (1 - part), total.size).reshape(total.shape)
        total += np.bincount(cell + 1, power * part, total.size).reshape(total.shape)
    found = np.cumsum(total, axis=1)[:, :steps]
    return np.where(found > 1e-6 * np.abs(found).max(initial=0.0), found * (1 + 1e-9), 0.0)


def node_prices(fleet: Fleet, price: Floats, at: Ints, connection: Floats) -> Floats:
    """(nodes, T): at (nodes) is the row of price of each node, -1 where no car is: there what the node above has, at the top what the
    connection has."""
    index = {node.id: n for n, node in enumerate(fleet.property.nodes)}
    found = np.tile(connection, (len(at), 1))
    for n, node in enumerate(fleet.property.nodes):
        if at[n] >= 0:
            found[n] = price[at[n]]
        elif node.parent is not None:
            found[n] = found[index[node.parent]]
    return found
