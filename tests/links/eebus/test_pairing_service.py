"""A control box that knows the secret of our QR code is trusted: over mDNS and TLS, each announcement once, one box at a time."""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chargebridge.app.clock import WallClock
from chargebridge.links.eebus import accepted_digests
from chargebridge.links.eebus.accepted_digests import AcceptedDigests
from chargebridge.links.eebus.hub import Hub
from chargebridge.links.eebus.mdns import Mdns
from chargebridge.links.eebus.pairing_service import STABLE_S, PairingAnnouncer, PairingListener, announcement_of
from chargebridge.links.eebus.peer import Origin, Peer, Phase, Trusted
from chargebridge.links.eebus.settings import HubSettings
from chargebridge.links.eebus.trust_store import MemoryTrust
from chargebridge.links.eebus.window import PairingWindow
from chargebridge.model.clock import SteadyClock
from chargebridge.sim.world.clock import ManualClock
from chargebridge.wire.eebus.ship import pairing, qr
from chargebridge.wire.eebus.ship.errors import RecordError
from chargebridge.wire.eebus.ship.identity import make_identity
from chargebridge.wire.eebus.ship.pairing import REPLACED_AFTER_S
from chargebridge.wire.eebus.ship.qr import ShipCode
from chargebridge.wire.eebus.spine.local import LocalDevice

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECRET = secrets.token_bytes(16)


class Node:
    """A hub with everything that pairing needs, on the loopback interface once it runs."""

    def __init__(self, ship_id: str, clock: SteadyClock) -> None:
        identity = make_identity(ship_id, "Acme", NOW)
        settings = HubSettings(ship_id=ship_id, brand="Acme", model=ship_id, interfaces=("127.0.0.1",), dial_s=((0, 0.1), (0.2, 0.5)))
        self.window = PairingWindow(clock, start_s=0)
        self.mdns = Mdns(settings, identity.ski, self.window, clock, check_s=0.1)
        device = LocalDevice(f"d:_n:{ship_id}", "EnergyManagementSystem")
        self.hub = Hub(settings, identity, MemoryTrust(), device, clock, finder=self.mdns, window=self.window)

    @property
    def ski(self) -> str:
        return self.hub.identity.ski

    def code(self, secret: bytes | None = SECRET) -> ShipCode:
        code = ShipCode(self.ski, self.hub.settings.ship_id, fingerprints={"secp256r1": self.hub.identity.fingerprint}, secret=secret)
        return qr.from_text(qr.to_text(code))

    def phase(self, other: "Node") -> Phase | None:
        return next((peer.phase for peer in self.hub.peers() if peer.ski == other.ski), None)


async def until(condition: Callable[[], object], timeout_s: float = 30.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.fixture
def ring(tmp_path: Path) -> AcceptedDigests:
    path = tmp_path / "folder" / "pairing.json"
    path.parent.mkdir()
    path.write_bytes(accepted_digests.encode(()))
    return AcceptedDigests(path)


async def test_a_box_with_the_code_is_found_trusted_and_connected_without_a_person(ring: AcceptedDigests) -> None:
    clock = WallClock()
    tag = secrets.token_hex(4)
    house, box, wrong = (Node(f"{name}-{tag}", clock) for name in ("House", "Box", "Wrong"))
    listener = PairingListener(house.hub, house.mdns, SECRET, ring, clock)
    await box.hub.pair(house.ski)
    await wrong.hub.pair(house.ski)
    running = [node.hub.run() for node in (house, box, wrong)]
    running += [
        listener.run(),
        PairingAnnouncer(wrong.hub, wrong.mdns, house.code(secrets.token_bytes(16)), clock).run(),
        PairingAnnouncer(box.hub, box.mdns, house.code(), clock).run(),
    ]
    tasks = [asyncio.create_task(one) for one in running]
    try:
        await until(lambda: house.phase(box) is box.phase(house) is Phase.CONNECTED)
        [entry] = house.hub.trust.all()
        assert (entry.ski, entry.fingerprint, entry.origin) == (box.ski, box.hub.identity.fingerprint, Origin.PAIRING_SERVICE)
        assert entry.ship_id == box.hub.settings.ship_id
        assert len(ring.all()) == 1
        assert house.phase(wrong) is not Phase.CONNECTED
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=10)


class Air:
    """What is on the network, for tests of the rules alone; connections are said, not made."""

    def __init__(self, house: Node, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, ring: AcceptedDigests) -> None:
        self.house = house
        self.connected: set[str] = set()
        self.requests: dict[str, Mapping[bytes, bytes | None]] = {}
        self.paired: list[tuple[str | None, str | None]] = []
        monkeypatch.setattr(Mdns, "pairing_requests", property(lambda mdns: tuple(self.requests.values())))
        monkeypatch.setattr(house.hub, "peers", lambda: [Peer(ski=ski, phase=Phase.CONNECTED) for ski in self.connected])
        self.ring = ring
        self.clock = clock
        self.listener = self.restarted()

    def restarted(self) -> PairingListener:
        def paired(unit: Trusted, former: Trusted | None) -> None:
            self.paired.append((unit.ship_id, former and former.ship_id))

        self.listener = PairingListener(self.house.hub, self.house.mdns, SECRET, self.ring, self.clock)
        self.listener.on_paired(paired)
        return self.listener

    def announce(self, box: Node, secret: bytes = SECRET, **changes: str) -> None:
        nonce = secrets.token_bytes(16)
        announcement = announcement_of(box.hub.identity, box.hub.settings.ship_id, self.house.code(secret), nonce)
        txt = pairing.to_txt(announcement) | changes
        self.requests[box.ski] = {key.encode(): value.encode() for key, value in txt.items()}

    async def met(self, box: Node) -> None:
        """Its first TLS handshake has shown its SKI, and it is connected."""
        entry = self.house.hub.trust.by_fingerprint(box.hub.identity.fingerprint)
        assert entry is not None
        self.house.hub.trust.put(
            Trusted(ski=box.ski, origin=entry.origin, since=entry.since, fingerprint=entry.fingerprint, ship_id=entry.ship_id)
        )
        self.connected = {box.ski}
        await self.listener.look()

    def trusted(self) -> list[str | None]:
        return [entry.ship_id for entry in self.house.hub.trust.all()]


@pytest.fixture
async def air(monkeypatch: pytest.MonkeyPatch, ring: AcceptedDigests) -> Air:
    clock = ManualClock(NOW)
    return Air(Node("House", clock), clock, monkeypatch, ring)


async def test_only_a_genuine_announcement_for_us_is_trusted(air: Air) -> None:
    box = Node("Box", air.clock)
    for secret, changes in (
        (secrets.token_bytes(16), {}),
        (SECRET, {"forId": "Other"}),
        (SECRET, {"forPar": "0" * 64}),
        (SECRET, {"trustPar": "0" * 64}),
        (SECRET, {"trustId": "Thief"}),
        (SECRET, {"trustNonce": "0" * 32}),
        (SECRET, {"type": "addAll"}),
        (SECRET, {"alg": "none"}),
        (SECRET, {"txtvers": "2"}),
        (SECRET, {"trustCurve": "curve25519"}),
        (SECRET, {"digest": "0" * 64}),
        (SECRET, {"digest": ""}),
    ):
        air.announce(box, secret, **changes)
        await air.listener.look()
        assert (air.trusted(), air.ring.all()) == ([], ()), changes
    air.announce(box)
    await air.listener.look()
    assert air.trusted() == ["Box"]
    assert air.paired == [("Box", None)]


async def test_an_announcement_is_good_once_over_restarts_too(air: Air) -> None:
    box = Node("Box", air.clock)
    air.announce(box)
    await air.listener.look()
    await air.met(box)
    await air.house.hub.unpair(box.ski)
    for _ in range(2):
        await air.listener.look()
        assert air.trusted() == []
        air.restarted()
    air.announce(box)
    await air.listener.look()
    assert air.trusted() == ["Box"]


async def test_another_box_takes_the_place_only_after_15_minutes_without_the_first(air: Air) -> None:
    first, second = Node("First", air.clock), Node("Second", air.clock)
    air.announce(first)
    await air.listener.look()
    await air.met(first)
    air.announce(second)
    await air.clock.advance(24 * 3600)
    await air.listener.look()
    assert air.trusted() == ["First"], "it is connected"
    air.connected = set()
    await air.clock.advance(REPLACED_AFTER_S - 1)
    await air.listener.look()
    assert air.trusted() == ["First"]
    air.restarted()
    await air.clock.advance(REPLACED_AFTER_S - 1)
    await air.listener.look()
    assert air.trusted() == ["First"], "after a restart it has 15 minutes to come back"
    await air.clock.advance(1)
    await air.listener.look()
    assert air.trusted() == ["Second"]
    assert air.paired[-1] == ("Second", "First")


async def test_a_box_that_never_came_can_be_replaced_too_and_two_at_once_are_one(air: Air) -> None:
    first, second = Node("First", air.clock), Node("Second", air.clock)
    air.announce(first)
    air.announce(second)
    await air.listener.look()
    await air.listener.look()
    assert air.trusted() == ["First"]
    await air.clock.advance(REPLACED_AFTER_S)
    await air.listener.look()
    assert air.trusted() == ["Second"]


async def test_a_user_paired_peer_is_not_the_one_that_is_replaced(air: Air) -> None:
    heat_pump, box = Node("HeatPump", air.clock), Node("Box", air.clock)
    await air.house.hub.pair(heat_pump.ski, name="heat pump")
    air.announce(box)
    await air.listener.look()
    assert len(air.house.hub.trust.all()) == 2


async def test_what_cannot_be_kept_is_not_trusted(air: Air, tmp_path: Path) -> None:
    box = Node("Box", air.clock)
    air.announce(box)
    folder = (tmp_path / "folder").rename(tmp_path / "gone")
    await air.listener.look()
    assert air.trusted() == []
    folder.rename(tmp_path / "folder")
    await air.listener.look()
    assert air.trusted() == ["Box"], "it is tried again"


async def test_the_box_announces_until_the_connection_has_stood_for_15_minutes(air: Air) -> None:
    box = Node("Box", air.clock)
    code = ShipCode("c" * 40, "House", fingerprints={"secp256r1": "A" * 64}, secret=SECRET)
    connected: set[str] = set()
    box.hub.peers = lambda: tuple(Peer(ski=ski, phase=Phase.CONNECTED) for ski in connected)  # type: ignore[method-assign]
    async with AsyncExitStack() as stack:
        task = asyncio.create_task(PairingAnnouncer(box.hub, box.mdns, code, air.clock).run())
        stack.callback(task.cancel)
        await air.clock.advance(3600)
        assert box.mdns._extra
        connected.add("c" * 40)
        await air.clock.advance(STABLE_S - 5)
        connected.clear()
        await air.clock.advance(5)
        connected.add("c" * 40)
        await air.clock.advance(STABLE_S - 5)
        assert box.mdns._extra, "it was interrupted"
        await air.clock.advance(10)
        assert not box.mdns._extra
        assert task.done()


def test_a_code_without_secret_or_fingerprint_cannot_be_announced_for() -> None:
    clock = ManualClock(NOW)
    box, house = Node("Box", clock), Node("House", clock)
    with pytest.raises(RecordError, match="SPSEC"):
        PairingAnnouncer(box.hub, box.mdns, house.code(None), clock)
    with pytest.raises(RecordError, match="FPH256"):
        PairingAnnouncer(box.hub, box.mdns, ShipCode("c" * 40, "House", secret=SECRET), clock)
