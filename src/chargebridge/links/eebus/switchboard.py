"""The open connections: one for each peer, whom it is trusted by, and what becomes of a second one."""

import asyncio
from collections.abc import Callable
from functools import lru_cache

import msgspec
import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from chargebridge.links.eebus.exchange import Exchange
from chargebridge.links.eebus.peer import Address, Trusted
from chargebridge.links.eebus.rare_log import RareLog
from chargebridge.links.eebus.session import DOUBLE, Session
from chargebridge.links.eebus.settings import HubSettings
from chargebridge.links.eebus.trace import Trace
from chargebridge.links.eebus.troubles import Troubles
from chargebridge.links.eebus.trust_store import TrustError, TrustStore
from chargebridge.links.eebus.websocket import NORMAL, Socket
from chargebridge.links.eebus.window import PairingWindow
from chargebridge.model.clock import SteadyClock
from chargebridge.wire.eebus.ship import Cause, CertificateError, Role, ShipConnection, State
from chargebridge.wire.eebus.ship.dialling import keeps_new
from chargebridge.wire.eebus.ship.identity import PeerCertificate, read_certificate

log = structlog.get_logger(__name__)

NOTED_S = 3600.0
"""How often the time of the last connection is written down; each costs a write to the disk."""


class Switchboard:
    """sessions: by SKI. refused: strangers whom a person turned away; nobody is asked again of them before the window is opened anew.
    moved: called when one is there, further, or gone. learnt: called when a fingerprint got its SKI."""

    def __init__(
        self,
        settings: HubSettings,
        own_ski: str,
        trust: TrustStore,
        window: PairingWindow,
        exchange: Exchange,
        troubles: Troubles,
        trace: Trace,
        clock: SteadyClock,
        moved: Callable[[str], None],
        learnt: Callable[[], None],
    ) -> None:
        self.sessions: dict[str, Session] = {}
        self.is_open = False
        self.refused: set[str] = set()
        self._settings = settings
        self._own_ski = own_ski
        self._trust = trust
        self._window = window
        self._exchange = exchange
        self._troubles = troubles
        self._trace = trace
        self._clock = clock
        self._moved = moved
        self._learnt = learnt
        self._linked: dict[str, Session] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._rare = RareLog(clock.steady_s)

    def admit(self, certificate: PeerCertificate) -> None:
        """Whether a connection may go on after TLS. Raises CertificateError."""
        if certificate.ski == self._own_ski:
            raise CertificateError("certificate", "is our own", "give each node a key of its own, and do not dial yourself")
        if self._trusted(certificate) is None:
            if sum(not session.known for session in self.sessions.values()) >= self._settings.bounds.strangers:
                raise CertificateError("certificate", "is not trusted, and too many such peers wait", "pair it, or come again later")
            self._compare(certificate)

    def welcome(self, socket: Socket, address: Address | None = None) -> None:
        """A WebSocket is open. address: where we have dialled it."""
        session = self._enter(socket, address)
        task = asyncio.ensure_future(self._turned_away(socket) if session is None else self._converse(session))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._moved(socket.certificate.ski)

    def strangers_from(self, address: str) -> int:
        return sum(not session.known and session.socket.host == address for session in self.sessions.values())

    def turn_away(self) -> None:
        """Strangers wait for a decision only while the window is open, or the hub has just started."""
        for session in list(self.sessions.values()):
            if session.asks and (session.ski in self.refused or not self._window.unknown_may_wait):
                session.refuse()

    def trust_moved(self) -> None:
        """Who waits and is trusted now goes on; who is trusted no longer is sent away."""
        names = {name for entry in self._trust.all() for name in (entry.ski, entry.fingerprint)}
        for session in list(self.sessions.values()):
            certificate = session.socket.certificate
            trusted = certificate.ski in names or certificate.fingerprint in names
            if trusted and not session.known:
                self.learn(session.socket)
                session.trust()
            elif session.known and not trusted:
                session.refuse()

    def learn(self, socket: Socket) -> Trusted | None:
        """The trust in a peer, with its certificate written down; of one that is known by its fingerprint only, the SKI too."""
        certificate = socket.certificate
        entry = self._trusted(certificate)
        if entry is None or (entry.ski, entry.fingerprint) == (certificate.ski, certificate.fingerprint):
            return entry
        if entry.fingerprint not in (None, certificate.fingerprint):
            log.warning("eebus peer has a new certificate for the same key", ski=certificate.ski, fingerprint=certificate.fingerprint)
        pem = x509.load_der_x509_certificate(socket.der).public_bytes(Encoding.PEM).decode()
        learnt = msgspec.structs.replace(entry, ski=certificate.ski, fingerprint=certificate.fingerprint, certificate_pem=pem)
        self._write_down(learnt)
        if entry.ski is None:
            self._learnt()
        return learnt

    async def close(self) -> None:
        """All of them, in order."""
        self.is_open = False
        for session in list(self.sessions.values()):
            session.close()
        loop = asyncio.get_running_loop()
        until = loop.time() + self._settings.bounds.closing_s
        while self.sessions and loop.time() < until:
            for session in list(self.sessions.values()):
                session.wake()
            await asyncio.sleep(0.02)
        for session in list(self.sessions.values()):
            session.socket.abort()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._settings.bounds.closing_s)

    def _trusted(self, certificate: PeerCertificate) -> Trusted | None:
        return self._trust.of(certificate.ski) or self._trust.by_fingerprint(certificate.fingerprint)

    def _enter(self, socket: Socket, address: Address | None) -> Session | None:
        """None where another connection to the same peer stays, or all are being closed."""
        ski, incoming = socket.certificate.ski, socket.role is Role.SERVER
        trusted = self.learn(socket)
        old = self.sessions.get(ski)
        if not self.is_open:
            return None
        if old is not None and old.closed is None and not self._replaces(old, incoming):
            self._rare.warning(ski, "eebus second connection refused", ski=ski, remote=socket.remote)
            old.socket.ping()  # if it is dead, it is over soon, and the peer comes again
            return None
        if old is not None:
            self._rare.warning(ski, "eebus second connection takes the place of the first", ski=ski, remote=socket.remote)
            old.close_double()
        ship = ShipConnection(
            socket.role,
            self._settings.ship_id,
            self._clock.steady_s(),
            trusted=trusted is not None,
            peer_id=trusted.ship_id if trusted else None,
            max_bytes=self._settings.bounds.message_bytes,
        )
        changed = lambda: self._session_moved(ski)  # noqa: E731
        session = Session(socket, ship, address, trusted is not None, self._trace, self._clock, self._rare, changed)
        self.sessions[ski] = session
        return session

    def _replaces(self, old: Session, incoming: bool) -> bool:
        """Whether a second connection stays. Of two that the same side has dialled the later one: it knows what became of its first."""
        return old.incoming == incoming or keeps_new(self._own_ski, old.ski, incoming=incoming)

    async def _turned_away(self, socket: Socket) -> None:
        socket.close(NORMAL, DOUBLE)
        await socket.finish()

    async def _converse(self, session: Session) -> None:
        try:
            await session.run(self._settings.bounds, self._connected, self._received)
        except Exception:
            log.exception("eebus connection failed", ski=session.ski)
        finally:
            await self._gone(session)

    async def _connected(self, session: Session, ship_id: str | None) -> None:
        if self.sessions.get(session.ski) is not session:
            return
        self._linked[session.ski] = session
        entry = self._trust.of(session.ski)
        if entry is not None:
            now = self._clock.now()
            met = msgspec.structs.replace(entry, ship_id=entry.ship_id or ship_id, address=session.address or entry.address)
            if met != entry or entry.last_connected is None or abs((now - entry.last_connected).total_seconds()) > NOTED_S:
                self._write_down(msgspec.structs.replace(met, last_connected=now))
        self._troubles.forget(session.ski)
        log.info("eebus peer connected", ski=session.ski, remote=session.socket.remote, ship_id=ship_id, incoming=session.incoming)
        self._moved(session.ski)
        await self._exchange.connect(session.ski, session.send)

    async def _received(self, session: Session, payload: bytes) -> None:
        if session.known and self._linked.get(session.ski) is session:
            await self._exchange.receive(session.ski, payload)

    async def _gone(self, session: Session) -> None:
        ski, closed = session.ski, session.closed
        reason = closed.reason if closed else "broken off"
        if session.known:
            log.info("eebus connection ended", ski=ski, remote=session.socket.remote, reason=reason)
        else:
            self._rare.warning(
                session.socket.host, "eebus connection of a stranger ended", ski=ski, remote=session.socket.remote, reason=reason
            )
        current = self.sessions.get(ski) is session
        if current:
            del self.sessions[ski]
            if closed is not None and closed.cause is not Cause.OUR_END and not session.double:
                self._troubles.closed(ski, closed)
        if self._linked.get(ski) is session:
            del self._linked[ski]
            await self._exchange.disconnect(ski)
        if current:
            self._moved(ski)

    def _session_moved(self, ski: str) -> None:
        self.turn_away()
        self._moved(ski)

    def _compare(self, certificate: PeerCertificate) -> None:
        """A device that comes with another key than before is told of: its user thinks that it is paired."""
        for entry in self._trust.all():
            if entry.ski and entry.certificate_pem and certificate.common_name and _names(entry.certificate_pem) == _names_of(certificate):
                self.changed_key(entry, certificate.ski, f"calls itself {' '.join(_names_of(certificate))}")

    def changed_key(self, entry: Trusted, other: str, how: str) -> None:
        """Tell of a SKI that seems to be the new one of a trusted peer."""
        if entry.ski is None or (entry.ski in self.sessions and self.sessions[entry.ski].ship.state is State.CONNECTED):
            return
        reason = f"a device with another SKI, {other}, {how}: it was reset, or its certificate was made anew"
        self._troubles.note(entry.ski, reason, f"if it is the same device, pair {other} and unpair this one; if not, find out who it is")
        self._rare.warning(entry.ski, "eebus peer seems to have a new key", ski=entry.ski, other=other, how=how)

    def _write_down(self, entry: Trusted) -> None:
        """What is learnt of a trusted peer; that it cannot be kept does not end the connection."""
        try:
            self._trust.put(entry)
        except TrustError as error:
            log.error("what was learnt of an eebus peer cannot be kept", ski=entry.ski, reason=error.reason, cure=error.cure)


@lru_cache(maxsize=1024)
def _names(pem: str) -> tuple[str, str]:
    """Of a certificate in the trust store; nothing where it cannot be read."""
    try:
        return _names_of(read_certificate(x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)))
    except (ValueError, CertificateError):
        return "", ""


def _names_of(certificate: PeerCertificate) -> tuple[str, str]:
    return certificate.organization, certificate.common_name
