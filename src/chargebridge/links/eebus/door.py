"""The listening socket: who may come in, how many at once, how long they may take to say who they are."""

import asyncio
import errno
from collections import Counter
from collections.abc import Callable
from datetime import datetime

import structlog
from OpenSSL import SSL

from chargebridge.links.eebus.pace import Pace
from chargebridge.links.eebus.peer import Refusal
from chargebridge.links.eebus.rare_log import RareLog
from chargebridge.links.eebus.settings import Bounds
from chargebridge.links.eebus.websocket import CHUNK, Admit, Socket, accepted, hang_up, remote_of
from chargebridge.model.errors import ChargebridgeError
from chargebridge.wire.eebus.errors import EebusError

log = structlog.get_logger(__name__)

EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  (only where the settings say so)
MAX_ADDRESSES = 1024
MAX_REFUSALS = 20
RESERVED = 16
"""Openings beyond `Bounds.openings` for addresses of trusted peers, so that strangers cannot keep them out."""


class DoorError(ChargebridgeError):
    """It is not possible to listen there."""


class Door:
    """admit: raises EebusError for a certificate that is to go no further. welcome: takes a connection that is open. strangers: how many peers
    that are not trusted are connected from an address. is_known: whether a trusted peer may be at an address.
    refusals: of connections of which never was known whose they are, by address; the newest last."""

    def __init__(
        self,
        context: SSL.Context,
        bounds: Bounds,
        admit: Admit,
        welcome: Callable[[Socket], None],
        strangers: Callable[[str], int],
        is_known: Callable[[str], bool],
        now: Callable[[], datetime],
    ) -> None:
        self.refusals: dict[str, Refusal] = {}
        self._context = context
        self._bounds = bounds
        self._admit = admit
        self._welcome = welcome
        self._strangers = strangers
        self._is_known = is_known
        self._now = now
        self._opening: Counter[str] = Counter()
        self._paces: dict[str, Pace] = {}
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._rare = RareLog(lambda: asyncio.get_running_loop().time())

    async def open(self, host: str, port: int) -> int:
        """Listen from now on; the port. host: empty for all addresses of this machine. Raises DoorError."""
        for one in (host,) if host else EVERYWHERE:
            try:
                server = await asyncio.start_server(self._come, one, port, limit=CHUNK, reuse_address=True)
            except OSError as error:
                if self._servers:
                    log.warning("eebus hub does not listen there", host=one, port=port, reason=str(error))  # such as without IPv6
                    break
                taken = error.errno == errno.EADDRINUSE
                cure = (
                    "stop what listens there, or choose another port" if taken else "give an address of this machine and a port above 1023"
                )
                raise DoorError(f"EEBUS at {one}:{port}", str(error.strerror or error), cure) from error
            self._servers.append(server)
            port = server.sockets[0].getsockname()[1]
        return port

    def close(self) -> None:
        """Whoever is not yet in does not come in any more."""
        for server in self._servers:
            server.close()
        for task in self._tasks:
            task.cancel()

    def _come(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, remote = remote_of(writer)
        reason = self._objection(host)
        if reason:
            writer.transport.abort()
            self._rare.warning(host, "eebus connection refused", remote=remote, reason=reason)
            self._note(host, reason)
            return
        self._opening[host] += 1
        task = asyncio.ensure_future(self._open(host, remote, reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _objection(self, host: str) -> str:
        """Why a connection from there is not even begun; TLS is costly."""
        now = asyncio.get_running_loop().time()
        pace = self._paces.pop(host, None) or Pace(self._bounds.openings_per_s, self._bounds.openings_burst, now)
        self._paces[host] = pace
        while len(self._paces) > MAX_ADDRESSES:
            del self._paces[next(iter(self._paces))]
        if self._opening[host] + self._strangers(host) >= self._bounds.openings_per_address:
            return "too many connections of this address are being opened or wait for trust"
        total = self._opening.total()
        if total >= self._bounds.openings and (total >= self._bounds.openings + RESERVED or not self._is_known(host)):
            return "too many connections are being opened"
        return "" if pace.may(now) else "connections from this address come too fast"

    async def _open(self, host: str, remote: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        entered = False
        try:
            socket = await accepted(reader, writer, self._context, self._bounds, self._admit)
            self._welcome(socket)
            entered = True
        except EebusError as error:
            told = {"where": error.position, "reason": error.reason, "cure": error.cure}
            self._rare.warning(host, "eebus connection refused", remote=remote, **told)
            self._note(host, f"{error.position}: {error.reason}", error.cure)
        except (OSError, TimeoutError) as error:
            reason = str(error) or f"not open within {self._bounds.opening_s:g} s"
            self._rare.warning(host, "eebus connection was not opened", remote=remote, reason=reason)
            self._note(host, reason)
        except Exception:
            log.exception("eebus connection could not be opened", remote=remote)
        finally:
            self._opening[host] -= 1
            if not self._opening[host]:
                del self._opening[host]
            if not entered:
                hang_up(writer, self._bounds.closing_s)

    def _note(self, host: str, reason: str, cure: str = "") -> None:
        before = self.refusals.pop(host, None)
        times = 1 if before is None else before.times + 1
        self.refusals[host] = Refusal(host=host, at=self._now(), times=times, reason=reason, cure=cure)
        while len(self.refusals) > MAX_REFUSALS:
            del self.refusals[next(iter(self.refusals))]
