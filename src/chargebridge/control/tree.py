"""The topology made ready for reckoning: circuits in an order where parents come first, and every point's way up to the root."""

from collections.abc import Sequence
from dataclasses import dataclass

from chargebridge.model.circuit import ChargingPoint, Circuit, Group, Load, Topology
from chargebridge.model.errors import ModelError
from chargebridge.model.phases import PerPhase


@dataclass(frozen=True, slots=True)
class Tree:
    """circuits: parents first, so index 0 is the root. parent: index of each one's parent, -1 at the root.

    chain: of each circuit, itself and all above it up to the root. seat: of each point, the index of its circuit.
    below: of each circuit, the indices of all points anywhere beneath it. in_group: of each group, the indices of its points.
    loads_below, loads_in_group: the same of controllable loads.
    """

    circuits: tuple[Circuit, ...]
    parent: tuple[int, ...]
    chain: tuple[tuple[int, ...], ...]
    points: tuple[ChargingPoint, ...]
    seat: tuple[int, ...]
    below: tuple[tuple[int, ...], ...]
    groups: tuple[Group, ...]
    in_group: tuple[tuple[int, ...], ...]
    circuit_index: dict[str, int]
    point_index: dict[str, int]
    loads: tuple[Load, ...]
    loads_below: tuple[tuple[int, ...], ...]
    loads_in_group: tuple[tuple[int, ...], ...]
    load_index: dict[str, int]

    def roll_up(self, values: Sequence[PerPhase]) -> list[PerPhase]:
        """Sum a figure of each point into every circuit above it, phase by phase."""
        l1 = [0.0] * len(self.circuits)
        l2 = l1.copy()
        l3 = l1.copy()
        for seat, value in zip(self.seat, values, strict=True):
            l1[seat] += value[0]
            l2[seat] += value[1]
            l3[seat] += value[2]
        for index in range(len(self.circuits) - 1, 0, -1):
            up = self.parent[index]
            l1[up] += l1[index]
            l2[up] += l2[index]
            l3[up] += l3[index]
        return list(zip(l1, l2, l3, strict=True))


def grow(topology: Topology) -> Tree:
    """Order the circuits. Raises ModelError on a topology that ``check`` would refuse for its shape."""
    children: dict[str | None, list[Circuit]] = {}
    for circuit in topology.circuits:
        children.setdefault(circuit.parent, []).append(circuit)
    ordered: list[Circuit] = list(children.get(None, ()))
    for circuit in ordered:
        ordered.extend(children.get(circuit.id, ()))
        if len(ordered) > len(topology.circuits):
            break
    if len(children.get(None, ())) != 1 or len(ordered) != len(topology.circuits):
        raise ModelError("topology", "its circuits are no tree with one root", "see what `chargebridge check` says of the configuration")
    circuit_index = {circuit.id: index for index, circuit in enumerate(ordered)}
    parent = tuple(-1 if c.parent is None else circuit_index[c.parent] for c in ordered)
    chain: list[tuple[int, ...]] = []
    for index, up in enumerate(parent):
        chain.append((index,) if up < 0 else (index, *chain[up]))
    seat = tuple(circuit_index[point.circuit] for point in topology.points)
    below = _beneath(chain, seat)
    loads_below = _beneath(chain, [circuit_index[load.circuit] for load in topology.loads])
    point_index = {point.id: index for index, point in enumerate(topology.points)}
    load_index = {load.id: index for index, load in enumerate(topology.loads)}
    return Tree(
        circuits=tuple(ordered),
        parent=parent,
        chain=tuple(chain),
        points=topology.points,
        seat=seat,
        below=tuple(tuple(points) for points in below),
        groups=topology.groups,
        in_group=tuple(_members(group, point_index, circuit_index, below) for group in topology.groups),
        circuit_index=circuit_index,
        point_index=point_index,
        loads=topology.loads,
        loads_below=tuple(tuple(loads) for loads in loads_below),
        loads_in_group=tuple(_members(group, load_index, circuit_index, loads_below) for group in topology.groups),
        load_index=load_index,
    )


def _beneath(chain: Sequence[tuple[int, ...]], seats: Sequence[int]) -> list[list[int]]:
    """Of each circuit, the indices of the things anywhere beneath it. seats: of each thing, the index of its circuit."""
    below: list[list[int]] = [[] for _ in chain]
    for thing, at in enumerate(seats):
        for index in chain[at]:
            below[index].append(thing)
    return below


def _members(group: Group, things: dict[str, int], circuits: dict[str, int], below: list[list[int]]) -> tuple[int, ...]:
    """The points, or the loads, of a group; a circuit that is a member stands for all beneath it."""
    found: dict[int, None] = {}
    for member in group.members:
        if member in things:
            found[things[member]] = None
        elif member in circuits:
            found.update(dict.fromkeys(below[circuits[member]]))
    return tuple(sorted(found))
