"""A stationary battery on the network: Modbus/TCP with SunSpec models 1, 701, 702, 713 and 704 in front of a simulated one."""

from chargebridge.sim.sunspec_battery.device import BatterySide, RefusalError, SunSpecDevice
from chargebridge.sim.sunspec_battery.server import BatteryServer

__all__ = ["BatteryServer", "BatterySide", "RefusalError", "SunSpecDevice"]
