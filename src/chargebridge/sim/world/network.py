"""The wiring: devices on a tree of circuits, the true current of each wire, voltages, fuses.

Each step solves the tree once, in two passes: voltages from the root down, with the currents of the step before (fixed-point by time; the drop
is a few volts, so the lag of one step is invisible), then currents from the leaves up by Kirchhoff's current law:

    U_child = U_parent - R_child * Re(I_child)          I_node = sum of I over its devices and child circuits, phase by phase

A circuit's meter and fuse sit at its head, so that power at the head = power of all below + loss in its own wire, exactly. The root's
resistance is the grid's and lies before its meter.
"""

from math import pi, sin
from random import Random
from typing import Protocol

from chargebridge.model.circuit import Circuit, Topology
from chargebridge.model.phases import ZERO, PerPhase
from chargebridge.sim.world.flow import LIVE_V, NOTHING, Currents, Flow, sum_of
from chargebridge.sim.world.fuse import BREAKER_B, Curve, ThermalImage

GRID_OHM = 0.05
"""Low-voltage grid up to the house connection, one conductor: 3 V at 63 A."""
WIRE_OHM = 0.03
"""A sub-circuit's feeder, e.g. 17 m of 10 mm2 copper."""


class Device(Protocol):
    """Anything that draws or feeds."""

    id: str
    circuit: str
    flow: Flow

    def step(self, t_s: float, dt_s: float, voltage_v: PerPhase) -> Currents:
        """Its currents on the grid's phases from ``t_s`` for ``dt_s``; it books them in its own ``flow``."""
        ...


class Branch:
    """One circuit with its head (meter and fuses), its wire and what hangs on it."""

    def __init__(self, circuit: Circuit, parent: "Branch | None", ohm: float, curve: Curve) -> None:
        self.circuit = circuit
        self.parent = parent
        self.ohm = ohm
        self.devices: list[Device] = []
        self.children: list[Branch] = []
        self.flow = Flow(circuit.id)
        self.fuses = tuple(ThermalImage(rated, curve) for rated in circuit.fuse_a)
        self.closed = True
        self.voltage_v: PerPhase = ZERO
        self.loss_j = 0.0

    def find_voltage(self, supply_v: PerPhase) -> None:
        """Voltage at the end of this circuit's wire; nothing behind an open fuse (all poles open together)."""
        above = self.parent.voltage_v if self.parent else supply_v
        if not self.closed or min(above) < LIVE_V:
            self.voltage_v = ZERO
            return
        i = self.flow.current
        self.voltage_v = (above[0] - self.ohm * i[0].real, above[1] - self.ohm * i[1].real, above[2] - self.ohm * i[2].real)

    def carry(self, t_s: float, dt_s: float) -> bool:
        """Add up what is below, book it at the head and heat the fuses. True when one of them opens in this step."""
        total = NOTHING
        for device in self.devices:
            total = sum_of(total, device.step(t_s, dt_s, self.voltage_v))
        for child in self.children:
            total = sum_of(total, child.flow.current)
        head_v = self.parent.voltage_v if self.parent else self.voltage_v
        self.flow.take(total, head_v, dt_s)
        end = self.voltage_v
        if self.parent:
            lost = sum((head_v[k] - end[k]) * total[k].real for k in range(3))
            self.loss_j += lost * dt_s
        opens = False
        for fuse, current in zip(self.fuses, total, strict=True):
            opens = fuse.step(abs(current), dt_s) or opens
        if opens and self.closed:
            self.closed = False
            return True
        return False


class Network:
    """The tree. ``step`` returns the circuits whose protection opened in that step."""

    def __init__(self, topology: Topology, seed: object, curves: dict[str, Curve] | None = None) -> None:
        self.branches: dict[str, Branch] = {}
        waiting = list(topology.circuits)
        while waiting:
            placed = [c for c in waiting if c.parent is None or c.parent in self.branches]
            if not placed:
                raise ValueError(f"circuits {[c.id for c in waiting]} hang on no root")
            for circuit in placed:
                parent = self.branches[circuit.parent] if circuit.parent is not None else None
                branch = Branch(circuit, parent, WIRE_OHM if parent else GRID_OHM, (curves or {}).get(circuit.id, BREAKER_B))
                if parent:
                    parent.children.append(branch)
                self.branches[circuit.id] = branch
            waiting = [c for c in waiting if c.id not in self.branches]
        self._down = tuple(self.branches.values())
        self._up = tuple(reversed(self._down))
        random = Random(f"{seed}:grid")
        self._supply = tuple((231.0 + random.uniform(-1.5, 1.5), random.uniform(0, 2 * pi)) for _ in range(3))
        for branch in self._down:
            branch.find_voltage(self.supply_v(0.0))

    def add(self, device: Device) -> None:
        self.branches[device.circuit].devices.append(device)

    def supply_v(self, t_s: float) -> PerPhase:
        """The grid's open voltage: near 231 V, each phase swinging by 1.5 V within half an hour."""
        v = [mean + 1.5 * sin(2 * pi * t_s / 1800 + shift) for mean, shift in self._supply]
        return (v[0], v[1], v[2])

    def step(self, t_s: float, dt_s: float) -> list[str]:
        supply = self.supply_v(t_s)
        for branch in self._down:
            branch.find_voltage(supply)
        return [branch.circuit.id for branch in self._up if branch.carry(t_s, dt_s)]

    def close(self, circuit: str) -> None:
        """Switch a circuit on again after its protection opened."""
        branch = self.branches[circuit]
        for fuse in branch.fuses:
            fuse.close()
        branch.closed = True
