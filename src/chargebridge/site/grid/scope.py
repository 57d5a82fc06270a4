"""What stands within the scope of a limit: which charging points, loads and batteries can be held to it, and what else is there."""

from collections.abc import Collection
from math import inf

from msgspec import Struct

from chargebridge.control.tree import grow
from chargebridge.model.circuit import Battery, ChargingPoint, Generator, Load, Topology
from chargebridge.model.limit import Direction, Limit, OnNode, Scope


class Within(Struct, frozen=True):
    """name: of the scope, as people call it."""

    name: str
    points: tuple[ChargingPoint, ...]
    loads: tuple[Load, ...]
    batteries: tuple[Battery, ...]
    generators: tuple[Generator, ...]


def within(topology: Topology, scope: Scope) -> Within:
    """Of a scope that is there (the configuration's check sees to that); else nothing is within."""
    tree = grow(topology)
    circuits = {circuit.id: circuit.name for circuit in tree.circuits}
    if isinstance(scope, OnNode) and scope.node in tree.point_index:
        point = tree.points[tree.point_index[scope.node]]
        return Within(point.name, (point,), (), (), ())
    if isinstance(scope, OnNode) and scope.node in tree.load_index:
        load = tree.loads[tree.load_index[scope.node]]
        return Within(load.name, (), (load,), (), ())
    if isinstance(scope, OnNode):
        members, name = {scope.node}, circuits.get(scope.node, scope.node)
    else:
        group = next((group for group in tree.groups if group.id == scope.group), None)
        members, name = (set(group.members), group.name) if group is not None else (set(), scope.group)
    inside = {circuit for circuit in circuits if any(tree.circuits[at].id in members for at in tree.chain[tree.circuit_index[circuit]])}
    return Within(
        name,
        tuple(one for one in tree.points if one.id in members or one.circuit in inside),
        tuple(one for one in tree.loads if one.id in members or one.circuit in inside),
        tuple(one for one in topology.batteries if one.id in members or one.circuit in inside),
        tuple(one for one in topology.generators if one.id in members or one.circuit in inside),
    )


def unable(topology: Topology, limit: Limit, power_w: float, steered: Collection[str]) -> str:
    """Why the site cannot keep a limit of so many W; empty if it can. steered: the batteries to which we give set points."""
    there = within(topology, limit.scope)
    if limit.direction is Direction.CONSUMPTION:
        if there.points or there.loads or any(battery.id in steered for battery in there.batteries):
            return ""
        return f"nothing in {there.name} can be controlled"
    given_w = {one.name: one.peak_w or inf for one in there.generators}
    given_w |= {one.name: one.discharge_max_w for one in there.batteries if one.id not in steered}
    if sum(given_w.values()) <= power_w:
        return ""
    return f"{', '.join(given_w)} may feed in more than {power_w:g} W, and cannot be curtailed by this site"
