"""What goes out to peers, and when: after listeners have heard, in its order, and no peer's held up by another's."""

import asyncio
from datetime import UTC, datetime

from chargebridge.links.eebus.exchange import Exchange
from chargebridge.sim.world.clock import ManualClock
from chargebridge.wire.eebus.spine.events import Discovered, Send
from chargebridge.wire.eebus.spine.local import LocalDevice
from chargebridge.wire.eebus.spine.node import Node


class Desk:
    """An exchange with two peers. sent: what has gone out to each. gate: open while listeners are quick."""

    def __init__(self, patience_s=5.0):
        clock = ManualClock(datetime(2026, 11, 21, tzinfo=UTC))
        self.exchange = Exchange(Node(LocalDevice("d:_n:Acme_House-1", "EnergyManagementSystem")), clock, patience_s, lambda: None)
        self.exchange.listen(self.hear)
        self.sent = {"a": [], "b": []}
        self.heard = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def hear(self, event, now):
        await self.gate.wait()
        self.heard.append(event)

    async def open(self):
        for name, sent in self.sent.items():
            await self.exchange.connect(name, sent.append)
            assert len(sent) == 1  # it asks for the discovery
            sent.clear()
        return self

    def act(self, *events):
        return asyncio.ensure_future(self.exchange.act(lambda now: events))


async def turns():
    for _ in range(10):
        await asyncio.sleep(0)


async def test_what_was_produced_waits_until_listeners_have_heard():
    desk = await Desk().open()
    desk.gate.clear()
    task = desk.act(Discovered("a"), Send("a", b"1"))
    await turns()
    assert not desk.sent["a"]
    desk.gate.set()
    await task
    assert desk.sent["a"] == [b"1"]
    assert desk.heard == [Discovered("a")]


async def test_nothing_overtakes_what_waits_for_the_same_peer():
    desk = await Desk().open()
    desk.gate.clear()
    first = desk.act(Discovered("a"), Send("a", b"1"))
    await turns()
    await desk.act(Send("a", b"2"), Send("b", b"3"))
    assert desk.sent == {"a": [], "b": [b"3"]}
    desk.gate.set()
    await first
    assert desk.sent["a"] == [b"1", b"2"]


async def test_what_is_no_answer_goes_out_though_nobody_heard():
    desk = await Desk(patience_s=0.02).open()
    desk.gate.clear()
    await desk.act(Discovered("a"), Send("a", b"a heartbeat"))
    assert desk.sent["a"] == [b"a heartbeat"]


async def test_a_call_that_is_broken_off_holds_up_nobody():
    desk = await Desk().open()
    desk.gate.clear()
    first = desk.act(Discovered("a"), Send("a", b"1"))
    await turns()
    first.cancel()
    await turns()
    await desk.act(Send("a", b"2"))
    assert desk.sent["a"] == [b"1", b"2"]


async def test_what_is_for_a_peer_that_has_gone_is_left_out():
    desk = await Desk().open()
    desk.gate.clear()
    first = desk.act(Discovered("a"), Send("a", b"1"))
    await turns()
    closing = asyncio.ensure_future(desk.exchange.disconnect("a"))
    await turns()
    again = []
    opening = asyncio.ensure_future(desk.exchange.connect("a", again.append))
    await turns()
    desk.gate.set()
    await asyncio.gather(first, closing, opening)
    await desk.act(Send("a", b"2"), Send("c", b"3"))
    assert b"1" not in again
    assert again[-1] == b"2"


async def test_a_datagram_of_one_who_is_not_connected_is_left_out():
    desk = await Desk().open()
    await desk.exchange.disconnect("a")
    await desk.exchange.receive("a", b"{}")
    assert not desk.sent["a"]
