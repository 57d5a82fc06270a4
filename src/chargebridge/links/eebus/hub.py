"""One SHIP node on the network: it listens, dials whom it trusts, and carries the datagrams of one SPINE node.

    hub = Hub(HubSettings(ship_id="Acme-Hems-1"), identity, MemoryTrust(), LocalDevice("d:_n:Acme_Hems-1", "EnergyManagementSystem"), clock)
    ControllableSystem(hub.node, hub.node.device.add((1,), "CEM"), ...)      use cases are made before it runs
    hub.listen(hear)
    task = asyncio.create_task(hub.run())
    await hub.opened()                                                       now `hub.port` is the real one
    await hub.pair(ski, address=Address("192.0.2.7", 4712))
    await hub.act(lambda now: guard.limit(Decimal(4200), None, now))

SHIP's and SPINE's timers are on the clock that is handed in; what concerns sockets (TLS, pings, dialling) is on the event loop's.

    settings     who the node is, and its bounds          door         who may come in
    tls          TLS on memory                            dialler      whom to dial and when; reach: from addresses to a WebSocket
    websocket    WebSocket on TLS on a stream             switchboard  one session for each peer; session: SHIP on a WebSocket
    trace        the last frames; trace_file              exchange     the one SPINE node; ears: who listens to it
    window       when strangers may wait                  troubles     why peers are not connected
    mdns         who is on the network                    pairing_service  a control box trusted by our QR code
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import msgspec
import structlog

from chargebridge.links.eebus.alarm import Alarm
from chargebridge.links.eebus.dialler import Diallers
from chargebridge.links.eebus.door import Door
from chargebridge.links.eebus.ears import Hear
from chargebridge.links.eebus.exchange import Exchange
from chargebridge.links.eebus.finder import Finder
from chargebridge.links.eebus.mdns import Mdns
from chargebridge.links.eebus.peer import Address, Announced, Origin, Peer, Phase, Refusal, Trusted
from chargebridge.links.eebus.reach import Failure
from chargebridge.links.eebus.session import Session
from chargebridge.links.eebus.settings import HubSettings
from chargebridge.links.eebus.switchboard import Switchboard
from chargebridge.links.eebus.tls import context_of
from chargebridge.links.eebus.trace import Trace
from chargebridge.links.eebus.trace_file import TraceFile
from chargebridge.links.eebus.troubles import Troubles
from chargebridge.links.eebus.trust_store import TrustStore
from chargebridge.links.eebus.window import START_S, USUAL_S, PairingWindow
from chargebridge.model.clock import SteadyClock
from chargebridge.wire.eebus.ship import Cause, CertificateError, State
from chargebridge.wire.eebus.ship.identity import Identity, normal_ski
from chargebridge.wire.eebus.spine.events import Event
from chargebridge.wire.eebus.spine.local import LocalDevice, Now
from chargebridge.wire.eebus.spine.node import Node

log = structlog.get_logger(__name__)


class Hub:
    """finder: who finds peers and tells of us; by mDNS if there is none and the settings name interfaces. Without, peers are where they are said to
    be, or dial us."""

    def __init__(
        self,
        settings: HubSettings,
        identity: Identity,
        trust: TrustStore,
        device: LocalDevice,
        clock: SteadyClock,
        *,
        finder: Finder | None = None,
        window: PairingWindow | None = None,
    ) -> None:
        self.settings = settings
        self.identity = identity
        self.trust = trust
        self.node = Node(device)
        self.trace = Trace(clock.now)
        self.window = window or PairingWindow(clock, START_S)
        self.port = settings.port
        self._clock = clock
        if finder is None and settings.interfaces:
            finder = Mdns(settings, identity.ski, self.window, clock)
        self._finder = finder
        self._alarm = Alarm(clock, self._due_s, self._ring)
        self._exchange = Exchange(self.node, clock, settings.bounds.hear_s, self._alarm.moved)
        self._troubles = Troubles(identity.ski, clock.now, lambda ski: trust.of(ski) is not None)
        self._switchboard = Switchboard(
            settings, identity.ski, trust, self.window, self._exchange, self._troubles, self.trace, clock, self._moved, self.trust_moved
        )
        context, board = context_of(identity), self._switchboard
        self._diallers = Diallers(
            context, settings, self._trusted, self._announced, board.sessions.__contains__, board.admit, board.welcome, self._not_reached
        )
        self._door = Door(context, settings.bounds, board.admit, board.welcome, board.strangers_from, self._is_known, clock.now)
        self._opened = asyncio.Event()
        self._calls: list[Callable[[], None]] = []
        self._telling = False
        self.window.on_change(self._window_moved)

    # What is asked of it

    def now(self) -> Now:
        return self._exchange.now()

    def listen(self, hear: Hear) -> None:
        """`hear` every event of SPINE and use cases; they are awaited before what the same call produced goes out to whom it was about.

        Events of one peer come in their order, those of several side by side, those of time and of `act` after all before and before all later.
        A listener that fails, or takes longer than `Bounds.hear_s`, costs the answer to that datagram; nothing else.
        """
        self._exchange.listen(hear)

    async def act(self, do: Callable[[Now], Iterable[Event] | None]) -> None:
        """Call the node or a use case; returns when listeners have heard and the datagrams have gone out."""
        await self._exchange.act(do)

    def on_change(self, call: Callable[[], None]) -> None:
        """`call` soon after `peers` is another one, once for several changes; it must be quick and not raise."""
        self._calls.append(call)

    def peers(self) -> tuple[Peer, ...]:
        """Trusted ones first, then those that are connected, have been, or are announced."""
        trusted = {entry.ski: entry for entry in self.trust.all() if entry.ski}
        announced = {one.ski: one for one in self._announced()}
        names = dict.fromkeys([*trusted, *self._switchboard.sessions, *self._troubles, *announced])
        return tuple(self._peer(ski, trusted.get(ski), announced.get(ski)) for ski in names)

    def refusals(self) -> tuple[Refusal, ...]:
        """Who has come, but not so far that it was known who it is; the newest first, one of each address."""
        return tuple(reversed(self._door.refusals.values()))

    @property
    def window_until(self) -> datetime | None:
        return self.window.until

    def open_window(self, seconds: float = USUAL_S) -> None:
        """Peers that nobody knows may wait for a decision. Raises WindowError."""
        self._switchboard.refused.clear()
        self.window.open(seconds)

    def close_window(self) -> None:
        self.window.close()

    async def pair(self, ski: str, *, address: Address | None = None, name: str = "", origin: Origin = Origin.USER) -> None:
        """Trust a peer: one that waits goes on, others are dialled where they may be; one that was sent away for its new SHIP ID may have it.

        Raises CertificateError for what is no SKI of another node, and TrustError where it cannot be kept."""
        ski = self._of_another(ski)
        entry = self.trust.of(ski) or Trusted(ski=ski, origin=origin, since=self._clock.now())
        ship_id = None if self._troubles.cause(ski) is Cause.ID_MISMATCH else entry.ship_id
        self.trust.put(msgspec.structs.replace(entry, name=name or entry.name, static=address or entry.static, ship_id=ship_id))
        self._troubles.forget(ski)
        self.trust_moved()
        if ski not in self._switchboard.sessions:
            self._diallers.hurry(ski)

    async def unpair(self, ski: str) -> None:
        """Trust it no longer; it is told so. Nothing happens where it is not trusted. Raises TrustError."""
        self.trust.remove(ski)
        self._troubles.forget(ski)
        self.trust_moved()

    async def refuse(self, ski: str) -> None:
        """Turn away one that asks, also when it comes again, until the pairing window is opened anew. Nothing happens where it does not ask."""
        session = self._switchboard.sessions.get(ski)
        if session is not None and session.asks:
            self._switchboard.refused.add(ski)
            session.refuse()

    def trust_moved(self) -> None:
        """The trust store has other entries, by whoever: those who wait and are trusted now go on, and who is to be dialled is dialled."""
        if self._switchboard.is_open:
            self._switchboard.trust_moved()
            self._diallers.match(self.trust.all())
            self._changed()

    async def opened(self) -> None:
        """Until it listens."""
        await self._opened.wait()

    async def run(self) -> None:
        """Until cancelled; then connections are closed in order. Raises DoorError where it cannot listen, and for static peers what `pair` raises."""
        for peer in self.settings.peers:
            ski = self._of_another(peer.ski)
            entry = self.trust.of(ski) or Trusted(ski=ski, origin=Origin.CONFIGURATION, since=self._clock.now())
            self.trust.put(msgspec.structs.replace(entry, static=peer.address, name=peer.name or entry.name))
        self.port = await self._door.open(self.settings.host, self.settings.port)
        try:
            self._switchboard.is_open = True
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._alarm.run())
                tasks.create_task(self.window.run())
                if self.settings.trace_file is not None:
                    file = TraceFile(self.settings.trace_file, self.settings.trace_bytes)
                    self.trace.on_entry(file.add)
                    tasks.create_task(file.run())
                if self._finder is not None:
                    self._finder.on_change(self._found)
                    tasks.create_task(self._finder.run(self.port))
                self.trust_moved()
                self._opened.set()
                log.info("eebus hub listens", host=self.settings.host, port=self.port, ski=self.identity.ski, ship_id=self.settings.ship_id)
        finally:
            self._door.close()
            self._diallers.match(())
            await self._switchboard.close()
            await self._exchange.settle()

    # What moves

    def _of_another(self, text: str) -> str:
        ski = normal_ski(text)
        if ski == self.identity.ski:
            raise CertificateError("SKI", "is our own", "give the other device's")
        return ski

    def _trusted(self, name: str) -> Trusted | None:
        return self.trust.of(name) or self.trust.by_fingerprint(name)

    def _announced(self) -> Sequence[Announced]:
        return self._finder.announced if self._finder is not None else ()

    def _is_known(self, host: str) -> bool:
        known = [address for entry in self.trust.all() for address in (entry.static, entry.address)]
        known += [address for one in self._announced() if self.trust.of(one.ski) for address in one.addresses]
        return any(address is not None and address.host == host for address in known)

    def _moved(self, ski: str) -> None:
        """A session is there, further, or gone."""
        self._alarm.moved()
        session = self._switchboard.sessions.get(ski)
        if session is not None and session.ship.state is State.CONNECTED:
            self._diallers.hurry(ski)  # when it is lost, it is dialled as if for the first time
        else:
            self._diallers.moved(ski)
        self._changed()

    def _found(self) -> None:
        self._diallers.found()
        for one in self._announced():
            for entry in self.trust.all() if self.trust.of(one.ski) is None else ():
                if entry.ski and entry.ship_id and entry.ship_id == one.ship_id:
                    self._switchboard.changed_key(entry, one.ski, f"announces itself as {one.ship_id}")
        self._changed()

    def _not_reached(self, name: str, failures: Sequence[Failure]) -> None:
        entry = self._trusted(name)
        if entry is None or entry.ski is None or entry.ski in self._switchboard.sessions or self._troubles.cause(entry.ski) is Cause.DENIED:
            return
        reason = "; ".join(f"{one.address.host}:{one.address.port}: {one.reason}" for one in failures)
        cures = [one.error.cure for one in failures if one.error is not None]
        away = "see that it is switched on and in the same network, or correct its address; it is dialled again"
        self._troubles.note(entry.ski, f"cannot be reached at {reason}", cures[0] if cures else away)
        self._changed()

    def _window_moved(self) -> None:
        self._switchboard.turn_away()
        self._changed()

    def _due_s(self) -> float | None:
        due = [session.ship.deadline for session in self._switchboard.sessions.values() if session.ship.deadline is not None]
        if (node := self.node.due_s()) is not None:
            due.append(node)
        return min(due, default=None)

    def _ring(self) -> None:
        now = self._clock.steady_s()
        for session in list(self._switchboard.sessions.values()):
            if session.ship.deadline is not None and session.ship.deadline <= now:
                session.wake()
        self._switchboard.turn_away()
        due = self.node.due_s()
        if due is not None and due <= now:
            self._exchange.tick()

    def _changed(self) -> None:
        if self._calls and not self._telling:
            self._telling = True
            asyncio.get_running_loop().call_soon(self._tell)

    def _tell(self) -> None:
        self._telling = False
        for call in self._calls:
            call()

    # What people see

    def _peer(self, ski: str, trusted: Trusted | None, announced: Announced | None) -> Peer:
        session = self._switchboard.sessions.get(ski)
        certificate = session.socket.certificate if session else None
        return Peer(
            ski=ski,
            phase=self._phase(ski, trusted, session),
            trusted=trusted,
            announced=announced,
            incoming=session.incoming if session else None,
            remote=session.socket.remote if session else None,
            connected_at=session.connected_at if session else None,
            last_heard=session.last_heard if session else None,
            trouble=self._troubles.of(ski),
            certificate_not_after=certificate.not_after if certificate else None,
            calls_itself=f"{certificate.organization} {certificate.common_name}".strip() if certificate else "",
        )

    def _phase(self, ski: str, trusted: Trusted | None, session: Session | None) -> Phase:
        if session is not None and session.ship.state is State.CONNECTED:
            return Phase.CONNECTED
        if session is not None and session.asks:
            return Phase.ASKING
        if session is not None and session.known and session.peer_waits:
            return Phase.WAITING
        if trusted is None:
            return Phase.SEEN
        if self._troubles.cause(ski) is Cause.DENIED:
            return Phase.DENIED
        return Phase.CONNECTING if session is not None or self._diallers.dialling(ski) else Phase.TRUSTED
