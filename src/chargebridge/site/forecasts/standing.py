"""The forecasts that stand, made for quarter hours; onto a plan's steps they are laid when it is made."""

from collections.abc import Callable
from datetime import datetime, timedelta
from math import exp

import numpy as np
from msgspec import Struct

from chargebridge.model.circuit import Topology
from chargebridge.model.phases import NOMINAL_V
from chargebridge.planning.forecast.combine import Forecast
from chargebridge.planning.forecast.grid import EPOCH, QUARTER_S, Calendar, Past, on_horizon, slot_of, start_of
from chargebridge.planning.forecast.load import forecast_load
from chargebridge.planning.forecast.pv import forecast_pv
from chargebridge.planning.forecast.sun import Place
from chargebridge.planning.forecast.weather import Weather
from chargebridge.planning.problem import Band, Horizon, Series
from chargebridge.site.forecasts.view import ForecastView

LOAD, PV = "load", "pv"
HOLDS_S = 900.0
"""What is measured at this moment beside the forecast is gone to a third after so long; longer deviations are in the next forecast."""


class Standing(Struct, frozen=True):
    """load: of the property without cars, batteries and PV. pv: of all plants together, None where there is none."""

    load: Forecast
    pv: Forecast | None

    def on(self, horizon: Horizon, now: datetime, house_w: float | None, pv_w: float | None) -> tuple[Band, Band | None]:
        """(load, pv) over other steps, drawn towards what is measured now."""
        return _pulled(self.load, horizon, now, house_w), None if self.pv is None else _pulled(self.pv, horizon, now, pv_w)

    def views(self) -> tuple[ForecastView, ...]:
        return tuple(_view(kind, made) for kind, made in ((LOAD, self.load), (PV, self.pv)) if made is not None)


def connection_w(site: Topology) -> float:
    """What the grid connection lets through."""
    root = next(circuit for circuit in site.circuits if circuit.parent is None)
    fuses = sum(root.fuse_a) * NOMINAL_V
    return fuses if root.power_limit_w is None else min(fuses, root.power_limit_w)


def make(
    house: Past, pv: Past, site: Topology, calendar: Calendar, place: Place | None, weather: Weather, now: datetime, days: float
) -> Standing:
    """All that is expected from now on, in quarter hours. Takes about a tenth of a second: not for the event loop."""
    ahead = Horizon(starts_at=start_of(slot_of(now)), steps_s=(float(QUARTER_S),) * int(days * 96))
    most_w = connection_w(site)
    if any(circuit.parent is None and circuit.meter is not None for circuit in site.circuits):
        load = forecast_load(house, ahead, calendar, now=now, most_w=most_w, weather=weather)
    else:
        nothing = Band.sure((0.0,) * len(ahead.steps_s))
        load = Forecast(made_at=now, horizon=ahead, band=nothing, method="not measured", why="No meter tells what the property draws.")
    if not site.generators:
        return Standing(load, None)
    peak_w = sum(generator.peak_w for generator in site.generators) or most_w
    return Standing(load, forecast_pv(pv, ahead, place, now=now, peak_w=peak_w, weather=weather))


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
