"""A meter with Modbus registers: over TCP or on a serial line, as strict or as odd as real ones are."""

from chargebridge.sim.modbus_meter.registers import MapDevice, SunSpecDevice, raw_values
from chargebridge.sim.modbus_meter.server import LineServer, NetworkServer

__all__ = ["LineServer", "MapDevice", "NetworkServer", "SunSpecDevice", "raw_values"]
