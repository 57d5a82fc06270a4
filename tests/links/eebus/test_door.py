"""Where a hub listens."""

import socket

import pytest
from tests.links.eebus.hubs import Box, House, connected, until

from chargebridge.links.eebus.door import DoorError
from chargebridge.links.eebus.peer import Address


async def test_a_port_that_is_taken_is_told_with_what_to_do():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(DoorError, match="choose another port"):
        await House(port=taken.getsockname()[1]).start()


async def test_an_address_of_another_machine_is_told_with_what_to_do():
    with pytest.raises(DoorError, match="address of this machine"):
        await House(host="192.0.2.1").start()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
async def test_it_listens_everywhere_at_one_port(host):
    if host == "::1":
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError:
            pytest.skip("this machine has no IPv6")
    house = House(host="")
    async with house, Box() as box:
        await house.hub.pair(box.ski)
        await box.hub.pair(house.ski, address=Address(host, house.hub.port))
        await until(lambda: connected(house, box))
