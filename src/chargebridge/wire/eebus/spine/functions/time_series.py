"""TimeSeries: values over time, such as what a car wants, may have and will take (SPINE 1.3.0 data model)."""

from typing import ClassVar

from chargebridge.wire.eebus.spine.element import Element
from chargebridge.wire.eebus.spine.functions.common import RecurringTime, ScaledNumber, TimePeriod


class TimeSeriesDescriptionData(Element, frozen=True):
    """update_required: the server asks for the series to be written anew."""

    KEYS: ClassVar = ("time_series_id",)

    time_series_id: int | None = None
    time_series_type: str | None = None
    time_series_writeable: bool | None = None
    update_required: bool | None = None
    measurement_id: int | None = None
    currency: str | None = None
    unit: str | None = None
    label: str | None = None
    description: str | None = None
    scope_type: str | None = None


class TimeSeriesDescriptionListData(Element, frozen=True):
    time_series_description_data: tuple[TimeSeriesDescriptionData, ...] | None = None


class TimeSeriesSlot(Element, frozen=True):
    """Begins with its time period, or where the one before it ends; ends with its period, after its duration, or where the next one begins."""

    time_series_slot_id: int | None = None
    time_period: TimePeriod | None = None
    duration: str | None = None
    recurrence_information: RecurringTime | None = None
    value: ScaledNumber | None = None
    min_value: ScaledNumber | None = None
    max_value: ScaledNumber | None = None


class TimeSeriesData(Element, frozen=True):
    KEYS: ClassVar = ("time_series_id",)

    time_series_id: int | None = None
    time_period: TimePeriod | None = None
    time_series_slot: tuple[TimeSeriesSlot, ...] | None = None


class TimeSeriesListData(Element, frozen=True):
    time_series_data: tuple[TimeSeriesData, ...] | None = None


class TimeSeriesConstraintsData(Element, frozen=True):
    KEYS: ClassVar = ("time_series_id",)

    time_series_id: int | None = None
    slot_count_min: int | None = None
    slot_count_max: int | None = None
    slot_duration_min: str | None = None
    slot_duration_max: str | None = None
    slot_duration_step_size: str | None = None
    earliest_time_series_start_time: str | None = None
    latest_time_series_end_time: str | None = None
    slot_value_min: ScaledNumber | None = None
    slot_value_max: ScaledNumber | None = None
    slot_value_step_size: ScaledNumber | None = None


class TimeSeriesConstraintsListData(Element, frozen=True):
    time_series_constraints_data: tuple[TimeSeriesConstraintsData, ...] | None = None
