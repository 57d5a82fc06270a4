"""Measurement and ElectricalConnection: what is measured, on which phases, and what a connection can carry (SPINE 1.3.0 data model)."""

from typing import ClassVar

from chargebridge.wire.eebus.spine.element import Element
from chargebridge.wire.eebus.spine.functions.common import ScaledNumber, TimePeriod


class MeasurementData(Element, frozen=True):
    """value_state: other than ``normal`` means that there is no value."""

    KEYS: ClassVar = ("measurement_id", "value_type")

    measurement_id: int | None = None
    value_type: str | None = None
    timestamp: str | None = None
    value: ScaledNumber | None = None
    evaluation_period: TimePeriod | None = None
    value_source: str | None = None
    value_tendency: str | None = None
    value_state: str | None = None


class MeasurementListData(Element, frozen=True):
    measurement_data: tuple[MeasurementData, ...] | None = None


class MeasurementDescriptionData(Element, frozen=True):
    KEYS: ClassVar = ("measurement_id",)

    measurement_id: int | None = None
    measurement_type: str | None = None
    commodity_type: str | None = None
    unit: str | None = None
    calibration_value: ScaledNumber | None = None
    scope_type: str | None = None
    label: str | None = None
    description: str | None = None


class MeasurementDescriptionListData(Element, frozen=True):
    measurement_description_data: tuple[MeasurementDescriptionData, ...] | None = None


class MeasurementConstraintsData(Element, frozen=True):
    KEYS: ClassVar = ("measurement_id",)

    measurement_id: int | None = None
    value_range_min: ScaledNumber | None = None
    value_range_max: ScaledNumber | None = None
    value_step_size: ScaledNumber | None = None


class MeasurementConstraintsListData(Element, frozen=True):
    measurement_constraints_data: tuple[MeasurementConstraintsData, ...] | None = None


class ElectricalConnectionDescriptionData(Element, frozen=True):
    KEYS: ClassVar = ("electrical_connection_id",)

    electrical_connection_id: int | None = None
    power_supply_type: str | None = None
    ac_connected_phases: int | None = None
    ac_rms_period_duration: str | None = None
    positive_energy_direction: str | None = None
    scope_type: str | None = None
    label: str | None = None
    description: str | None = None


class ElectricalConnectionDescriptionListData(Element, frozen=True):
    electrical_connection_description_data: tuple[ElectricalConnectionDescriptionData, ...] | None = None


class ElectricalConnectionParameterDescriptionData(Element, frozen=True):
    KEYS: ClassVar = ("electrical_connection_id", "parameter_id")

    electrical_connection_id: int | None = None
    parameter_id: int | None = None
    measurement_id: int | None = None
    voltage_type: str | None = None
    ac_measured_phases: str | None = None
    ac_measured_in_reference_to: str | None = None
    ac_measurement_type: str | None = None
    ac_measurement_variant: str | None = None
    ac_measured_harmonic: int | None = None
    scope_type: str | None = None
    label: str | None = None
    description: str | None = None


class ElectricalConnectionParameterDescriptionListData(Element, frozen=True):
    electrical_connection_parameter_description_data: tuple[ElectricalConnectionParameterDescriptionData, ...] | None = None


class Range(Element, frozen=True):
    min: ScaledNumber | None = None
    max: ScaledNumber | None = None


class PermittedValueSet(Element, frozen=True):
    value: tuple[ScaledNumber, ...] | None = None
    range: tuple[Range, ...] | None = None


class ElectricalConnectionPermittedValueSetData(Element, frozen=True):
    KEYS: ClassVar = ("electrical_connection_id", "parameter_id")

    electrical_connection_id: int | None = None
    parameter_id: int | None = None
    permitted_value_set: tuple[PermittedValueSet, ...] | None = None


class ElectricalConnectionPermittedValueSetListData(Element, frozen=True):
    electrical_connection_permitted_value_set_data: tuple[ElectricalConnectionPermittedValueSetData, ...] | None = None


class ElectricalConnectionCharacteristicData(Element, frozen=True):
    KEYS: ClassVar = ("electrical_connection_id", "parameter_id", "characteristic_id")

    electrical_connection_id: int | None = None
    parameter_id: int | None = None
    characteristic_id: int | None = None
    characteristic_context: str | None = None
    characteristic_type: str | None = None
    value: ScaledNumber | None = None
    unit: str | None = None


class ElectricalConnectionCharacteristicListData(Element, frozen=True):
    electrical_connection_characteristic_data: tuple[ElectricalConnectionCharacteristicData, ...] | None = None
