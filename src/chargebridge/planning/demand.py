"""The windows in which a demand charge measures: their means from the powers of the steps."""

from typing import NamedTuple

import numpy as np

from chargebridge.planning.arrays import Arrays, Floats, Ints
from chargebridge.planning.problem import DemandCharge


class Window(NamedTuple):
    """The mean over the window is shares . power[steps] + begun, kW."""

    steps: Ints
    shares: Floats
    begun: float


def windows(a: Arrays, charge: DemandCharge) -> list[Window]:
    """Windows begin at whole multiples of their length since 1970-01-01 UTC, so the first may have begun before the horizon.

    One that the horizon's end cuts off is taken to go on as it is until there. Windows inside one step have its mean: one stands for all.
    """
    length = charge.window_s
    past = a.problem.horizon.starts_at.timestamp() % length
    edges = a.edges_s
    found: list[Window] = []
    begin = -past
    while begin < edges[-1] - 1e-6:
        end = min(begin + length, float(edges[-1]))
        first = int(np.searchsorted(edges, max(begin, 0.0) + 1e-6, side="right")) - 1
        last = int(np.searchsorted(edges, end - 1e-6, side="left"))
        steps = np.arange(first, last)
        spans = np.minimum(edges[first + 1 : last + 1], end) - np.maximum(edges[first:last], begin)
        before = charge.first_window_wh if begin < 0 or (begin == 0 and not found) else 0.0
        found.append(Window(steps, spans / (end - begin), before / 1000.0 / ((end - begin) / 3600.0)))
        begin += length
        if last - first == 1 and begin - length >= edges[first]:
            begin += max(float(np.floor((edges[last] - begin) / length + 1e-9)), 0.0) * length
    return found
