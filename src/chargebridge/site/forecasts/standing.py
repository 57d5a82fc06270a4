"""The forecasts that stand, made for quarter hours; onto a plan's steps they are laid when it is made."""

from collections.abc import Callable
from datetime import datetime, timedelta
from math import exp

import numpy as np
from msgspec import Struct

from chargebridge.model.circuit import Topology
from chargebridge.model.phases import NOMINAL_V
from chargebridge.planning.forecast.arrivals import expected_load
from chargebridge.planning.forecast.combine import Forecast
from chargebridge.planning.forecast.drivers import Habits
from chargebridge.planning.forecast.grid import EPOCH, QUARTER_S, Calendar, Past, on_horizon, slot_of, start_of
from chargebridge.planning.forecast.load import forecast_load
from chargebridge.planning.forecast.pv import forecast_pv
from chargebridge.planning.forecast.sun import Place
from chargebridge.planning.forecast.weather import Weather
from chargebridge.planning.problem import Band, Horizon, Series
from chargebridge.site.forecasts.view import ForecastView

LOAD, PV, CARS = "load", "pv", "cars"
HOLDS_S = 900.0
"""What is measured at this moment beside the forecast is gone to a third after so long; longer deviations are in the next forecast."""


class Standing(Struct, frozen=True):
    """load: of the property without cars, batteries and PV. pv: of all plants together, None where there is none. cars: those that are not here
    yet, as if each charged at once; it is shown, and not scored, as plans move what it tells."""

    load: Forecast
    pv: Forecast | None
    cars: Forecast

    def on(self, horizon: Horizon, now: datetime, house_w: float | None, pv_w: float | None) -> tuple[Band, Band | None]:
        """(load, pv) over other steps, drawn towards what is measured now."""
        return _pulled(self.load, horizon, now, house_w), None if self.pv is None else _pulled(self.pv, horizon, now, pv_w)

    def views(self) -> tuple[ForecastView, ...]:
        return tuple(_view(kind, made) for kind, made in ((LOAD, self.load), (PV, self.pv), (CARS, self.cars)) if made is not None)


def connection_w(site: Topology) -> float:
    """What the grid connection lets through."""
    root = next(circuit for circuit in site.circuits if circuit.parent is None)
    fuses = sum(root.fuse_a) * NOMINAL_V
    return fuses if root.power_limit_w is None else min(fuses, root.power_limit_w)


class Known(Struct, frozen=True):
    """What forecasts are made from. here: the drivers whose cars are plugged in."""

    house: Past
    pv: Past
    habits: Habits
    here: tuple[str, ...]
    weather: Weather


def make(known: Known, site: Topology, calendar: Calendar, place: Place | None, now: datetime, days: float) -> Standing:
    """All that is expected from now on, in quarter hours. Takes about a fifth of a second: not for the event loop."""
    ahead = Horizon(starts_at=start_of(slot_of(now)), steps_s=(float(QUARTER_S),) * int(days * 96))
    most_w = connection_w(site)
    if any(circuit.parent is None and circuit.meter is not None for circuit in site.circuits):
        load = forecast_load(known.house, ahead, calendar, now=now, most_w=most_w, weather=known.weather)
    else:
        nothing = Band.sure((0.0,) * len(ahead.steps_s))
        load = Forecast(made_at=now, horizon=ahead, band=nothing, method="not measured", why="No meter tells what the property draws.")
    pv = None
    if site.generators:
        peak_w = sum(generator.peak_w for generator in site.generators) or most_w
        pv = forecast_pv(known.pv, ahead, place, now=now, peak_w=peak_w, weather=known.weather)
    return Standing(load, pv, _cars(known, site, calendar, ahead, now))


def _cars(known: Known, site: Topology, calendar: Calendar, ahead: Horizon, now: datetime) -> Forecast:
    powers = [point.maximum_a * NOMINAL_V * len(point.phases) for point in site.points]
    one_w, all_w = (sum(powers) / len(powers), min(sum(powers), connection_w(site))) if powers else (1.0, 0.0)
    band = expected_load(known.habits, ahead, calendar, now=now, power_w=one_w, most_w=all_w, here=known.here)
    why = "Each earlier day of the same kind as if it came again, with the cars that are not here yet."
    return Forecast(made_at=now, horizon=ahead, band=band, method="habits", why=why)


def _pulled(made: Forecast, horizon: Horizon, now: datetime, measured_w: float | None) -> Band:
    first = slot_of(made.horizon.starts_at)
    lines = np.array([made.band.low, made.band.likely, made.band.high])
    ends = horizon.starts_at + timedelta(seconds=sum(horizon.steps_s))
    missing = int((ends - EPOCH).total_seconds() // QUARTER_S) + 1 - first - lines.shape[1]
    if missing > 0:  # further than anybody looked: as on the last day before
        lines = np.concatenate([lines, np.resize(lines[:, -96:].T, (missing, 3)).T], axis=1)
    low, likely, high = (tuple(line.tolist()) for line in on_horizon(lines, first, horizon))
    here = min(max(slot_of(now) - first, 0), lines.shape[1] - 1)
    off_w = 0.0 if measured_w is None else max(0.0, measured_w) - float(lines[1, here])
    pulled = _mover(horizon, now, off_w)
    return Band(likely=pulled(likely), low=pulled(low), high=pulled(high))


def _mover(horizon: Horizon, now: datetime, off_w: float) -> Callable[[Series], Series]:
    """Moves a line by what is off at this moment, less and less with the time."""
    late = (horizon.starts_at - now).total_seconds()
    moves = []
    for seconds in horizon.steps_s:
        begins, ends = max(late, 0.0), max(late + seconds, 0.0)
        moves.append(off_w * HOLDS_S / seconds * (exp(-begins / HOLDS_S) - exp(-ends / HOLDS_S)))
        late += seconds
    return lambda line: tuple(max(0.0, value + move) for value, move in zip(line, moves, strict=True))


def _view(kind: str, made: Forecast) -> ForecastView:
    return ForecastView(
        kind=kind,
        made_at=made.made_at,
        method=made.method,
        why=made.why,
        first_at=made.horizon.starts_at,
        likely_w=made.band.likely,
        low_w=made.band.low,
        high_w=made.band.high,
        scores=made.scores,
    )
