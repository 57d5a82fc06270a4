"""A house and three boxes through connections that break, double, are unpaired and restarted in any order: in the end each is connected once.

EEBUS_MISHAPS: how many; `make soak` takes thousands, and never the same ones twice.
"""

import asyncio
import os
import random
from contextlib import suppress
from decimal import Decimal

from tests.links.eebus.hubs import Box, House, connected, until
from tests.links.eebus.test_double_connection import dial_again

from chargebridge.links.eebus.reach import Unreached
from chargebridge.links.eebus.settings import Bounds

NUMBER = int(os.environ.get("EEBUS_MISHAPS", "25"))
QUICK = {
    "bounds": Bounds(
        ping_s=0.5, pong_s=1.5, closing_s=0.5, openings=10**4, openings_per_address=10**4, openings_per_s=1e6, openings_burst=10**6
    ),
    "dial_s": ((0.0, 0.05), (0.05, 0.2)),
}


class Street:
    def __init__(self):
        self.house = House(**QUICK)
        self.boxes = [Box(f"Box-{number}", **QUICK) for number in range(3)]
        self.asides = set()

    @property
    def devices(self):
        return [self.house, *self.boxes]

    async def pair(self, box):
        await self.house.hub.pair(box.ski, address=box.address)
        await box.hub.pair(self.house.ski, address=self.house.address)

    # What may happen

    async def break_(self, box):
        if session := self.house.hub._switchboard.sessions.get(box.ski):
            session.socket.abort()

    async def double(self, box):
        async def again(one, other):
            with suppress(Unreached):
                await dial_again(one, other)

        pair = [self.house, box]
        random.shuffle(pair)
        task = asyncio.ensure_future(again(*pair))
        self.asides.add(task)
        task.add_done_callback(self.asides.discard)

    async def unpair(self, box):
        one, other = random.sample([self.house, box], 2)
        await one.hub.unpair(other.ski)
        await asyncio.sleep(random.random() * 0.1)
        await self.pair(box)

    async def restart_box(self, box):
        await box.stop()
        trust, number = box.hub.trust, self.boxes.index(box)
        self.boxes[number] = Box(f"Box-{number}", identity=box.hub.identity, trust=trust, port=box.hub.port, **QUICK)
        await self.boxes[number].start()

    async def restart_house(self, _):
        old = self.house
        await old.stop()
        self.house = House(identity=old.hub.identity, trust=old.hub.trust, port=old.hub.port, **QUICK)
        await self.house.start()

    async def limit(self, box):
        await box.hub.act(lambda now: box.guard.limit(Decimal(random.randrange(1000, 9000)), None, now))


HAPPENINGS = [
    Street.break_,
    Street.double,
    Street.double,
    Street.unpair,
    Street.restart_box,
    Street.restart_house,
    Street.limit,
    Street.limit,
]


async def test_in_the_end_each_is_connected_once(capsys):
    random.seed(None if "EEBUS_MISHAPS" in os.environ else 7)
    street = Street()
    for device in street.devices:
        await device.start()
    for box in street.boxes:
        await street.pair(box)
    for _ in range(NUMBER):
        await random.choice(HAPPENINGS)(street, random.choice(street.boxes))
        await asyncio.sleep(random.random() * 0.04)
    if street.asides:
        await asyncio.wait(street.asides)
    house, boxes = street.house, street.boxes
    for box in boxes:
        await street.pair(box)
    await until(lambda: all(connected(house, box) and house.ski in box.hub.node.links for box in boxes))
    board = house.hub._switchboard
    assert set(house.hub.node.links) == set(board.sessions) == set(board._linked) == {box.ski for box in boxes}
    await until(lambda: not any(device.hub._door._opening for device in street.devices))
    await until(lambda: not any(device.hub._exchange._ears._turns for device in street.devices))
    await until(lambda: not any(lane.batches for device in street.devices for lane in device.hub._exchange._lanes.values()))
    for device in street.devices:
        await device.stop()
        assert not device.hub.node.links
    said = capsys.readouterr().out
    assert "failed" not in said
    assert "could not be" not in said
