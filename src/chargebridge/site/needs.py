"""What a car asks for over ISO 15118, as the station tells it (OCPP 2.x part 2, K15 to K20, Q01): from the event to ``CarNeeds``.

A car that asks for nonsense asks for nothing: what is negative, endless or of another unit's size is left out, part by part.
"""

from collections.abc import Mapping
from datetime import datetime
from math import isfinite
from typing import Any

from chargebridge.model.circuit import ChargingPoint
from chargebridge.model.phases import NOMINAL_V
from chargebridge.model.session import CarNeeds
from chargebridge.stations.events import ChargingNeeds

ENERGY_MAX_WH = 1_000_000.0
POWER_MAX_W = 1_000_000.0
CURRENT_MAX_A = 10_000.0


def needs_of(event: ChargingNeeds, point: ChargingPoint, charged_wh: int, now: datetime) -> CarNeeds:
    """charged_wh: in the session so far; the car speaks of what is still to come."""
    ac, dc = _part(event, "acChargingParameters"), _part(event, "dcChargingParameters")
    both = _part(event, "v2xChargingParameters")
    volts = NOMINAL_V * len(point.phases)
    most_w = _figure(both, "maxChargePower", POWER_MAX_W) or _figure(dc, "evMaxPower", POWER_MAX_W)
    least_w = _figure(both, "minChargePower", POWER_MAX_W)
    return CarNeeds(
        told_at=now,
        from_wh=charged_wh,
        transfer=event.transfer,
        departure_at=event.departure_at if event.departure_at is not None and event.departure_at > now else None,
        energy_wh=event.energy_wh if event.energy_wh is not None and 0 < event.energy_wh <= ENERGY_MAX_WH else None,
        energy_min_wh=_signed(both, "evMinEnergyRequest"),
        energy_max_wh=_figure(both, "evMaxEnergyRequest", ENERGY_MAX_WH),
        current_min_a=_figure(ac, "evMinCurrent", CURRENT_MAX_A) or (least_w / volts if least_w else None),
        current_max_a=_figure(ac, "evMaxCurrent", CURRENT_MAX_A) or (most_w / volts if most_w else None),
        discharge_max_w=_figure(both, "maxDischargePower", POWER_MAX_W) or 0.0,
        soc=_percent(dc, "stateOfCharge"),
    )


def _part(event: ChargingNeeds, name: str) -> Mapping[str, Any]:
    part = event.parameters.get(name)
    return part if isinstance(part, dict) else {}


def _figure(part: Mapping[str, Any], name: str, most: float) -> float | None:
    """What is positive and of a sane size."""
    value = part.get(name)
    return float(value) if isinstance(value, int | float) and isfinite(value) and 0 < value <= most else None


def _signed(part: Mapping[str, Any], name: str) -> float | None:
    """The least energy of ISO 15118-20 is negative where the car has more than it needs: so much may be taken out of it."""
    value = part.get(name)
    return float(value) if isinstance(value, int | float) and isfinite(value) and abs(value) <= ENERGY_MAX_WH else None


def _percent(part: Mapping[str, Any], name: str) -> float | None:
    value = part.get(name)
    return value / 100 if isinstance(value, int | float) and 0 <= value <= 100 else None
