"""A wallbox and an energy manager, joined without a transport; time stands still until a test moves it."""

from decimal import Decimal

from hypothesis import settings
from tests.wire.eebus.usecases.bench import Clock, Wire

from chargebridge.wire.eebus.spine.events import Written
from chargebridge.wire.eebus.spine.functions.device import DeviceClassificationManufacturerData
from chargebridge.wire.eebus.spine.local import LocalDevice
from chargebridge.wire.eebus.spine.node import Node
from chargebridge.wire.eebus.usecases.charging_station import ChargingStation
from chargebridge.wire.eebus.usecases.coordinator import Coordinator
from chargebridge.wire.eebus.usecases.current_limits import Permitted
from chargebridge.wire.eebus.usecases.energy_manager import EnergyManager
from chargebridge.wire.eebus.usecases.evcc import ISO_15118_ED2, Identification
from chargebridge.wire.eebus.usecases.vehicle_data import CarSettings

FEW = settings(max_examples=1 + settings().max_examples // 2)
"""Each example is a whole conversation."""
EVSE, CAR = (1,), (1, 1)
UNIT, CAR_UNIT = ("wallbox", EVSE), ("wallbox", CAR)
PLAIN = CarSettings(permitted=Permitted(Decimal(6), Decimal(16), Decimal("0.1")), safe_a=Decimal(7))
RICH = CarSettings(
    permitted=PLAIN.permitted,
    safe_a=PLAIN.safe_a,
    standard=ISO_15118_ED2,
    asymmetric=True,
    identifications=(Identification("eui48", "AA:BB:CC:DD:EE:FF"),),
    maker=DeviceClassificationManufacturerData(brand_name="Acme", device_name="Car"),
    powers_w=(Decimal(1380), Decimal(11040), Decimal(100)),
    recommendations=True,
    battery=True,
    capacity_wh=Decimal(58000),
)


def amps(*values):
    return tuple(None if value is None else Decimal(str(value)) for value in values)


class Wallbox:
    def __init__(self, clock, address="d:_n:Acme_Wallbox-1"):
        self.node = Node(LocalDevice(address, "ChargingStation"))
        maker = DeviceClassificationManufacturerData(brand_name="Acme", device_name="Box", serial_number="4711")
        self.station = ChargingStation(self.node, self.node.device.add(EVSE, "EVSE"), maker)


class Cem:
    def __init__(self, clock, address="d:_n:Acme_House-1"):
        self.node = Node(LocalDevice(address, "EnergyManagementSystem"))
        entity = self.node.device.add((1,), "CEM")
        self.manager = EnergyManager(self.node, entity, clock.now)
        self.coordinator = Coordinator(self.node, entity, self.manager)


class Street(Wire):
    """The wire between them: the wallbox in the house's place, the manager in the box's."""

    def __init__(self, clock, wallbox, cem, names=("cem", "wallbox")):
        super().__init__(clock, wallbox, cem, names)
        self.wallbox, self.cem = wallbox, cem

    @property
    def manager(self):
        return self.cem.manager

    @property
    def vehicle(self):
        return self.wallbox.station.vehicle

    def plug(self, car=PLAIN):
        return self.carry([("house", event) for event in self.wallbox.station.plug(car, self.clock.now)])

    def unplug(self):
        return self.carry([("house", event) for event in self.wallbox.station.unplug(self.clock.now)])

    def limit(self, *values):
        self.manager.limit(UNIT, amps(*values), self.clock.now)
        return self.tick()

    def recommend(self, *values):
        self.manager.recommend(UNIT, amps(*values), self.clock.now)
        return self.tick()

    def write(self, type_, cmd):
        """What the car answers to a write of the CEM's making."""
        client = self.cem.node.device.entities[1,].feature(type_, "client")
        server = self.wallbox.node.device.entities[CAR].feature(type_, "server")
        self.cem.node.write("wallbox", client.ident, server.ident, cmd, self.clock.now)
        self.tick()
        return self.heard("house", Written)[-1].number

    def told(self, kind):
        """What the manager reported."""
        return self.heard("box", kind)


def street(car=None):
    clock = Clock()
    joined = Street(clock, Wallbox(clock), Cem(clock)).connect()
    return joined.plug(car) if car else joined
