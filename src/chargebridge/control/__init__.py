"""Decisions about the present: from limits, measurements and wishes to what every charging point may draw now.

Pure functions of values: ``decide(state, now)`` reads no clock, does no I/O and logs nothing, so that the same decision can be made again.
"""

from chargebridge.control.decide import decide
from chargebridge.control.topology import TopologyError, check

__all__ = ["TopologyError", "check", "decide"]
