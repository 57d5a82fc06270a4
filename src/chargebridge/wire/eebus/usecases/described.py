"""What a Controllable System says of its limits once and for all: descriptions and nominal values (LPC 1.0.0 and LPP 1.0.0, clause 3)."""

from collections.abc import Sequence
from decimal import Decimal

from chargebridge.wire.eebus.spine.functions.common import scaled
from chargebridge.wire.eebus.spine.functions.device import (
    DeviceConfigurationKeyValueDescriptionData,
    DeviceConfigurationKeyValueDescriptionListData,
)
from chargebridge.wire.eebus.spine.functions.load_control import LoadControlLimitDescriptionData, LoadControlLimitDescriptionListData
from chargebridge.wire.eebus.spine.functions.measurement import (
    ElectricalConnectionCharacteristicData,
    ElectricalConnectionCharacteristicListData,
)
from chargebridge.wire.eebus.usecases import kind
from chargebridge.wire.eebus.usecases.kind import Kind


def limits(kinds: Sequence[Kind]) -> LoadControlLimitDescriptionListData:
    """The limits; their ids are their places. A measurementId means nothing here, but some partners insist on it."""
    return LoadControlLimitDescriptionListData(
        load_control_limit_description_data=tuple(
            LoadControlLimitDescriptionData(
                limit_id=at,
                limit_type=kind.LIMIT_TYPE,
                limit_category=kind.OBLIGATION,
                limit_direction=of.direction,
                measurement_id=0,
                unit="W",
                scope_type=kind.SCOPE,
            )
            for at, of in enumerate(kinds)
        )
    )


def keys(kinds: Sequence[Kind]) -> DeviceConfigurationKeyValueDescriptionListData:
    """The failsafe limits, whose ids are their places, and after them the one failsafe duration."""
    failsafes = [
        DeviceConfigurationKeyValueDescriptionData(key_id=at, key_name=of.failsafe_key, value_type="scaledNumber", unit="W")
        for at, of in enumerate(kinds)
    ]
    lasts = DeviceConfigurationKeyValueDescriptionData(key_id=len(kinds), key_name=kind.FAILSAFE_DURATION, value_type="duration")
    return DeviceConfigurationKeyValueDescriptionListData(device_configuration_key_value_description_data=(*failsafes, lasts))


def nominal(kinds: Sequence[Kind], values_w: Sequence[Decimal], *, house: bool) -> ElectricalConnectionCharacteristicListData:
    """The most that the system takes or makes; of a house what its contract allows (LPC-041, LPC-042)."""
    return ElectricalConnectionCharacteristicListData(
        electrical_connection_characteristic_data=tuple(
            ElectricalConnectionCharacteristicData(
                electrical_connection_id=0,
                parameter_id=0,
                characteristic_id=at,
                characteristic_context="entity",
                characteristic_type=of.contractual if house else of.nominal,
                value=scaled(value_w),
                unit="W",
            )
            for at, (of, value_w) in enumerate(zip(kinds, values_w, strict=True))
        )
    )
