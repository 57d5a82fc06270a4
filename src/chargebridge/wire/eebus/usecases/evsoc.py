"""EVSOC 1.0.0 RC1: EV state of charge. How full the car's battery is, what it holds, how healthy it is, how far it goes."""

from decimal import Decimal

import msgspec

from chargebridge.wire.eebus.spine.functions.common import told
from chargebridge.wire.eebus.spine.functions.measurement import ElectricalConnectionCharacteristicListData
from chargebridge.wire.eebus.spine.local import EntityId
from chargebridge.wire.eebus.spine.remote import RemoteDevice
from chargebridge.wire.eebus.usecases.kind import CHARACTERISTICS
from chargebridge.wire.eebus.usecases.monitoring import DESCRIPTIONS, VALUES, measured
from chargebridge.wire.eebus.usecases.quantities import Monitoring, Quantity
from chargebridge.wire.eebus.usecases.reading import said

SOC, HEALTH = Quantity("percentage", "pct", "stateOfCharge"), Quantity("percentage", "pct", "stateOfHealth")
RANGE = Quantity("distance", "m", "travelRange")
EVSOC = Monitoring(
    name="evStateOfCharge",
    actor="EV",
    scenarios={1: (SOC,), 3: (HEALTH,), 4: (RANGE,)},
    revision="RC1",
)
SCENARIOS, CAPACITY_SCENARIO = (1, 2, 3, 4), 2
CAPACITY = "energyCapacityNominalMax"
FEATURES = {"ElectricalConnection": (CHARACTERISTICS,), "Measurement": (DESCRIPTIONS, VALUES)}
"""What a CEM reads."""


class Battery(msgspec.Struct, frozen=True, kw_only=True):
    """soc_pct: of the usable capacity. None: there is no value."""

    soc_pct: Decimal | None
    capacity_wh: Decimal | None
    health_pct: Decimal | None
    range_m: Decimal | None


def told_by(remote: RemoteDevice, entity: EntityId) -> Battery:
    values = measured(remote, entity)
    known = said(remote, entity, "ElectricalConnection", ElectricalConnectionCharacteristicListData)
    rows = known.electrical_connection_characteristic_data or ()
    return Battery(
        soc_pct=values.get(SOC),
        capacity_wh=next((told(row.value) for row in rows if row.characteristic_type == CAPACITY), None),
        health_pct=values.get(HEALTH),
        range_m=values.get(RANGE),
    )
