"""What a car asks for, and what its charger can take, as any station tells it (OCPP 2.1 ChargingNeeds)."""

from datetime import timedelta

from msgspec.structs import replace

from chargebridge.stations.eebus.seen import Car
from chargebridge.stations.events import ChargingNeeds


def needs_of(car: Car, evse: int, phases: int) -> ChargingNeeds | None:
    """None: it says nothing of the kind."""
    if car.demand is None and car.maximum_a is None:
        return None
    demand = car.demand
    ac = {"evMinCurrent": car.minimum_a, "evMaxCurrent": car.maximum_a}
    both = {} if demand is None else {"evMinEnergyRequest": demand.least_wh, "evMaxEnergyRequest": demand.most_wh}
    parts = {"acChargingParameters": ac, "v2xChargingParameters": both}
    return ChargingNeeds(
        evse=evse,
        transfer="AC_single_phase" if phases == 1 else "AC_three_phase",
        departure_at=None if demand is None else demand.departure_at,
        energy_wh=None if demand is None else demand.wanted_wh,
        parameters={name: kept for name, part in parts.items() if (kept := {k: v for k, v in part.items() if v is not None})},
    )


def differ(one: ChargingNeeds, other: ChargingNeeds) -> bool:
    """A departure told as a duration wanders by the second."""
    near = (
        one.departure_at is not None
        and other.departure_at is not None
        and abs(one.departure_at - other.departure_at) < timedelta(minutes=1)
    )
    return replace(one, departure_at=None) != replace(other, departure_at=None) or (one.departure_at != other.departure_at and not near)
