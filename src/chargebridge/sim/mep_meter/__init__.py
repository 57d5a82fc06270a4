"""A NES meter that answers at its MEP port."""

from chargebridge.sim.mep_meter.device import MepDevice
from chargebridge.sim.mep_meter.server import MepLine, MepServer

__all__ = ["MepDevice", "MepLine", "MepServer"]
