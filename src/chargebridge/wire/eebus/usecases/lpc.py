"""LPC 1.0.0: limitation of power consumption. A limit is 0 W or more."""

from chargebridge.wire.eebus.usecases.kind import Kind

LPC = Kind(
    name="limitationOfPowerConsumption",
    direction="consume",
    failsafe_key="failsafeConsumptionActivePowerLimit",
    nominal="powerConsumptionNominalMax",
    contractual="contractualConsumptionNominalMax",
)
