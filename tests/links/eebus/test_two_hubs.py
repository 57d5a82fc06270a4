"""Two hubs over real sockets: a house with a limit and its control box."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from tests.links.eebus.hubs import Box, House, connected, paired, peer, phase, until

from chargebridge.links.eebus.peer import Origin, Phase, Trusted
from chargebridge.links.eebus.settings import StaticPeer
from chargebridge.links.eebus.trust_store import MemoryTrust
from chargebridge.sim.world.clock import FastClock
from chargebridge.wire.eebus.ship import CertificateError
from chargebridge.wire.eebus.ship import State as ShipState
from chargebridge.wire.eebus.spine.local import MANAGEMENT
from chargebridge.wire.eebus.spine.node import USE_CASES
from chargebridge.wire.eebus.usecases.controllable_system import LimitChanged
from chargebridge.wire.eebus.usecases.limitation import State


@pytest.mark.parametrize("house_dials", [False, True])
async def test_a_limit_goes_over_real_tls_in_both_directions(house_dials):
    async with paired(house_dials=house_dials) as (house, box):
        await until(lambda: house.lpc.machine.state is State.CONTROLLED)
        await box.limit(house, 4200)
        await until(lambda: box.guard.report((house.ski, (1,))).active)
        assert house.lpc.applied_w == 4200
        seen = peer(house, box.ski)
        assert seen.incoming is not house_dials
        assert seen.calls_itself == "Acme Grid-Box-1"
        assert seen.trusted.ship_id == "Grid-Box-1"
        assert seen.trusted.certificate_pem
        assert peer(box if not house_dials else house, house.ski if not house_dials else box.ski).trusted.address is not None


async def test_static_peers_find_each_other():
    house = House()
    async with house, Box(peers=(StaticPeer(house.ski, house.address, "the house"),)) as box:
        await house.hub.pair(box.ski)
        await until(lambda: connected(house, box))
        assert peer(box, house.ski).trusted.name == "the house"
        assert peer(box, house.ski).trusted.origin is Origin.CONFIGURATION


async def test_who_asks_waits_for_the_user_and_goes_on_when_he_agrees():
    house, box = House(), Box()
    async with house, box:
        await box.hub.pair(house.ski, address=house.address)
        await until(lambda: phase(house, box) is Phase.ASKING)
        await until(lambda: phase(box, house) is Phase.WAITING)
        await house.hub.pair(box.ski, name="my box")
        await until(lambda: connected(house, box))
        assert peer(house, box.ski).trusted.origin is Origin.USER


async def test_who_is_refused_knows_what_to_do_and_comes_again():
    house, box = House(clock=FastClock(5)), Box(clock=FastClock(5))
    async with house, box:
        await box.hub.pair(house.ski, address=house.address)
        await until(lambda: phase(house, box) is Phase.ASKING)
        await house.hub.refuse(box.ski)
        await until(lambda: phase(box, house) is Phase.DENIED)
        assert box.ski in peer(box, house.ski).trouble.cure
        assert "pair it by its SKI" in (await until(lambda: peer(house, box.ski).trouble)).cure
        house.hub.open_window(60.0)
        await until(lambda: phase(house, box) is Phase.ASKING)
        await house.hub.pair(box.ski)
        await until(lambda: connected(house, box))
        assert peer(box, house.ski).trouble is None


async def test_strangers_wait_only_while_the_window_is_open():
    house, box = House(clock=FastClock(5)), Box(clock=FastClock(5))
    house.hub.window._start_s = 0.0
    async with house, box:
        await box.hub.pair(house.ski, address=house.address)
        await until(lambda: phase(box, house) is Phase.DENIED)
        assert phase(house, box) is Phase.SEEN
        house.hub.open_window(60.0)
        await until(lambda: phase(house, box) is Phase.ASKING)
        house.hub.close_window()
        await until(lambda: phase(house, box) is Phase.SEEN)


async def test_an_end_is_announced():
    async with paired() as (house, box):
        await house.stop()
        await until(lambda: "the peer closed" in getattr(peer(box, house.ski).trouble, "reason", ""))
        assert not box.hub.node.links
        assert not house.hub.node.links
        lines = [line.readable.value for line in box.hub.trace.lines(house.ski) if line.readable]
        assert lines[-2:] == ["announce, unspecific", "confirm"]


async def test_who_is_unpaired_is_told():
    async with paired(clock=FastClock(5)) as (house, box):
        await house.hub.unpair(box.ski)
        await until(lambda: "removedConnection" in getattr(peer(box, house.ski).trouble, "reason", ""))
        assert "confirm our SKI" in peer(box, house.ski).trouble.cure
        assert house.hub.trust.of(box.ski) is None
        await until(lambda: phase(house, box) is Phase.ASKING)  # it is a stranger now


@pytest.mark.parametrize("house_dials", [False, True])
async def test_a_peer_that_restarts_is_found_again(house_dials):
    async with paired(house_dials=house_dials) as (house, box):
        old, trust = box, box.hub.trust
        await old.stop()
        async with Box(identity=old.hub.identity, trust=trust, port=old.hub.port) as new:
            await until(lambda: connected(house, new))
            await until(lambda: house.lpc.machine.state is State.CONTROLLED)
            await new.limit(house, 5000)


async def test_another_ship_id_than_at_pairing_is_told():
    async with paired() as (house, box):
        await box.stop()
        async with Box("Box-2", identity=box.hub.identity, trust=box.hub.trust) as renamed:
            trouble = await until(
                lambda: "calls itself" in getattr(peer(house, box.ski).trouble, "reason", "") and peer(house, box.ski).trouble
            )
            assert "pair it again" in trouble.cure
            told = await until(lambda: peer(renamed, house.ski).trouble)  # it was closed with 4450
            assert "another SHIP ID" in told.reason
            await house.hub.pair(box.ski)
            await until(lambda: connected(house, renamed))
            assert house.hub.trust.of(box.ski).ship_id == "Grid-Box-2"


async def test_what_an_unpaired_peer_still_says_does_not_count():
    async with paired() as (house, box):
        await until(lambda: house.lpc.machine.state is State.CONTROLLED)
        await house.hub.unpair(box.ski)
        assert house.hub._switchboard.sessions[box.ski].ship.state is ShipState.CLOSING
        await box.hub.act(lambda now: box.guard.limit(Decimal(4200), 900, now))
        await until(lambda: box.ski not in house.hub._switchboard._linked)
        assert house.limits[-1] is None


async def test_trust_taken_away_by_others_ends_the_connection():
    async with paired() as (house, box):
        house.hub.trust.remove(box.ski)
        house.hub.trust_moved()
        await until(lambda: "removedConnection" in getattr(peer(box, house.ski).trouble, "reason", ""))


async def test_the_own_ski_is_no_peer():
    house = House()
    async with house:
        with pytest.raises(CertificateError, match="our own"):
            await house.hub.pair(house.ski)
        async with Box(identity=house.hub.identity, peers=()) as twin:
            await twin.hub.pair("00" * 20, address=house.address)  # where the configuration expects another
            trouble = await until(lambda: peer(twin, "00" * 20).trouble)
            assert "our own" in trouble.reason


async def test_what_listeners_have_not_heard_is_not_answered_and_others_go_on():
    house, first, second = House(), Box("Box-1"), Box("Box-2")
    stuck, release = asyncio.Event(), asyncio.Event()

    async def hear(event, now):
        if getattr(event, "peer", None) == first.ski:
            stuck.set()
            await release.wait()

    async with paired(house, first), second:
        await until(lambda: house.lpc.machine.state is State.CONTROLLED)
        await house.hub.pair(second.ski)
        house.hub.listen(hear)
        await first.hub.act(lambda now: first.guard.limit(Decimal(4200), 900, now))
        await stuck.wait()
        await second.hub.pair(house.ski, address=house.address)
        await until(lambda: connected(house, second), 4.0)
        await until(lambda: second.hub.node.links[house.ski].remote.use_cases, 4.0)
        assert not first.guard.report((house.ski, (1,))).active
        release.set()
        await until(lambda: first.guard.report((house.ski, (1,))).active)


async def test_a_listener_that_fails_costs_one_answer():
    async def hear(event, now):
        if isinstance(event, LimitChanged):
            raise RuntimeError("no room on the disk")

    async with paired() as (house, box):
        await until(lambda: house.lpc.machine.state is State.CONTROLLED)
        house.hub.listen(hear)
        await box.limit(house, 4200)
        await until(lambda: house.hub.trace.lines(box.ski)[-1].readable.classifier == "notify")
        result = next(line for line in reversed(house.hub.trace.lines(box.ski)) if line.readable.classifier == "result")
        assert "it could not be recorded" in result.readable.result
        before = house.hub.trace.lines(box.ski)[-1]
        await box.hub.act(lambda now: box.hub.node.read(house.ski, MANAGEMENT, MANAGEMENT, USE_CASES, now) and None)
        await until(lambda: house.hub.trace.lines(box.ski)[-1].number >= before.number + 2)
        after = [(line.direction, line.readable.classifier) for line in house.hub.trace.lines(box.ski, before.number)]
        assert after[:2] == [("in", "read"), ("out", "reply")]
        assert box.guard.report((house.ski, (1,))).active, "what is in force is told, though it was not agreed to"


async def test_a_listener_may_act_itself():
    async with paired() as (house, box):
        await until(lambda: house.lpc.machine.state is State.CONTROLLED)

        async def hear(event, now):
            if isinstance(event, LimitChanged):
                await house.hub.act(lambda now: None)

        house.hub.listen(hear)
        async with asyncio.timeout(4.0):
            await box.limit(house, 4200)
            await until(lambda: box.guard.report((house.ski, (1,))).active)


async def test_trust_given_by_fingerprint_learns_the_ski():
    house, box = House(trust=MemoryTrust()), Box()
    async with house, box:
        entry = Trusted(ski=None, fingerprint=box.hub.identity.fingerprint, origin=Origin.PAIRING_SERVICE, since=datetime.now(UTC))
        house.hub.trust.put(entry)
        house.hub.trust_moved()
        await box.hub.pair(house.ski, address=house.address)
        await until(lambda: connected(house, box))
        assert house.hub.trust.of(box.ski).origin is Origin.PAIRING_SERVICE
