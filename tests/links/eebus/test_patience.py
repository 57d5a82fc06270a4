"""SHIP's timers, on a clock that a test moves: a user who takes his time, and one who does not come."""

import asyncio
from datetime import UTC, datetime

from tests.links.eebus.hubs import Box, House, Raw, connected, context_for, new_identity, peer, phase, until
from tests.wire.eebus.ship.scenes import INIT, READY

from chargebridge.links.eebus.peer import Phase
from chargebridge.sim.world.clock import ManualClock

START = datetime(2026, 11, 21, tzinfo=UTC)


async def pass_time(clocks, seconds, step=5.0):
    for _ in range(int(seconds / step)):
        for clock in clocks:
            await clock.advance(step)
        await asyncio.sleep(0.01)  # what is said goes over the sockets


async def asking():
    house, box = House(clock=ManualClock(START)), Box(clock=ManualClock(START))
    house.hub.window._start_s = 1800.0
    clocks = house.hub._clock, box.hub._clock
    return house, box, clocks


async def test_a_peer_waits_for_minutes_until_the_user_has_decided():
    house, box, clocks = await asking()
    async with house, box:
        await box.hub.pair(house.ski, address=house.address)
        await until(lambda: phase(house, box) is Phase.ASKING and phase(box, house) is Phase.WAITING)
        first = peer(house, box.ski).remote
        await pass_time(clocks, 300)
        assert phase(house, box) is Phase.ASKING
        assert peer(house, box.ski).remote == first, "it is still the first connection"
        said = [line.readable.value for line in house.hub.trace.lines(box.ski) if line.readable]
        assert sum("asks for more time" in one for one in said) >= 5
        await house.hub.pair(box.ski)
        await until(lambda: connected(house, box))


async def test_a_peer_that_nobody_answers_is_let_go():
    house, box, clocks = await asking()
    house.hub.window._start_s = 100.0
    async with house, box:
        await box.hub.pair(house.ski, address=house.address)
        await until(lambda: phase(house, box) is Phase.ASKING)
        await pass_time(clocks, 170)
        await until(lambda: phase(box, house) is Phase.DENIED)


async def test_a_peer_that_is_silent_in_the_handshake_is_let_go():
    house, box, clocks = await asking()
    async with house, box:
        await house.hub.pair(box.ski)
        box.hub._switchboard.learn = lambda socket: None  # it takes the house for a stranger, and decides nothing
        await box.hub.pair(house.ski, address=house.address)
        await until(lambda: phase(house, box) is Phase.WAITING)
        box_clock = clocks[1]
        assert box_clock.steady_s() == 0.0
        await pass_time(clocks[:1], 70)
        await until(lambda: "in time" in getattr(peer(house, box.ski).trouble, "reason", ""))


async def test_each_later_step_has_its_own_time():
    house, identity = House(clock=ManualClock(START)), new_identity()
    async with house:
        await house.hub.pair(identity.ski)
        raw = await (await Raw.dial(house, context_for(identity))).open()
        raw.say(INIT, READY)
        await raw.heard(2)
        await pass_time((house.hub._clock,), 11, 1.0)
        assert await raw.over() == 4001
        await until(lambda: "within 10 s" in getattr(peer(house, identity.ski).trouble, "reason", ""))
