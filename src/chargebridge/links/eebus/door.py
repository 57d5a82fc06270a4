"""The listening socket: who may come in, how many at once, how long they may take to say who they are."""

import asyncio
import errno
import socket
from collections import Counter
from collections.abc import Callable

import structlog
from OpenSSL import SSL

from chargebridge.links.eebus.settings import Bounds
from chargebridge.links.eebus.websocket import CHUNK, Admit, Socket, accepted, remote_of
from chargebridge.model.errors import ChargebridgeError
from chargebridge.wire.eebus.errors import EebusError

log = structlog.get_logger(__name__)
QUIET_S = 10.0
"""Refusals from one address are logged once in so long, with their number."""
MAX_REFUSED = 256


class DoorError(ChargebridgeError):
    """It is not possible to listen there."""


class Door:
    """welcome: takes a connection that is open. strangers: how many that are not trusted wait, by address."""

    def __init__(
        self,
        context: SSL.Context,
        bounds: Bounds,
        admit: Admit,
        welcome: Callable[[Socket], None],
        strangers: Callable[[str], int],
    ) -> None:
        self._context = context
        self._bounds = bounds
        self._admit = admit
        self._welcome = welcome
        self._strangers = strangers
        self._opening: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._refused: dict[str, tuple[float, int]] = {}

    async def open(self, host: str, port: int) -> asyncio.Server:
        """Listen from now on. Raises DoorError."""
        try:
            return await asyncio.start_server(self._come, host, port, limit=CHUNK, family=socket.AF_UNSPEC, reuse_address=True)
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            cure = (
                "stop what listens there, or choose another port" if taken else "give an address of this machine and a port of 1024 or more"
            )
            raise DoorError(f"EEBUS at {host}:{port}", str(error.strerror or error), cure) from error

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _come(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name = writer.get_extra_info("peername")
        address = str(name[0]) if name else ""
        if self._opening.total() >= self._bounds.openings:
            self._refuse(address, "too many connections are being opened", writer)
        elif self._opening[address] + self._strangers(address) >= self._bounds.openings_per_address:
            self._refuse(address, "too many connections of this address are being opened or wait for trust", writer)
        else:
            self._opening[address] += 1
            task = asyncio.ensure_future(self._open(address, reader, writer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _open(self, address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        remote = remote_of(writer)
        came = None
        try:
            came = await accepted(reader, writer, self._context, self._bounds, self._admit)
        except EebusError as error:
            self._tell(address, "eebus connection refused", remote=remote, where=error.position, reason=error.reason, cure=error.cure)
        except (OSError, TimeoutError) as error:
            reason = str(error) or f"not open within {self._bounds.opening_s:g} s"
            self._tell(address, "eebus connection was not opened", remote=remote, reason=reason)
        except Exception:
            log.exception("eebus connection could not be opened", remote=remote)
        finally:
            self._opening[address] -= 1
            if not self._opening[address]:
                del self._opening[address]
            if came is None:
                writer.close()
        if came is not None:
            self._welcome(came)

    def _refuse(self, address: str, reason: str, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()
        self._tell(address, "eebus connection refused", remote=address, reason=reason)

    def _tell(self, address: str, event: str, **what: str) -> None:
        now = asyncio.get_running_loop().time()
        last, number = self._refused.pop(address, (-QUIET_S, 0))
        if now - last >= QUIET_S:
            log.warning(event, **what, since_last=number)
            last, number = now, 0
        self._refused[address] = last, number + 1
        while len(self._refused) > MAX_REFUSED:
            del self._refused[next(iter(self._refused))]
