"""The Central System (2.x: CSMS): its listening sockets for OCPP 1.6J, 2.0.1 and 2.1, and the stations that may use it.

A handshake goes through: path -> identity -> `Entrance` (who is let in, by which security profile) -> any subprotocol offered? (400) -> a common
one? (else the handshake is completed without one and the socket closed, 2.0.1 part 4, 3.3). What knocks in vain is counted and listed.
"""

import asyncio
import math
from asyncio.sslproto import SSLProtocol
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

import structlog
from msgspec import Struct
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from chargebridge.model.clock import Clock
from chargebridge.stations.ocpp.doorway import Doorway, guarded_socket
from chargebridge.stations.ocpp.entrance import Entrance, Knock, Refusal, is_identity
from chargebridge.stations.ocpp.language import Language
from chargebridge.stations.ocpp.language16 import Language16
from chargebridge.stations.ocpp.language21 import Language21
from chargebridge.stations.ocpp.language201 import Language201
from chargebridge.stations.ocpp.limits import Doorkeeper
from chargebridge.stations.ocpp.quarantine import Quarantine
from chargebridge.stations.ocpp.security import Security
from chargebridge.stations.ocpp.session import GOING_AWAY, FrameWatch, Session
from chargebridge.stations.ocpp.settings import MAX_IDENTITY, ServerSettings, StationSettings
from chargebridge.stations.ocpp.station import OcppStation
from chargebridge.stations.ocpp.tls import peer_certificate, watch_handshakes
from chargebridge.stations.ocpp.transport import WebsocketsTransport
from chargebridge.stations.port import StationSink
from chargebridge.wire.ocpp.rpc import Answers

log = structlog.get_logger()

LANGUAGES: dict[str, Language] = {language.dialect.name: language for language in (Language16(), Language201(), Language21())}
MAX_STRANGERS = 256  # kept for the operator; the oldest goes first
MAX_PROTOCOL = 16  # characters kept of what an unknown station offers to speak
CROWDED_WAIT_S = 60.0
HEARING_S = 300.0  # for so long an unknown station has its place in quarantine for certain
TLS_BUFFER = 16 * 1024  # asyncio keeps 256 KiB for each TLS connection to read into; a TLS record has no more than 16 (RFC 8446 5.1)
PROTOCOL_ERROR, POLICY, RESTART = 1002, 1008, 1012  # websocket close codes (RFC 6455 7.4.1, IANA)


class Stranger(Struct):
    """Somebody who was not let in. why: "unknown station", "wrong password", "no subprotocol" and so on. identity: "" when TLS failed before."""

    identity: str
    remote: str
    why: str
    first_at: datetime
    last_at: datetime
    times: int = 1


class CentralSystem:
    """Listens, lets stations in, and implements `port.Stations`.

    async with CentralSystem(settings, stations, sink, clock) as central:
        await central.station("garage-1").offer(1, 10.0, 3, 60.0, None)
    """

    def __init__(
        self,
        settings: ServerSettings,
        stations: Iterable[StationSettings],
        sink: StationSink,
        clock: Clock,
        security: Security | None = None,
    ) -> None:
        self.settings = settings
        self.security = security or Security(clock)
        self.strangers: OrderedDict[tuple[str, str], Stranger] = OrderedDict()
        self.watch: Callable[[str, str], FrameWatch] | None = None  # (identity, protocol) -> who sees the frames of a new session
        self.refused = 0  # handshakes that led nowhere, also those no longer listed
        self.door = Doorkeeper(settings.limits)
        self._sink = sink
        self._clock = clock
        self._stations: dict[str, OcppStation] = {}
        self._servers: list[Server] = []
        self._quarantined: dict[str, Session] = {}
        self._entrance = Entrance(
            self._settings_of, self.admit, self.security.vault, self.security.trust, self.door, clock, self.security.looked_up
        )
        self.security.serve(self)
        for station in stations:
            self.admit(station)

    def admit(self, settings: StationSettings) -> OcppStation:
        """Let a further station in. Raises ValueError when its security is not settled or its identity is taken."""
        if settings.security_profile in (1, 2) and settings.password_hash is None:
            raise ValueError(f"station {settings.identity!r} has no password; set one, or say security_profile 0 to do without")
        if settings.identity in self._stations:
            raise ValueError(f"two stations are called {settings.identity!r}; give each its own identity")
        if not is_identity(settings.identity):
            raise ValueError(f"{settings.identity!r} is no station identity; use 1 to {MAX_IDENTITY} characters without a colon")
        station = OcppStation(settings, self.settings, self._sink, self._clock)
        self._stations[settings.identity] = station
        self.security.look_after(station)
        return station

    async def dismiss(self, identity: str, reason: str) -> None:
        """A station that was approved is so no more: end its connection and forget it."""
        station = self._stations.get(identity)
        if station is not None and station.settings.approved:
            del self._stations[identity]
            if station.session is not None:
                await station.session.close(POLICY, reason)
        await self.dismiss_applicant(identity, reason)

    async def dismiss_applicant(self, identity: str, reason: str) -> None:
        """An applicant was decided on: what it has open in quarantine ends."""
        session = self._quarantined.get(identity)
        if session is not None:
            await session.close(RESTART, reason)

    def _settings_of(self, identity: str) -> StationSettings | None:
        station = self._stations.get(identity)
        return None if station is None else station.settings

    def station(self, identity: str) -> OcppStation | None:
        return self._stations.get(identity)

    def __iter__(self) -> Iterator[OcppStation]:
        return iter(list(self._stations.values()))

    @property
    def port(self) -> int:
        """The port that is listened on, once started."""
        return int(next(iter(self._servers[0].sockets)).getsockname()[1])

    @property
    def plain_port(self) -> int:
        """The port of the plain listener beside the one with TLS."""
        return int(next(iter(self._servers[1].sockets)).getsockname()[1])

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen. Raises OSError when the address is taken."""
        s = self.settings
        await self.security.start()
        try:
            if s.tls is None:
                await self._listen(host=s.host, port=s.port)
            else:
                SSLProtocol.max_size = TLS_BUFFER
                watch_handshakes(s.tls, partial(self._turn_away, "", "?"))
                listener = guarded_socket(s.host, s.port, self._may_enter)
                await self._listen(sock=listener, ssl=s.tls, ssl_handshake_timeout=s.handshake_timeout_s)
                if s.plain_port is not None:
                    await self._listen(host=s.plain_host, port=s.plain_port)
        except BaseException:
            await self.stop()
            raise

    async def _listen(self, **where: Any) -> None:
        s = self.settings
        server = await serve(
            self._connected,
            create_connection=partial(Doorway, door=self.door, behind_proxy=s.behind_proxy),  # type: ignore[arg-type]
            process_request=self._process_request,  # type: ignore[arg-type]
            select_subprotocol=_select_subprotocol,
            max_size=s.max_frame,
            open_timeout=s.handshake_timeout_s,
            ping_interval=s.ping_s,
            ping_timeout=s.ping_timeout_s,
            close_timeout=s.close_timeout_s,
            server_header=None,
            **where,
        )
        self._servers.append(server)

    async def stop(self) -> None:
        """Close all connections; what was taken in is handled first."""
        for station in self._stations.values():
            if station.session is not None:
                station.session.stop_reading()
        for server in self._servers:
            server.close(code=GOING_AWAY, reason="shutting down")
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()
        for station in self._stations.values():
            await station.stop()
        await self.security.stop()

    def _may_enter(self, address: str) -> bool:
        """The TLS port's first look, before anything was read."""
        if self.door.knock(address, self._clock.now().timestamp()) > 0:
            self._turn_away("", address, "too many connections")
            return False
        return True

    async def _process_request(self, socket: Doorway, request: Request) -> Response | None:
        """Who is it? None lets the handshake go on."""
        identity, address = identity_of(request.path), socket.address()
        if not socket.secure:
            if self.settings.behind_proxy:
                socket.count(address)
            wait = self.door.knock(address, self._clock.now().timestamp())
            if wait > 0:
                return self._refuse(socket, identity, address, _too_many(wait))
        if socket.crowded:
            return self._refuse(socket, identity, address, _too_many(CROWDED_WAIT_S))
        decided = await self._entrance.decide(
            Knock(
                identity=identity,
                address=address,
                secure=socket.secure or self.settings.behind_proxy,
                certificate=peer_certificate(socket.transport.get_extra_info("ssl_object")),
                authorization=request.headers.get("Authorization"),
                protocol=request.headers.get("Sec-WebSocket-Protocol", "")[:MAX_PROTOCOL],
            )
        )
        if isinstance(decided, Refusal):
            room = len(self._quarantined) < self.settings.limits.quarantined and identity not in self._quarantined
            if decided.quarantine is None or self.settings.quarantine == "list" or not room:
                return self._refuse(socket, identity, address, decided)
            socket.quarantine = decided.quarantine
        else:
            socket.entry = decided
        if "Sec-WebSocket-Protocol" not in request.headers:
            self._turn_away(identity, address, "no subprotocol")
            return socket.respond(HTTPStatus.BAD_REQUEST, f"offer a subprotocol: {', '.join(LANGUAGES)}\n")
        return None

    def _refuse(self, socket: Doorway, identity: str, address: str, refusal: Refusal) -> Response:
        self._turn_away(identity, address, refusal.why)
        response = socket.respond(refusal.status, f"{refusal.said}\n")
        if refusal.status is HTTPStatus.UNAUTHORIZED:
            response.headers["WWW-Authenticate"] = 'Basic realm="OCPP"'
        if refusal.retry_s is not None:
            response.headers["Retry-After"] = str(math.ceil(refusal.retry_s))
        return response

    async def _connected(self, socket: ServerConnection) -> None:
        """Serve one connection whose handshake went through."""
        assert socket.request is not None
        assert isinstance(socket, Doorway)
        identity = identity_of(socket.request.path)
        if socket.subprotocol is None:
            self._turn_away(identity, socket.address(), "no common subprotocol")
            await socket.close(PROTOCOL_ERROR, f"speak one of {', '.join(LANGUAGES)}")
            return
        language = LANGUAGES[socket.subprotocol]
        transport = WebsocketsTransport(socket)
        if socket.quarantine is not None:
            await self._hear_applicant(socket, transport, language)
            return
        station = self._stations.get(identity)
        if station is None:  # it was dismissed in this very moment
            await socket.close(POLICY, "not approved any more")
            return
        session = Session(transport, language.dialect, station.answers, station.handle, self.settings, self._clock)
        if self.watch is not None:
            session.watch = self.watch(identity, socket.subprotocol)
        assert socket.entry is not None
        log.info(
            "station connected",
            station=identity,
            protocol=socket.subprotocol,
            remote=transport.remote,
            security_profile=socket.entry.profile,
        )
        station.entry = socket.entry
        await station.serve(session, language)

    async def _hear_applicant(self, socket: Doorway, transport: WebsocketsTransport, language: Language) -> None:
        """An unknown station in quarantine: listened to for a while, and served nothing."""
        assert socket.quarantine is not None
        identity = socket.quarantine.station
        quarantine = Quarantine(socket.quarantine, self.security.vault, self.settings, self._clock)
        session = Session(transport, language.dialect, Answers(), quarantine.handle, self.settings, self._clock)
        session.boot_refused = True
        if identity in self._quarantined:
            await session.close(POLICY, "listened to already")
            return
        self._quarantined[identity] = session
        log.info("station in quarantine", station=identity, remote=transport.remote)
        ending = asyncio.create_task(self._end_hearing(session))
        try:
            await session.run()
        finally:
            ending.cancel()
            del self._quarantined[identity]

    async def _end_hearing(self, session: Session) -> None:
        """A pending station's connection stays (B02.FR.06), but not when all places are taken: others may want one, and it comes again."""
        while True:
            await self._clock.sleep(HEARING_S)
            if len(self._quarantined) >= self.settings.limits.quarantined:
                await session.close(RESTART, "not decided yet; come again")

    def _turn_away(self, identity: str, remote: str, why: str) -> None:
        self.refused += 1
        now = self._clock.now()
        known = self.strangers.get((identity, why))
        if known is None:
            self.strangers[identity, why] = Stranger(identity, remote, why, now, now)
            log.warning("turned away", station=identity, remote=remote, why=why)
        else:
            known.times, known.last_at, known.remote = known.times + 1, now, remote
            self.strangers.move_to_end((identity, why))
        while len(self.strangers) > MAX_STRANGERS:
            self.strangers.popitem(last=False)


def _too_many(wait_s: float) -> Refusal:
    said = "too many connections"
    return Refusal(status=HTTPStatus.TOO_MANY_REQUESTS, why=said, said=said, retry_s=wait_s)


def identity_of(path: str) -> str:
    """The last segment of the URL's path, percent-decoded, cut to a sane length (2.0.1 part 4, 3.1.1)."""
    return unquote(path.partition("?")[0].rstrip("/").rsplit("/", 1)[-1])[: 2 * MAX_IDENTITY]


def _select_subprotocol(socket: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """The station's first choice among what we speak."""
    return next((name for name in offered if name in LANGUAGES), None)
