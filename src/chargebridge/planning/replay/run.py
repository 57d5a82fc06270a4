"""A case under a strategy, step by step: the same physics for all of them.

In every step the cars that are there are given currents, and take for its whole length the least of what was offered, what they can take and
what they still want. (ACN-Sim's `Battery`. One difference: there a car whose last need is less than the least that its station can offer
is never offered it; here it is, and takes what it needs.)
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from chargebridge.planning.replay.network import Room
from chargebridge.planning.replay.stays import Case
from chargebridge.planning.replay.strategies import Present, Strategy

FULL_WH = 1.0
"""A car that wants less than this is full (ACN-Sim: 1e-3 kWh)."""


class Outcome(Struct, frozen=True, kw_only=True):
    """delivered_wh: of each stay. power_w: of all cars together in each step. current_a: steps x stations.
    over: rows that carried too much, and how often.
    """

    delivered_wh: tuple[float, ...]
    power_w: npt.NDArray[np.float64]
    current_a: npt.NDArray[np.float32]
    over: dict[str, int]


def run(case: Case, strategy: Strategy, progress: Callable[[int], None] | None = None) -> Outcome:
    """Replay the whole case. progress: told the step, now and then. Raises CaseError."""
    case.check()
    step_h = case.step_s / 3600
    stations = case.network.stations
    room = Room(case.network)
    arrivals = sorted(range(len(case.stays)), key=lambda i: (case.stays[i].arrives, i))
    delivered = [0.0] * len(case.stays)
    power = np.zeros(case.steps)
    current = np.zeros((case.steps, len(stations)), dtype=np.float32)
    over: dict[str, int] = {}
    present: dict[int, Present] = {}
    step = coming = 0
    while coming < len(arrivals) or present:
        if not present:
            step = case.stays[arrivals[coming]].arrives
        while coming < len(arrivals) and case.stays[arrivals[coming]].arrives <= step:
            index = arrivals[coming]
            stay = case.stays[index]
            present[index] = Present(stay, stations[stay.station], stay.energy_wh)
            coming += 1
        present = {i: car for i, car in present.items() if car.stay.departs > step and car.left_wh > FULL_WH}
        if present:
            cars = sorted(present.values(), key=lambda car: car.stay.station)
            for car in cars:
                watts = car.station.watts_per_a
                car.upper_a = min(car.station.maximum_a, max(car.left_wh / step_h / watts, car.station.least_a))
            room.clear(step)
            strategy(cars, room, step, step_h)
            for name in room.over():
                over[name] = over.get(name, 0) + 1
            for index, car in present.items():
                watts = car.station.watts_per_a
                drawn_w = min(car.given_a * watts, car.stay.max_w, car.left_wh / step_h)
                car.left_wh -= drawn_w * step_h
                delivered[index] += drawn_w * step_h
                power[step] += drawn_w
                current[step, car.stay.station] = drawn_w / watts
        step += 1
        if progress is not None and step % 500 == 0:
            progress(step)
    return Outcome(delivered_wh=tuple(delivered), power_w=power, current_a=current, over=over)
