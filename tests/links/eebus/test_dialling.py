"""From what is known of a peer's whereabouts to a connection."""

import asyncio
import socket
import time
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from tests.links.eebus.hubs import Box, House, certificate, connected, context_for, new_identity, peer, phase, until

from chargebridge.links.eebus.dialler import Dialler
from chargebridge.links.eebus.peer import Address, Announced, Origin, Phase, Trusted
from chargebridge.links.eebus.reach import Unreached, reach
from chargebridge.links.eebus.settings import Bounds, HubSettings
from chargebridge.links.eebus.tls import context_of
from chargebridge.wire.eebus.ship import ShipError
from chargebridge.wire.eebus.ship.identity import load_identity

QUICK = Bounds(stagger_s=0.05, connect_s=3.0, closing_s=0.2)


@contextmanager
def black_hole():
    """An address that swallows connections: a queue of the kernel's that is full."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(0)
    fillers = []
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(listening.getsockname())
        fillers.append(filler)
    time.sleep(0.01)
    try:
        yield Address(*listening.getsockname())
    finally:
        for one in (listening, *fillers):
            one.close()


@contextmanager
def closed():
    """An address at which nobody listens."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    try:
        yield Address(*bound.getsockname())
    finally:
        bound.close()


async def reached(addresses, admit=lambda certificate: None, bounds=QUICK):
    address, opened = await reach(addresses, context_of(new_identity()), bounds, admit)
    opened.abort()
    return address


async def test_dead_addresses_cost_little_time():
    async with House() as house:
        with black_hole() as first, black_hole() as second, closed() as third:
            began = time.monotonic()
            assert await reached([first, second, third, house.address]) == house.address
            assert time.monotonic() - began < QUICK.connect_s


async def test_an_address_where_nobody_speaks_tls_is_passed_over():
    async def silent(reader, writer):
        await reader.read()
        writer.close()

    async with House() as house, await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        address = Address(*server.sockets[0].getsockname())
        assert await reached([address, house.address], bounds=Bounds(opening_s=1.0)) == house.address


async def test_another_device_at_the_address_is_passed_over():
    async with House() as wrong, House("House-2") as right:

        def admit(certificate):
            if certificate.ski != right.ski:
                raise ShipError("certificate", "another device", "correct the address")

        assert await reached([wrong.address, right.address], admit) == right.address
        with pytest.raises(Unreached, match="another device"):
            await reached([wrong.address], admit)


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.BrainpoolP256R1(), ec.BrainpoolP384R1()], ids=lambda curve: curve.name)
async def test_peers_may_have_keys_on_the_curves_of_the_bsi(curve):
    identity = load_identity(*certificate(ec.generate_private_key(curve)))
    async with House() as house:
        await house.hub.pair(identity.ski)
        _, opened = await reach([house.address], context_of(identity), QUICK, lambda certificate: None)
        await until(lambda: peer(house, identity.ski).certificate_not_after)
        opened.abort()


async def test_a_web_server_is_no_peer():
    async def page(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        writer.close()

    server = await asyncio.start_server(page, "127.0.0.1", 0, ssl=context_for(new_identity(), server=True))
    async with server:
        with pytest.raises(Unreached, match="WebSocket"):
            await reached([Address(*server.sockets[0].getsockname())])


async def test_all_reasons_are_told():
    with closed() as first, black_hole() as second, pytest.raises(Unreached) as caught:
        await reached([first, second], bounds=Bounds(stagger_s=0.05, connect_s=0.5))
    assert [failure.address for failure in caught.value.failures] == [first, second]
    assert "0.5 s" in str(caught.value)


async def test_a_device_with_another_key_at_the_address_is_told_of():
    house, old, new = House(bounds=QUICK), Box(), Box()
    async with house, new:
        await house.hub.pair(old.ski, address=new.address)
        trouble = await until(lambda: peer(house, old.ski).trouble)
        assert new.ski in trouble.reason
        assert f"pair {new.ski}" in trouble.cure


async def test_a_device_that_comes_with_another_key_is_told_of():
    house, box = House(), Box()
    async with house:
        async with box:
            await house.hub.pair(box.ski)
            await box.hub.pair(house.ski, address=house.address)
            await until(lambda: connected(house, box))
        await until(lambda: phase(house, box) is not Phase.CONNECTED)
        async with Box() as reset:
            await reset.hub.pair(house.ski, address=house.address)
            await until(lambda: reset.ski in getattr(peer(house, box.ski).trouble, "reason", ""))
            await until(lambda: phase(house, reset) is Phase.ASKING)


class Network:
    """What is announced, without a network."""

    def __init__(self):
        self.announced = ()
        self._calls = []

    def on_change(self, call):
        self._calls.append(call)

    async def run(self, port):
        await asyncio.Event().wait()

    def tell(self, *announced):
        self.announced = announced
        for call in self._calls:
            call()


def announced(box, ship_id="Grid-Box-1", ski=None):
    return Announced(ski=ski or box.ski, ship_id=ship_id, addresses=(box.address,), seen_at=datetime.now(UTC))


async def test_a_trusted_peer_that_announces_itself_is_dialled_and_again_when_the_record_has_vanished():
    network = Network()
    house, box = House(), Box()
    house.hub._finder, house.hub._diallers._announced = network, lambda: network.announced
    async with house, box:
        await house.hub.pair(box.ski)
        await box.hub.pair(house.ski)
        network.tell(announced(box))
        await until(lambda: connected(house, box))
        network.tell()
        await box.stop()
        await until(lambda: phase(house, box) is not Phase.CONNECTED)
        async with Box(identity=box.hub.identity, trust=box.hub.trust, port=box.hub.port) as back:
            await until(lambda: connected(house, back))


async def test_a_known_ship_id_with_another_ski_is_told_of():
    network = Network()
    house, box = House(), Box()
    house.hub._finder, house.hub._diallers._announced = network, lambda: network.announced
    async with house, box:
        entry = Trusted(ski="ab" * 20, ship_id="Grid-Box-1", origin=Origin.USER, since=datetime.now(UTC))
        house.hub.trust.put(entry)
        network.tell(announced(box))
        trouble = peer(house, "ab" * 20).trouble
        assert box.ski in trouble.reason
        assert "unpair this one" in trouble.cure


async def test_a_box_of_the_pairing_service_is_dialled_by_its_ship_id():
    network = Network()
    house, box = House(), Box()
    house.hub._finder, house.hub._diallers._announced = network, lambda: network.announced
    async with house, box:
        await box.hub.pair(house.ski)
        fingerprint = box.hub.identity.fingerprint
        entry = Trusted(ski=None, fingerprint=fingerprint, ship_id="Grid-Box-1", origin=Origin.PAIRING_SERVICE, since=datetime.now(UTC))
        house.hub.trust.put(entry)
        house.hub.trust_moved()
        network.tell(announced(box))
        await until(lambda: connected(house, box))
        assert house.hub.trust.of(box.ski).origin is Origin.PAIRING_SERVICE


@given(st.integers(0, 100))
async def test_waits_grow_and_stay_bounded(attempts):
    settings = HubSettings(ship_id="x")
    dialler = Dialler(context_of(IDENTITY), settings, lambda c: None, list, lambda: False, lambda s, a: None, lambda f: None)
    dialler._attempt = attempts
    least, most = ((0, 3), (3, 10), (10, 20))[min(attempts, 2)]
    assert least <= dialler._delay_s() <= (most if attempts <= 6 else settings.bounds.backoff_s)


IDENTITY = new_identity()
