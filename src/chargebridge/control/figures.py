"""Which numbers are believed at all: what devices send is checked here before it takes part in anything."""

from math import isfinite
from typing import TypeGuard

LARGEST = 1e9
"""No current, power, energy or voltage of a property reaches this in A, W, Wh or V; larger ones would only swallow the others in sums."""


def sane(figure: float | None) -> TypeGuard[float]:
    """Whether it is a number that can be reckoned with."""
    return figure is not None and isfinite(figure) and abs(figure) <= LARGEST
