"""All kinds of plants by the scheme of their URL. A new one is a file with an ``open_battery`` and one line here."""

from collections.abc import Callable

from chargebridge.model.circuit import Battery
from chargebridge.model.clock import Clock
from chargebridge.plants import sunspec_battery
from chargebridge.plants.port import BatteryPlant, PlantError

BATTERIES: dict[str, Callable[[Battery, str, Clock], BatteryPlant]] = {
    "modbus+tcp": sunspec_battery.open_battery,
}


def open_battery(battery: Battery, url: str, clock: Clock) -> BatteryPlant:
    """The battery at ``url``, checked but not connected yet. Raises ``PlantError``."""
    scheme = url.partition("://")[0]
    if scheme not in BATTERIES:
        raise PlantError(url, f"scheme {scheme!r} is unknown", f"begin with one of {', '.join(f'{name}://' for name in BATTERIES)}")
    return BATTERIES[scheme](battery, url, clock)
