"""All plants of a site that speak EEBUS: one Energy Guard and one reader of measured values on the hub's node (LPC 1.0.0, MPC 1.0.0).

Both are on an entity of their own; the one on which the grid's control box limits us is another, as a house is Controllable System upwards and
Energy Guard downwards. Other peers, such as wallboxes, they leave alone.
"""

from chargebridge.links.eebus.hub import Hub
from chargebridge.model.circuit import Battery, Load
from chargebridge.model.clock import Clock
from chargebridge.plants.eebus.battery import EebusBattery
from chargebridge.plants.eebus.inverter import EebusInverter
from chargebridge.plants.eebus.load import EebusLoad
from chargebridge.plants.eebus.unit import Unit
from chargebridge.wire.eebus.ship.identity import normal_ski
from chargebridge.wire.eebus.spine.events import Event
from chargebridge.wire.eebus.spine.local import LocalEntity, Now
from chargebridge.wire.eebus.usecases.energy_guard import EnergyGuard
from chargebridge.wire.eebus.usecases.lpc import LPC
from chargebridge.wire.eebus.usecases.monitoring import MonitoringAppliance
from chargebridge.wire.eebus.usecases.quantities import MPC


class EebusPlants:
    """entity: ours towards plants. Make the plants before the hub runs; each works while its ``states`` is read."""

    def __init__(self, hub: Hub, entity: LocalEntity, clock: Clock) -> None:
        self._hub, self._clock = hub, clock
        self._units: dict[str, Unit] = {}
        self.guard = EnergyGuard(hub.node, entity, LPC, hub.now(), serves=self._units.__contains__, first=None)
        self.reader = MonitoringAppliance(hub.node, entity, MPC, self._units.__contains__)
        hub.listen(self._hear)
        hub.on_change(self._moved)

    def load(self, load: Load, ski: str) -> EebusLoad:
        """The load that is the peer with this SKI. Raises CertificateError for what is no SKI."""
        unit = self._unit(ski)
        return EebusLoad(load, unit, self.guard, self._clock)

    def battery(self, battery: Battery, ski: str) -> EebusBattery:
        """The battery, or its inverter, that is the peer with this SKI. Raises CertificateError for what is no SKI."""
        return EebusBattery(battery, self._unit(ski), self._clock)

    def inverter(self, meter: str, ski: str) -> EebusInverter:
        """The inverter that is the peer with this SKI, as a meter of that name. Raises CertificateError for what is no SKI."""
        return EebusInverter(meter, self._unit(ski), self._clock)

    def _unit(self, ski: str) -> Unit:
        unit = Unit(normal_ski(ski), self._hub, self.reader)
        self._units[unit.ski] = unit
        return unit

    async def _hear(self, event: Event, now: Now) -> None:
        unit = self._units.get(getattr(event, "peer", ""))
        if unit is not None:
            unit.hear(event, now)

    def _moved(self) -> None:
        for unit in self._units.values():
            unit.ring()
