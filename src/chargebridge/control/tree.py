"""The topology made ready for reckoning: circuits in an order where parents come first, and every point's way up to the root."""

from collections.abc import Sequence
from dataclasses import dataclass

from chargebridge.model.circuit import ChargingPoint, Circuit, Group, Topology
from chargebridge.model.errors import ModelError
from chargebridge.model.phases import PerPhase


@dataclass(frozen=True, slots=True)
class Tree:
    """circuits: parents first, so index 0 is the root. parent: index of each one's parent, -1 at the root.

    chain: of each circuit, itself and all above it up to the root. seat: of each point, the index of its circuit.
    below: of each circuit, the indices of all points anywhere beneath it. in_group: of each group, the indices of its points.
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
    below: list[list[int]] = [[] for _ in ordered]
    for point, at in enumerate(seat):
        for index in chain[at]:
            below[index].append(point)
    point_index = {point.id: index for index, point in enumerate(topology.points)}
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
    )


def _members(group: Group, points: dict[str, int], circuits: dict[str, int], below: list[list[int]]) -> tuple[int, ...]:
    """The points of a group; a circuit that is a member stands for all points beneath it."""
    found: dict[int, None] = {}
    for member in group.members:
        if member in points:
            found[points[member]] = None
        elif member in circuits:
            found.update(dict.fromkeys(below[circuits[member]]))
    return tuple(sorted(found))
