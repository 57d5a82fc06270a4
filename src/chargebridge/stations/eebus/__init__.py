"""Wallboxes that speak EEBUS, as stations."""

from chargebridge.stations.eebus.settings import PointSettings, WallboxSettings
from chargebridge.stations.eebus.wallbox import Wallbox
from chargebridge.stations.eebus.wallboxes import Wallboxes

__all__ = ["PointSettings", "Wallbox", "WallboxSettings", "Wallboxes"]
