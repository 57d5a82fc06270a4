"""The OCPP Central System: stations that speak OCPP 1.6J, 2.0.1 or 2.1 over websockets."""

from chargebridge.stations.ocpp.central import CentralSystem, Stranger
from chargebridge.stations.ocpp.language import Schedule, SchedulePeriod, Setting
from chargebridge.stations.ocpp.settings import EvseSettings, ServerSettings, StationSettings
from chargebridge.stations.ocpp.station import OcppStation

__all__ = [
    "CentralSystem",
    "EvseSettings",
    "OcppStation",
    "Schedule",
    "SchedulePeriod",
    "ServerSettings",
    "Setting",
    "StationSettings",
    "Stranger",
]
