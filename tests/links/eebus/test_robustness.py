"""Peers that know no manners, while a house and its control box go on as if nothing was."""

import asyncio
import ssl
from contextlib import asynccontextmanager

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st
from tests.links.eebus.hubs import (
    House,
    Raw,
    certificate,
    connected,
    context,
    context_for,
    new_identity,
    paired,
    peer,
    until,
)
from tests.wire.eebus.ship.scenes import ABORTED, ACCESS, ACCESS_REQUEST, ANNOUNCE_MAX, DATA, INIT, PENDING, PIN, READY, SELECT
from websockets.exceptions import InvalidState

from chargebridge.links.eebus.settings import Bounds
from chargebridge.sim.world.clock import FastClock
from chargebridge.wire.eebus.usecases.limitation import State

QUICK = Bounds(openings_per_s=1e6, openings_burst=10**6, closing_s=0.5)
HASTY = Bounds(openings_per_s=1e6, openings_burst=10**6, closing_s=0.5, opening_s=1.0)


@asynccontextmanager
async def going_on(bounds=QUICK, clock=None):
    """A house and a box of which the limits go on coming; in the end they did, over one and the same connection."""
    async with paired(House(bounds=bounds, clock=clock)) as (house, box):
        await until(lambda: house.lpc.machine.state is State.CONTROLLED)
        stop = asyncio.Event()

        async def limits():
            value = 5000
            while not stop.is_set() or value < 5003:
                value += 1
                await box.hub.act(lambda now, value=value: box.guard.limit(value, 900, now))
                await until(lambda value=value: house.limits and house.limits[-1] == value)
                await until(lambda: box.guard.report((house.ski, (1,))).active)
            return value

        since = peer(house, box.ski).connected_at
        task = asyncio.create_task(limits())
        yield house
        stop.set()
        assert await task >= 5003
        assert connected(house, box)
        assert peer(house, box.ski).connected_at == since


async def refused(house, tls):
    """Whether TLS, or what comes right after it, ends."""
    try:
        raw = await Raw.dial(house, tls)
        await raw.open()
    except (ssl.SSLError, ConnectionError, EOFError):
        return True
    return not await raw.hear()


async def test_a_stranger_that_says_no_ship(capsys):
    async with going_on() as house:
        raw = await (await Raw.dial(house, context_for(new_identity()))).open()
        raw.say(b"\x07hello")
        assert await raw.over() == 4001
        reader, writer = await asyncio.open_connection(house.address.host, house.address.port)
        writer.write(b"GET /ship/ HTTP/1.1\r\n\r\n")
        assert b"HTTP" not in await reader.read()
        writer.close()
    assert "TLS handshake" in capsys.readouterr().out


async def test_text_frames():
    async with going_on() as house:
        raw = await (await Raw.dial(house, context_for(new_identity()))).open()
        raw.protocol.send_text(b"\x00\x00")
        raw.flush()
        assert await raw.over() == 1003


@pytest.mark.parametrize("fragments", [1, 300])
async def test_a_huge_frame(fragments):
    async with going_on() as house:
        raw = await (await Raw.dial(house, context_for(new_identity()))).open()
        raw.say(INIT)
        part = b"\x02" + bytes(1024) if fragments > 1 else bytes(300 * 1024)
        raw.protocol.send_binary(part, fin=fragments == 1)
        for _ in range(fragments - 1):
            raw.protocol.send_continuation(part, fin=False)
        raw.flush()
        assert await raw.over() == 1009


async def test_no_subprotocol():
    async with going_on() as house:
        raw = await (await Raw.dial(house, context_for(new_identity()), subprotocols=())).open()
        assert "400" in str(raw.protocol.handshake_exc)


async def test_compression_is_not_spoken():
    async with going_on() as house:
        raw = await Raw.dial(house, context_for(new_identity()))
        request = raw.protocol.connect()
        request.headers["Sec-WebSocket-Extensions"] = "permessage-deflate"
        raw.protocol.send_request(request)
        raw.flush()
        head = await raw.reader.readuntil(b"\r\n\r\n")
        assert b"101" in head
        assert b"Extensions" not in head
        raw.cut()


async def test_a_thousand_hellos_on_one_connection():
    async with going_on(clock=FastClock(5)) as house:
        raw = await (await Raw.dial(house, context_for(new_identity()))).open()
        raw.say(INIT, *[PENDING] * 1000)
        assert await raw.over() == 4001
        assert raw.messages[-1] == ABORTED


async def test_a_thousand_connections_with_hellos():
    async with going_on(Bounds()) as house:
        identity = context_for(new_identity())
        gate = asyncio.Semaphore(50)

        async def hello():
            async with gate:
                try:
                    raw = await (await Raw.dial(house, identity)).open()
                    raw.say(INIT, READY)
                    return bool(await raw.heard(1))
                except (ssl.SSLError, OSError, EOFError, InvalidState):
                    return False

        let_in = sum(await asyncio.gather(*(hello() for _ in range(1000))))
        assert 0 < let_in < 100
        assert len(house.hub.peers()) == 2


async def test_strangers_that_stay_do_not_keep_others_out():
    async with going_on() as house:
        strangers = []
        for number in range(QUICK.openings_per_address):
            raw = await (await Raw.dial(house, context_for(new_identity(f"Raw-{number}")))).open()
            raw.say(INIT, PENDING)
            assert len(await raw.heard(2)) == 2
            strangers.append(raw)
        assert await refused(house, context_for(new_identity("Raw-last")))
        strangers[0].cut()
        await until(lambda: house.hub._switchboard.strangers_from("127.0.0.1") < QUICK.openings_per_address)
        raw = await (await Raw.dial(house, context_for(new_identity("Raw-next")))).open()
        raw.say(INIT, PENDING)
        assert len(await raw.heard(2)) == 2
        for one in (raw, *strangers):
            one.cut()


async def test_no_client_certificate():
    async with going_on() as house:
        assert await refused(house, context())


async def test_an_rsa_certificate(capsys):
    async with going_on() as house:
        assert await refused(house, context(*certificate(rsa.generate_private_key(65537, 2048))))
    assert "RSAPublicKey" in capsys.readouterr().out


async def test_a_certificate_on_another_curve():
    async with going_on() as house:
        assert await refused(house, context(*certificate(ec.generate_private_key(ec.SECP384R1()))))


async def test_a_lie_about_the_ski(capsys):
    lie = x509.SubjectKeyIdentifier(bytes(20))
    async with going_on() as house:
        assert await refused(house, context(*certificate(ec.generate_private_key(ec.SECP256R1()), extension=lie)))
        assert peer(house, "00" * 20) is None
    said = capsys.readouterr().out
    assert "SubjectKeyIdentifier" in said
    assert "00" * 20 in said


async def test_our_own_certificate(capsys):
    async with going_on() as house:
        assert await refused(house, context_for(house.hub.identity))
    assert "is our own" in capsys.readouterr().out


@pytest.mark.parametrize(("version", "ciphers"), [("TLSv1_3", None), ("TLSv1_2", "ECDHE-ECDSA-AES256-GCM-SHA384")])
async def test_another_tls(version, ciphers):
    async with going_on() as house:
        identity = new_identity()
        tls = context_for(identity, version=ssl.TLSVersion[version], ciphers=ciphers or "ALL")
        if version == "TLSv1_3":
            tls.minimum_version = ssl.TLSVersion.TLSv1_3
        assert await refused(house, tls)


@pytest.mark.parametrize("cipher", ["ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"])
async def test_both_cipher_suites_of_ship_and_no_resumption(cipher):
    async with going_on() as house:
        raw = await (await Raw.dial(house, context_for(new_identity(), ciphers=cipher))).open()
        tls = raw.writer.get_extra_info("ssl_object")
        assert tls.version() == "TLSv1.2"
        assert tls.cipher()[0] == cipher
        assert not tls.session.has_ticket
        raw.cut()


async def test_a_peer_killed_in_every_part_of_the_handshake():
    async with going_on() as house:
        for kept in (1, 5, 100, 300):
            _, writer = await asyncio.open_connection(house.address.host, house.address.port)
            writer.write(_client_hello(context_for(new_identity()))[:kept])
            await writer.drain()
            await asyncio.sleep(0.01)
            writer.transport.abort()
        for said in ((), (INIT,), (INIT, READY)):
            raw = await (await Raw.dial(house, context_for(new_identity()))).open()
            raw.say(*said)
            await raw.writer.drain()
            await raw.heard(len(said))
            raw.cut()
        await until(lambda: len(house.hub._switchboard.sessions) == 1)
        await until(lambda: not house.hub._door._opening)


async def test_slowness_is_given_up():
    async with going_on(HASTY) as house:
        reader, writer = await asyncio.open_connection(house.address.host, house.address.port)
        hello = _client_hello(context_for(new_identity()))
        loop = asyncio.get_running_loop()
        began = loop.time()

        async def drip():
            for at in range(len(hello)):
                writer.write(hello[at : at + 1])
                await asyncio.sleep(0.05)

        task = asyncio.create_task(drip())
        try:
            while await reader.read(100):
                pass
        except ConnectionError:
            pass
        assert loop.time() - began < HASTY.opening_s + 10
        task.cancel()
        writer.close()
        slow = await Raw.dial(house, context_for(new_identity()))
        slow.writer.write(b"GET /ship/ HTTP/1.1\r\nHost: x\r\n")
        assert not await slow.reader.read()
        slow.cut()


async def test_a_peer_that_does_not_read_is_cut_off():
    bounds = Bounds(queue_bytes=64 * 1024, openings_per_s=1e6, openings_burst=10**6)
    async with going_on(bounds) as house:
        identity = new_identity()
        await house.hub.pair(identity.ski)
        raw = await (await Raw.dial(house, context_for(identity))).open()
        raw.writer.transport.pause_reading()
        session = house.hub._switchboard.sessions[identity.ski]
        sent = 0
        while session.socket._end is None:
            session.socket.send(bytes(60_000))
            sent += 1
            assert sent < 1000
        await until(lambda: identity.ski not in house.hub._switchboard.sessions)
        raw.cut()


async def test_a_flood_of_datagrams_of_a_trusted_peer_is_read_more_slowly():
    bounds = Bounds(frames_per_s=50, frames_burst=100, openings_per_s=1e6, openings_burst=10**6)
    async with going_on(bounds) as house:
        identity = new_identity()
        await house.hub.pair(identity.ski)
        raw = await (await Raw.dial(house, context_for(identity))).open()
        raw.say(INIT, READY)
        await raw.heard(2)
        raw.say(ANNOUNCE_MAX)
        await raw.heard(3)
        raw.say(SELECT, PIN, ACCESS_REQUEST, ACCESS)
        await until(lambda: identity.ski in house.hub.node.links)
        loop = asyncio.get_running_loop()
        began = loop.time()
        for _ in range(20):
            raw.say(*[DATA] * 100)

        def taken():
            return sum(entry.direction == "in" for entry in house.hub.trace.entries(identity.ski))

        await until(lambda: taken() > 120)
        assert taken() <= 100 + 50 * (loop.time() - began) + 10
        raw.cut()


def _client_hello(tls):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    connection = tls.wrap_bio(incoming, outgoing)
    with pytest.raises(ssl.SSLWantReadError):
        connection.do_handshake()
    return outgoing.read()


async def test_what_strangers_leave_behind_is_bounded(monkeypatch):
    monkeypatch.setattr("chargebridge.links.eebus.troubles.MAX_STRANGERS", 5)
    async with going_on() as house:
        for number in range(15):
            raw = await (await Raw.dial(house, context_for(new_identity(f"Raw-{number}")))).open()
            raw.say(b"\x07")
            await raw.over()
        await until(lambda: len(house.hub._switchboard.sessions) == 1)
        assert len(house.hub.peers()) == 1 + 5
        assert len(house.hub.trace._rings) <= 3  # the box's two, and that of all strangers


@given(st.binary(max_size=400), st.sampled_from(("TCP", "TLS", "WebSocket", "SHIP")))
def test_any_bytes_at_any_depth(data, depth):
    async def scene():
        async with House(bounds=QUICK) as house:
            if depth == "TCP":
                reader, writer = await asyncio.open_connection(house.address.host, house.address.port)
                writer.write(data)
                writer.write_eof()
                assert b"connectionHello" not in await reader.read()
                writer.close()
                return
            raw = await Raw.dial(house, context_for(IDENTITY))
            if depth == "TLS":
                raw.writer.write(data + b"\r\n\r\n")
                assert b"101" not in await raw.reader.read(1000)
            else:
                await raw.open()
                if depth == "SHIP":
                    raw.say(INIT, data)
                else:
                    raw.writer.write(data)
                await raw.writer.drain()
                await asyncio.sleep(0.005)
            raw.cut()
            await until(lambda: not house.hub._switchboard.sessions)
            assert not house.hub.node.links

    asyncio.run(scene())


IDENTITY = new_identity()
