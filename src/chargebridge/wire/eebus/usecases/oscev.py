"""OSCEV 1.0.1: optimization of self-consumption during EV charging. What the CEM writes is a recommendation; an obligation always wins."""

from chargebridge.wire.eebus.usecases.current_limits import CurrentLimit

OSCEV = CurrentLimit(
    name="optimizationOfSelfConsumptionDuringEvCharging",
    category="recommendation",
    scope="selfConsumption",
)
