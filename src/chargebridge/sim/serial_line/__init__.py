"""A meter at the end of a serial line behind a network bridge: what a program hears depends on the speed and the frame that it sets."""

from chargebridge.sim.serial_line.bridge import SerialBridge
from chargebridge.sim.serial_line.uart import LineFormat, received, sent

__all__ = ["LineFormat", "SerialBridge", "received", "sent"]
