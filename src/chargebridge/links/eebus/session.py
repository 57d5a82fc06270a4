"""One SHIP connection on its WebSocket, from the opening to the end."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from chargebridge.links.eebus.pace import Pace
from chargebridge.links.eebus.peer import Address
from chargebridge.links.eebus.rare_log import RareLog
from chargebridge.links.eebus.settings import Bounds
from chargebridge.links.eebus.trace import Trace
from chargebridge.links.eebus.websocket import NORMAL, Ended, Socket
from chargebridge.model.clock import SteadyClock
from chargebridge.wire.eebus.ship import (
    Closed,
    Connected,
    Event,
    Malformed,
    PeerWaits,
    Received,
    Role,
    ShipConnection,
    State,
    TrustWanted,
)

DOUBLE = "double connection"
TURN = 16
"""Messages of one peer after which others have their turn."""


class Session:
    """ship: its state and deadline. address: where we have dialled it. known: the peer was trusted when it came, or is since.
    asks: it waits for our trust. peer_waits: we wait for its. double: another connection to the same peer stays. closed: how it ended."""

    def __init__(
        self,
        socket: Socket,
        ship: ShipConnection,
        address: Address | None,
        known: bool,
        trace: Trace,
        clock: SteadyClock,
        rare: RareLog,
        changed: Callable[[], None],
    ) -> None:
        self.ski = socket.certificate.ski
        self.socket = socket
        self.ship = ship
        self.address = address
        self.known = known
        self.asks = False
        self.peer_waits = False
        self.double = False
        self.connected_at: datetime | None = None
        self.closed: Closed | None = None
        self._trace = trace
        self._clock = clock
        self._rare = rare
        self._changed = changed
        self._deadline = ship.deadline

    @property
    def incoming(self) -> bool:
        return self.ship.role is Role.SERVER

    @property
    def last_heard(self) -> datetime:
        """Anything, a pong too."""
        return self._clock.now() - timedelta(seconds=self.socket.silent_s())

    async def run(
        self,
        bounds: Bounds,
        connected: Callable[["Session", str | None], Awaitable[None]],
        received: Callable[["Session", bytes], Awaitable[None]],
    ) -> None:
        """Until its end; the socket is closed then."""
        self._note(f"{'connected from' if self.incoming else 'dialled'} {self.socket.remote}")
        loop = asyncio.get_running_loop()
        pace = Pace(bounds.frames_per_s, bounds.frames_burst, loop.time())
        turn = 0
        try:
            self._after([])
            while True:
                frame = await self.socket.receive()
                self._trace.frame(self.ski, "in", frame, stranger=not self.known)
                for event in self._after(self.ship.receive(frame, self._clock.steady_s())):
                    if isinstance(event, Connected):
                        self.connected_at = self._clock.now()
                        self._changed()
                        await connected(self, event.ship_id)
                    elif isinstance(event, Received):
                        await received(self, event.payload)
                turn += 1
                wait_s = pace.take(loop.time())
                if self.closed is None and (wait_s or turn % TURN == 0):
                    await asyncio.sleep(wait_s)
        except Ended as end:
            self._note(f"WebSocket ended: {end}")
            self.double = self.double or (end.code, end.text) == (NORMAL, DOUBLE)
            self._after(self.ship.lost(end.code, self._clock.steady_s()))
        finally:
            await self.socket.finish()

    def send(self, payload: bytes) -> None:
        """One SPINE datagram; nothing happens unless connected."""
        if self.ship.state is State.CONNECTED:
            self.ship.send(payload)
            self._after([])

    def wake(self) -> None:
        """The deadline has come."""
        self._after(self.ship.wake(self._clock.steady_s()))

    def trust(self) -> None:
        self.known = True
        self.asks = False
        self._after(self.ship.trust(self._clock.steady_s()))
        self._changed()

    def refuse(self) -> None:
        """It is not trusted, or not any more: nothing that it says counts from now on."""
        self.known = self.asks = False
        self._after(self.ship.refuse(self._clock.steady_s()))
        self._changed()

    def close(self) -> None:
        """Announced to the peer, where it has come so far."""
        self._after(self.ship.close(self._clock.steady_s()))
        self._changed()

    def close_double(self) -> None:
        """Another connection to the same peer stays."""
        self.double = True
        self._note("closed: another connection to this peer stays")
        self.socket.close(NORMAL, DOUBLE)

    def _note(self, text: str) -> None:
        self._trace.note(self.ski, text, stranger=not self.known)

    def _after(self, events: list[Event]) -> list[Event]:
        """What SHIP wants to send goes out; what it tells is noted."""
        for frame in self.ship.outgoing():
            self._trace.frame(self.ski, "out", frame, stranger=not self.known)
            self.socket.send(frame)
        for event in events:
            match event:
                case TrustWanted():
                    self.asks = True
                    self._changed()
                case PeerWaits():
                    self.peer_waits = True
                    self._changed()
                case Malformed(error):
                    told = {"where": error.position, "reason": error.reason, "cure": error.cure}
                    self._rare.warning(self.ski, "eebus message is malformed", ski=self.ski, **told)
                case Closed():
                    self.closed = event
                    self.asks = False
                    self._note(f"SHIP ended: {event.cause}, {event.reason}")
                    self.socket.close(event.code, event.text)
                    self._changed()
        if self.ship.deadline != self._deadline:
            self._deadline = self.ship.deadline
            self._changed()
        return events
