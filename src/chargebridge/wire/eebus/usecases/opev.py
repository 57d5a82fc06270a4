"""OPEV 1.0.1: overload protection by EV charging current curtailment. What the CEM writes is an obligation: the car never takes more."""

from chargebridge.wire.eebus.usecases.current_limits import CurrentLimit

OPEV = CurrentLimit(
    name="overloadProtectionByEvChargingCurrentCurtailment",
    category="obligation",
    scope="overloadProtection",
)
