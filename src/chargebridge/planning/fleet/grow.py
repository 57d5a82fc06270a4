"""Which limits of a fleet make a tree of cars alone, and the property that is left above it."""

import msgspec
import numpy as np

from chargebridge.planning.arrays import Arrays, Floats, Ints, arrays
from chargebridge.planning.fleet.cars import ALL_PHASES, Fleet
from chargebridge.planning.fleet.crowd import Crowd
from chargebridge.planning.fleet.tree import Tree
from chargebridge.planning.limits import node_limits


def rooms(fleet: Fleet) -> Floats:
    """(nodes, T), kW: what each node leaves to cars where it may be a node of the tree; infinite where it has no limit, negative where it
    may not.

    It may where only cars are planned at it and below, its limit is hard, and the cars lie on all phases alike or no phase has a limit of
    its own.
    """
    problem = fleet.property
    a = arrays(problem)
    found = np.full((len(problem.nodes), a.steps), np.inf)
    for limit in node_limits(a):
        if limit.sign > 0:
            share = 1.0 if limit.phase is None else 1.0 / 3.0
            found[limit.node] = np.minimum(found[limit.node], limit.room / share)
    found[_other(fleet, a)] = -1.0
    return found


def _other(fleet: Fleet, a: Arrays) -> Ints:
    """Nodes that may not be in the tree."""
    problem = fleet.property
    index = {node.id: n for n, node in enumerate(problem.nodes)}
    bad = np.array([not node.hard or node.members is not None for node in problem.nodes])
    bad[0] = True
    for name in (*(store.node for store in problem.stores), *(plant.node for plant in problem.plants)):
        bad[index[name]] = True
    for g, generator in enumerate(problem.generators):
        if a.curtailable[g]:
            bad[index[generator.node]] = True
    phased = np.array([node.current_a is not None for node in problem.nodes])
    for n, node in enumerate(problem.nodes):
        if node.parent is not None:
            phased[n] |= phased[index[node.parent]]
    uneven = fleet.cars.column("phases", float(ALL_PHASES)) != ALL_PHASES
    bad[fleet.cars.node[uneven & phased[fleet.cars.node]]] = True
    # a limit of a group, and whatever has to be seen at a node, is seen at all circuits above it
    for n in range(len(problem.nodes) - 1, 0, -1):
        parent = problem.nodes[n].parent
        if bad[n] and parent is not None:
            bad[index[parent]] = True
    return np.flatnonzero(bad)


def without(fleet: Fleet, room: Floats) -> Fleet:
    """The fleet without the limits that the tree has."""
    nodes = tuple(
        msgspec.structs.replace(node, import_w=None, export_w=None, current_a=None) if room[n, 0] >= 0 else node
        for n, node in enumerate(fleet.property.nodes)
    )
    return Fleet(property=msgspec.structs.replace(fleet.property, nodes=nodes), cars=fleet.cars)


def grow(fleet: Fleet, room: Floats, crowd: Crowd, present_kw: Floats) -> tuple[Tree, Ints, Ints]:
    """The tree; the order in which it has the crowd's cars; and of each of the fleet's nodes where in the tree its cars are: nodes, then
    places.

    present_kw (N, T): the most that the crowd's cars draw; limits above all that is below them are left out.
    """
    nodes = fleet.property.nodes
    index = {node.id: n for n, node in enumerate(nodes)}
    parent = np.array([index[node.parent] if node.parent is not None else -1 for node in nodes])
    car_node = fleet.cars.node[crowd.index]
    most = np.zeros(room.shape)
    order = np.argsort(car_node, kind="stable")
    there, begin = np.unique(car_node[order], return_index=True)
    if len(there):
        most[there] = np.add.reduceat(present_kw[order], begin, axis=0)
    for n in range(len(nodes) - 1, 0, -1):
        if parent[n] >= 0:
            most[parent[n]] += most[n]
    kept = (room[:, 0] >= 0) & (most > room + 1e-9).any(axis=1)
    number = np.cumsum(kept) - 1
    count = int(kept.sum())
    place = np.zeros(len(nodes), dtype=np.int64)
    place[car_node] = crowd.place
    for n in range(len(nodes) - 1, 0, -1):
        if parent[n] >= 0 and room[parent[n], 0] >= 0 and most[n].any():
            place[parent[n]] = place[n]
    at = np.zeros(len(nodes), dtype=np.int64)
    for n in range(len(nodes)):
        above = at[parent[n]] if parent[n] >= 0 and room[parent[n], 0] >= 0 else count + place[n]
        at[n] = number[n] if kept[n] else above if most[n].any() else -1
    above = np.array([at[parent[n]] if room[parent[n], 0] >= 0 else count + place[n] for n in np.flatnonzero(kept)], dtype=np.int64)
    where = at[car_node]
    order = np.argsort(where, kind="stable")
    size = np.bincount(where, minlength=count + crowd.places)
    tree = Tree(above=above, room=np.minimum(room[kept], most[kept]), first=np.concatenate(([0], np.cumsum(size))), places=crowd.places)
    return tree, order, at
