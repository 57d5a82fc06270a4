"""A fleet: a property, or a portfolio, whose cars stand in columns of numbers instead of one object each."""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from chargebridge.planning.arrays import Floats, Ints
from chargebridge.planning.check import ProblemError, check
from chargebridge.planning.problem import Problem

ALL_PHASES = 7


class Cars(Struct, frozen=True, kw_only=True):
    """Columns of N cars that only take energy.

    arrival, departure: in steps from the beginning of the horizon; 2.5 is the middle of the third step. Before 0 and after the end are
    cut off.
    power_w: it charges with nothing to this. node: index into the problem's nodes.
    least_wh: needed until departure, in the car's own measure, on top of what it has; most_wh: wanted at most.
    least_price: the most that is to be paid for a needed kWh, infinity where it is needed whatever it costs; rest_price: for a kWh beyond
    it.
    efficiency: kWh in the car for one drawn. priority: the energy of a higher one is the last to be missing.
    phases: the grid's phases it lies on as bits, 1 for L1, 2 for L2, 4 for L3.
    """

    arrival: Floats
    departure: Floats
    power_w: Floats
    least_wh: Floats
    most_wh: Floats
    rest_price: Floats
    node: Ints
    least_price: Floats | None = None
    efficiency: Floats | None = None
    priority: Ints | None = None
    phases: Ints | None = None

    def __len__(self) -> int:
        return len(self.power_w)

    def column(self, name: str, otherwise: float) -> NDArray[np.float64]:
        values = getattr(self, name)
        return np.full(len(self), otherwise) if values is None else np.asarray(values, dtype=float)


class Fleet(Struct, frozen=True, kw_only=True):
    """property: all but these cars: horizon, prices, nodes with limits and loads, batteries, cars that give back, plants, PV. cars: the
    columns."""

    property: Problem
    cars: Cars


def check_fleet(fleet: Fleet) -> None:
    """Raise ProblemError for the first thing that cannot be meant."""
    check(fleet.property)
    cars, count = fleet.cars, len(fleet.cars)
    for name in (
        "arrival",
        "departure",
        "power_w",
        "least_wh",
        "most_wh",
        "rest_price",
        "node",
        "least_price",
        "efficiency",
        "priority",
        "phases",
    ):
        values = getattr(cars, name)
        if values is None:
            continue
        if np.shape(values) != (count,):
            raise ProblemError(f"cars.{name}", f"has the shape {np.shape(values)} for {count} cars", "give one value for each car")
        bad = np.isnan(values) if name in ("least_price", "departure") else ~np.isfinite(values)
        if bad.any():
            raise ProblemError(f"cars.{name}", f"car {int(np.argmax(bad))} has no number", "give a number for each car")
    for name in ("power_w", "least_wh", "most_wh"):
        if count and getattr(cars, name).min() < 0:
            raise ProblemError(f"cars.{name}", f"car {int(np.argmin(getattr(cars, name)))} is below 0", "give amounts as positive numbers")
    share = cars.column("efficiency", 1.0)
    if count and not ((share > 0) & (share <= 1)).all():
        raise ProblemError("cars.efficiency", "is not above 0 and at most 1", "give the share of what is drawn that the car stores")
    if count and not ((cars.node >= 0) & (cars.node < len(fleet.property.nodes))).all():
        raise ProblemError("cars.node", "is no index of a node", "count the problem's nodes from 0")
    if count and (np.asarray(cars.departure) < cars.arrival).any():
        raise ProblemError("cars.departure", "a car departs before it arrives", "exchange departure and arrival")
    grouped = np.array([node.members is not None for node in fleet.property.nodes])
    if count and grouped[cars.node].any():
        raise ProblemError("cars.node", "a car hangs at a group", "name a circuit; groups name their members themselves")
    if cars.phases is not None and count and not ((cars.phases >= 1) & (cars.phases <= ALL_PHASES)).all():
        raise ProblemError("cars.phases", "is no set of phases", "add 1 for L1, 2 for L2, 4 for L3")
