"""What stations and cars tell, in a sentence."""

from zoneinfo import ZoneInfo

from chargebridge.model.session import CarNeeds
from chargebridge.stations.events import BatterySwap, ChargingLimitCleared, ChargingLimitSet, DerAlarm

SOURCES = {"EMS": "an energy manager", "SO": "the grid operator", "CSO": "the charge point operator"}
SWAPS = {
    "BatteryIn": "a battery was brought",
    "BatteryOut": "a charged battery was taken",
    "BatteryOutTimeout": "a battery that was offered was not taken",
}


def asked(needs: CarNeeds, timezone: str) -> str:
    """ "asks for 20 kWh until 07:00 and can give back up to 11 kW"."""
    parts = []
    if needs.energy_wh is not None:
        parts.append(f"{round(needs.energy_wh / 1000, 1):g} kWh")
    elif needs.energy_max_wh is not None:
        parts.append(f"up to {round(needs.energy_max_wh / 1000, 1):g} kWh")
    if needs.departure_at is not None:
        parts.append(f"until {needs.departure_at.astimezone(ZoneInfo(timezone)):%H:%M}")
    said = f"asks for {' '.join(parts) or 'energy'}"
    return f"{said} and can give back up to {round(needs.gives_w / 1000, 1):g} kW" if needs.gives_w > 0 else said


def heard(station: str, event: ChargingLimitSet | ChargingLimitCleared | BatterySwap | DerAlarm) -> str:
    where = f"{station}" if getattr(event, "evse", 0) == 0 else f"EVSE {event.evse} of {station}"  # type: ignore[union-attr]
    match event:
        case ChargingLimitSet(local_generation=True):
            return f"{where}: {_source(event.source)} adds what is generated there"
        case ChargingLimitSet():
            how_much = "" if event.schedules else ", and does not say how much"
            return f"{where}: {_source(event.source)} sets a limit{how_much}"
        case ChargingLimitCleared():
            return f"{where}: {_source(event.source)} lifts its limit"
        case BatterySwap():
            serials = ", ".join(str(battery.get("serialNumber", "?")) for battery in event.batteries)
            return f"{station}: {SWAPS.get(event.kind, event.kind)}: {serials}"
        case DerAlarm():
            about = " ".join(part for part in (event.fault, event.info) if part)
            return f"{station}: {event.control} {'ends' if event.ended else 'acts'} on the grid's behalf {about}".rstrip()


def _source(name: str) -> str:
    return SOURCES.get(name, f"“{name}”")
