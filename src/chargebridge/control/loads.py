"""What flows through every circuit, and which part of it is not charging points: the base, TF-EVC 1.2.5.1.

    base = load - sum of the charging points' own measured draw          headroom = limit - base

The circuit's meter and the stations do not speak at the same moment, so after a change one of them shows it and the other does not yet. Three
figures of the base keep that apart:

    base       every point at its latest sample
    base_low   points whose latest sample is older than the reading and than the car's reaction to a changed offer may draw up to their ceiling
               already: their ramp is not mistaken for a household load. For decisions about lowering, as long as nothing is overloaded.
    base_high  points whose latest sample is newer than the reading, or rather old, may not have drawn anything when it was taken, and a base that
               fell only just now may be a car that stopped: the highest of the last seconds. For decisions about raising.

What a car gives back is no relief for others: it is added to the base, in ``base_high`` all that it may be giving, as it may stop at any moment.

No point is taken to draw more than its ceiling, therefore ``base_high + sum of ceilings >= load``, whichever sample is late.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import copysign

from chargebridge.control.ceiling import Ceiling
from chargebridge.control.figures import sane
from chargebridge.control.load_ceiling import LoadCeiling, reckon_loads
from chargebridge.control.timing import BASE_HELD_S, BATTERY_MAX_AGE_S, SETTLE_S, age_s
from chargebridge.control.tree import Tree
from chargebridge.model.circuit import Circuit
from chargebridge.model.decision import MeterView
from chargebridge.model.phases import NOMINAL_V, ZERO, PerPhase, add, power_w, spread, sub
from chargebridge.model.reading import Reading
from chargebridge.model.state import Memory, NodeMemory, PointState, SiteState

VOLTAGE_BAND = (0.8 * NOMINAL_V, 1.2 * NOMINAL_V)
"""A voltage outside of this (twice the tolerance of EN 50160) is not believed."""


@dataclass(frozen=True, slots=True)
class NodeLoad:
    """One circuit: currents in A per phase, powers in W over all phases; ``lost`` is its meter where that has fallen silent."""

    view: MeterView
    load_a: PerPhase
    load_w: float
    base_a: PerPhase
    base_w: float
    base_low_a: PerPhase
    base_low_w: float
    base_high_a: PerPhase
    base_high_w: float
    lost: str | None = None


@dataclass(frozen=True, slots=True)
class Loads:
    """nodes: by circuit index. voltage_v: to reckon powers with. battery_w: what all batteries draw now, charging positive, W.

    controllable: the ceilings of controllable loads, in the order of the topology.
    """

    nodes: tuple[NodeLoad, ...]
    voltage_v: PerPhase
    battery_w: dict[str, float] = field(default_factory=dict)
    controllable: Sequence[LoadCeiling] = ()

    @property
    def lost_meters(self) -> tuple[str, ...]:
        return tuple(sorted({node.lost for node in self.nodes if node.lost is not None}))


def measure(tree: Tree, state: SiteState, ceilings: Sequence[Ceiling], points: Sequence[PointState], now: datetime) -> Loads:
    """Every circuit's load and base, from the leaves up."""
    readings: dict[str, list[Reading]] = {}
    for reading in sorted(state.readings, key=lambda r: r.heard_at):
        readings.setdefault(reading.meter, []).append(reading)
    voltage = _voltage(tree, readings, now)
    changed = _changes(state.memory)
    kept = {memory.node: memory for memory in state.memory.nodes}
    battery_w = _battery_powers(state, now)
    controllable = reckon_loads(tree.loads, state.loads, readings, now) if tree.loads else []
    own = _own_loads(tree, state, readings, battery_w, controllable, now)
    draws = [_draw(c) for c in ceilings]
    drawn = tree.roll_up([sub(draw, c.gives_a) for draw, c in zip(draws, ceilings, strict=True)])
    unseen = tree.roll_up([_positive(sub(c.may_give_a, c.gives_a)) for c in ceilings])
    nodes: list[NodeLoad | None] = [None] * len(tree.circuits)
    for index in range(len(tree.circuits) - 1, -1, -1):
        circuit = tree.circuits[index]
        live = _live(circuit, readings, now)
        node = None
        if live is not None:
            late, early = _skew(tree.below[index], live, ceilings, points, draws, changed)
            node = _measured(live, drawn[index], late, add(early, unseen[index]), voltage)
        if node is not None:
            nodes[index] = _held(node, circuit, kept.get(circuit.id))
        else:
            below = [node for up, node in zip(tree.parent, nodes, strict=True) if up == index and node is not None]
            nodes[index] = _summed(circuit, below, own.get(circuit.id, ZERO), drawn[index], voltage)
    found = tuple(node for node in nodes if node is not None)
    return Loads(nodes=found, voltage_v=voltage, battery_w=battery_w, controllable=controllable)


def _live(circuit: Circuit, readings: dict[str, list[Reading]], now: datetime) -> Reading | None:
    """The newest reading of the circuit's meter that is not too old; one that tells the phases goes before one that tells the sum only."""
    if circuit.meter is None:
        return None
    fresh = [r for r in readings.get(circuit.meter, ()) if age_s(r.heard_at, now) <= circuit.meter_max_age_s]
    full = [r for r in fresh if None not in _told_currents(r, (NOMINAL_V, NOMINAL_V, NOMINAL_V))]
    return full[-1] if full else (fresh[-1] if fresh else None)


def _told_currents(reading: Reading, voltage_v: PerPhase) -> list[float | None]:
    """Signed current of each phase, A; None for a phase that the reading is silent on."""
    found: list[float | None] = []
    for amps, watts, volts in zip(reading.current_a, reading.power_w_phases, voltage_v, strict=True):
        if sane(amps):
            found.append(copysign(amps, watts) if sane(watts) and watts else amps)
        else:
            found.append(watts / volts if sane(watts) else None)
    return found


def _measured(reading: Reading, drawn: PerPhase, late: PerPhase, early: PerPhase, voltage: PerPhase) -> NodeLoad | None:
    """From a live meter; None when its reading tells too little. Where it tells the sum of the powers but not every phase, all of the base that
    is not seen on a phase may flow on any one of the others.
    """
    told = _told_currents(reading, voltage)
    total_w = reading.power_w if sane(reading.power_w) else None
    seen_w = sum(amps * volts for amps, volts in zip(told, voltage, strict=True) if amps is not None)
    if total_w is None and None in told:
        return None
    load_w = seen_w if total_w is None else total_w
    hidden_w = load_w - seen_w - sum(d * v for amps, d, v in zip(told, drawn, voltage, strict=True) if amps is None)
    base = [max(0.0, hidden_w) / v if amps is None else amps - d for amps, d, v in zip(told, drawn, voltage, strict=True)]
    base_a, base_w = (base[0], base[1], base[2]), load_w - power_w(drawn, voltage)
    return NodeLoad(
        view=MeterView.MEASURED,
        load_a=add(base_a, drawn),
        load_w=load_w,
        base_a=base_a,
        base_w=base_w,
        base_low_a=sub(base_a, late),
        base_low_w=base_w - power_w(late, voltage),
        base_high_a=add(base_a, early),
        base_high_w=base_w + power_w(early, voltage),
    )


def _held(node: NodeLoad, circuit: Circuit, kept: NodeMemory | None) -> NodeLoad:
    """With ``base_high`` no lower than what was seen, or had to be assumed, in the last seconds."""
    if kept is None:
        worst = circuit.lost_meter_load_a
        return replace(node, base_high_a=_max(node.base_high_a, worst), base_high_w=max(node.base_high_w, power_w(worst)))
    high_a = _max(node.base_high_a, _max(kept.peak_a, kept.before_a))
    return replace(node, base_high_a=high_a, base_high_w=max(node.base_high_w, kept.peak_w, kept.before_w))


def keep(tree: Tree, loads: Loads, memory: Memory, now: datetime) -> tuple[NodeMemory, ...]:
    """The highest bases of the present and the last span of ``BASE_HELD_S``; what no meter told was as high as the owner's worst case."""
    known = {node.node: node for node in memory.nodes}
    found: list[NodeMemory] = []
    for circuit, node in zip(tree.circuits, loads.nodes, strict=True):
        if node.view is MeterView.SUM:
            continue
        amps, watts, kept = node.base_a, node.base_w, known.get(circuit.id)
        if kept is None or age_s(kept.since, now) >= 2 * BASE_HELD_S:
            worst = circuit.lost_meter_load_a
            kept = NodeMemory(node=circuit.id, since=now, peak_a=amps, peak_w=watts, before_a=worst, before_w=power_w(worst))
        elif age_s(kept.since, now) >= BASE_HELD_S:
            kept = NodeMemory(node=circuit.id, since=now, peak_a=amps, peak_w=watts, before_a=kept.peak_a, before_w=kept.peak_w)
        else:
            high_a, high_w = _max(kept.peak_a, amps), max(kept.peak_w, watts)
            kept = NodeMemory(
                node=circuit.id, since=kept.since, peak_a=high_a, peak_w=high_w, before_a=kept.before_a, before_w=kept.before_w
            )
        found.append(kept)
    return tuple(found)


def _max(a: PerPhase, b: PerPhase) -> PerPhase:
    return (max(a[0], b[0]), max(a[1], b[1]), max(a[2], b[2]))


def _summed(circuit: Circuit, below: list[NodeLoad], own: PerPhase, drawn: PerPhase, voltage: PerPhase) -> NodeLoad:
    """Without a meter: the sum of what is below. With one that is silent: the owner's worst case, or that sum where it is more."""
    lost = circuit.meter
    base, low, high = own, own, own
    base_w = low_w = high_w = power_w(own, voltage)
    for node in below:
        base, low, high = add(base, node.base_a), add(low, node.base_low_a), add(high, node.base_high_a)
        base_w, low_w, high_w = base_w + node.base_w, low_w + node.base_low_w, high_w + node.base_high_w
    if lost is not None:
        worst = circuit.lost_meter_load_a
        base = low = high = (max(worst[0], high[0]), max(worst[1], high[1]), max(worst[2], high[2]))
        base_w = low_w = high_w = max(power_w(worst, voltage), high_w)
    return NodeLoad(
        view=MeterView.SUM if lost is None else MeterView.ASSUMED,
        load_a=add(base, drawn),
        load_w=base_w + power_w(drawn, voltage),
        base_a=base,
        base_w=base_w,
        base_low_a=low,
        base_low_w=low_w,
        base_high_a=high,
        base_high_w=high_w,
        lost=lost,
    )


def _positive(amps: PerPhase) -> PerPhase:
    return _max(amps, ZERO)


def _draw(ceiling: Ceiling) -> PerPhase:
    """What the point is taken to draw now: its sample, but never more than its ceiling."""
    drawn, top = ceiling.drawn_a, ceiling.current_a
    if drawn is None:
        return ZERO
    return (min(drawn[0], top[0]), min(drawn[1], top[1]), min(drawn[2], top[2]))


def _skew(
    below: tuple[int, ...],
    reading: Reading,
    ceilings: Sequence[Ceiling],
    points: Sequence[PointState],
    draws: Sequence[PerPhase],
    changed: dict[str, datetime],
) -> tuple[PerPhase, PerPhase]:
    """(what may flow at points beyond their samples, what of their samples may not have flowed yet) at the time of the reading."""
    late, early = [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]
    for index in below:
        state, draw = points[index], draws[index]
        if _early(state, ceilings[index], reading):
            for phase in range(3):
                early[phase] += draw[phase]
        elif ceilings[index].standing is not None and (ceilings[index].drawn_a is None or _ramping(state, changed)):
            for phase in range(3):
                late[phase] += ceilings[index].current_a[phase] - draw[phase]
    return (late[0], late[1], late[2]), (early[0], early[1], early[2])


def _early(state: PointState, ceiling: Ceiling, reading: Reading) -> bool:
    """Whether its sample may tell a draw that the reading does not contain: taken after it, or so long before that the car may have stopped."""
    if ceiling.drawn_a is None or state.measured_at is None:
        return False
    older_s = (reading.heard_at - state.measured_at).total_seconds()
    return ceiling.lost or older_s < 0 or older_s > BASE_HELD_S


def _ramping(state: PointState, changed: dict[str, datetime]) -> bool:
    """Its last sample was taken before its car had time to follow the last change of its offer."""
    at = changed.get(state.point)
    return at is not None and state.measured_at is not None and (state.measured_at - at).total_seconds() < SETTLE_S


def _changes(memory: Memory) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for point in memory.points:
        times = [at for at in (point.raised_at, point.lowered_at) if at is not None]
        if times:
            found[point.point] = max(times)
    return found


def _battery_powers(state: SiteState, now: datetime) -> dict[str, float]:
    """What each battery draws; one that is silent is taken to charge at full power."""
    heard = {b.battery: b for b in state.batteries if age_s(b.heard_at, now) <= BATTERY_MAX_AGE_S and sane(b.power_w)}
    return {b.id: heard[b.id].power_w if b.id in heard else b.charge_max_w for b in state.topology.batteries}


def _own_loads(
    tree: Tree,
    state: SiteState,
    readings: dict[str, list[Reading]],
    battery_w: dict[str, float],
    controllable: Sequence[LoadCeiling],
    now: datetime,
) -> dict[str, PerPhase]:
    """Batteries, generators and controllable loads that hang directly on circuits without a meter of their own, A per phase. A silent generator
    gives nothing, a silent load draws the most that it may."""
    found: dict[str, PerPhase] = {}
    for ceiling in controllable:
        _onto(found, ceiling.load.circuit, spread(ceiling.draws_w, ceiling.load.phases))
    for battery in state.topology.batteries:
        _onto(found, battery.circuit, spread(battery_w[battery.id], battery.phases))
    for generator in state.topology.generators:
        told = readings.get(generator.meter, ()) if generator.meter is not None else ()
        if not told:
            continue
        watts, age = told[-1].power_w, age_s(told[-1].heard_at, now)
        if sane(watts) and age <= tree.circuits[tree.circuit_index[generator.circuit]].meter_max_age_s:
            _onto(found, generator.circuit, spread(min(0.0, watts), generator.phases))
    return found


def _onto(found: dict[str, PerPhase], circuit: str, amps: PerPhase) -> None:
    found[circuit] = add(found.get(circuit, ZERO), amps)


def _voltage(tree: Tree, readings: dict[str, list[Reading]], now: datetime) -> PerPhase:
    """The voltages of the uppermost live meter that tells believable ones, else nominal."""
    for circuit in tree.circuits:
        reading = _live(circuit, readings, now)
        if reading is None:
            continue
        volts = [v for v in reading.voltage_v if v is not None and VOLTAGE_BAND[0] <= v <= VOLTAGE_BAND[1]]
        if len(volts) == 3:
            return (volts[0], volts[1], volts[2])
    return (NOMINAL_V, NOMINAL_V, NOMINAL_V)
