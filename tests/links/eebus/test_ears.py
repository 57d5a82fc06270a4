"""The order in which listeners hear, and what becomes of a slow one."""

import asyncio
from datetime import UTC, datetime

from chargebridge.links.eebus.ears import Ears
from chargebridge.wire.eebus.spine.events import Discovered
from chargebridge.wire.eebus.spine.local import Now

NOW = Now(1.0, datetime(2026, 11, 21, tzinfo=UTC))
A, B, C = (Discovered(name) for name in "ABC")


class Listener:
    """heard: in which order it was done with them. gates: what it waits for."""

    def __init__(self, *slow):
        self.begun, self.heard = [], []
        self.gates = {event: asyncio.Event() for event in slow}

    async def __call__(self, event, now):
        self.begun.append(event)
        if event in self.gates:
            await self.gates[event].wait()
        self.heard.append(event)


def tell(ears, peer, *events):
    return asyncio.ensure_future(ears.tell(ears.turn(peer), events, NOW))


async def test_events_of_one_peer_come_in_their_order():
    ears, listener = Ears(5.0), Listener(A)
    ears.listen(listener)
    first, second = tell(ears, "x", A), tell(ears, "x", B)
    await asyncio.sleep(0.01)
    assert listener.begun == [A]
    listener.gates[A].set()
    assert await first
    assert await second
    assert listener.heard == [A, B]


async def test_peers_do_not_wait_for_each_other():
    ears, listener = Ears(5.0), Listener(A)
    ears.listen(listener)
    first = tell(ears, "x", A)
    assert await tell(ears, "y", B)
    assert listener.heard == [B]
    listener.gates[A].set()
    assert await first


async def test_what_is_of_no_peer_comes_after_all_before_and_before_all_later():
    ears, listener = Ears(5.0), Listener(A, B)
    ears.listen(listener)
    tasks = [tell(ears, "x", A), tell(ears, None, B), tell(ears, "y", C)]
    await asyncio.sleep(0.01)
    assert listener.begun == [A]
    listener.gates[A].set()
    await asyncio.sleep(0.01)
    assert listener.begun == [A, B]
    listener.gates[B].set()
    assert all(await asyncio.gather(*tasks))
    assert listener.heard == [A, B, C]


async def test_one_that_is_too_slow_has_not_heard_and_the_next_event_still_comes():
    ears, slow, other = Ears(0.05), Listener(A), Listener()
    ears.listen(slow)
    ears.listen(other)
    assert not await tell(ears, "x", A, B)
    assert slow.heard == [B]
    assert other.heard == [A, B]
    assert await tell(ears, "x", C)


async def test_one_that_fails_has_not_heard_and_the_next_event_still_comes():
    ears, listener = Ears(1.0), Listener()

    async def fail(event, now):
        if event is A:
            raise ValueError("broken")

    ears.listen(fail)
    ears.listen(listener)
    assert not await tell(ears, "x", A, B)
    assert await tell(ears, "x", B)
    assert listener.heard == [A, B, B]


async def test_one_that_never_ends_is_not_waited_for_for_ever():
    ears, listener = Ears(0.05), Listener(A)
    ears.listen(listener)
    tasks = [tell(ears, None, A) for _ in range(3)]
    async with asyncio.timeout(2.0):
        assert not any(await asyncio.gather(*tasks))


async def test_a_turn_that_is_cancelled_lets_others_pass():
    ears, listener = Ears(5.0), Listener(A)
    ears.listen(listener)
    first = tell(ears, "x", A)
    await asyncio.sleep(0.01)
    second = tell(ears, "x", B)
    first.cancel()
    async with asyncio.timeout(1.0):
        assert await second
