"""What passes one place of the wiring: three phase currents, three voltages, and the energy registers of a meter put there."""

from chargebridge.model.phases import ZERO, PerPhase, Phase

Currents = tuple[complex, complex, complex]
"""Currents of L1, L2, L3 as phasors against their own phase's voltage, A: the real part is active, the imaginary part reactive
(positive: inductive load). Their sum is the true current of a common wire, whatever the power factors are."""

NOTHING: Currents = (0j, 0j, 0j)
LIVE_V = 100.0
"""Below this voltage nothing works: equipment is off."""


def sum_of(a: Currents, b: Currents) -> Currents:
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2])


def at_power(power_w: float, phases: tuple[Phase, ...], voltage_v: PerPhase) -> Currents:
    """``power_w`` in equal parts on ``phases`` at unity power factor; negative feeds."""
    share = power_w / len(phases)
    return (
        complex(share / voltage_v[0]) if 1 in phases else 0j,
        complex(share / voltage_v[1]) if 2 in phases else 0j,
        complex(share / voltage_v[2]) if 3 in phases else 0j,
    )


class Flow:
    """Positive towards the load. Within a step currents and voltages are constant, so that energy = power x time is exact.

    The registers count as a three-phase meter of the metering code does: the power of all phases is netted first, and its sign
    decides which register runs (OBIS 1.8.0 import, 2.8.0 export).
    """

    __slots__ = ("current", "export_j", "id", "import_j", "power_phases_w", "power_w", "voltage_v")

    def __init__(self, name: str) -> None:
        self.id = name
        self.current: Currents = NOTHING
        self.voltage_v: PerPhase = ZERO
        self.power_phases_w: PerPhase = ZERO
        self.power_w = 0.0
        self.import_j = 0.0
        self.export_j = 0.0

    def take(self, current: Currents, voltage_v: PerPhase, dt_s: float) -> None:
        """Let ``current`` flow at ``voltage_v`` for ``dt_s`` seconds."""
        self.current = current
        self.voltage_v = voltage_v
        p1 = current[0].real * voltage_v[0]
        p2 = current[1].real * voltage_v[1]
        p3 = current[2].real * voltage_v[2]
        self.power_phases_w = (p1, p2, p3)
        power = p1 + p2 + p3
        self.power_w = power
        if power >= 0:
            self.import_j += power * dt_s
        else:
            self.export_j -= power * dt_s

    @property
    def current_a(self) -> PerPhase:
        """RMS current, with the sign of the phase's active power."""
        c = self.current
        return (_signed(c[0]), _signed(c[1]), _signed(c[2]))

    @property
    def reactive_var(self) -> float:
        """Reactive power of all phases, inductive load positive."""
        return sum(c.imag * v for c, v in zip(self.current, self.voltage_v, strict=True))

    @property
    def import_wh(self) -> float:
        return self.import_j / 3600

    @property
    def export_wh(self) -> float:
        return self.export_j / 3600


def _signed(current: complex) -> float:
    return abs(current) if current.real >= 0 else -abs(current)
