"""One SHIP node on the network: it listens, dials whom it trusts, and carries the datagrams of one SPINE node.

    hub = Hub(HubSettings(ship_id="Acme-Hems-1"), identity, MemoryTrust(), LocalDevice("d:_n:Acme_Hems-1", "EnergyManagementSystem"), clock)
    ControllableSystem(hub.node, hub.node.device.add((1,), "CEM"), ...)      use cases are made before it runs
    hub.listen(hear)
    task = asyncio.create_task(hub.run())
    await hub.opened()                                                       now `hub.port` is the real one
    await hub.pair(ski, address=Address("192.0.2.7", 4712))
    await hub.act(lambda now: guard.limit(Decimal(4200), None, now))

SHIP's and SPINE's timers are on the clock that is handed in; what concerns sockets (TLS, pings, dialling) is on the event loop's.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec
import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from chargebridge.links.eebus.alarm import Alarm
from chargebridge.links.eebus.dialler import Dialler
from chargebridge.links.eebus.door import Door
from chargebridge.links.eebus.ears import Hear
from chargebridge.links.eebus.exchange import Exchange
from chargebridge.links.eebus.finder import Finder
from chargebridge.links.eebus.peer import Address, Announced, Origin, Peer, Phase, Trouble, Trusted
from chargebridge.links.eebus.session import DOUBLE_CODE, DOUBLE_TEXT, Session
from chargebridge.links.eebus.settings import HubSettings
from chargebridge.links.eebus.tls import context_of
from chargebridge.links.eebus.trace import Trace
from chargebridge.links.eebus.trust_store import TrustStore
from chargebridge.links.eebus.websocket import Socket
from chargebridge.links.eebus.window import START_S, USUAL_S, PairingWindow
from chargebridge.model.clock import SteadyClock
from chargebridge.wire.eebus.ship import Cause, CertificateError, Closed, Role, ShipConnection, State
from chargebridge.wire.eebus.ship.dialling import keeps_new
from chargebridge.wire.eebus.ship.identity import Identity, PeerCertificate, normal_ski
from chargebridge.wire.eebus.spine.events import Event
from chargebridge.wire.eebus.spine.local import LocalDevice, Now
from chargebridge.wire.eebus.spine.node import Node

log = structlog.get_logger(__name__)

MAX_STRANGERS = 64
"""Peers that are not trusted of which is remembered that they have asked."""


class Hub:
    """finder: who finds peers by mDNS and tells of us; without one, peers are where they are said to be, or dial us."""

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
        self.trace = Trace(clock.now, lambda ski: trust.of(ski) is not None)
        self.window = window or PairingWindow(clock, START_S)
        self.port = settings.port
        self._clock = clock
        self._context = context_of(identity)
        self._finder = finder
        self._alarm = Alarm(clock, self._due_s, self._ring)
        self._exchange = Exchange(self.node, clock, settings.bounds.hear_s, self._alarm.moved)
        self._door = Door(self._context, settings.bounds, self._admit, self._welcome, self._waiting_from)
        self._sessions: dict[str, Session] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._diallers: dict[str, tuple[Dialler, asyncio.Task[None]]] = {}
        self._troubles: dict[str, Trouble] = {}
        self._denied: set[str] = set()
        self._not_after: dict[str, datetime] = {}
        self._opened = asyncio.Event()
        self._running = False
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
        """Trusted ones first, then those that have asked or are announced."""
        announced = self._announced()
        known = [entry.ski for entry in self.trust.all() if entry.ski]
        names = dict.fromkeys([*known, *self._sessions, *self._troubles, *announced])
        return tuple(self._peer(ski, announced.get(ski)) for ski in names)

    @property
    def window_until(self) -> datetime | None:
        return self.window.until

    def open_window(self, seconds: float = USUAL_S) -> None:
        """Peers that nobody knows may wait for a decision. Raises WindowError."""
        self.window.open(seconds)

    def close_window(self) -> None:
        self.window.close()

    async def pair(self, ski: str, *, address: Address | None = None, name: str = "", origin: Origin = Origin.USER) -> None:
        """Trust a peer: one that waits goes on, others are dialled where they are known to be. Raises CertificateError for what is no SKI."""
        ski = normal_ski(ski)
        if ski == self.identity.ski:
            raise CertificateError("SKI", "is our own", "give the other device's")
        old = self.trust.of(ski)
        entry = old or Trusted(ski=ski, origin=origin, since=self._clock.now())
        self.trust.put(msgspec.structs.replace(entry, name=name or entry.name, static=address or entry.static))
        self._forget_trouble(ski)
        session = self._sessions.get(ski)
        if session is not None:
            self._learn(session.socket)
            session.trust()
        self._match_diallers()
        if session is None and ski in self._diallers:
            self._diallers[ski][0].hurry()
        self._changed()

    async def unpair(self, ski: str) -> None:
        """Trust it no longer; it is told so. Nothing happens where it is not trusted."""
        self.trust.remove(ski)
        self._match_diallers()
        self._forget_trouble(ski)
        if session := self._sessions.get(ski):
            session.refuse()
        self._changed()

    async def refuse(self, ski: str) -> None:
        """Turn away one that asks."""
        session = self._sessions.get(ski)
        if session is not None and session.asks:
            session.refuse()

    async def opened(self) -> None:
        """Until it listens."""
        await self._opened.wait()

    async def run(self) -> None:
        """Until cancelled; then connections are closed in order. Raises DoorError where it cannot listen."""
        for peer in self.settings.peers:
            self._trust_static(peer.ski, peer.address, peer.name)
        server = await self._door.open(self.settings.host, self.settings.port)
        self.port = server.sockets[0].getsockname()[1]
        self._running = True
        if self._finder is not None:
            self._finder.on_change(self._found)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._alarm.run())
                tasks.create_task(self.window.run())
                if self._finder is not None:
                    tasks.create_task(self._finder.run(self.port))
                self._match_diallers()
                self._opened.set()
                log.info("eebus hub listens", host=self.settings.host, port=self.port, ski=self.identity.ski, ship_id=self.settings.ship_id)
        finally:
            await self._close(server)

    # Who comes, and who stays

    def _admit(self, certificate: PeerCertificate) -> None:
        if certificate.ski == self.identity.ski:
            raise CertificateError("certificate", "is our own", "give each node a key of its own, and do not dial yourself")

    def _welcome(self, socket: Socket, address: Address | None = None) -> None:
        """A WebSocket is open. address: where we have dialled it."""
        session = self._enter(socket)
        task = asyncio.ensure_future(self._turned_away(socket) if session is None else self._converse(session, address))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._changed()

    async def _turned_away(self, socket: Socket) -> None:
        socket.close(DOUBLE_CODE, DOUBLE_TEXT)
        await socket.finish()

    async def _converse(self, session: Session, address: Address | None) -> None:
        try:
            await session.run(lambda one, ship_id: self._connected(one, ship_id, address), self._exchange.receive)
        except Exception:
            log.exception("eebus connection failed", ski=session.ski)
        finally:
            await self._gone(session)

    def _enter(self, socket: Socket) -> Session | None:
        """None where another connection to the same peer stays, or the hub is closing."""
        ski, incoming = socket.certificate.ski, socket.role is Role.SERVER
        trusted = self._learn(socket)
        old = self._sessions.get(ski)
        if not self._running:
            return None
        if old is not None and old.closed is None and not self._replaces(old, incoming):
            log.info("eebus second connection refused", ski=ski, remote=socket.remote)
            old.socket.ping()  # if it is dead, it is over soon, and the peer comes again
            return None
        if old is not None:
            log.info("eebus second connection replaces the first", ski=ski, remote=socket.remote)
            old.close_double()
        ship = ShipConnection(
            socket.role,
            self.settings.ship_id,
            self._clock.steady_s(),
            trusted=trusted is not None,
            peer_id=trusted.ship_id if trusted else None,
            max_bytes=self.settings.bounds.message_bytes,
        )
        session = Session(socket, ship, self.trace, self._clock, self._session_moved)
        self._sessions[ski] = session
        self._not_after[ski] = socket.certificate.not_after
        self._alarm.moved()
        return session

    def _replaces(self, old: Session, incoming: bool) -> bool:
        """Whether a second connection stays. Of two that the same side has dialled the later one: it knows what became of its first."""
        return old.incoming == incoming or keeps_new(self.identity.ski, old.ski, incoming=incoming)

    def _learn(self, socket: Socket) -> Trusted | None:
        """The trust in a peer, with its certificate noted; of one that is known by its fingerprint only, the SKI too."""
        certificate = socket.certificate
        entry = self.trust.of(certificate.ski) or self.trust.by_fingerprint(certificate.fingerprint)
        if entry is None:
            return None
        if (entry.ski, entry.fingerprint) != (certificate.ski, certificate.fingerprint):
            if entry.fingerprint not in (None, certificate.fingerprint):
                log.warning("eebus peer has a new certificate for the same key", ski=certificate.ski, fingerprint=certificate.fingerprint)
            pem = x509.load_der_x509_certificate(socket.der).public_bytes(Encoding.PEM).decode()
            entry = msgspec.structs.replace(entry, ski=certificate.ski, fingerprint=certificate.fingerprint, certificate_pem=pem)
            self.trust.put(entry)
            self._match_diallers()
        return entry

    async def _connected(self, session: Session, ship_id: str | None, address: Address | None) -> None:
        if self._sessions.get(session.ski) is not session:
            return
        entry = self.trust.of(session.ski)
        if entry is not None:
            self.trust.put(
                msgspec.structs.replace(
                    entry, ship_id=entry.ship_id or ship_id, address=address or entry.address, last_connected=self._clock.now()
                )
            )
        self._forget_trouble(session.ski)
        if dialler := self._diallers.get(session.ski):
            dialler[0].succeeded()
        log.info("eebus peer connected", ski=session.ski, remote=session.socket.remote, ship_id=ship_id, incoming=session.incoming)
        await self._exchange.connect(session.ski, session.send)

    async def _gone(self, session: Session) -> None:
        ski, closed = session.ski, session.closed
        log.info("eebus connection ended", ski=ski, remote=session.socket.remote, reason=closed.reason if closed else "it was broken off")
        if self._sessions.get(ski) is not session:
            return
        del self._sessions[ski]
        if closed is not None and not session.double:
            self._note_trouble(ski, closed)
        if session.connected_at is not None:
            await self._exchange.disconnect(ski)
        if dialler := self._diallers.get(ski):
            dialler[0].moved()
        self._changed()

    # Whom to dial

    def _match_diallers(self) -> None:
        """One for each trusted peer whose SKI is known."""
        wanted = {entry.ski for entry in self.trust.all() if entry.ski} if self._running else set()
        for ski in [ski for ski in self._diallers if ski not in wanted]:
            self._diallers.pop(ski)[1].cancel()
        for ski in wanted - self._diallers.keys():
            dialler = self._dialler(ski)
            self._diallers[ski] = dialler, asyncio.ensure_future(dialler.run())

    def _dialler(self, ski: str) -> Dialler:
        def admit(certificate: PeerCertificate) -> None:
            self._admit(certificate)
            if certificate.ski != ski:
                raise CertificateError(
                    "certificate", f"of {certificate.ski}, not of {ski}", "correct the address, or pair the device that is there now"
                )

        return Dialler(
            self._context,
            self.settings.bounds,
            self.settings.dial_s,
            lambda: self._addresses(ski),
            lambda: ski in self._sessions,
            admit,
            self._welcome,
            lambda reason: self._not_reached(ski, reason),
        )

    def _addresses(self, ski: str) -> list[Address]:
        entry, announced = self.trust.of(ski), self._announced().get(ski)
        known = [entry.static, entry.address] if entry else []
        return [address for address in known if address is not None] + list(announced.addresses if announced else ())

    def _announced(self) -> dict[str, Announced]:
        return {one.ski: one for one in self._finder.announced} if self._finder else {}

    def _found(self) -> None:
        for ski in self._announced():
            if dialler := self._diallers.get(ski):
                dialler[0].moved()
        self._changed()

    def _trust_static(self, ski: str, address: Address | None, name: str) -> None:
        ski = normal_ski(ski)
        entry = self.trust.of(ski) or Trusted(ski=ski, origin=Origin.CONFIGURATION, since=self._clock.now())
        self.trust.put(msgspec.structs.replace(entry, static=address, name=name or entry.name))

    # Timers

    def _due_s(self) -> float | None:
        due = [session.ship.deadline for session in self._sessions.values() if session.ship.deadline is not None]
        if (node := self.node.due_s()) is not None:
            due.append(node)
        return min(due, default=None)

    def _ring(self) -> None:
        now = self._clock.steady_s()
        for session in list(self._sessions.values()):
            if session.ship.deadline is not None and session.ship.deadline <= now:
                session.wake()
        due = self.node.due_s()
        if due is not None and due <= now:
            self._exchange.tick()

    def _session_moved(self) -> None:
        self._alarm.moved()
        self._turn_away()
        self._changed()

    def _window_moved(self) -> None:
        self._turn_away()
        self._changed()

    def _turn_away(self) -> None:
        """Strangers wait only while the window is open, or the hub has just started."""
        for session in list(self._sessions.values()):
            if session.asks and not self.window.unknown_may_wait and session.ship.state is State.PENDING:
                session.refuse()

    # What people see

    def _peer(self, ski: str, announced: Announced | None) -> Peer:
        trusted, session = self.trust.of(ski), self._sessions.get(ski)
        return Peer(
            ski=ski,
            phase=self._phase(ski, trusted, session),
            trusted=trusted,
            announced=announced,
            incoming=session.incoming if session else None,
            remote=session.socket.remote if session else None,
            connected_at=session.connected_at if session else None,
            last_heard=session.last_heard if session else None,
            trouble=self._troubles.get(ski),
            certificate_not_after=self._not_after.get(ski),
        )

    def _phase(self, ski: str, trusted: Trusted | None, session: Session | None) -> Phase:
        if session is not None and session.ship.state is State.CONNECTED:
            return Phase.CONNECTED
        if session is not None and session.asks:
            return Phase.ASKING
        if session is not None and session.peer_waits:
            return Phase.WAITING
        if ski in self._denied:
            return Phase.DENIED
        dialler = self._diallers.get(ski)
        if session is not None or (dialler is not None and dialler[0].dialling):
            return Phase.CONNECTING
        return Phase.TRUSTED if trusted else Phase.SEEN

    def _note_trouble(self, ski: str, closed: Closed) -> None:
        if closed.cause is Cause.OUR_END:
            return
        reason, _, cure = closed.reason.partition(": ")
        self._troubles[ski] = Trouble(self._clock.now(), reason, cure)
        if closed.cause is Cause.DENIED:
            self._denied.add(ski)
        strangers = [one for one in self._troubles if self.trust.of(one) is None]
        for one in strangers[:-MAX_STRANGERS]:
            self._forget_trouble(one)

    def _not_reached(self, ski: str, reason: str) -> None:
        cure = "see that it is switched on and in the same network, or give its address"
        self._troubles[ski] = Trouble(self._clock.now(), f"cannot be reached: {reason}", cure)
        self._changed()

    def _forget_trouble(self, ski: str) -> None:
        self._troubles.pop(ski, None)
        self._denied.discard(ski)

    def _waiting_from(self, address: str) -> int:
        return sum(session.asks and session.socket.remote.rpartition(":")[0].strip("[]") == address for session in self._sessions.values())

    def _changed(self) -> None:
        if self._calls and not self._telling:
            self._telling = True
            asyncio.get_running_loop().call_soon(self._tell)

    def _tell(self) -> None:
        self._telling = False
        for call in self._calls:
            call()

    # The end

    async def _close(self, server: asyncio.Server) -> None:
        self._running = False
        server.close()
        self._match_diallers()
        for session in list(self._sessions.values()):
            session.close()
        loop = asyncio.get_running_loop()
        until = loop.time() + self.settings.bounds.closing_s
        while self._sessions and loop.time() < until:
            for session in list(self._sessions.values()):
                session.wake()
            await asyncio.sleep(0.02)
        for session in list(self._sessions.values()):
            session.socket.abort()
        self._door.close()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self.settings.bounds.closing_s)
