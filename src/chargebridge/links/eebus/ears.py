"""Who listens to a hub's events, and that they have heard before what the events produced goes out."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar

from chargebridge.links.eebus.rare_log import RareLog
from chargebridge.model.errors import ChargebridgeError
from chargebridge.wire.eebus.spine.events import Event
from chargebridge.wire.eebus.spine.local import Now

Hear = Callable[[Event, Now], Awaitable[None]]
LEAST_S = 0.5  # what each event gets, however late it has become


class Turn:
    """The place of one call's events among those of all."""

    def __init__(self, peer: str | None, before: Sequence["Turn"]) -> None:
        self.peer = peer
        self.before = before
        self.over = asyncio.Event()


_inside: ContextVar[tuple[Turn, ...]] = ContextVar("_inside", default=())
"""Of which turns a listener is just hearing: what it does itself must not wait for them."""


class Ears:
    """Events of one peer's datagrams are told in their order, those of different peers side by side; those of time and of our own calls (no peer)
    after all that were before them, and before all that come later. A listener that fails or is slower than `patience_s` has not heard."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._listeners: list[Hear] = []
        self._turns: list[Turn] = []
        self._rare = RareLog(lambda: asyncio.get_running_loop().time())

    def listen(self, hear: Hear) -> None:
        self._listeners.append(hear)

    def turn(self, peer: str | None) -> Turn:
        """To be taken as soon as the events are there, and given to `tell`."""
        mine = _inside.get()
        turn = Turn(peer, [one for one in self._turns if one not in mine and (peer is None or one.peer in (None, peer))])
        self._turns.append(turn)
        return turn

    async def tell(self, turn: Turn, events: Sequence[Event], now: Now) -> bool:
        """Whether all listeners have heard all of them."""
        try:
            await self._wait(turn.before)
            heard = await asyncio.gather(*(self._tell(hear, turn, events, now) for hear in self._listeners))
            return all(heard)
        finally:
            turn.before = ()
            turn.over.set()
            self._turns.remove(turn)

    async def _wait(self, before: Sequence[Turn]) -> None:
        try:
            async with asyncio.timeout(self._patience_s):
                for turn in before:
                    await turn.over.wait()
        except TimeoutError:
            self._rare.warning("turn", "eebus events are told before their turn", waiting_for=len(before))

    async def _tell(self, hear: Hear, turn: Turn, events: Sequence[Event], now: Now) -> bool:
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience_s
        heard = True
        _inside.set((*_inside.get(), turn))  # of this listener's own task
        for event in events:
            try:
                async with asyncio.timeout_at(max(until, loop.time() + LEAST_S)):
                    await hear(event, now)
            except TimeoutError:
                heard = False
                self._rare.warning(
                    "slow", "eebus listener is too slow: what it should have heard is not answered", kind=type(event).__name__
                )
            except ChargebridgeError as error:  # it says itself why, as where a site that is just ending decides nothing more
                heard = False
                self._rare.warning(
                    "refused", "eebus listener could not act: it is not answered", kind=type(event).__name__, reason=str(error)
                )
            except Exception:
                heard = False
                kind = type(event).__name__
                self._rare.warning("failed", "eebus listener failed: what it should have heard is not answered", kind=kind, exc_info=True)
        return heard
