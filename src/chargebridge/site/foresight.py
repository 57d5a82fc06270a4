"""What the site expects, on the steps of a plan: its forecasts, drawn towards what is measured now."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from chargebridge.model.phases import PerPhase
from chargebridge.planning.problem import Band, Horizon, Series
from chargebridge.site.forecasts.standing import Standing
from chargebridge.site.plan_view import QuarterHour
from chargebridge.site.planned_stores import Foresight
from chargebridge.site.view import PowerFlow


def foresee(
    expected: Standing,
    flow: PowerFlow,
    peaks_w: Mapping[str, float],
    bases: Mapping[str, PerPhase],
    now: datetime,
    *,
    reached_w: float = 0.0,
    window_wh: float = 0.0,
    takes_wh: Mapping[str, float],
) -> Callable[[Horizon], Foresight]:
    """flow: the present. peaks_w: of each generator; what all of them give is shared by it. The rest: see ``Foresight``."""
    total_w = sum(peaks_w.values())

    def look(horizon: Horizon) -> Foresight:
        house, sun = expected.on(horizon, now, flow.house_w, flow.pv_w)
        shares = {name: peak / total_w for name, peak in peaks_w.items()} if total_w > 0 else {}
        pv = {} if sun is None else {name: _part(sun, share) for name, share in shares.items()}
        return Foresight(house=house, pv=pv, bases=bases, reached_w=reached_w, window_wh=window_wh, takes_wh=takes_wh)

    return look


def _part(band: Band, share: float) -> Band:
    def cut(values: Series) -> Series:
        return tuple(value * share for value in values)

    return Band(likely=cut(band.likely), low=cut(band.low), high=cut(band.high))


def reached_w(past: Sequence[QuarterHour], timezone: str, now: datetime) -> float:
    """The highest quarter hour of the month so far, W, by which demand charges go."""
    zone = ZoneInfo(timezone)
    month = now.astimezone(zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return max((quarter.import_w for quarter in past if quarter.at >= month and quarter.import_w is not None), default=0.0)
