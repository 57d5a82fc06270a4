"""CEVC 1.0.1: coordinated EV charging. What a car wants until when, how much power it may have when, what that costs, and what it plans.

    what                        who says it        slots
    singleDemand (TimeSeries)   the car            one: least, wished and most energy in Wh; it ends at the departure
    constraints (TimeSeries)    the EnergyGuard    the most power in W
    plan (TimeSeries)           the car            the power in W that it means to take
    incentive table             the EnergyBroker   one tier from 0 W on, with a price in EUR per kWh

All four stand in the car's entity. A server cannot ask, so that the car says ``updateRequired`` in a description instead, and hears what it needs
within 20 s.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

import msgspec

from chargebridge.wire.eebus.spine.functions.incentive_table import IncentiveTableDescription, IncentiveTableDescriptionData
from chargebridge.wire.eebus.spine.functions.time_series import TimeSeriesData, TimeSeriesDescriptionListData, TimeSeriesListData
from chargebridge.wire.eebus.spine.local import EntityId
from chargebridge.wire.eebus.spine.remote import RemoteDevice
from chargebridge.wire.eebus.usecases.curves import Slot, slots_of
from chargebridge.wire.eebus.usecases.reading import said

NAME, VERSION = "coordinatedEvCharging", "1.0.1"
GUARD, BROKER = "EnergyGuard", "EnergyBroker"
SCENARIOS, GUARD_SCENARIOS, BROKER_SCENARIOS = (1, 2, 3, 4, 5, 6, 7, 8), (1, 2, 4, 5, 7), (1, 3, 4, 6, 8)
"""Demand, power limits, incentives, plan; heartbeats of guard and broker, their error states."""
SERIES, SERIES_DESCRIPTIONS, SERIES_CONSTRAINTS = "timeSeriesListData", "timeSeriesDescriptionListData", "timeSeriesConstraintsListData"
TABLE, TABLE_DESCRIPTION, TABLE_CONSTRAINTS = "incentiveTableData", "incentiveTableDescriptionData", "incentiveTableConstraintsData"
FEATURES = {
    "TimeSeries": (SERIES_DESCRIPTIONS, SERIES_CONSTRAINTS, SERIES),
    "IncentiveTable": (TABLE_DESCRIPTION, TABLE_CONSTRAINTS, TABLE),
}
"""What a CEM reads; both features it binds too."""
DEMAND, LIMITS, PLAN = "singleDemand", "constraints", "plan"
SIMPLE = "simpleIncentiveTable"


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """What a car wants. least_wh: what the driver cannot do without; wished_wh: what he would like; most_wh: what the battery can take.
    None: the car does not say. start: from when on it may charge, if not at once."""

    least_wh: Decimal | None = None
    wished_wh: Decimal | None = None
    most_wh: Decimal | None = None
    start: datetime | None = None
    departure: datetime | None = None


class Coordination(msgspec.Struct, frozen=True, kw_only=True):
    """What a car says. plan: ``value`` of each slot is the power in W. limits: the curve that it has, ``most`` of each slot in W.
    wants_limits, wants_prices: whether it waits for new ones."""

    demand: Demand | None
    plan: tuple[Slot, ...]
    limits: tuple[Slot, ...]
    wants_limits: bool
    wants_prices: bool


def told_by(remote: RemoteDevice, entity: EntityId, heard: Mapping[int, datetime]) -> Coordination:
    """heard: when each series came, since its times count from then on."""
    described = said(remote, entity, "TimeSeries", TimeSeriesDescriptionListData).time_series_description_data or ()
    rows = {row.time_series_id: row for row in said(remote, entity, "TimeSeries", TimeSeriesListData).time_series_data or ()}
    found: dict[str, tuple[Slot, ...]] = {}
    for one in described:
        row, at = rows.get(one.time_series_id), heard.get(one.time_series_id if one.time_series_id is not None else -1)
        if row is not None and at is not None and one.time_series_type is not None:
            found[one.time_series_type] = slots_of(row, at)
    tariff = tariff_of(remote, entity)
    return Coordination(
        demand=demand_of(found.get(DEMAND, ())),
        plan=found.get(PLAN, ()),
        limits=found.get(LIMITS, ()),
        wants_limits=any(one.time_series_type == LIMITS and one.update_required is True for one in described),
        wants_prices=bool(tariff and tariff.tariff_description and tariff.tariff_description.update_required),
    )


def limits_id(remote: RemoteDevice, entity: EntityId) -> int | None:
    """The series that the guard writes; None where there is none that may be written."""
    described = said(remote, entity, "TimeSeries", TimeSeriesDescriptionListData).time_series_description_data or ()
    return next(
        (one.time_series_id for one in described if one.time_series_type == LIMITS and one.time_series_writeable is not False), None
    )


def series_of(remote: RemoteDevice, entity: EntityId) -> dict[int, TimeSeriesData]:
    rows = said(remote, entity, "TimeSeries", TimeSeriesListData).time_series_data or ()
    return {row.time_series_id: row for row in rows if row.time_series_id is not None}


def tariff_of(remote: RemoteDevice, entity: EntityId) -> IncentiveTableDescription | None:
    """The description of the table that the broker writes."""
    described = said(remote, entity, "IncentiveTable", IncentiveTableDescriptionData).incentive_table_description or ()
    return next((one for one in described if one.tariff_description and one.tariff_description.scope_type == SIMPLE), None)


def demand_of(slots: tuple[Slot, ...]) -> Demand | None:
    """Only the first slot says something."""
    if not slots:
        return None
    first = slots[0]
    return Demand(least_wh=first.least, wished_wh=first.value, most_wh=first.most, start=first.start, departure=first.end)
