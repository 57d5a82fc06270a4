"""What the site expects: the same quarter hour of the last days, drawn towards what is measured now for the next steps."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from math import exp, pi, sin
from statistics import median
from zoneinfo import ZoneInfo

from chargebridge.model.phases import PerPhase
from chargebridge.planning.problem import Band, Horizon, Series
from chargebridge.site.outlook import Foresight
from chargebridge.site.plan_view import QuarterHour
from chargebridge.site.view import PowerFlow

HOLDS_S = 3600.0
"""What is measured now says this much of what comes: after so long a third of the difference is left."""
SPREAD = 0.2
"""Of a forecast that nothing is known of but the present."""
SUN_UP_H, SUN_DOWN_H = 6.0, 20.0
"""Where no day was seen yet, the sun is taken to shine between these hours of local time, highest in the middle."""


def foresee(
    past: Sequence[QuarterHour],
    flow: PowerFlow,
    peaks_w: Mapping[str, float],
    bases: Mapping[str, PerPhase],
    timezone: str,
    now: datetime,
    *,
    reached_w: float = 0.0,
    window_wh: float = 0.0,
) -> Callable[[Horizon], Foresight]:
    """past: quarter hours of the last days. flow: the present. peaks_w: of each generator; what all of them give is shared by it."""
    zone = ZoneInfo(timezone)
    house = _by_time([(q.at, q.house_w) for q in past], zone)
    pv = _by_time([(q.at, q.pv_w) for q in past], zone)
    total_w = sum(peaks_w.values())

    def look(horizon: Horizon) -> Foresight:
        moments = _middles(horizon)
        load = _band(house, moments, zone, now, flow.house_w, lambda at: flow.house_w or 0.0)
        sun = _band(pv, moments, zone, now, flow.pv_w, lambda at: _shines(at, zone) * _clear_w(flow.pv_w, now, zone, total_w))
        shares = {name: peak / total_w for name, peak in peaks_w.items()} if total_w > 0 else {}
        return Foresight(
            house=load,
            pv={name: _part(sun, share) for name, share in shares.items()},
            bases=bases,
            reached_w=reached_w,
            window_wh=window_wh,
        )

    return look


def _by_time(values: Sequence[tuple[datetime, float | None]], zone: ZoneInfo) -> dict[int, list[float]]:
    """By quarter hour of the local day: what was there on the days known."""
    found: dict[int, list[float]] = {}
    for at, value in values:
        if value is not None:
            found.setdefault(_quarter(at, zone), []).append(max(0.0, value))
    return found


def _quarter(at: datetime, zone: ZoneInfo) -> int:
    local = at.astimezone(zone)
    return (local.hour * 60 + local.minute) // 15


def _middles(horizon: Horizon) -> list[datetime]:
    found, at = [], horizon.starts_at
    for seconds in horizon.steps_s:
        found.append(at + timedelta(seconds=seconds / 2))
        at += timedelta(seconds=seconds)
    return found


def _band(
    known: Mapping[int, list[float]],
    moments: Sequence[datetime],
    zone: ZoneInfo,
    now: datetime,
    present_w: float | None,
    else_w: Callable[[datetime], float],
) -> Band:
    likely, low, high = [], [], []
    here = known.get(_quarter(now, zone))
    usual_w = median(here) if here else else_w(now)
    off_w = 0.0 if present_w is None else max(0.0, present_w) - usual_w
    for at in moments:
        seen = known.get(_quarter(at, zone))
        middle = median(seen) if seen else else_w(at)
        pull = off_w * exp(-(at - now).total_seconds() / HOLDS_S)
        value = max(0.0, middle + pull)
        wide = SPREAD * value
        likely.append(value)
        low.append(max(0.0, min(value - wide, (min(seen) if seen else value) + min(pull, 0.0))))
        high.append(max(value + wide, (max(seen) if seen else value) + max(pull, 0.0)))
    return Band(likely=tuple(likely), low=tuple(low), high=tuple(high))


def _shines(at: datetime, zone: ZoneInfo) -> float:
    local = at.astimezone(zone)
    hour = local.hour + local.minute / 60
    return sin(pi * (hour - SUN_UP_H) / (SUN_DOWN_H - SUN_UP_H)) if SUN_UP_H < hour < SUN_DOWN_H else 0.0


def _clear_w(present_w: float | None, now: datetime, zone: ZoneInfo, peak_w: float) -> float:
    """What the sun would give at its highest, by what it gives now; nothing is expected of a sun that was never seen."""
    share = _shines(now, zone)
    return min(peak_w, present_w / share) if present_w is not None and share > 0.1 else 0.0


def _part(band: Band, share: float) -> Band:
    def cut(values: Series) -> Series:
        return tuple(value * share for value in values)

    return Band(likely=cut(band.likely), low=cut(band.low), high=cut(band.high))


def reached_w(past: Sequence[QuarterHour], timezone: str, now: datetime) -> float:
    """The highest quarter hour of the month so far, W, by which demand charges go."""
    zone = ZoneInfo(timezone)
    month = now.astimezone(zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return max((quarter.import_w for quarter in past if quarter.at >= month and quarter.import_w is not None), default=0.0)
