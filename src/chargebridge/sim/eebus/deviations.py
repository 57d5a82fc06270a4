"""How virtual wallboxes differ from what EEBUS says, each by its name; most are known from products."""

from enum import StrEnum

import msgspec

from chargebridge.wire.eebus.spine.errors import ErrorNumber
from chargebridge.wire.eebus.spine.events import Event
from chargebridge.wire.eebus.spine.functions import node_management as nm
from chargebridge.wire.eebus.spine.functions.common import FeatureAddress
from chargebridge.wire.eebus.spine.functions.device import DeviceClassificationManufacturerData
from chargebridge.wire.eebus.spine.local import SERVER, LocalDevice, LocalEntity, Now, Operations, Verdict, Write
from chargebridge.wire.eebus.spine.node import Node
from chargebridge.wire.eebus.usecases import evcc, kind
from chargebridge.wire.eebus.usecases.charging_station import ChargingStation
from chargebridge.wire.eebus.usecases.current_limits import PERMITTED
from chargebridge.wire.eebus.usecases.opev import OPEV
from chargebridge.wire.eebus.usecases.vehicle import Vehicle
from chargebridge.wire.eebus.usecases.vehicle_data import CarSettings


class Deviation(StrEnum):
    """NO_OPEV: the car has no limits. FULL_LISTS: its limits are written as a whole list only. NO_ENTITIES: use cases stand at no entity.
    ALL_EV: all of them stand under the actor EV. NO_RANGES: it does not say what currents are permitted. REFUSES: no limit is taken.
    IGNORES: limits are taken, and not kept. DEAF: it hears no heartbeat of ours."""

    NO_OPEV = "no OPEV"
    FULL_LISTS = "full lists only"
    NO_ENTITIES = "use cases without entities"
    ALL_EV = "all use cases under EV"
    NO_RANGES = "no permitted values"
    REFUSES = "refuses limits"
    IGNORES = "ignores limits"
    DEAF = "hears no heartbeat"


LIKE_ELLI = frozenset({Deviation.FULL_LISTS, Deviation.NO_ENTITIES, Deviation.NO_RANGES})
LIKE_PORSCHE = frozenset({Deviation.ALL_EV, Deviation.FULL_LISTS})


class DeviantVehicle(Vehicle):
    def __init__(self, node: Node, entity: LocalEntity, car: CarSettings, now: Now, deviations: frozenset[Deviation]) -> None:
        self._deviations = deviations
        super().__init__(node, entity, car, now)

    def known(self, peer: str, now: Now) -> None:
        if Deviation.DEAF not in self._deviations:
            super().known(peer, now)

    def write(self, write: Write, now: Now) -> Verdict:
        if Deviation.REFUSES in self._deviations:
            return Verdict(ErrorNumber.COMMAND_REJECTED, "not now")
        return super().write(write, now)


class DeviantStation(ChargingStation):
    """A wallbox with its deviations; those of the car are there when it is plugged in."""

    def __init__(
        self, node: Node, entity: LocalEntity, maker: DeviceClassificationManufacturerData, deviations: frozenset[Deviation]
    ) -> None:
        super().__init__(node, entity, maker)
        self._deviations = deviations
        bend_use_cases(node.device, deviations)
        self._alone = node.device.use_cases

    def plug(self, car: CarSettings, now: Now) -> list[Event]:
        if not self._deviations:
            return super().plug(car, now)
        before, device = self.unplug(now), self._node.device
        self._alone = list(device.use_cases)
        entity = device.add((*self._entity.ident, 1), "EV")
        self.vehicle = DeviantVehicle(self._node, entity, car, now, self._deviations)
        bend_entity(device, entity, self._deviations)
        bend_use_cases(device, self._deviations)
        events = self._node.add_entity(entity.ident, now)
        for peer in self._node.links:
            self.vehicle.known(peer, now)
        return before + events + self._node.tick(now)

    def unplug(self, now: Now) -> list[Event]:
        if self.vehicle is not None and self._deviations:
            self._node.device.use_cases = list(self._alone)
        return super().unplug(now)


def bend_entity(device: LocalDevice, entity: LocalEntity, deviations: frozenset[Deviation]) -> None:
    """Change a car's features."""
    load = entity.feature("LoadControl", SERVER)
    if Deviation.NO_OPEV in deviations:
        del entity.features[load.ident[1]]
        device.use_cases = [_without(one, OPEV.name) for one in device.use_cases]
    elif Deviation.FULL_LISTS in deviations:
        load.operations[kind.LIMITS] = Operations(write=True, partial=False)
    if Deviation.NO_RANGES in deviations:
        connection = entity.feature("ElectricalConnection", SERVER)
        del connection.operations[PERMITTED], connection.data[PERMITTED]


def bend_use_cases(device: LocalDevice, deviations: frozenset[Deviation]) -> None:
    """Change what is told of use cases, and at which address."""
    if Deviation.ALL_EV in deviations:
        device.use_cases = [msgspec.structs.replace(one, actor=evcc.ACTOR) for one in device.use_cases]
    if Deviation.NO_ENTITIES in deviations:
        bare = FeatureAddress(device=device.address)
        device.use_cases = [msgspec.structs.replace(one, address=bare) for one in device.use_cases]


def _without(one: nm.UseCaseInformation, name: str) -> nm.UseCaseInformation:
    kept = tuple(support for support in one.use_case_support or () if support.use_case_name != name)
    return msgspec.structs.replace(one, use_case_support=kept)
