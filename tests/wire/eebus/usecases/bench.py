"""Two nodes, a house with a limit and its Energy Guard, joined without a transport; time stands still until a test moves it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from chargebridge.wire.eebus.spine.datagram import decode
from chargebridge.wire.eebus.spine.events import Send
from chargebridge.wire.eebus.spine.local import LocalDevice, Now
from chargebridge.wire.eebus.spine.node import Node
from chargebridge.wire.eebus.usecases.controllable_system import ControllableSystem, Limited
from chargebridge.wire.eebus.usecases.energy_guard import EnergyGuard
from chargebridge.wire.eebus.usecases.limitation import Settings
from chargebridge.wire.eebus.usecases.lpc import LPC
from chargebridge.wire.eebus.usecases.lpp import LPP

SETTINGS = Settings(nominal_w=Decimal(34500), failsafe_w=Decimal(5000))
PRODUCTION = Settings(nominal_w=Decimal(10000), failsafe_w=Decimal(0), production=True)
ENTITY = (1,)


class Clock:
    def __init__(self):
        self.s = 5000.0

    @property
    def now(self):
        return Now(self.s, datetime(2026, 11, 21, tzinfo=UTC) + timedelta(seconds=self.s))


class House:
    """A node with LPC and LPP on a CEM."""

    def __init__(self, clock, address="d:_n:Acme_House-1", settings=SETTINGS, memory=None):
        self.clock = clock
        self.node = Node(LocalDevice(address, "EnergyManagementSystem"))
        entity = self.node.device.add(ENTITY, "CEM")
        self.lpc = Limited(LPC, settings, memory, clock.now)
        self.lpp = Limited(LPP, PRODUCTION, None, clock.now)
        self.system = ControllableSystem(self.node, entity, (self.lpc, self.lpp), clock.now)


class Box:
    """A node with Energy Guards for LPC and LPP."""

    def __init__(self, clock, address="d:_n:Grid_Box-1", kinds=(LPC,)):
        self.node = Node(LocalDevice(address, "ElectricitySupplySystem"))
        entity = self.node.device.add(ENTITY, "GridGuard")
        self.guards = [EnergyGuard(self.node, entity, of, clock.now) for of in kinds]
        self.guard = self.guards[0]


class Wire:
    """Carries what the two say; ``cut`` loses it. said: (from, datagram), events: what else each side reported."""

    def __init__(self, clock, house, box, names=("box", "house")):
        self.clock, self.house, self.box = clock, house, box
        self.to_house, self.to_box = names
        self._sent, self.events, self.cut = [], [], False

    @property
    def said(self):
        return [(side, decode(data)) for side, data in self._sent]

    def connect(self):
        waiting = [("house", event) for event in self.house.node.connect(self.to_house, self.clock.now)]
        return self.carry(waiting + [("box", event) for event in self.box.node.connect(self.to_box, self.clock.now)])

    def disconnect(self):
        events = [("house", event) for event in self.house.node.disconnect(self.to_house, self.clock.now)]
        return self.carry(events + [("box", event) for event in self.box.node.disconnect(self.to_box, self.clock.now)])

    def carry(self, waiting):
        queue = list(waiting)
        while queue:
            side, event = queue.pop(0)
            if not isinstance(event, Send):
                self.events.append((side, event))
                continue
            self._sent.append((side, event.data))
            if self.cut:
                continue
            if side == "house" and event.peer == self.to_house and self.to_box in self.box.node.links:
                queue += [("box", one) for one in self.box.node.receive(self.to_box, event.data, self.clock.now)]
            elif side == "box" and event.peer == self.to_box and self.to_house in self.house.node.links:
                queue += [("house", one) for one in self.house.node.receive(self.to_house, event.data, self.clock.now)]
        return self

    def tick(self):
        waiting = [("house", event) for event in self.house.node.tick(self.clock.now)]
        return self.carry(waiting + [("box", event) for event in self.box.node.tick(self.clock.now)])

    def wait(self, seconds, step=10.0):
        end = self.clock.s + seconds
        while self.clock.s < end:
            self.clock.s = min(end, self.clock.s + step)
            self.tick()
        return self

    def heard(self, side, kind):
        return [event for one, event in self.events if one == side and isinstance(event, kind)]


def joined(**kwargs):
    clock = Clock()
    return Wire(clock, House(clock), Box(clock, **kwargs)).connect()
