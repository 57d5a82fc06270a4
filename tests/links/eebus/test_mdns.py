"""mDNS on the loopback interface, with real sockets. Other nodes may be there at the same time: each test looks at its own only."""

import asyncio
import random
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from chargebridge.app.clock import WallClock
from chargebridge.links.eebus import interfaces, mdns
from chargebridge.links.eebus.hub import Hub
from chargebridge.links.eebus.interfaces import Lan
from chargebridge.links.eebus.mdns import Mdns, name_of
from chargebridge.links.eebus.mdns_session import Service
from chargebridge.links.eebus.peer import Address, Announced
from chargebridge.links.eebus.settings import HubSettings
from chargebridge.links.eebus.trust_store import MemoryTrust
from chargebridge.links.eebus.window import PairingWindow
from chargebridge.wire.eebus.ship import pairing
from chargebridge.wire.eebus.ship.identity import make_identity
from chargebridge.wire.eebus.ship.mdns import SERVICE, ServiceRecord, to_txt
from chargebridge.wire.eebus.spine.local import LocalDevice

HERE = ("127.0.0.1",)


async def until(condition: Callable[[], object], timeout_s: float = 30.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


class Node:
    def __init__(self, name: str = "Node", interfaces: tuple[str, ...] = HERE) -> None:
        self.ski = secrets.token_hex(20)
        self.window = PairingWindow(WallClock(), start_s=0)
        settings = HubSettings(ship_id=f"Acme-{self.ski}", brand="Acme", model=name, serial="7", categories=(2,), interfaces=interfaces)
        self.mdns = Mdns(settings, self.ski, self.window, WallClock(), check_s=0.05)
        self.changes = 0
        self.mdns.on_change(self.changed)

    def changed(self) -> None:
        self.changes += 1

    def sees(self, ski: str) -> Announced | None:
        return next((announced for announced in self.mdns.announced if announced.ski == ski), None)

    @asynccontextmanager
    async def running(self, port: int) -> AsyncIterator[None]:
        task = asyncio.create_task(self.mdns.run(port))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task}, timeout=10)
            assert task.cancelled()


def record(key: str, name: str, port: int, addresses: tuple[str, ...] = HERE, **changes: str | None) -> AsyncServiceInfo:
    """Of a peer that is not ours, with whatever it says. None: without that key in its TXT record."""
    txt = to_txt(ServiceRecord(ship_id=f"Foreign-{key}", ski=key)) | changes
    txt = {key: value for key, value in txt.items() if value is not None}
    host = f"foreign-{secrets.token_hex(4)}.local."
    return AsyncServiceInfo(SERVICE, f"{name}.{SERVICE}", port, properties=txt, server=host, parsed_addresses=list(addresses))


@asynccontextmanager
async def foreign(*records: AsyncServiceInfo) -> AsyncIterator[None]:
    async with AsyncZeroconf(interfaces=list(HERE)) as zeroconf:
        for one in records:
            await zeroconf.async_register_service(one, cooperating_responders=True)
        yield


async def test_two_nodes_find_each_other_and_not_themselves() -> None:
    first, second = Node("First"), Node("Second. With dots")
    async with first.running(4711), second.running(4712):
        await until(lambda: first.sees(second.ski) and second.sees(first.ski))
        seen = second.sees(first.ski)
        assert seen is not None
        assert seen.addresses == (Address("127.0.0.1", 4711, "/ship/"),)
        assert (seen.brand, seen.model, seen.serial, seen.type, seen.categories) == ("Acme", "First", "7", "EnergyManagementSystem", (2,))
        assert first.sees(first.ski) is None
        await until(lambda: first.changes)


async def test_register_is_true_only_while_the_pairing_window_is_open() -> None:
    first, second = Node(), Node()
    async with first.running(4711), second.running(4712):
        await until(lambda: second.sees(first.ski))
        for wanted in (True, False):
            if wanted:
                first.window.open(100)
            else:
                first.window.close()
            await until(lambda: (seen := second.sees(first.ski)) is not None and seen.register is wanted)  # noqa: B023


async def test_a_node_that_ends_says_so_and_is_known_as_it_was_last() -> None:
    first, second = Node(), Node()
    async with second.running(4712):
        async with first.running(4711):
            first.window.open(100)
            await until(lambda: (seen := second.sees(first.ski)) is not None and seen.register)
        await until(lambda: (seen := second.sees(first.ski)) is not None and not seen.register)
        seen = second.sees(first.ski)
        assert seen is not None
        assert seen.addresses == (Address("127.0.0.1", 4711, "/ship/"),)
        async with first.running(4799):
            await until(lambda: Address("127.0.0.1", 4799, "/ship/") in second.sees(first.ski).addresses)


async def test_broken_records_and_two_with_one_name_do_not_keep_others_from_being_found() -> None:
    node, good, twin = Node(), secrets.token_hex(20), secrets.token_hex(20)
    broken = [secrets.token_hex(20) for _ in range(5)]
    name = f"Box {good[:8]}"
    records = (
        record(broken[0], f"B0 {broken[0]}", 4712, txtvers="2"),
        record(broken[1], f"B1 {broken[1]}", 4712, register=None),
        record(broken[2], f"B2 {broken[2]}", 4712, ski="not a SKI"),
        record(broken[3], f"B3 {broken[3]}", 0),
        record(broken[4], f"B4 {broken[4]}", 4712, addresses=("0.0.0.0",)),  # noqa: S104
        record(node.ski, f"Thief {node.ski[:8]}", 4712),
        record(good, name, 4712, addresses=("127.0.0.1", "127.0.0.2")),
    )
    async with node.running(4711), foreign(*records):
        await until(lambda: node.sees(good))
        async with foreign(record(twin, name, 4713)):
            await until(lambda: node.sees(twin))
        seen = node.sees(good)
        assert seen is not None
        assert {address.host for address in seen.addresses} == {"127.0.0.1", "127.0.0.2"}
        assert not [ski for ski in (*broken, node.ski) if node.sees(ski)]


async def test_an_interface_that_goes_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which interfaces there are is what the test says; the sockets are real."""
    there = [Lan("lo", HERE, HERE, ("127.0.0.0/8",))]
    first, second = Node(), Node()
    async with second.running(4712):
        monkeypatch.setattr(mdns, "present", lambda wanted, host: tuple(there) if "first" in wanted else interfaces.present(wanted, host))
        first.mdns._settings = HubSettings(ship_id="first", interfaces=("first",))
        lan, there[:] = there[0], []
        async with first.running(4711):
            await asyncio.sleep(0.2)
            assert second.sees(first.ski) is None
            there[:] = [lan]
            await until(lambda: second.sees(first.ski) and first.sees(second.ski))
            there[:] = []
            first.window.open(100)
            await until(lambda: not first.mdns._sessions)
            assert first.sees(second.ski) is not None, "what was known stays known"
            there[:] = [lan]
            await until(lambda: second.sees(first.ski).register)


async def test_whatever_goes_wrong_it_goes_on_and_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    faults = [OSError("no such device"), RuntimeError("odd"), OSError("no list")]

    def present(wanted: tuple[str, ...], host: str) -> tuple[Lan, ...]:
        if len(faults) == 3:
            raise OSError(faults.pop())
        return interfaces.present(wanted, host)

    class Failing(mdns.Session):
        async def run(self) -> None:
            if faults:
                raise faults.pop()
            await super().run()

    first, second = Node(), Node()
    async with second.running(4712):
        monkeypatch.setattr(mdns, "present", present)
        monkeypatch.setattr(mdns, "Session", Failing)
        monkeypatch.setattr(mdns, "AGAIN_S", 0.05)
        async with first.running(4711):
            await until(lambda: second.sees(first.ski) and first.sees(second.ski))
    assert not faults


async def test_texts_that_do_not_fit_into_a_record_are_logged_and_the_rest_goes_on() -> None:
    node = Node("m" * 300)
    async with node.running(4711):
        await asyncio.sleep(0.2)
        node.window.open(100)


async def test_garbage_on_the_network_keeps_nobody_from_being_found() -> None:
    noise = random.Random(7)
    whole = b"\0\0\x84\0\0\0\0\1\0\0\0\0\5_ship\4_tcp\5local\0\0\x0c\0\1\0\0\x11\x94\0\6\3abc\xc0\x0c"
    first, second = Node(), Node()
    async with first.running(4711):
        await until(lambda: first.mdns._sessions)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
            for _ in range(300):
                damaged = bytearray(whole)
                for _ in range(noise.randrange(1, 6)):
                    damaged[noise.randrange(len(damaged))] = noise.randrange(256)
                sender.sendto(noise.choice([bytes(damaged), noise.randbytes(noise.randrange(100))]), ("224.0.0.251", 5353))
        async with second.running(4712):
            await until(lambda: first.sees(second.ski) and second.sees(first.ski))


async def test_a_hub_whose_settings_name_interfaces_tells_of_itself_at_its_port() -> None:
    node, clock = Node(), WallClock()
    identity = make_identity("Hub", "Acme", clock.now())
    hub = Hub(
        HubSettings(ship_id="Hub-1", interfaces=HERE), identity, MemoryTrust(), LocalDevice("d:_n:Acme_1", "EnergyManagementSystem"), clock
    )
    async with node.running(4711):
        running = asyncio.create_task(hub.run())
        await until(lambda: node.sees(identity.ski) and any(peer.ski == node.ski for peer in hub.peers()))
        assert [address.port for address in node.sees(identity.ski).addresses] == [hub.port]
        running.cancel()
        await asyncio.wait({running})


async def test_what_is_announced_for_the_pairing_service_is_heard_as_it_was_said() -> None:
    box, house = Node("Box"), Node("House")
    txt = {"txtvers": "1", "parType": "fpSha256", "forId": house.ski, "digest": "A" * 64}
    async with box.running(4711), house.running(4712):
        service = Service(pairing.SERVICE, name_of(box.ski, "pairing"), 1, txt)
        box.mdns.announce(service)
        ours = {key.encode(): value.encode() for key, value in txt.items()}
        await until(lambda: ours in house.mdns.pairing_requests)
        assert list(next(request for request in house.mdns.pairing_requests if request == ours)) == list(ours), "in the same order"
        box.mdns.withdraw(service.name)
        await until(lambda: ours not in house.mdns.pairing_requests)
        assert house.sees(box.ski), "the node itself is still announced"


def test_a_name_is_never_cut_where_it_differs_from_others() -> None:
    first, second = (name_of(secrets.token_hex(20), "Ä" * 60, "Modell. 1") for _ in range(2))
    assert first != second
    assert "." not in first
    assert len(first.encode()) <= 63
