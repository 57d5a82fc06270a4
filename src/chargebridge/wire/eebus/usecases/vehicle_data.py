"""What a car's entity tells, from its settings: descriptions and values of EVCC, OPEV, OSCEV and EVSOC (clause 3 of each).

Ids: the measured quantities of the phases' currents are 0, 1, 2, and so are their parameters; the limits of OPEV come first, those of OSCEV after
them, each in the order of the phases.
"""

from decimal import Decimal

import msgspec

from chargebridge.wire.eebus.spine.functions.common import scaled
from chargebridge.wire.eebus.spine.functions.device import (
    ConfigurationValue,
    DeviceClassificationManufacturerData,
    DeviceConfigurationKeyValueData,
    DeviceConfigurationKeyValueDescriptionData,
    DeviceConfigurationKeyValueDescriptionListData,
    DeviceConfigurationKeyValueListData,
    IdentificationData,
    IdentificationListData,
)
from chargebridge.wire.eebus.spine.functions.load_control import LoadControlLimitDescriptionData, LoadControlLimitDescriptionListData
from chargebridge.wire.eebus.spine.functions.measurement import (
    ElectricalConnectionCharacteristicData,
    ElectricalConnectionCharacteristicListData,
    ElectricalConnectionDescriptionData,
    ElectricalConnectionDescriptionListData,
    ElectricalConnectionParameterDescriptionData,
    ElectricalConnectionPermittedValueSetData,
    ElectricalConnectionPermittedValueSetListData,
    PermittedValueSet,
    Range,
)
from chargebridge.wire.eebus.usecases import evcc, evsoc
from chargebridge.wire.eebus.usecases.current_limits import DIRECTION, LIMIT_TYPE, CurrentLimit, Permitted
from chargebridge.wire.eebus.usecases.evcc import Identification
from chargebridge.wire.eebus.usecases.evcem import CHARGED
from chargebridge.wire.eebus.usecases.evsoc import SOC
from chargebridge.wire.eebus.usecases.opev import OPEV
from chargebridge.wire.eebus.usecases.oscev import OSCEV
from chargebridge.wire.eebus.usecases.quantities import CURRENTS, POWERS, Quantity


class CarSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A car as it is plugged in. permitted: what currents it can take, and the one that pauses it; min_a and max_a must be there. safe_a: what it
    takes when no CEM watches. powers_w: least, most, standby, where it knows them. recommendations: whether it has OSCEV. coordinated: whether it has
    CEVC. battery: whether it tells its state of charge, capacity_wh: and what it holds. standard: see `evcc`."""

    permitted: Permitted
    safe_a: Decimal
    phases: int = 3
    standard: str = evcc.IEC_61851
    asymmetric: bool = False
    identifications: tuple[Identification, ...] = ()
    maker: DeviceClassificationManufacturerData | None = None
    powers_w: tuple[Decimal, Decimal, Decimal] | None = None
    recommendations: bool = False
    coordinated: bool = False
    battery: bool = False
    capacity_wh: Decimal | None = None

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """What it measures, by the ids of the measurements."""
        return (*CURRENTS[: self.phases], *POWERS[: self.phases], CHARGED, *((SOC,) if self.battery else ()))

    @property
    def limits(self) -> tuple[tuple[CurrentLimit, int], ...]:
        """Use case and phase of each limit, by the ids of the limits."""
        return tuple((of, at) for of in (OPEV, OSCEV)[: 1 + self.recommendations] for at in range(self.phases))

    @property
    def power_id(self) -> int:
        """Of the parameter that the power limits belong to; it measures nothing."""
        return len(self.quantities)


def limit_descriptions(car: CarSettings) -> LoadControlLimitDescriptionListData:
    return LoadControlLimitDescriptionListData(
        load_control_limit_description_data=tuple(
            LoadControlLimitDescriptionData(
                limit_id=limit_id,
                limit_type=LIMIT_TYPE,
                limit_category=of.category,
                limit_direction=DIRECTION,
                measurement_id=phase,
                unit="A",
                scope_type=of.scope,
            )
            for limit_id, (of, phase) in enumerate(car.limits)
        )
    )


def connection(car: CarSettings) -> ElectricalConnectionDescriptionListData:
    alone = ElectricalConnectionDescriptionData(
        electrical_connection_id=0, power_supply_type="ac", ac_connected_phases=car.phases, positive_energy_direction="consume"
    )
    return ElectricalConnectionDescriptionListData(electrical_connection_description_data=(alone,))


def power_parameter(car: CarSettings) -> ElectricalConnectionParameterDescriptionData:
    return ElectricalConnectionParameterDescriptionData(
        electrical_connection_id=0,
        parameter_id=car.power_id,
        voltage_type="ac",
        ac_measured_phases="abc"[: car.phases],
        ac_measurement_type="real",
        scope_type=evcc.TOTAL,
    )


def permitted(car: CarSettings) -> ElectricalConnectionPermittedValueSetListData:
    of = car.permitted
    currents = [_set(at, of.min_a, of.max_a, of.pause_a) for at in range(car.phases)]
    powers = [_set(car.power_id, *car.powers_w)] if car.powers_w else []
    return ElectricalConnectionPermittedValueSetListData(electrical_connection_permitted_value_set_data=(*currents, *powers))


def keys() -> DeviceConfigurationKeyValueDescriptionListData:
    return DeviceConfigurationKeyValueDescriptionListData(
        device_configuration_key_value_description_data=(
            DeviceConfigurationKeyValueDescriptionData(key_id=0, key_name=evcc.STANDARD[0], value_type="string"),
            DeviceConfigurationKeyValueDescriptionData(key_id=1, key_name=evcc.ASYMMETRIC, value_type="boolean"),
        )
    )


def values(car: CarSettings) -> DeviceConfigurationKeyValueListData:
    return DeviceConfigurationKeyValueListData(
        device_configuration_key_value_data=(
            DeviceConfigurationKeyValueData(key_id=0, value=ConfigurationValue(string=car.standard)),
            DeviceConfigurationKeyValueData(key_id=1, value=ConfigurationValue(boolean=car.asymmetric)),
        )
    )


def identified(identifications: tuple[Identification, ...]) -> IdentificationListData:
    rows = tuple(
        IdentificationData(identification_id=at, identification_type=one.type, identification_value=one.value)
        for at, one in enumerate(identifications)
    )
    return IdentificationListData(identification_data=rows or None)


def capacity(capacity_wh: Decimal) -> ElectricalConnectionCharacteristicListData:
    alone = ElectricalConnectionCharacteristicData(
        electrical_connection_id=0,
        parameter_id=0,
        characteristic_id=0,
        characteristic_context="entity",
        characteristic_type=evsoc.CAPACITY,
        value=scaled(capacity_wh),
        unit="Wh",
    )
    return ElectricalConnectionCharacteristicListData(electrical_connection_characteristic_data=(alone,))


def _set(
    parameter_id: int, least: Decimal | None, most: Decimal | None, single: Decimal | None
) -> ElectricalConnectionPermittedValueSetData:
    assert least is not None
    assert most is not None
    values = PermittedValueSet(value=None if single is None else (scaled(single),), range=(Range(min=scaled(least), max=scaled(most)),))
    return ElectricalConnectionPermittedValueSetData(electrical_connection_id=0, parameter_id=parameter_id, permitted_value_set=(values,))
