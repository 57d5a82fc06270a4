"""What a car is told ahead, and what it tells ahead, where it has CEVC: the site's plan as a curve of power and prices, and the car's own plan."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import Struct

from chargebridge.stations.events import ChargingSchedule
from chargebridge.wire.eebus.usecases.curves import Slot

ENDLESS = timedelta(days=7)
"""The car's last slot may be without an end."""


class Step(Struct, frozen=True, kw_only=True):
    """What is planned for a car from start to end: power_w at most, at a price for each kWh."""

    start: datetime
    end: datetime
    power_w: float
    price: float


Plans = Callable[[str, int], Sequence[Step]]
"""Of a station and an EVSE; empty: nothing is planned for the car there."""


def curves_of(steps: Sequence[Step], now: datetime) -> tuple[tuple[Slot, ...], tuple[Slot, ...]]:
    """Powers and prices of what is still to come; what does not change from one step to the next is one slot."""
    to_come = [step for step in steps if step.end > now]
    powers = _merged([(step.start, step.end, Decimal(round(max(0.0, step.power_w)))) for step in to_come])
    prices = _merged([(step.start, step.end, Decimal(str(round(step.price, 4)))) for step in to_come])
    return (
        tuple(Slot(start=start, end=end, most=value) for start, end, value in powers),
        tuple(Slot(start=start, end=end, value=value) for start, end, value in prices),
    )


def _merged(rows: list[tuple[datetime, datetime, Decimal]]) -> list[tuple[datetime, datetime, Decimal]]:
    found: list[tuple[datetime, datetime, Decimal]] = []
    for start, end, value in rows:
        if found and found[-1][2] == value and found[-1][1] == start:
            found[-1] = (found[-1][0], end, value)
        else:
            found.append((start, end, value))
    return found


def schedule_of(evse: int, plan: tuple[Slot, ...], limits: tuple[Slot, ...]) -> ChargingSchedule | None:
    """What the car means to do, as any station tells it (OCPP 2.1 ChargingScheduleType); where it goes beyond our curve is said in words."""
    told = [slot for slot in plan if slot.value is not None]
    if not told:
        return None
    begins = told[0].start
    periods = [{"startPeriod": int((slot.start - begins).total_seconds()), "limit": float(slot.value or 0)} for slot in told]
    ends = told[-1].end or told[-1].start + ENDLESS
    schedule = {"id": 0, "chargingRateUnit": "W", "duration": int((ends - begins).total_seconds()), "chargingSchedulePeriod": periods}
    outside = tuple(text for slot in told if (text := _beyond(slot, limits)))
    return ChargingSchedule(evse=evse, starts_at=begins, schedule=schedule, outside=outside)


def _beyond(slot: Slot, limits: tuple[Slot, ...]) -> str:
    allowed = next((one.most for one in limits if one.start <= slot.start and (one.end is None or slot.start < one.end)), None)
    if allowed is None or slot.value is None or slot.value <= allowed:
        return ""
    return f"{slot.value} W from {slot.start:%H:%M} on, where {allowed} W are planned"
