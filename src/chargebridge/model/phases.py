"""Three phases as tuples, and how a charging point's terminals lie on them."""

from collections.abc import Iterable
from typing import Literal

from chargebridge.model.errors import ModelError

Phase = Literal[1, 2, 3]
"""A grid phase: 1, 2 or 3 for L1, L2, L3."""

PerPhase = tuple[float, float, float]
"""One figure for each of L1, L2, L3."""

ZERO: PerPhase = (0.0, 0.0, 0.0)
NOMINAL_V = 230.0
"""Nominal voltage to neutral, EN 50160 clause 4.2.2."""


def add(a: PerPhase, b: PerPhase) -> PerPhase:
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2])


def sub(a: PerPhase, b: PerPhase) -> PerPhase:
    return (a[0] - b[0], a[1] - b[1], a[2] - b[2])


def scale(a: PerPhase, factor: float) -> PerPhase:
    return (a[0] * factor, a[1] * factor, a[2] * factor)


def total(values: Iterable[PerPhase]) -> PerPhase:
    """The sum, phase by phase."""
    l1 = l2 = l3 = 0.0
    for value in values:
        l1 += value[0]
        l2 += value[1]
        l3 += value[2]
    return (l1, l2, l3)


def power_w(current_a: PerPhase, voltage_v: PerPhase = (NOMINAL_V, NOMINAL_V, NOMINAL_V)) -> float:
    """Active power at unity power factor, the sum over the phases."""
    return current_a[0] * voltage_v[0] + current_a[1] * voltage_v[1] + current_a[2] * voltage_v[2]


def check_rotation(phases: tuple[Phase, ...], where: str) -> tuple[Phase, ...]:
    """A point's terminals L1.. in order, each on a different grid phase: ``(2, 3, 1)`` puts its L1 on the grid's L2."""
    if not 1 <= len(phases) <= 3 or len(set(phases)) != len(phases) or any(p not in (1, 2, 3) for p in phases):
        raise ModelError(
            where,
            f"phases {list(phases)} are no mapping",
            "name one to three different phases, such as [1, 2, 3] or [2]",
        )
    return phases


def spread(watts: float, phases: tuple[Phase, ...]) -> PerPhase:
    """A power as currents on its phases, alike, at the nominal voltage, A."""
    return on_grid(watts / NOMINAL_V / len(phases), phases)


def on_grid(current_a: float, phases: tuple[Phase, ...]) -> PerPhase:
    """The same current on each of ``phases``, nothing on the others, A."""
    return (
        current_a if 1 in phases else 0.0,
        current_a if 2 in phases else 0.0,
        current_a if 3 in phases else 0.0,
    )
