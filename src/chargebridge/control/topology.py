"""Is this property one that can be kept safe? Everything that is wrong is told at once, each with place, reason and cure."""

from collections import Counter
from collections.abc import Iterator
from math import isfinite
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from chargebridge.control.tree import Tree, grow
from chargebridge.model.circuit import Battery, ChargingPoint, Circuit, Generator, Load, Topology
from chargebridge.model.errors import ModelError
from chargebridge.model.phases import NOMINAL_V, PerPhase, add, check_rotation, on_grid, power_w

SLACK = 1e-9
FAILSAFE_S = (7200.0, 86_400.0)
"""The shortest and the longest that a device may be told to keep to its failsafe limit, LPC-022."""


class TopologyError(ModelError):
    """Something about a property that must be mended before it can be controlled."""


class DuplicateError(TopologyError):
    """Two things have the same name."""


class UnknownError(TopologyError):
    """Something refers to what is not there."""


class ShapeError(TopologyError):
    """The circuits form no tree with one root."""


class PhasesError(TopologyError):
    """Terminals are mapped to phases in an impossible way."""


class RangeError(TopologyError):
    """A number is outside what makes sense."""


class FallbackError(TopologyError):
    """With no word from us, the stations and the other loads together could draw more than a circuit carries."""


def check(topology: Topology) -> tuple[TopologyError, ...]:
    """All problems of a topology, none raised; empty when it can be controlled."""
    problems = [*_duplicates(topology), *_references(topology), *_numbers(topology)]
    shape = list(_shape(topology))
    problems += shape
    if not shape and not any(isinstance(p, UnknownError | PhasesError | RangeError) for p in problems):
        problems += _fallbacks(grow(topology))
    return tuple(problems)


def _duplicates(topology: Topology) -> Iterator[TopologyError]:
    names = [circuit.id for circuit in topology.circuits] + [point.id for point in topology.points]
    names += [battery.id for battery in topology.batteries] + [generator.id for generator in topology.generators]
    names += [load.id for load in topology.loads] + [group.id for group in topology.groups]
    for name, count in Counter(names).items():
        if count > 1:
            yield DuplicateError(
                name, f"this id is given {count} times", "give each circuit, point, battery, generator, load and group its own id"
            )
    for (station, evse), count in Counter((point.station, point.evse) for point in topology.points).items():
        if count > 1:
            yield DuplicateError(
                station, f"EVSE {evse} of this station is configured as {count} points", "configure each EVSE of a station once"
            )


def _references(topology: Topology) -> Iterator[TopologyError]:
    circuits = {circuit.id for circuit in topology.circuits}
    hanging: tuple[ChargingPoint | Battery | Generator | Load, ...] = (
        *topology.points,
        *topology.batteries,
        *topology.generators,
        *topology.loads,
    )
    for thing in hanging:
        if thing.circuit not in circuits:
            yield UnknownError(thing.id, f"its circuit {thing.circuit!r} does not exist", _one_of("name", circuits))
        try:
            check_rotation(thing.phases, thing.id)
        except ModelError as error:
            yield PhasesError(error.where, error.reason, error.cure)
    known = circuits | {thing.id for thing in hanging}
    for group in topology.groups:
        for member in group.members:
            if member not in known:
                yield UnknownError(
                    group.id, f"its member {member!r} does not exist", "name circuits, points, batteries, generators or loads"
                )


def _shape(topology: Topology) -> Iterator[TopologyError]:
    parents = {circuit.id: circuit.parent for circuit in topology.circuits}
    roots = [circuit.id for circuit in topology.circuits if circuit.parent is None]
    if len(roots) != 1:
        what = "there is no circuit without a parent" if not roots else f"{', '.join(roots)} all have no parent"
        yield ShapeError("circuits", what, "exactly one circuit, the grid connection, has no parent")
    for circuit in topology.circuits:
        if circuit.parent is not None and circuit.parent not in parents:
            yield ShapeError(circuit.id, f"its parent {circuit.parent!r} does not exist", _one_of("name", parents))
            continue
        seen = {circuit.id}
        up = circuit.parent
        while up is not None and up not in seen:
            seen.add(up)
            up = parents.get(up)
        if up == circuit.id:
            yield ShapeError(circuit.id, "it is above itself", "follow its parents up and mend the one that points back down")


def _numbers(topology: Topology) -> Iterator[TopologyError]:
    try:
        ZoneInfo(topology.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        yield UnknownError("timezone", f"{topology.timezone!r} is no time zone", "give one of the IANA names, such as Europe/Berlin")
    for circuit in topology.circuits:
        yield from _circuit(circuit)
    for point in topology.points:
        yield from _point(point)
    for battery in topology.batteries:
        figures = (battery.charge_max_w, battery.discharge_max_w, battery.capacity_wh, battery.reserve_wh)
        if not all(isfinite(figure) and figure >= 0 for figure in figures) or battery.reserve_wh > battery.capacity_wh:
            yield RangeError(
                battery.id, "powers, capacity and reserve do not fit together", "give 0 or more, the reserve at most the capacity"
            )
    for load in topology.loads:
        yield from _load(load)


def _load(load: Load) -> Iterator[TopologyError]:
    if not (isfinite(load.nominal_w) and load.nominal_w > 0):
        yield RangeError(load.id, f"nominal_w {load.nominal_w:g} is no power", "give the most that it draws, as its type plate says, in W")
    for name, figure in (("minimum_w", load.minimum_w), ("failsafe_w", load.failsafe_w)):
        if not (isfinite(figure) and figure >= 0):
            yield RangeError(load.id, f"{name} {figure:g} is no power", "give 0 W or more")
    if not FAILSAFE_S[0] <= load.failsafe_s <= FAILSAFE_S[1]:
        yield RangeError(load.id, f"failsafe_s {load.failsafe_s:g} cannot be", "give 7200 to 86400: LPC-022 allows 2 h to 24 h")


def _circuit(circuit: Circuit) -> Iterator[TopologyError]:
    if not all(isfinite(amps) and amps > 0 for amps in circuit.fuse_a):
        yield RangeError(circuit.id, f"fuse_a {list(circuit.fuse_a)} is no rated current", "give more than 0 A for each phase")
    if not all(isfinite(amps) and amps >= 0 for amps in circuit.lost_meter_load_a):
        yield RangeError(circuit.id, f"lost_meter_load_a {list(circuit.lost_meter_load_a)} is no load", "give 0 A or more for each phase")
    for name, bound in (("power_limit_w", circuit.power_limit_w), ("unbalance_a", circuit.unbalance_a)):
        if bound is not None and not (isfinite(bound) and bound >= 0):
            yield RangeError(circuit.id, f"{name} {bound} is no limit", "give 0 or more, or leave it out")
    if not circuit.meter_max_age_s > 0:
        yield RangeError(circuit.id, f"meter_max_age_s {circuit.meter_max_age_s} is no age", "give more than 0 s")


def _point(point: ChargingPoint) -> Iterator[TopologyError]:
    if not (isfinite(point.maximum_a) and 0 < point.minimum_a <= point.maximum_a):
        yield RangeError(
            point.id, f"minimum_a {point.minimum_a:g} and maximum_a {point.maximum_a:g} do not fit", "0 < minimum_a <= maximum_a"
        )
    if point.fallback_a != 0 and not point.minimum_a <= point.fallback_a <= point.maximum_a:
        cure = f"give 0, or from {point.minimum_a:g} to {point.maximum_a:g} A"
        yield RangeError(point.id, f"fallback_a {point.fallback_a:g} cannot be offered to a car", cure)
    if not (isfinite(point.weight) and point.weight > 0):
        yield RangeError(point.id, f"weight {point.weight:g} is no weight", "give more than 0")
    if not point.station_max_age_s > 0:
        yield RangeError(point.id, f"station_max_age_s {point.station_max_age_s:g} is no age", "give more than 0 s")


def _fallbacks(tree: Tree) -> Iterator[TopologyError]:
    """All stations at their fallback and all other loads at their worst must fit: that is where the site goes when we are gone."""
    stations = tree.roll_up([on_grid(point.fallback_a, point.phases) for point in tree.points])
    lopsided = tree.roll_up(
        [on_grid(point.fallback_a, point.phases) if len(point.phases) < 3 else (0.0, 0.0, 0.0) for point in tree.points]
    )
    others = worst_loads(tree)
    for circuit, fallback, other, uneven in zip(tree.circuits, stations, others, lopsided, strict=True):
        both = add(fallback, other)
        for phase, (amps, fuse) in enumerate(zip(both, circuit.fuse_a, strict=True)):
            if amps > fuse + SLACK:
                yield FallbackError(
                    circuit.id,
                    f"on L{phase + 1} the stations' fallback currents ({fallback[phase]:g} A) and the other loads at their worst "
                    f"({other[phase]:g} A) make {amps:g} A, more than the fuse of {fuse:g} A",
                    "lower fallback_a of its points, lower lost_meter_load_a if that is true, or give the circuit a larger fuse",
                )
        if circuit.power_limit_w is not None and power_w(both) > circuit.power_limit_w + SLACK:
            yield FallbackError(
                circuit.id,
                f"the stations' fallback currents and the other loads at their worst make {power_w(both):.0f} W at {NOMINAL_V:g} V, "
                f"more than power_limit_w {circuit.power_limit_w:g}",
                "lower fallback_a of its points or lost_meter_load_a if that is true",
            )
        if circuit.unbalance_a is not None and max(uneven) > circuit.unbalance_a + SLACK:
            yield FallbackError(
                circuit.id,
                f"single-phase stations at their fallback currents ({max(uneven):g} A on one phase) exceed unbalance_a {circuit.unbalance_a:g}",
                "lower their fallback_a or spread them over the phases",
            )


def worst_loads(tree: Tree) -> list[PerPhase]:
    """What is not charging points on each circuit when every meter is lost: the owner's figure, or the sum of what is below if that is more."""
    below: list[PerPhase] = [(0.0, 0.0, 0.0)] * len(tree.circuits)
    worst = below.copy()
    for index in range(len(tree.circuits) - 1, -1, -1):
        own, sum_ = tree.circuits[index].lost_meter_load_a, below[index]
        worst[index] = (max(own[0], sum_[0]), max(own[1], sum_[1]), max(own[2], sum_[2]))
        if (up := tree.parent[index]) >= 0:
            below[up] = add(below[up], worst[index])
    return worst


def _one_of(verb: str, names: object) -> str:
    listed = sorted(names) if isinstance(names, set | dict) else []
    return f"{verb} one of: {', '.join(listed)}" if listed else "add the circuit"
