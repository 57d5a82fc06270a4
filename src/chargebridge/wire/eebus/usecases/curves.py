"""Values over time as CEVC sends them: slots of a time series, prices of an incentive table (CEVC 1.0.1, clause 3.2).

On the wire times are durations from the message on; here they are times. Of a slot its period is read and its duration, for makers use either.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from chargebridge.wire.eebus.spine.errors import SpineError
from chargebridge.wire.eebus.spine.functions.common import (
    RecurringTime,
    ScaledNumber,
    TimePeriod,
    duration,
    duration_s,
    scaled,
    seconds_until,
    told,
)
from chargebridge.wire.eebus.spine.functions.incentive_table import (
    BoundaryDescription,
    DescribedTier,
    Incentive,
    IncentiveDescription,
    IncentiveSlot,
    IncentiveTable,
    IncentiveTableDescription,
    Tariff,
    TariffDescription,
    Tier,
    TierBoundary,
    TierData,
    TierDescription,
    TimeInterval,
)
from chargebridge.wire.eebus.spine.functions.time_series import TimeSeriesData, TimeSeriesSlot

CURRENCY = "EUR"


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """end: None until further notice. Of the values those that the curve has; a power limit is ``most``, a price ``value``."""

    start: datetime
    end: datetime | None
    value: Decimal | None = None
    least: Decimal | None = None
    most: Decimal | None = None


def slots_of(series: TimeSeriesData, at: datetime) -> tuple[Slot, ...]:
    """The slots of a series that came at ``at``; none where its times cannot be read."""
    try:
        return _slots(series, at)
    except (SpineError, OverflowError):
        return ()


def _slots(series: TimeSeriesData, at: datetime) -> tuple[Slot, ...]:
    period = series.time_period or TimePeriod()
    cursor = _time(period.start_time, at) or at
    found: list[Slot] = []
    for one in series.time_series_slot or ():
        own = one.time_period or TimePeriod()
        start = _time(own.start_time, at) or cursor
        end = start + timedelta(seconds=duration_s(one.duration)) if one.duration is not None else _time(own.end_time, at)
        if found and found[-1].end is None:
            found[-1] = msgspec.structs.replace(found[-1], end=start)
        found.append(Slot(start=start, end=end, value=told(one.value), least=told(one.min_value), most=told(one.max_value)))
        cursor = end or start
    if found and found[-1].end is None:
        found[-1] = msgspec.structs.replace(found[-1], end=_time(period.end_time, at))
    return tuple(found)


def limits_of(series_id: int, slots: Sequence[Slot], now: datetime) -> TimeSeriesData:
    """The curve that a CEM sends now: each slot with its start, the last one with its end."""
    rows = tuple(
        TimeSeriesSlot(
            time_series_slot_id=at,
            time_period=TimePeriod(start_time=_from(one.start, now), end_time=_end(one, now) if at == len(slots) - 1 else None),
            value=_number(one.value),
            min_value=_number(one.least),
            max_value=_number(one.most),
        )
        for at, one in enumerate(slots)
    )
    period = TimePeriod(start_time=_from(slots[0].start, now), end_time=_end(slots[-1], now)) if slots else None
    return TimeSeriesData(time_series_id=series_id, time_period=period, time_series_slot=rows or None)


def told_of(series_id: int, slots: Sequence[Slot], now: datetime) -> TimeSeriesData:
    """A series that a car tells now: each slot with its duration, and with its start where it does not begin as the one before it ends."""
    ends = [slots[0].start if slots else None, *(one.end for one in slots)]
    rows = tuple(
        TimeSeriesSlot(
            time_series_slot_id=at,
            time_period=TimePeriod(start_time=_from(one.start, now)) if one.start != ends[at] else None,
            duration=None if one.end is None else _from(one.end, one.start),
            value=_number(one.value),
            min_value=_number(one.least),
            max_value=_number(one.most),
        )
        for at, one in enumerate(slots)
    )
    period = TimePeriod(start_time=_from(slots[0].start, now)) if slots else None
    return TimeSeriesData(time_series_id=series_id, time_period=period, time_series_slot=rows or None)


def remaining(slots: Sequence[Slot], now: datetime) -> tuple[Slot, ...]:
    """What of a curve is still to come; the slot that runs begins now."""
    return tuple(msgspec.structs.replace(one, start=max(one.start, now)) for one in slots if one.end is None or one.end > now)


def fitted(slots: Sequence[Slot], least: int, most: int) -> tuple[Slot, ...]:
    """As many slots as a car takes. What is too much is joined in the end: the lowest limit and the highest price hold there. Where there are too
    few, the last one is halved."""
    if most and len(slots) > most:
        tail = slots[most - 1 :]
        joined = Slot(
            start=tail[0].start,
            end=tail[-1].end,
            value=max((one.value for one in tail if one.value is not None), default=None),
            most=min((one.most for one in tail if one.most is not None), default=None),
        )
        slots = (*slots[: most - 1], joined)
    while slots and len(slots) < least and slots[-1].end is not None:
        last = slots[-1]
        middle = last.start + (slots[-1].end - last.start) / 2
        slots = (*slots[:-1], msgspec.structs.replace(last, end=middle), msgspec.structs.replace(last, start=middle))
    return tuple(slots)


# Prices.


def described(tariff: IncentiveTableDescription | None) -> IncentiveTableDescription:
    """The shape of the table that we write: one tier, from 0 W on, with one price. What the car says of its tariff stays."""
    known = tariff.tariff_description if tariff and tariff.tariff_description else TariffDescription(tariff_id=0)
    tier = DescribedTier(
        tier_description=TierDescription(tier_id=0, tier_type="dynamicCost"),
        boundary_description=(BoundaryDescription(boundary_id=0, boundary_type="powerBoundary", boundary_unit="W"),),
        incentive_description=(IncentiveDescription(incentive_id=0, incentive_type="absoluteCost", currency=CURRENCY),),
    )
    return IncentiveTableDescription(tariff_description=known, tier=(tier,))


def table_of(tariff_id: int | None, slots: Sequence[Slot], now: datetime) -> IncentiveTable:
    """The table to send now, in the shape that ``described`` tells."""
    return IncentiveTable(
        tariff=Tariff(tariff_id=tariff_id),
        incentive_slot=tuple(
            IncentiveSlot(
                time_interval=TimeInterval(
                    start_time=RecurringTime(relative=_from(one.start, now)),
                    end_time=RecurringTime(relative=_end(one, now)) if at == len(slots) - 1 and one.end is not None else None,
                ),
                tier=(
                    Tier(
                        tier=TierData(tier_id=0),
                        boundary=(TierBoundary(boundary_id=0, lower_boundary_value=scaled(0)),),
                        incentive=(Incentive(incentive_id=0, value=_number(one.value)),),
                    ),
                ),
            )
            for at, one in enumerate(slots)
        ),
    )


def prices_of(table: IncentiveTable, at: datetime) -> tuple[Slot, ...]:
    """The prices of a table that came at ``at``: those of the first tier. Raises SpineError where a slot has no price or no start."""
    found: list[Slot] = []
    for one in table.incentive_slot or ():
        interval = one.time_interval or TimeInterval()
        start, end = (_recurring(time, at) for time in (interval.start_time, interval.end_time))
        tiers = one.tier or ()
        price = next((told(incentive.value) for tier in tiers[:1] for incentive in tier.incentive or ()), None)
        if start is None or price is None:
            raise SpineError("incentiveSlot", "no start or no price", "send timeInterval.startTime.relative, and an incentive with a value")
        if found and found[-1].end is None:
            found[-1] = msgspec.structs.replace(found[-1], end=start)
        found.append(Slot(start=start, end=end, value=price))
    return tuple(found)


def _recurring(time: RecurringTime | None, at: datetime) -> datetime | None:
    if time is None:
        return None
    return _time(time.relative or time.date_time, at)


def _time(text: str | None, at: datetime) -> datetime | None:
    if text is None:
        return None
    try:
        return at + timedelta(seconds=seconds_until(text, at))
    except OverflowError:
        raise SpineError("time", f"{text:.40} is out of range", "send a time within some years") from None


def _from(time: datetime, now: datetime) -> str:
    return duration((time - now) / timedelta(seconds=1))


def _end(one: Slot, now: datetime) -> str | None:
    return None if one.end is None else _from(one.end, now)


def _number(value: Decimal | None) -> ScaledNumber | None:
    return None if value is None else scaled(value)
