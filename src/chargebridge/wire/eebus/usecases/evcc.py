"""EVCC 1.0.1: EV commissioning and configuration. That a car is there (its entity is), how it talks, who it is, what it can take, whether it sleeps.

Deviations of products that are taken: the key of the standard spelled communicationStandard, as in two tables of the document.
"""

from decimal import Decimal

import msgspec

from chargebridge.wire.eebus.spine.functions.device import (
    ConfigurationValue,
    DeviceClassificationManufacturerData,
    DeviceConfigurationKeyValueDescriptionListData,
    DeviceConfigurationKeyValueListData,
    DeviceDiagnosisStateData,
    IdentificationListData,
)
from chargebridge.wire.eebus.spine.functions.measurement import ElectricalConnectionParameterDescriptionListData
from chargebridge.wire.eebus.spine.local import EntityId
from chargebridge.wire.eebus.spine.remote import RemoteDevice
from chargebridge.wire.eebus.usecases.current_limits import PERMITTED, Bounds, bounds
from chargebridge.wire.eebus.usecases.evsecc import FAILURES, MAKER, STATE
from chargebridge.wire.eebus.usecases.kind import KEYS, VALUES
from chargebridge.wire.eebus.usecases.quantities import PARAMETERS
from chargebridge.wire.eebus.usecases.reading import said

NAME, VERSION, ACTOR, SCENARIOS = "evCommissioningAndConfiguration", "1.0.1", "EV", (1, 2, 3, 4, 5, 6, 7, 8)
"""Connected, standard, asymmetric charging, identification, maker, power limits, sleep, disconnected; 1, 2, 3 and 8 are mandatory."""
IDENTIFICATIONS = "identificationListData"
FEATURES = {
    "DeviceConfiguration": (KEYS, VALUES),
    "DeviceClassification": (MAKER,),
    "DeviceDiagnosis": (STATE,),
    "ElectricalConnection": (PARAMETERS, PERMITTED),
    "Identification": (IDENTIFICATIONS,),
}
"""What a CEM reads."""
STANDARD = ("communicationsStandard", "communicationStandard")
ASYMMETRIC = "asymmetricChargingSupported"
IEC_61851, ISO_15118_ED1, ISO_15118_ED2 = "iec61851", "iso15118-2ed1", "iso15118-2ed2"
"""With the first nothing is known of the car but that it is there: no identification, no state of charge, no demand."""
TOTAL = "acPowerTotal"
"""The scope of the parameter that the power limits are of."""
ASLEEP = "standby"


class Identification(msgspec.Struct, frozen=True):
    """type: eui48, eui64, userRfidTag ... value: e.g. the MAC address of the car, or its EVCCID."""

    type: str
    value: str


class Commissioned(msgspec.Struct, frozen=True, kw_only=True):
    """What a car says of itself; None: it has not (yet). standard: see above. asymmetric: whether its phases may have different currents.
    min_w, max_w: between these it can charge; standby_w: what it takes while it pauses. state: its operating state."""

    standard: str | None
    asymmetric: bool | None
    identifications: tuple[Identification, ...]
    maker: DeviceClassificationManufacturerData
    min_w: Decimal | None
    max_w: Decimal | None
    standby_w: Decimal | None
    state: str | None
    error: str | None

    @property
    def asleep(self) -> bool:
        return self.state == ASLEEP

    @property
    def failed(self) -> bool:
        return self.state in FAILURES


def told_by(remote: RemoteDevice, entity: EntityId) -> Commissioned:
    state = said(remote, entity, "DeviceDiagnosis", DeviceDiagnosisStateData)
    parameters = said(remote, entity, "ElectricalConnection", ElectricalConnectionParameterDescriptionListData)
    described = parameters.electrical_connection_parameter_description_data or ()
    power = next((one.parameter_id for one in described if one.scope_type == TOTAL), None)
    permitted = bounds(remote, entity).get(power, Bounds()) if power is not None else Bounds()
    identified = said(remote, entity, "Identification", IdentificationListData).identification_data or ()
    return Commissioned(
        standard=_value(remote, entity, *STANDARD).string,
        asymmetric=_value(remote, entity, ASYMMETRIC).boolean,
        identifications=tuple(
            Identification(one.identification_type or "", one.identification_value) for one in identified if one.identification_value
        ),
        maker=said(remote, entity, "DeviceClassification", DeviceClassificationManufacturerData),
        min_w=permitted.min,
        max_w=permitted.max,
        standby_w=min(permitted.values, default=None),
        state=state.operating_state,
        error=state.last_error_code,
    )


def _value(remote: RemoteDevice, entity: EntityId, *names: str) -> ConfigurationValue:
    described = said(remote, entity, "DeviceConfiguration", DeviceConfigurationKeyValueDescriptionListData)
    keys = {one.key_id for one in described.device_configuration_key_value_description_data or () if one.key_name in names}
    rows = said(remote, entity, "DeviceConfiguration", DeviceConfigurationKeyValueListData).device_configuration_key_value_data or ()
    return next((row.value for row in rows if row.key_id in keys and row.value is not None), ConfigurationValue())
