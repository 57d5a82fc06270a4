"""SHIP, SPINE and LPC together: a control box and a house, from the first two bytes to a limit."""

from decimal import Decimal

from tests.wire.eebus.usecases.bench import ENTITY, Box, Clock, House

from chargebridge.wire.eebus.ship import Closed, Connected, Received, Role, ShipConnection
from chargebridge.wire.eebus.spine.events import Malformed, Send
from chargebridge.wire.eebus.usecases.limitation import State


class End:
    """A node on its SHIP connection. peer: the SKI by which it knows the other one."""

    def __init__(self, node, role, peer, clock):
        self.node, self.peer, self.clock = node, peer, clock
        self.ship = ShipConnection(role, f"Ours-{role}", clock.s, trusted=True)
        self.events = []

    def hear(self, frame):
        for event in self.ship.receive(frame, self.clock.s):
            if isinstance(event, Connected):
                self.say(self.node.connect(self.peer, self.clock.now))
            elif isinstance(event, Received):
                self.say(self.node.receive(self.peer, event.payload, self.clock.now))
            elif isinstance(event, Closed):
                self.say(self.node.disconnect(self.peer, self.clock.now))
            self.events.append(event)

    def say(self, events):
        for event in events:
            if isinstance(event, Send):
                self.ship.send(event.data)
            else:
                self.events.append(event)


def carry(one, other):
    """All that waits goes over, until both are silent; returns how many bytes that were."""
    total = 0
    while frames := [(end, frame) for end, to in ((one, other), (other, one)) for frame in end.ship.outgoing()]:
        for end, frame in frames:
            total += len(frame)
            (other if end is one else one).hear(frame)
    return total


def test_a_limit_goes_all_the_way():
    clock = Clock()
    house, box = House(clock), Box(clock)
    near, far = End(house.node, Role.SERVER, "b0" * 20, clock), End(box.node, Role.CLIENT, "a0" * 20, clock)
    carry(far, near)
    assert house.lpc.machine.state is State.CONTROLLED
    assert not [event for end in (near, far) for event in end.events if isinstance(event, Malformed)]
    box.guard.limit(Decimal(4200), 900, clock.now)
    far.say(box.node.tick(clock.now))
    count = carry(far, near)
    assert house.lpc.applied_w == 4200
    assert box.guard.report(("a0" * 20, ENTITY)).active is True
    assert count < 2048
    near.ship.close(clock.s)
    carry(near, far)
    assert not house.node.links
    assert not box.node.links
    assert house.lpc.applied_w == 4200
