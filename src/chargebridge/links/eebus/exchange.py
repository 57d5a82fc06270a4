"""SPINE over whatever carries it: the one node, its timers, its listeners, and what goes out to each peer in its order."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from chargebridge.links.eebus.ears import Ears, Hear, Turn
from chargebridge.links.eebus.rare_log import RareLog
from chargebridge.model.clock import SteadyClock
from chargebridge.wire.eebus.spine.events import Event, Malformed, Send, Written
from chargebridge.wire.eebus.spine.link import withdrawn
from chargebridge.wire.eebus.spine.local import Now
from chargebridge.wire.eebus.spine.node import Node

Carry = Callable[[bytes], None]
"""Sends one datagram to a peer. Never waits."""


class _Batch(Struct):
    """What one call sends to one peer. ready: it may go out."""

    data: list[bytes]
    ready: bool = False


class _Lane(Struct):
    carry: Carry
    batches: deque[_Batch]


class _Call(Struct):
    """What came of one call on the node. peer: whose connection it was about. answers: it was a datagram of its. held: what waits until the
    listeners have heard."""

    peer: str | None
    answers: bool
    events: list[Event]
    held: list[tuple[_Lane, _Batch]]
    turn: Turn | None
    now: Now


class Exchange:
    def __init__(self, node: Node, clock: SteadyClock, patience_s: float, moved: Callable[[], None]) -> None:
        self.node = node
        self._clock = clock
        self._ears = Ears(patience_s)
        self._lanes: dict[str, _Lane] = {}
        self._moved = moved
        self._tasks: set[asyncio.Task[None]] = set()
        self._rare = RareLog(clock.steady_s)

    def now(self) -> Now:
        return Now(self._clock.steady_s(), self._clock.now())

    def listen(self, hear: Hear) -> None:
        self._ears.listen(hear)

    async def connect(self, peer: str, carry: Carry) -> None:
        """A SHIP connection is ready for data."""
        now = self.now()
        self._lanes[peer] = _Lane(carry, deque())
        await self._finish(self._begin(peer, self.node.connect(peer, now), now))

    async def disconnect(self, peer: str) -> None:
        now = self.now()
        self._lanes.pop(peer, None)
        await self._finish(self._begin(peer, self.node.disconnect(peer, now), now))

    async def receive(self, peer: str, payload: bytes) -> None:
        """One datagram of a peer's; returns when the answer has gone out."""
        if peer not in self.node.links:
            return
        now = self.now()
        try:
            events = self.node.receive(peer, payload, now)
        except Exception:
            self._rare.warning(peer, "eebus datagram could not be served", ski=peer, size=len(payload), exc_info=True)
            return
        await self._finish(self._begin(peer, events, now, answers=True))

    async def act(self, do: Callable[[Now], Iterable[Event] | None]) -> None:
        """A call of ours on the node or on a use case; returns when listeners have heard and what it produced has gone out."""
        now = self.now()
        events = list(do(now) or ())
        await self._finish(self._begin(None, events + self.node.tick(now), now))

    def tick(self) -> None:
        """The time that the node waits for has come. Listeners hear of it on their own; the next tick does not wait for them."""
        now = self.now()
        call = self._begin(None, self.node.tick(now), now)
        if call.turn is not None:
            task = asyncio.ensure_future(self._finish(call))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        """Until listeners have heard all that was."""
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    def _begin(self, peer: str | None, events: Sequence[Event], now: Now, *, answers: bool = False) -> _Call:
        """Put what is to be sent in its place at once, before anything else can happen; what need not wait goes out.

        What one peer has caused holds up nothing that goes to others.
        """
        told = [event for event in events if not isinstance(event, Send)]
        batches: dict[str, _Batch] = {}
        for event in events:
            if isinstance(event, Send) and event.peer in self._lanes:
                batches.setdefault(event.peer, _Batch([])).data.append(event.data)
        held = []
        for name, batch in batches.items():
            lane = self._lanes[name]
            lane.batches.append(batch)
            if told and peer in (None, name):
                held.append((lane, batch))
            else:
                batch.ready = True
                _drive(lane)
        for event in told:
            if isinstance(event, Malformed):
                told_of = {"where": event.position, "reason": event.reason, "cure": event.cure}
                self._rare.warning(event.peer, "eebus datagram is malformed", ski=event.peer, **told_of)
        self._moved()
        return _Call(peer, answers, told, held, self._ears.turn(peer) if told else None, now)

    async def _finish(self, call: _Call) -> None:
        if call.turn is None:
            return
        heard = False
        try:
            heard = await self._ears.tell(call.turn, call.events, call.now)
        finally:
            for lane, batch in call.held:
                if call.answers and not heard:
                    batch.data = _unpromised(call, batch.data)
                batch.ready = True
                _drive(lane)


def _unpromised(call: _Call, data: list[bytes]) -> list[bytes]:
    """What goes out where listeners have not heard: a write is refused, for it may be forgotten; what has changed by it is told all the same, for
    that is so. Anything else is not answered: the peer asks again."""
    if not any(isinstance(event, Written) for event in call.events):
        return []
    return [withdrawn(one, "it could not be recorded; write it again") for one in data]


def _drive(lane: _Lane) -> None:
    while lane.batches and lane.batches[0].ready:
        for data in lane.batches.popleft().data:
            lane.carry(data)
