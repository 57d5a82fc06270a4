"""The limits that controllable loads are under, as bounds in W: on themselves, their groups, and the circuits above them.

    order    a limit in the book: of the grid operator, of an agreement, of the owner ...
    wiring   the fuse, or the power limit, of a circuit above

A limit in amperes is a bound on each phase. A peak budget binds cars only; balance of the phases is theirs too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chargebridge.control.book import Book
from chargebridge.control.loads import Loads
from chargebridge.control.quiet import Quiet
from chargebridge.control.tree import Tree
from chargebridge.model.decision import Effective, MeterView
from chargebridge.model.limit import Direction, LimitSource
from chargebridge.model.phases import ZERO, PerPhase, Phase

_WIRING = frozenset({LimitSource.FUSE, LimitSource.GRID_CONNECTION})
_NO_ORDER = _WIRING | {LimitSource.UNBALANCE, LimitSource.PEAK_BUDGET}


@dataclass(frozen=True, slots=True)
class Bound:
    """room_w: what it leaves to loads and cars. loads: index -> part of its power that counts. cars: indices. phase: None for all three.

    limit_w: as it was told, W; None: nobody knows it, and the loads keep to their failsafe limit. ordered: an order, not the wiring.
    """

    node: str
    name: str
    origin: Effective
    limit_w: float | None
    room_w: float
    loads: Mapping[int, float]
    cars: tuple[int, ...]
    phase: Phase | None = None
    ordered: bool = True


@dataclass(frozen=True, slots=True)
class _Place:
    """Where limits lie: its loads, its cars, and what else counts there."""

    node: str
    name: str
    loads: tuple[int, ...]
    cars: tuple[int, ...]
    others: Quiet


def bounds_of(tree: Tree, book: Book, loads: Loads, quiet: Mapping[str, Quiet]) -> Iterator[Bound]:
    """Where the meter of a circuit is lost, the owner's worst case has the loads in it: its wiring carries them, as ``check`` has seen to."""
    for at, circuit in enumerate(tree.circuits):
        if tree.loads_below[at]:
            place = _Place(circuit.id, circuit.name, tree.loads_below[at], tree.below[at], quiet[circuit.id])
            yield from _orders(tree, book, loads.voltage_v, place)
            if loads.nodes[at].view is not MeterView.ASSUMED:
                yield from _wiring(tree, book, loads.voltage_v, place)
    for group, members, cars in zip(tree.groups, tree.loads_in_group, tree.in_group, strict=True):
        if members:
            others_w = sum(max(0.0, loads.battery_w.get(member, 0.0)) for member in group.members)
            yield from _orders(tree, book, loads.voltage_v, _Place(group.id, group.name, members, cars, _even(others_w, loads.voltage_v)))
    for index, load in enumerate(tree.loads):
        yield from _orders(tree, book, loads.voltage_v, _Place(load.id, load.name, (index,), (), Quiet(ZERO, 0.0)))


def _even(watts: float, voltage_v: PerPhase) -> Quiet:
    """Batteries that charge, on three phases alike."""
    amps = watts / sum(voltage_v)
    return Quiet((amps, amps, amps), watts)


def _orders(tree: Tree, book: Book, voltage_v: PerPhase, place: _Place) -> Iterator[Bound]:
    for limit in book.of(place.node):
        if limit.direction is Direction.CONSUMPTION and (limit.failsafe or limit.source not in _NO_ORDER):
            yield from _in_watts(tree, voltage_v, place, limit, ordered=True)
    if place.node in book.blind:
        yield Bound(place.node, place.name, book.blind[place.node], None, 0.0, dict.fromkeys(place.loads, 1.0), place.cars)


def _wiring(tree: Tree, book: Book, voltage_v: PerPhase, place: _Place) -> Iterator[Bound]:
    for limit in book.of(place.node):
        if limit.direction is Direction.CONSUMPTION and limit.source in _WIRING and not limit.failsafe:
            yield from _in_watts(tree, voltage_v, place, limit, ordered=False)


def _in_watts(tree: Tree, voltage_v: PerPhase, place: _Place, limit: Effective, *, ordered: bool) -> Iterator[Bound]:
    if limit.power_w is not None:
        room_w = max(0.0, limit.power_w - place.others.w)
        yield Bound(place.node, place.name, limit, limit.power_w, room_w, dict.fromkeys(place.loads, 1.0), place.cars, ordered=ordered)
    if limit.current_a is None:
        return
    phases: tuple[Phase, ...] = (1, 2, 3)
    for phase, amps, others_a, volts in zip(phases, limit.current_a, place.others.a, voltage_v, strict=True):
        parts = {i: 1 / len(tree.loads[i].phases) for i in place.loads if phase in tree.loads[i].phases}
        if parts:
            room_w = max(0.0, amps - others_a) * volts
            yield Bound(place.node, place.name, limit, amps * volts, room_w, parts, place.cars, phase, ordered)
