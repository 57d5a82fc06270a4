"""A DLMS/COSEM meter to ask: real TCP, in the wrapper or in HDLC frames."""

from chargebridge.sim.cosem_meter.objects import CosemMeter, ProfileRow
from chargebridge.sim.cosem_meter.server import CosemServer, MemoryCounter
from chargebridge.sim.cosem_meter.session import User

__all__ = ["CosemMeter", "CosemServer", "MemoryCounter", "ProfileRow", "User"]
