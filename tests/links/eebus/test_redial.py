"""When a peer is dialled again whose connection has ended."""

import asyncio

from tests.links.eebus.hubs import paired, phase, until

from chargebridge.links.eebus.peer import Phase

REST_S = 0.8


async def test_a_peer_is_left_alone_for_a_moment_after_an_end(monkeypatch):
    monkeypatch.setattr("chargebridge.links.eebus.dialler.REST_S", REST_S)
    async with paired(house_dials=True) as (house, box):
        await box.hub.unpair(house.ski)
        await until(lambda: phase(house, box) is not Phase.CONNECTED)
        ended_s = asyncio.get_running_loop().time()
        await until(lambda: phase(box, house) is Phase.ASKING)
        assert asyncio.get_running_loop().time() - ended_s > REST_S - 0.1
