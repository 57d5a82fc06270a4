"""Plants: batteries that tell their power and charge, and that follow a set point."""

from chargebridge.plants.port import BatteryPlant, PlantAnswer, PlantError, PlantFault, PlantOutcome
from chargebridge.plants.registry import open_battery

__all__ = ["BatteryPlant", "PlantAnswer", "PlantError", "PlantFault", "PlantOutcome", "open_battery"]
