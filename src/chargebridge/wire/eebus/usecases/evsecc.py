"""EVSECC 1.0.1: EVSE commissioning and configuration. Who made the wallbox, and whether something is wrong with it; told by the EVSE entity."""

import msgspec

from chargebridge.wire.eebus.spine.functions.device import DeviceClassificationManufacturerData, DeviceDiagnosisStateData
from chargebridge.wire.eebus.spine.local import EntityId
from chargebridge.wire.eebus.spine.remote import RemoteDevice
from chargebridge.wire.eebus.usecases.reading import said

NAME, VERSION, ACTOR, SCENARIOS = "evseCommissioningAndConfiguration", "1.0.1", "EVSE", (1, 2)
"""Maker, error state; the second is mandatory."""
MAKER, STATE = "deviceClassificationManufacturerData", "deviceDiagnosisStateData"
FEATURES = {"DeviceClassification": (MAKER,), "DeviceDiagnosis": (STATE,)}
"""What a CEM reads."""
FAILURES = frozenset({"failure", "inAlarm", "notReachable", "off"})
"""The operating states in which a wallbox cannot charge."""


class Commissioned(msgspec.Struct, frozen=True, kw_only=True):
    """What a wallbox says of itself. state: its operating state. error: the code of its last error, kept after it is over.
    None: it has not said it (yet)."""

    maker: DeviceClassificationManufacturerData
    state: str | None
    error: str | None

    @property
    def failed(self) -> bool:
        return self.state in FAILURES


def told_by(remote: RemoteDevice, entity: EntityId) -> Commissioned:
    state = said(remote, entity, "DeviceDiagnosis", DeviceDiagnosisStateData)
    return Commissioned(
        maker=said(remote, entity, "DeviceClassification", DeviceClassificationManufacturerData),
        state=state.operating_state,
        error=state.last_error_code,
    )
