"""Plants: batteries that tell their power and charge and follow a set point; loads that draw what they like and keep to a limit."""

from chargebridge.plants.port import (
    BatteryPlant,
    ControllableLoad,
    LoadAnswer,
    LoadReport,
    PlantAnswer,
    PlantError,
    PlantFault,
    PlantOutcome,
)
from chargebridge.plants.registry import open_battery

__all__ = [
    "BatteryPlant",
    "ControllableLoad",
    "LoadAnswer",
    "LoadReport",
    "PlantAnswer",
    "PlantError",
    "PlantFault",
    "PlantOutcome",
    "open_battery",
]
