"""A virtual charging station that speaks OCPP 1.6J or 2.0.1 over a real socket."""

from chargebridge.sim.ocpp_station.plan import EvsePlan, Faults, StationPlan, Truth, VehicleSide
from chargebridge.sim.ocpp_station.station import VirtualStation

__all__ = ["EvsePlan", "Faults", "StationPlan", "Truth", "VehicleSide", "VirtualStation"]
