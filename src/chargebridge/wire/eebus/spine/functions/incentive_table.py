"""IncentiveTable: what energy costs when, by how much of it is taken (SPINE 1.3.0 data model). Its lists have no keys and are written as a whole."""

from chargebridge.wire.eebus.spine.element import Element
from chargebridge.wire.eebus.spine.functions.common import RecurringTime, ScaledNumber, TimePeriod


class Tariff(Element, frozen=True):
    tariff_id: int | None = None
    active_tier_id: tuple[int, ...] | None = None


class TimeInterval(Element, frozen=True):
    time_table_id: int | None = None
    time_slot_id: int | None = None
    recurrence_information: RecurringTime | None = None
    start_time: RecurringTime | None = None
    end_time: RecurringTime | None = None


class TierData(Element, frozen=True):
    tier_id: int | None = None
    time_period: TimePeriod | None = None
    time_table_id: int | None = None
    active_incentive_id: tuple[int, ...] | None = None


class TierBoundary(Element, frozen=True):
    boundary_id: int | None = None
    time_period: TimePeriod | None = None
    time_table_id: int | None = None
    lower_boundary_value: ScaledNumber | None = None
    upper_boundary_value: ScaledNumber | None = None


class Incentive(Element, frozen=True):
    incentive_id: int | None = None
    value_type: str | None = None
    timestamp: str | None = None
    time_period: TimePeriod | None = None
    time_table_id: int | None = None
    value: ScaledNumber | None = None


class Tier(Element, frozen=True):
    tier: TierData | None = None
    boundary: tuple[TierBoundary, ...] | None = None
    incentive: tuple[Incentive, ...] | None = None


class IncentiveSlot(Element, frozen=True):
    time_interval: TimeInterval | None = None
    tier: tuple[Tier, ...] | None = None


class IncentiveTable(Element, frozen=True):
    tariff: Tariff | None = None
    incentive_slot: tuple[IncentiveSlot, ...] | None = None


class IncentiveTableData(Element, frozen=True):
    incentive_table: tuple[IncentiveTable, ...] | None = None


class TariffDescription(Element, frozen=True):
    """update_required: the server asks for the table to be written anew."""

    tariff_id: int | None = None
    commodity_id: int | None = None
    measurement_id: int | None = None
    tariff_writeable: bool | None = None
    update_required: bool | None = None
    scope_type: str | None = None
    label: str | None = None
    description: str | None = None
    slot_id_support: bool | None = None


class TierDescription(Element, frozen=True):
    tier_id: int | None = None
    tier_type: str | None = None
    label: str | None = None
    description: str | None = None


class BoundaryDescription(Element, frozen=True):
    boundary_id: int | None = None
    boundary_type: str | None = None
    valid_for_tier_id: int | None = None
    switch_to_tier_id_when_lower: int | None = None
    switch_to_tier_id_when_higher: int | None = None
    boundary_unit: str | None = None
    label: str | None = None
    description: str | None = None


class IncentiveDescription(Element, frozen=True):
    incentive_id: int | None = None
    incentive_type: str | None = None
    incentive_priority: int | None = None
    currency: str | None = None
    unit: str | None = None
    label: str | None = None
    description: str | None = None


class DescribedTier(Element, frozen=True):
    tier_description: TierDescription | None = None
    boundary_description: tuple[BoundaryDescription, ...] | None = None
    incentive_description: tuple[IncentiveDescription, ...] | None = None


class IncentiveTableDescription(Element, frozen=True):
    tariff_description: TariffDescription | None = None
    tier: tuple[DescribedTier, ...] | None = None


class IncentiveTableDescriptionData(Element, frozen=True):
    incentive_table_description: tuple[IncentiveTableDescription, ...] | None = None


class TariffConstraints(Element, frozen=True):
    max_tariff_count: int | None = None
    max_boundary_count: int | None = None
    max_tier_count: int | None = None
    max_incentive_count: int | None = None
    max_boundaries_per_tariff: int | None = None
    max_tiers_per_tariff: int | None = None
    max_boundaries_per_tier: int | None = None
    max_incentives_per_tier: int | None = None


class SlotConstraints(Element, frozen=True):
    time_table_id: int | None = None
    slot_count_min: int | None = None
    slot_count_max: int | None = None
    slot_duration_min: str | None = None
    slot_duration_max: str | None = None
    slot_duration_step_size: str | None = None
    slot_shift_step_size: str | None = None
    first_slot_begins_at: str | None = None


class IncentiveTableConstraints(Element, frozen=True):
    tariff: Tariff | None = None
    tariff_constraints: TariffConstraints | None = None
    incentive_slot_constraints: SlotConstraints | None = None


class IncentiveTableConstraintsData(Element, frozen=True):
    incentive_table_constraints: tuple[IncentiveTableConstraints, ...] | None = None
