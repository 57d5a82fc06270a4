"""A wallbox: the EVSE entity, and the EV entity below it that comes and goes with the car (the server side of EVSECC; EVCC scenarios 1 and 8).

station = ChargingStation(node, device.add((1,), "EVSE"), maker)
events = station.plug(CarSettings(...), now)       # adds [1,1] with its use cases and tells of it
station.vehicle.measured({...}, now)
events = station.unplug(now)
"""

from chargebridge.wire.eebus.spine.events import Event
from chargebridge.wire.eebus.spine.functions.device import DeviceClassificationManufacturerData, DeviceDiagnosisStateData
from chargebridge.wire.eebus.spine.local import SERVER, LocalEntity, Now
from chargebridge.wire.eebus.spine.node import Node
from chargebridge.wire.eebus.usecases import evsecc
from chargebridge.wire.eebus.usecases.curtailment import WORKS
from chargebridge.wire.eebus.usecases.vehicle import Vehicle
from chargebridge.wire.eebus.usecases.vehicle_data import CarSettings


class ChargingStation:
    """vehicle: the car that is plugged in."""

    def __init__(self, node: Node, entity: LocalEntity, maker: DeviceClassificationManufacturerData) -> None:
        self._node = node
        self._entity = entity
        self.vehicle: Vehicle | None = None
        entity.feature("DeviceClassification", SERVER).offer(evsecc.MAKER, maker)
        self._diagnosis = entity.feature("DeviceDiagnosis", SERVER)
        self._diagnosis.offer(evsecc.STATE, DeviceDiagnosisStateData(operating_state=WORKS))
        node.device.announce(entity.ident, evsecc.ACTOR, evsecc.NAME, evsecc.VERSION, evsecc.SCENARIOS)

    def plug(self, car: CarSettings, now: Now) -> list[Event]:
        """A car is plugged in; one that was there before is unplugged first."""
        before = self.unplug(now)
        entity = self._node.device.add((*self._entity.ident, 1), "EV")
        self.vehicle = Vehicle(self._node, entity, car, now)
        events = self._node.add_entity(entity.ident, now)
        for peer in self._node.links:
            self.vehicle.known(peer, now)
        return before + events + self._node.tick(now)

    def unplug(self, now: Now) -> list[Event]:
        """The car is gone, if there was one."""
        if self.vehicle is None:
            return []
        self.vehicle.leave()
        self.vehicle = None
        return self._node.remove_entity((*self._entity.ident, 1), now)

    def operating(self, state: str, error: str | None = None) -> None:
        """Its operating state: normalOperation, failure, inAlarm ... ``Node.tick`` must follow."""
        self._node.publish(self._diagnosis, DeviceDiagnosisStateData(operating_state=state, last_error_code=error))
