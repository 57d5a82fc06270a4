"""A virtual charging station that speaks OCPP 1.6J, 2.0.1 or 2.1 over a real socket."""

from chargebridge.sim.ocpp_station.faults import Faults, parse_faults
from chargebridge.sim.ocpp_station.plan import EvsePlan, SigningPlan, StationPlan, TlsPlan, Truth, VehicleSide, Version
from chargebridge.sim.ocpp_station.station import VirtualStation

__all__ = [
    "EvsePlan",
    "Faults",
    "SigningPlan",
    "StationPlan",
    "TlsPlan",
    "Truth",
    "VehicleSide",
    "Version",
    "VirtualStation",
    "parse_faults",
]
