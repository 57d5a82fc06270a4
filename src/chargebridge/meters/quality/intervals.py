"""Interval values against the registers at their ends, and against how many of them there should be."""

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from chargebridge.meters.quality.grain import Grain
from chargebridge.model.finding import Finding, FindingKind, Severity
from chargebridge.model.series import Quality, Series, local_day

SHARE = 0.001


def check_sum(series: Series, register_before_wh: Decimal, register_after_wh: Decimal, now: datetime) -> Finding | None:
    """Whether the intervals add up to what the register moved by from the series' start to its end.

    Off by no more than 0.1 %, or one step of the register and the rounding of each interval. Where intervals are missing their sum may only be less.
    """
    moved, total = register_after_wh - register_before_wh, series.energy_wh
    register, interval = Grain(3), Grain(3)
    register.see(register_before_wh)
    register.see(register_after_wh)
    for value in series.values:
        interval.see(value.energy_wh or Decimal(0))
    allowed = max(register.step + interval.step * len(series.values) / 2, SHARE * abs(float(moved)))
    off = float(total - moved)
    if abs(off) <= allowed or (off < 0 and series.count(Quality.MISSING)):
        return None
    return _finding(
        series,
        FindingKind.INTERVAL_SUM,
        now,
        f"its interval values add up to {float(total) / 1000:.3f} kWh, its register moved by {float(moved) / 1000:.3f} kWh",
        "bill by the register; ask who delivers the interval values to send this day again",
        {"intervals_wh": float(total), "register_wh": float(moved), "allowed_wh": allowed},
    )


def completeness(series: Series, day: date, zone: ZoneInfo) -> float:
    """The share of a local day's intervals that are there, 0..1; a day has 23, 24 or 25 hours."""
    start, end = local_day(day, zone)
    expected = int((end - start).total_seconds()) // series.resolution_s
    held = series.between(start, end)
    return (len(held.values) - held.count(Quality.MISSING)) / expected


def check_complete(series: Series, day: date, zone: ZoneInfo, now: datetime) -> Finding | None:
    """Whether every interval of a local day is there."""
    share = completeness(series, day, zone)
    if share >= 1:
        return None
    start, end = local_day(day, zone)
    expected = int((end - start).total_seconds()) // series.resolution_s
    missing = round((1 - share) * expected)
    return _finding(
        series,
        FindingKind.INTERVAL_MISSING,
        now,
        f"{missing} of {expected} interval values of {day:%d %B %Y} are missing",
        "values of yesterday are complete by 07:00 at most platforms; later ask who delivers them",
        {"missing": float(missing), "expected": float(expected)},
        span=(start, end),
    )


def _finding(
    series: Series,
    kind: FindingKind,
    now: datetime,
    text: str,
    cure: str,
    figures: dict[str, float],
    span: tuple[datetime, datetime] | None = None,
) -> Finding:
    since, until = span or (series.start, series.end)
    return Finding(
        meter=series.meter, kind=kind, severity=Severity.WARNING, at=now, since=since, until=until, text=text, cure=cure, figures=figures
    )
