"""One SHIP connection on its WebSocket, from the opening to the end."""

from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from chargebridge.links.eebus.trace import Trace
from chargebridge.links.eebus.websocket import Ended, Socket
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

log = structlog.get_logger(__name__)

DOUBLE_CODE, DOUBLE_TEXT = 1000, "double connection"


class Session:
    """ship: its state and deadline. asks: the peer waits for our trust. peer_waits: we wait for its. closed: how it ended."""

    def __init__(self, socket: Socket, ship: ShipConnection, trace: Trace, clock: SteadyClock, changed: Callable[[], None]) -> None:
        self.ski = socket.certificate.ski
        self.socket = socket
        self.ship = ship
        self.asks = False
        self.peer_waits = False
        self.double = False
        self.connected_at: datetime | None = None
        self.last_heard = clock.now()
        self.closed: Closed | None = None
        self._trace = trace
        self._clock = clock
        self._changed = changed

    @property
    def incoming(self) -> bool:
        return self.ship.role is Role.SERVER

    async def run(
        self, connected: Callable[["Session", str | None], Awaitable[None]], received: Callable[[str, bytes], Awaitable[None]]
    ) -> None:
        """Until its end; the socket is closed then."""
        self._trace.note(self.ski, f"{'connected from' if self.incoming else 'dialled'} {self.socket.remote}")
        try:
            self._after([])
            while True:
                frame = await self.socket.receive()
                self._trace.frame(self.ski, "in", frame)
                self.last_heard = self._clock.now()
                for event in self._after(self.ship.receive(frame, self._clock.steady_s())):
                    if isinstance(event, Connected):
                        self.connected_at = self._clock.now()
                        self._changed()
                        await connected(self, event.ship_id)
                    elif isinstance(event, Received):
                        await received(self.ski, event.payload)
        except Ended as end:
            self._trace.note(self.ski, f"WebSocket ended: {end}")
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
        self.asks = False
        self._after(self.ship.trust(self._clock.steady_s()))
        self._changed()

    def refuse(self) -> None:
        self.asks = False
        self._after(self.ship.refuse(self._clock.steady_s()))

    def close(self) -> None:
        """Announced to the peer, where it has come so far."""
        self._after(self.ship.close(self._clock.steady_s()))

    def close_double(self) -> None:
        """Another connection to the same peer stays."""
        self.double = True
        self._trace.note(self.ski, "closed: another connection to this peer stays")
        self.socket.close(DOUBLE_CODE, DOUBLE_TEXT)

    def _after(self, events: list[Event]) -> list[Event]:
        """What SHIP wants to send goes out; what it tells is noted."""
        for frame in self.ship.outgoing():
            self._trace.frame(self.ski, "out", frame)
            self.socket.send(frame)
        for event in events:
            match event:
                case TrustWanted():
                    self.asks = True
                    self._changed()
                case PeerWaits():
                    self.peer_waits = True
                    self._changed()
                case Malformed():
                    error = event.error
                    log.warning("eebus message is malformed", ski=self.ski, where=error.position, reason=error.reason, cure=error.cure)
                case Closed():
                    self.closed = event
                    self.asks = False
                    self._trace.note(self.ski, f"SHIP ended: {event.cause}, {event.reason}")
                    self.socket.close(event.code, event.text)
                    self._changed()
        return events
