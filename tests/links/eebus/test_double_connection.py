"""A second connection to the same peer: who stays, and that data goes on."""

import asyncio

import pytest
from tests.links.eebus.hubs import Box, House, Raw, connected, context_for, new_identity, paired, peer, phase, until
from tests.wire.eebus.ship.scenes import ACCESS, ACCESS_REQUEST, ANNOUNCE_MAX, INIT, PIN, READY, SELECT

from chargebridge.links.eebus.peer import Phase
from chargebridge.links.eebus.reach import reach
from chargebridge.links.eebus.settings import Bounds
from chargebridge.links.eebus.tls import context_of
from chargebridge.wire.eebus.usecases.limitation import State


def sorted_identities():
    return sorted((new_identity("One"), new_identity("Two")), key=lambda one: one.ski)


async def dial_again(device, other):
    """A connection of `device` beside the one that there is."""
    hub = device.hub
    address, socket = await reach([other.address], context_of(hub.identity), hub.settings.bounds, lambda certificate: None)
    hub._switchboard.welcome(socket, address)
    return socket


@pytest.mark.parametrize("house_dials", [False, True])
@pytest.mark.parametrize("house_is_larger", [False, True])
async def test_the_one_that_the_larger_ski_dialled_stays(house_dials, house_is_larger):
    smaller, larger = sorted_identities()
    house = House(identity=larger if house_is_larger else smaller)
    box = Box(identity=smaller if house_is_larger else larger)
    async with paired(house, box, house_dials):
        await until(lambda: house.lpc.machine.state is State.CONTROLLED)
        first = peer(house, box.ski).connected_at
        second = await dial_again(box if house_dials else house, house if house_dials else box)
        await until(lambda: second._end is not None or peer(house, box.ski).connected_at not in (None, first))
        await until(lambda: connected(house, box))
        assert peer(house, box.ski).incoming is not house_is_larger
        assert peer(box, house.ski).incoming is house_is_larger
        assert (peer(house, box.ski).connected_at == first) is (house_dials is house_is_larger)
        await until(lambda: house.lpc.machine.state is State.CONTROLLED and box.guard.systems)
        await box.limit(house, 4200)
        assert len(house.hub._switchboard.sessions) == len(box.hub._switchboard.sessions) == 1


async def test_both_dial_at_once():
    for _ in range(5):
        house, box = House(dial_s=((0.0, 0.0), (0.01, 0.2))), Box(dial_s=((0.0, 0.0), (0.01, 0.2)))
        async with house, box:
            await asyncio.gather(house.hub.pair(box.ski, address=box.address), box.hub.pair(house.ski, address=house.address))
            await until(lambda house=house, box=box: connected(house, box) and house.lpc.machine.state is State.CONTROLLED)
            await box.limit(house, 4200)


async def connected_raw(house, identity):
    raw = await (await Raw.dial(house, context_for(identity))).open()
    raw.say(INIT, READY)
    await raw.heard(2)
    raw.say(ANNOUNCE_MAX)
    await raw.heard(3)
    raw.say(SELECT, PIN, ACCESS_REQUEST, ACCESS.replace(b"Peer-1", b"Grid-Box-1"))
    return raw


@pytest.mark.parametrize("larger", [False, True])
async def test_a_peer_that_comes_again_without_an_end_takes_the_place_of_its_former_self(larger):
    """After a power cut nobody has closed the first connection, and it was the peer that had dialled it."""
    pair = sorted_identities()
    house, identity = House(identity=pair[not larger]), pair[larger]
    async with house:
        await house.hub.pair(identity.ski)
        first = await connected_raw(house, identity)
        await until(lambda: phase_of(house, identity.ski) is Phase.CONNECTED)
        before = peer(house, identity.ski).connected_at
        second = await connected_raw(house, identity)
        assert await first.over() == 1000
        await until(lambda: peer(house, identity.ski).connected_at not in (None, before))
        assert len(house.hub.node.links) == 1
        second.cut()


async def test_a_dead_first_connection_is_found_out_when_a_second_is_refused():
    smaller, larger = sorted_identities()
    bounds = Bounds(pong_s=0.2, ping_s=30)
    house, box = House(identity=smaller, bounds=bounds), Box(identity=larger, bounds=bounds)
    async with house, box:
        await house.hub.pair(box.ski, address=box.address)
        raw = await connected_raw(house, larger)  # of the box before its power cut; it says nothing any more
        await until(lambda: phase(house, box) is Phase.CONNECTED)
        before = peer(house, box.ski).connected_at
        await box.hub.pair(house.ski)
        await dial_again(house, box)
        await until(lambda: connected(house, box) and peer(house, box.ski).connected_at != before)
        raw.cut()


async def test_a_silent_peer_is_given_up():
    identity = new_identity()
    house = House(bounds=Bounds(ping_s=0.05, pong_s=0.1))
    async with house:
        await house.hub.pair(identity.ski)
        raw = await connected_raw(house, identity)
        await until(lambda: phase_of(house, identity.ski) is Phase.CONNECTED)
        for _ in range(6):  # it answers pings for a while
            await raw.hear()
        assert phase_of(house, identity.ski) is Phase.CONNECTED
        await until(lambda: phase_of(house, identity.ski) is not Phase.CONNECTED)
        await until(lambda: not house.hub.node.links)
        notes = [line.text for line in house.hub.trace.lines(identity.ski) if not line.direction]
        assert any("no pong" in note for note in notes)
        raw.cut()


def phase_of(device, ski):
    return getattr(peer(device, ski), "phase", None)
