"""How LPC and LPP differ: names, and the sign of a limit."""

import msgspec

CONTROLLABLE_SYSTEM, ENERGY_GUARD = "ControllableSystem", "EnergyGuard"
GUARDS = (ENERGY_GUARD, "CEM")
"""Who may be an Energy Guard; some announce the entity's type as the actor."""
VERSION = "1.0.0"
SCENARIOS = (1, 2, 3, 4)
"""Limit, failsafe values, heartbeat, constraints. A guard that left out 3 was dropped by strict chargers."""
LIMIT_TYPE, OBLIGATION, SCOPE = "signDependentAbsValueLimit", "obligation", "activePowerLimit"
FAILSAFE_DURATION = "failsafeDurationMinimum"
"""One key for both use cases, where an entity has both (LPC-TS-041)."""
LIMITS, DESCRIPTIONS = "loadControlLimitListData", "loadControlLimitDescriptionListData"
VALUES, KEYS = "deviceConfigurationKeyValueListData", "deviceConfigurationKeyValueDescriptionListData"
CHARACTERISTICS = "electricalConnectionCharacteristicListData"
HEARTBEAT = "deviceDiagnosisHeartbeatData"


class Kind(msgspec.Struct, frozen=True):
    """name: of the use case. direction: of the limit. failsafe_key: of its failsafe limit. nominal: what the characteristic of a device is called,
    contractual: that of a house (an entity of type CEM)."""

    name: str
    direction: str
    failsafe_key: str
    nominal: str
    contractual: str
