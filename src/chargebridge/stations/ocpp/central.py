"""The Central System (2.x: CSMS): one listening socket for OCPP 1.6J, 2.0.1 and 2.1, and the stations that may use it.

A handshake goes through: path -> identity -> known? (404) -> password? (401) -> any subprotocol offered? (400) -> a common one?
(else the handshake is completed without one and the socket closed, 2.0.1 part 4, 3.3). What knocks in vain is counted and listed.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import unquote

import structlog
from msgspec import Struct
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from chargebridge.model.clock import Clock
from chargebridge.stations.ocpp.language import Language
from chargebridge.stations.ocpp.language16 import Language16
from chargebridge.stations.ocpp.language21 import Language21
from chargebridge.stations.ocpp.language201 import Language201
from chargebridge.stations.ocpp.passwords import PasswordCheck, basic_credentials
from chargebridge.stations.ocpp.session import GOING_AWAY, FrameWatch, Session
from chargebridge.stations.ocpp.settings import ServerSettings, StationSettings
from chargebridge.stations.ocpp.station import OcppStation
from chargebridge.stations.ocpp.transport import WebsocketsTransport
from chargebridge.stations.port import StationSink

log = structlog.get_logger()

LANGUAGES: dict[str, Language] = {language.dialect.name: language for language in (Language16(), Language201(), Language21())}
MAX_IDENTITY = 48  # 2.0.1 part 4, 3.1
MAX_STRANGERS = 256  # kept for the operator; the oldest goes first
PROTOCOL_ERROR = 1002


class Stranger(Struct):
    """Somebody who was not let in. why: "unknown station", "wrong password", "no subprotocol", "no common subprotocol"."""

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

    def __init__(self, settings: ServerSettings, stations: Iterable[StationSettings], sink: StationSink, clock: Clock) -> None:
        self.settings = settings
        self.strangers: OrderedDict[tuple[str, str], Stranger] = OrderedDict()
        self.watch: Callable[[str, str], FrameWatch] | None = None  # (identity, protocol) -> who sees the frames of a new session
        self.refused = 0  # handshakes that led nowhere, also those no longer listed
        self._sink = sink
        self._clock = clock
        self._passwords = PasswordCheck()
        self._stations: dict[str, OcppStation] = {}
        self._server: Server | None = None
        for station in stations:
            self.admit(station)

    def admit(self, settings: StationSettings) -> OcppStation:
        """Let a further station in. Raises ValueError when its security is not settled or its identity is taken."""
        if settings.security_profile == 1 and settings.password_hash is None:
            raise ValueError(f"station {settings.identity!r} has no password; set one, or say security_profile 0 to do without")
        if settings.identity in self._stations:
            raise ValueError(f"two stations are called {settings.identity!r}; give each its own identity")
        if not 0 < len(settings.identity) <= MAX_IDENTITY or ":" in settings.identity:
            raise ValueError(f"{settings.identity!r} is no station identity; use 1 to {MAX_IDENTITY} characters without a colon")
        station = OcppStation(settings, self.settings, self._sink, self._clock)
        self._stations[settings.identity] = station
        return station

    def station(self, identity: str) -> OcppStation | None:
        return self._stations.get(identity)

    def __iter__(self) -> Iterator[OcppStation]:
        return iter(list(self._stations.values()))

    @property
    def port(self) -> int:
        """The port that is listened on, once started."""
        assert self._server is not None
        return int(next(iter(self._server.sockets)).getsockname()[1])

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen. Raises OSError when the address is taken."""
        s = self.settings
        self._server = await serve(
            self._connected,
            s.host,
            s.port,
            ssl=s.tls,
            process_request=self._process_request,
            select_subprotocol=_select_subprotocol,
            max_size=s.max_frame,
            open_timeout=s.handshake_timeout_s,
            ping_interval=s.ping_s,
            ping_timeout=s.ping_timeout_s,
            close_timeout=s.close_timeout_s,
            server_header=None,
        )

    async def stop(self) -> None:
        """Close all connections; what was taken in is handled first."""
        for station in self._stations.values():
            if station.session is not None:
                station.session.stop_reading()
        if self._server is not None:
            self._server.close(code=GOING_AWAY, reason="shutting down")
            await self._server.wait_closed()
        for station in self._stations.values():
            await station.stop()

    async def _process_request(self, socket: ServerConnection, request: Request) -> Response | None:
        """Who is it? None lets the handshake go on."""
        identity = identity_of(request.path)
        station = self._stations.get(identity)
        if station is None:
            self._turn_away(identity, socket, "unknown station")
            return socket.respond(HTTPStatus.NOT_FOUND, "unknown station\n")
        if station.settings.security_profile == 1:
            credentials = basic_credentials(request.headers.get("Authorization"))
            stored = station.settings.password_hash
            if (
                credentials is None
                or stored is None
                or credentials.user != identity
                or not await self._passwords.check(credentials.password, stored)
            ):
                self._turn_away(identity, socket, "wrong password")
                response = socket.respond(HTTPStatus.UNAUTHORIZED, "user is the identity, password as configured\n")
                response.headers["WWW-Authenticate"] = 'Basic realm="OCPP"'
                return response
        if "Sec-WebSocket-Protocol" not in request.headers:
            self._turn_away(identity, socket, "no subprotocol")
            return socket.respond(HTTPStatus.BAD_REQUEST, f"offer a subprotocol: {', '.join(LANGUAGES)}\n")
        return None

    async def _connected(self, socket: ServerConnection) -> None:
        """Serve one connection whose handshake went through."""
        assert socket.request is not None
        identity = identity_of(socket.request.path)
        if socket.subprotocol is None:
            self._turn_away(identity, socket, "no common subprotocol")
            await socket.close(PROTOCOL_ERROR, f"speak one of {', '.join(LANGUAGES)}")
            return
        station = self._stations[identity]
        language = LANGUAGES[socket.subprotocol]
        transport = WebsocketsTransport(socket)
        session = Session(transport, language.dialect, station.answers, station.handle, self.settings, self._clock)
        if self.watch is not None:
            session.watch = self.watch(identity, socket.subprotocol)
        log.info("station connected", station=identity, protocol=socket.subprotocol, remote=transport.remote)
        await station.serve(session, language)

    def _turn_away(self, identity: str, socket: ServerConnection, why: str) -> None:
        self.refused += 1
        now = self._clock.now()
        remote = WebsocketsTransport(socket).remote.rsplit(":", 1)[0]
        known = self.strangers.get((identity, why))
        if known is None:
            self.strangers[identity, why] = Stranger(identity, remote, why, now, now)
            log.warning("turned away", station=identity, remote=remote, why=why)
        else:
            known.times, known.last_at, known.remote = known.times + 1, now, remote
            self.strangers.move_to_end((identity, why))
        while len(self.strangers) > MAX_STRANGERS:
            self.strangers.popitem(last=False)


def identity_of(path: str) -> str:
    """The last segment of the URL's path, percent-decoded, cut to a sane length (2.0.1 part 4, 3.1.1)."""
    return unquote(path.partition("?")[0].rstrip("/").rsplit("/", 1)[-1])[: 2 * MAX_IDENTITY]


def _select_subprotocol(socket: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """The station's first choice among what we speak."""
    return next((name for name in offered if name in LANGUAGES), None)
