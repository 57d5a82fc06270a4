"""The office over a real hub, and a control box with a hub of its own: what people see of pairing, limits and messages, and what they can do."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from chargebridge.app.clock import WallClock
from chargebridge.links.eebus.peer import Phase
from chargebridge.model.errors import ModelError, UnknownNameError
from chargebridge.sim.eebus.device import Device
from chargebridge.site.eebus_office import EebusOffice
from chargebridge.site.eebus_view import PeerView
from chargebridge.wire.eebus.ship import qr
from chargebridge.wire.eebus.spine.local import LocalDevice
from chargebridge.wire.eebus.usecases.controllable_system import ControllableSystem, Limited
from chargebridge.wire.eebus.usecases.energy_guard import EnergyGuard
from chargebridge.wire.eebus.usecases.limitation import Settings
from chargebridge.wire.eebus.usecases.lpc import LPC

LIMITS = "loadControlLimitListData"
SECRET = bytes(range(16))


class House(Device):
    """A site's hub, with the office that is tested."""

    def __init__(self, *, secret: bytes | None = SECRET) -> None:
        clock = WallClock()
        super().__init__("House-1", LocalDevice("d:_n:House_1", "EnergyManagementSystem"), clock)
        settings = Settings(nominal_w=Decimal(34500), failsafe_w=Decimal(4200))
        self.lpc = Limited(LPC, settings, None, self.hub.now())
        ControllableSystem(self.hub.node, self.hub.node.device.add((1,), "CEM"), (self.lpc,), self.hub.now())
        self.told: list[str] = []
        self.office = EebusOffice(
            self.hub,
            clock,
            "Europe/Berlin",
            limits=lambda: (self.lpc,),
            tell=lambda kind, text, subject: self.told.append(text),
            secret=secret,
        )

    def peer(self) -> PeerView | None:
        return next(iter(self.office.view().peers), None)


class Box(Device):
    def __init__(self) -> None:
        super().__init__("Box-1", LocalDevice("d:_n:Box_1", "ElectricitySupplySystem"), WallClock())
        self.guard = EnergyGuard(self.hub.node, self.hub.node.device.add((1,), "GridGuard"), LPC, self.hub.now())


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with House() as house:
        yield house


@pytest.fixture
async def box(house: House) -> AsyncIterator[Box]:
    """A control box that trusts the house and has come to its door."""
    async with Box() as box:
        house.office.open_window(120, "owner")
        await box.hub.pair(house.ski, address=house.address)
        await until(lambda: (peer := house.peer()) is not None and peer.asks)
        yield box


async def until(condition: Callable[[], Any], timeout_s: float = 20.0) -> Any:
    async with asyncio.timeout(timeout_s):
        while not (found := condition()):  # noqa: ASYNC110 - polls a real process
            await asyncio.sleep(0.01)
    return found


async def test_one_that_asks_is_confirmed_and_then_limits_us(house: House, box: Box) -> None:
    asking = house.peer()
    assert asking is not None
    assert (asking.ski, asking.phase, asking.origin) == (box.ski, Phase.ASKING, None)
    assert "compare its SKI" in asking.advice
    assert sum("asks to be paired" in text for text in house.told) == 1
    await house.office.pair(box.ski.upper(), "owner", name="Meter cupboard")
    await until(lambda: house.office.view().limits[0].said == "unlimited, control box present")
    await box.hub.act(lambda now: box.guard.limit(Decimal(4235), 900, now))
    limit = await until(lambda: next((one for one in house.office.view().limits if one.state == "limited"), None))
    assert (limit.limit_w, limit.guard, limit.guard_name, limit.refused) == (4235.0, box.ski, "Meter cupboard", 0)
    assert limit.said.startswith("limited to 4.235 kW until ")
    view = house.office.view()
    assert limit.until is not None
    assert timedelta(minutes=14) < limit.until - view.at < timedelta(minutes=15, seconds=5)
    assert limit.heartbeat_at is not None
    assert view.at - limit.heartbeat_at < timedelta(seconds=60)
    peer = view.peers[0]
    assert (peer.kind, peer.phase, peer.uses) == ("control box", Phase.CONNECTED, ("LPC (EnergyGuard)",))
    assert "was paired" in house.told[-1]


async def test_the_trace_tells_of_the_hello_the_write_and_its_result(house: House, box: Box) -> None:
    await house.office.pair(box.ski, "owner")
    await until(lambda: any(row.classifier == "result" and row.function == LIMITS for row in house.office.trace(limit=500)))
    rows = house.office.trace(box.ski.upper(), limit=500)
    assert all(row.peer == box.ski for row in rows)
    assert any((row.classifier, row.direction, row.value) == ("ship", "out", "pending, waits 60 s") for row in rows)
    write = next(row for row in rows if row.classifier == "write")
    assert (write.direction, write.function) == ("in", LIMITS)
    assert f'"{LIMITS}"' in write.raw
    result = next(row for row in rows if row.classifier == "result" and row.function == LIMITS)
    assert (result.direction, result.result) == ("out", "ok")
    assert any(row.classifier == "note" and row.value.startswith("connected from") for row in rows)
    later = house.office.trace(after=write.number, limit=500)
    assert later
    assert min(row.number for row in later) > write.number


async def test_one_that_asks_is_refused_and_told_so(house: House, box: Box) -> None:
    await house.office.refuse(box.ski, "owner")
    await until(lambda: any(peer.phase is Phase.DENIED for peer in box.hub.peers()))
    refused = house.peer()
    assert refused is not None
    assert (refused.asks, refused.name) == (False, "Acme Box-1"), "it keeps the name that it came with"
    with pytest.raises(UnknownNameError, match=r"does not ask|is not known"):
        await house.office.refuse(box.ski, "owner")


async def test_unpaired_is_gone_on_both_sides_and_the_timers_go_on(house: House, box: Box) -> None:
    await house.office.pair(box.ski, "owner")
    await until(lambda: house.office.view().limits[0].said == "unlimited, control box present")
    await house.office.unpair(box.ski, "owner")
    await until(lambda: not any(one.phase is Phase.CONNECTED for one in house.office.view().peers))
    assert house.office.view().limits[0].state == "unlimited/controlled", "120 s of silence end it, not a closed socket"
    with pytest.raises(UnknownNameError, match=r"is not paired|is not known"):
        await house.office.unpair(box.ski, "owner")


async def test_it_keeps_its_name_and_what_it_is_when_it_is_away(house: House, box: Box) -> None:
    await house.office.pair(box.ski, "owner")
    await until(lambda: (peer := house.peer()) is not None and peer.kind == "control box")
    await box.stop()
    away = await until(lambda: (peer := house.peer()) is not None and peer.phase is not Phase.CONNECTED and peer)
    assert (away.name, away.kind) == ("Acme Box-1", "control box")


async def test_what_cannot_be_is_told_with_its_cure(house: House) -> None:
    office = house.office
    for ski in ("12ab", house.ski):
        with pytest.raises(ModelError):
            await office.pair(ski, "owner")
    with pytest.raises(ModelError, match="one of host and port"):
        await office.pair("ab" * 20, "owner", host="192.0.2.1")
    with pytest.raises(UnknownNameError):
        await office.unpair("ab" * 20, "owner")
    assert office.view().peers == ()
    async with House(secret=None) as without:
        with pytest.raises(ModelError, match="is not listened for"):
            without.office.secret_code()


async def test_our_code_has_the_secret_only_when_it_is_asked_for(house: House) -> None:
    node = house.office.view().node
    plain, full = qr.from_text(node.code), qr.from_text(house.office.secret_code())
    assert (plain.ski, plain.ship_id, plain.secret) == (house.ski, "House-1", None)
    assert plain.fingerprints == {"secp256r1": node.fingerprint}
    assert full.secret == SECRET


async def test_the_pairing_window_counts_down_and_can_be_shut(house: House) -> None:
    house.office.open_window(60, "owner")
    until_ = house.office.view().window_until
    assert until_ is not None
    assert timedelta(seconds=50) < until_ - house.office.view().at <= timedelta(seconds=60)
    house.office.close_window("owner")
    assert house.office.view().window_until is None


async def test_one_that_was_refused_does_not_ask_again_until_the_window_is_opened_anew(house: House, box: Box) -> None:
    def calls() -> int:
        return sum(row.value.startswith("connected from") for row in house.office.trace(limit=1000))

    await house.office.refuse(box.ski, "owner")
    before = calls()
    asked: list[bool] = []
    house.hub.on_change(lambda: asked.append(any(one.asks for one in house.office.view().peers)))
    await until(lambda: calls() >= before + 1)
    assert asked
    assert not any(asked), "it came once more, and nobody was asked"
    house.office.open_window(120, "owner")
    await until(lambda: (peer := house.peer()) is not None and peer.asks)


async def test_why_a_peer_cannot_be_reached_is_said_in_words(house: House) -> None:
    await house.office.pair("ab" * 20, "owner", name="Boiler", host="127.0.0.1", port=9)
    trouble = await until(lambda: (peer := house.peer()) and peer.trouble)
    assert trouble.reason == "cannot be reached at 127.0.0.1:9: Connection refused"
    assert "it is dialled again" in trouble.cure


async def test_who_gets_no_further_than_the_door_is_shown_with_the_reason(house: House) -> None:
    """A device with a wrong certificate never shows up as a peer: somebody who looks for it must see that it has come."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    for _ in range(2):
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", house.hub.port, ssl=tls)
            await reader.read()
            writer.close()
    (one,) = await until(lambda: [found for found in house.office.view().refusals if found.times == 2])
    assert one.host == "127.0.0.1"
    assert "certificate" in one.reason
    assert house.office.view().peers == ()
