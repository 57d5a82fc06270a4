"""A fleet's plan looked at car by car, by other means than those that made it: from the fleet's columns and the powers alone."""

import numpy as np
from msgspec import Struct

from chargebridge.planning.arrays import Floats, arrays
from chargebridge.planning.fleet.cars import Fleet
from chargebridge.planning.fleet.solve import FleetSchedule

CHUNK = 10000


class Audit(Struct, frozen=True):
    """What is worst. over_power_w: above what a car can take, in its window or out of it. over_energy_wh, under_energy_wh: above most_wh,
    below least_wh less what is said to be missing. over_limit_w: above an import limit of a node. cost: reckoned anew. full: the share of
    the steps in which a car charges that are at full power."""

    over_power_w: float
    over_energy_wh: float
    under_energy_wh: float
    over_limit_w: float
    cost: float
    full: float


def audit(fleet: Fleet, plan: FleetSchedule) -> Audit:
    """Nodes with an import limit are looked at where what else is planned hangs at the grid connection."""
    cars, problem = fleet.cars, fleet.property
    hours = np.asarray(problem.horizon.steps_s, dtype=float) / 3600.0
    steps, nodes = len(hours), len(problem.nodes)
    efficiency = cars.column("efficiency", 1.0)
    cap = cars.column("least_price", np.inf)
    at_node = np.zeros((nodes, steps))
    over_power = over_energy = under = 0.0
    worth, full, on = 0.0, 0, 0
    for begin in range(0, len(cars), CHUNK):
        some = slice(begin, min(begin + CHUNK, len(cars)))
        power = plan.power_w(some.start, some.stop)
        there = np.minimum(cars.departure[some, None], np.arange(1, steps + 1)) - np.maximum(cars.arrival[some, None], np.arange(steps))
        most = cars.power_w[some, None] * np.clip(there, 0.0, 1.0)
        over_power = max(over_power, float((power - most).max(initial=0.0)), float((-power).max(initial=0.0)))
        got = power @ hours * efficiency[some]
        least, wanted = cars.least_wh[some], np.maximum(cars.most_wh, cars.least_wh)[some]
        over_energy = max(over_energy, float((got - wanted).max(initial=0.0)))
        capped = ~np.isinf(cap[some])
        under = max(under, float(np.where(capped, 0.0, least - plan.missing_wh[some] - got).max(initial=0.0)))
        # needed energy that fits into no window is missing whatever is planned, and has no price
        could = np.minimum(least, most @ hours * efficiency[some])
        lack = np.where(capped, np.maximum(could - got, 0.0) * np.where(capped, cap[some], 0.0), 0.0)
        beyond = np.maximum(got - could, 0.0) * np.minimum(cars.rest_price, cap)[some]
        worth += float((lack - beyond).sum()) / 1000.0
        on += int((power > 1e-3).sum())
        full += int(((power > 1e-3) & (power > most * (1 - 1e-6))).sum())
        np.add.at(at_node, cars.node[some], power)
    a = arrays(problem)
    index = {node.id: n for n, node in enumerate(problem.nodes)}
    flow = at_node.copy()
    for n in range(nodes - 1, 0, -1):
        parent = problem.nodes[n].parent
        if parent is not None:
            flow[index[parent]] += flow[n]
    own = len(problem.stores)
    others = plan.rest.charge[:own].sum(axis=0) - plan.rest.discharge[:own].sum(axis=0) + plan.rest.curtail.sum(axis=0)
    others = (others + a.plant_kw @ plan.rest.on) * 1000.0
    over_limit = 0.0
    for n, node in enumerate(problem.nodes):
        if node.import_w is not None and node.hard:
            sure = (a.gen_below[n].astype(float) @ a.gen_low) * 1000.0 - a.node_high[n] * 1000.0
            room = np.maximum(np.asarray(node.import_w) + sure, 0.0)
            over_limit = max(over_limit, float((flow[n] + (others if n == 0 else 0.0) - room).max()))
    return Audit(
        over_power_w=over_power, over_energy_wh=over_energy, under_energy_wh=under, over_limit_w=over_limit,
        cost=_bill(fleet, plan, flow[0] + others) + worth, full=full / max(on, 1),
    )  # fmt: skip


def _bill(fleet: Fleet, plan: FleetSchedule, planned_w: Floats) -> float:
    """What flows over the grid connection, at its price, and what batteries wear and hold; demand charges apart."""
    a = arrays(fleet.property)
    own = len(fleet.property.stores)
    grid = a.base + planned_w / 1000.0
    bill = float(np.where(grid > 0, a.import_price, a.export_price) @ (grid * a.hours))
    charge, discharge = plan.rest.charge[:own], plan.rest.discharge[:own]
    stored = a.stored + (charge * a.charge_efficiency[:, None] - discharge / a.discharge_efficiency[:, None]) @ a.hours
    return bill + float(a.wear @ (discharge @ a.hours)) - float(a.rest @ (stored - a.wanted))
