"""EVCEM 1.0.1: measurement of electricity during EV charging. Currents and powers of the car's phases, and the energy since it was plugged in.

Deviations of products that are taken: a power of a phase without the reference to neutral, descriptions of values that never come (Elli).
"""

from decimal import Decimal

import msgspec

from chargebridge.wire.eebus.spine.functions.measurement import ElectricalConnectionDescriptionListData
from chargebridge.wire.eebus.spine.local import EntityId
from chargebridge.wire.eebus.spine.remote import RemoteDevice
from chargebridge.wire.eebus.usecases.current_limits import PerPhase
from chargebridge.wire.eebus.usecases.monitoring import CONNECTIONS, CONSTRAINTS, DESCRIPTIONS, VALUES, measured
from chargebridge.wire.eebus.usecases.quantities import CURRENTS, PARAMETERS, POWER, POWERS, Monitoring, Quantity
from chargebridge.wire.eebus.usecases.reading import said

CHARGED = Quantity("energy", "Wh", "charge")
EVCEM = Monitoring(
    name="measurementOfElectricityDuringEvCharging",
    actor="EV",
    scenarios={1: CURRENTS, 2: (*POWERS, POWER), 3: (CHARGED,)},
    version="1.0.1",
)
FEATURES = {"ElectricalConnection": (CONNECTIONS, PARAMETERS), "Measurement": (DESCRIPTIONS, CONSTRAINTS, VALUES)}
"""What a CEM reads."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """currents_a, powers_w: of L1, L2, L3. power_w: of all; their sum where the car only says those of each. energy_wh: of this charging.
    phases: how many are connected. None: there is no value; silence is none either."""

    currents_a: PerPhase
    powers_w: PerPhase
    power_w: Decimal | None
    energy_wh: Decimal | None
    phases: int | None


def told_by(remote: RemoteDevice, entity: EntityId) -> Measured:
    values = measured(remote, entity)
    powers_w = _per_phase(values, POWERS)
    sums = [value for value in powers_w if value is not None]
    power_w = next((value for one, value in values.items() if (one.type, one.phases) == ("power", "abc")), None)
    connections = said(remote, entity, "ElectricalConnection", ElectricalConnectionDescriptionListData)
    phases = [one.ac_connected_phases for one in connections.electrical_connection_description_data or () if one.ac_connected_phases]
    return Measured(
        currents_a=_per_phase(values, CURRENTS),
        powers_w=powers_w,
        power_w=power_w if power_w is not None or not sums else sum(sums, Decimal(0)),
        energy_wh=values.get(CHARGED),
        phases=phases[0] if phases else None,
    )


def _per_phase(values: dict[Quantity, Decimal], quantities: tuple[Quantity, ...]) -> PerPhase:
    found = {one.phases: value for one, value in values.items() if (one.type, one.scope) == (quantities[0].type, quantities[0].scope)}
    return found.get("a"), found.get("b"), found.get("c")
