"""What a strategy would have cost, and whom it would have let go without: one row of the table."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from chargebridge.planning.replay.run import FULL_WH, Outcome
from chargebridge.planning.replay.stays import Case

Floats = npt.NDArray[np.float64]


class Score(Struct, frozen=True, kw_only=True):
    """Energies in Wh, power in W, money in the case's currency (None where no price is known), CO2 in kg (likewise).

    cost: of what the cars made the connection draw more (and export less), with the capacity price on the higher peak. short: stays that left with
    less than they wanted. peak_w: highest mean of a step at the grid connection. overloaded: steps in which a wire carried too much.
    """

    strategy: str
    delivered_wh: float
    wanted_wh: float
    short: int
    stays: int
    peak_w: float
    overloaded: int
    cost: float | None
    co2_kg: float | None

    @property
    def unmet_wh(self) -> float:
        return max(0.0, self.wanted_wh - self.delivered_wh)


def score(case: Case, strategy: str, outcome: Outcome) -> Score:
    """Reckon an outcome of ``run``."""
    delivered = np.array(outcome.delivered_wh)
    wanted = np.array([stay.energy_wh for stay in case.stays])
    cars = outcome.power_w
    base = _series(case.base_w, len(cars))
    hours = case.step_s / 3600
    return Score(
        strategy=strategy,
        delivered_wh=float(delivered.sum()),
        wanted_wh=float(wanted.sum()),
        short=int((wanted - delivered > FULL_WH + 1e-6).sum()),
        stays=len(case.stays),
        peak_w=float(max((cars + base).max(initial=0.0), 0.0)),
        overloaded=max(outcome.over.values(), default=0),
        cost=_cost(case, cars, base),
        co2_kg=None if case.co2_g_per_kwh is None else float(_drawn(cars, base) @ _series(case.co2_g_per_kwh, len(cars))) * hours / 1e6,
    )


def _cost(case: Case, cars: Floats, base: Floats) -> float | None:
    if case.price_per_kwh is None:
        return None
    price = _series(case.price_per_kwh, len(cars))
    feed = _series(case.export_per_kwh, len(cars))
    kwh = case.step_s / 3600 / 1000
    drawn = _drawn(cars, base)
    lost = np.maximum(-base, 0.0) - np.maximum(-(cars + base), 0.0)
    peak = max((cars + base).max(initial=0.0), 0.0) - max(base.max(initial=0.0), 0.0)
    return float((drawn @ price + lost @ feed) * kwh + peak / 1000 * case.capacity_price)


def _drawn(cars: Floats, base: Floats) -> Floats:
    """What the connection draws more because of the cars, W."""
    return np.maximum(cars + base, 0.0) - np.maximum(base, 0.0)


def _series(values: Sequence[float] | None, steps: int) -> Floats:
    return np.zeros(steps) if values is None else np.asarray(values[:steps], dtype=np.float64)
