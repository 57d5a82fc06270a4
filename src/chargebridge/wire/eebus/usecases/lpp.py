"""LPP 1.0.0: limitation of power production. A limit is 0 W or less, since production is negative.

Its failsafe limit and nominal values are 0 W or more all the same.
"""

from chargebridge.wire.eebus.usecases.kind import Kind

LPP = Kind(
    name="limitationOfPowerProduction",
    direction="produce",
    failsafe_key="failsafeProductionActivePowerLimit",
    nominal="powerProductionNominalMax",
    contractual="contractualProductionNominalMax",
)
