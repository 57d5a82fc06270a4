"""Prices to begin with on a fine grid, from the same fleet on a coarse one: neighbouring steps taken together as one.

Short steps are many that cost the same, and a master programme sees no difference between them; from prices that are nearly right it only
has to find the small ones.
"""

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from chargebridge.planning.arrays import Floats
from chargebridge.planning.fleet.cars import Fleet
from chargebridge.planning.fleet.site import Site
from chargebridge.planning.problem import Band, Horizon, Problem, Series

FINE = 120
"""More steps than these begin on a coarse grid of about 96."""


def coarse_prices(fleet: Fleet, plan: Callable[[Fleet], Any], site: Site) -> Floats | None:
    """(places, T), or None where the grid is coarse enough. plan: gives a FleetSchedule."""
    steps = len(fleet.property.horizon.steps_s)
    if steps <= FINE or not len(fleet.cars):
        return None
    part = np.arange(steps) // -(-steps // 96)
    found = plan(coarsen(fleet, part)).price_per_kwh
    price = np.zeros((site.places, steps))
    for n, mask in np.ndindex(site.place.shape):
        if site.place[n, mask] >= 0:
            price[site.place[n, mask]] = found[n][part]
    return price


def coarsen(fleet: Fleet, part: np.ndarray[Any, np.dtype[np.int64]]) -> Fleet:
    """part (T): which coarse step each step is in. A car's window shrinks to whole coarse steps where any is left of it."""
    problem, cars = fleet.property, fleet.cars
    lengths = np.asarray(problem.horizon.steps_s, dtype=float)
    long = np.bincount(part, lengths)

    def mean(series: Series | None) -> Series | None:
        return None if series is None else tuple((np.bincount(part, np.asarray(series) * lengths) / long).tolist())

    def band(values: Band | None) -> Band | None:
        return None if values is None else Band(likely=mean(values.likely) or (), low=mean(values.low) or (), high=mean(values.high) or ())

    change = msgspec.structs.replace
    nodes = tuple(
        change(
            node,
            import_w=mean(node.import_w),
            export_w=mean(node.export_w),
            current_a=None
            if node.current_a is None
            else tuple(zip(*(mean(tuple(row[phase] for row in node.current_a)) or () for phase in range(3)), strict=True)),
            load=band(node.load),
        )
        for node in problem.nodes
    )
    prices = change(
        problem.prices,
        import_per_kwh=mean(problem.prices.import_per_kwh) or (),
        export_per_kwh=mean(problem.prices.export_per_kwh) or (),
        network_per_kwh=mean(problem.prices.network_per_kwh),
        co2_g_per_kwh=mean(problem.prices.co2_g_per_kwh),
    )
    small = Problem(
        horizon=Horizon(starts_at=problem.horizon.starts_at, steps_s=tuple(long.tolist())),
        nodes=nodes,
        prices=prices,
        stores=tuple(change(store, charge_limit_w=mean(store.charge_limit_w)) for store in problem.stores),
        plants=problem.plants,
        generators=tuple(change(generator, power=band(generator.power)) for generator in problem.generators),
        taste=problem.taste,
        voltage_v=problem.voltage_v,
    )
    clock = np.concatenate(([0.0], np.cumsum(lengths)))
    edges = np.concatenate(([0.0], np.cumsum(long)))
    begins, ends = (
        np.interp(np.interp(np.clip(edge, 0, len(lengths)), np.arange(len(clock)), clock), edges, np.arange(len(edges)))
        for edge in (cars.arrival, cars.departure)
    )
    arrival, departure = np.ceil(begins - 1e-9), np.floor(ends + 1e-9)
    whole = departure > arrival
    return Fleet(
        property=small,
        cars=change(cars, arrival=np.where(whole, arrival, np.floor(begins)), departure=np.where(whole, departure, np.ceil(ends))),
    )
