"""Dialling a trusted peer until it is connected: when, where, and in which order."""

import asyncio
import random
from collections.abc import Callable, Sequence

import structlog
from OpenSSL import SSL

from chargebridge.links.eebus.peer import Address
from chargebridge.links.eebus.settings import Bounds
from chargebridge.links.eebus.websocket import CHUNK, Admit, Socket, dialled
from chargebridge.wire.eebus.errors import EebusError
from chargebridge.wire.eebus.ship.dialling import dial_delay

log = structlog.get_logger(__name__)

PATIENT = 6
"""Attempts after which the waits grow."""

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Failed(Exception):  # noqa: N818
    """None of the addresses led to the peer. reason: for people."""


class Dialler:
    """One for each trusted peer. addresses: where it may be now, the best first. connected: whether there is a connection already.

    welcome: takes a connection; from then on `connected`. failed: told why an attempt was in vain.
    """

    def __init__(
        self,
        context: SSL.Context,
        bounds: Bounds,
        delays: Sequence[tuple[float, float]],
        addresses: Callable[[], Sequence[Address]],
        connected: Callable[[], bool],
        admit: Admit,
        welcome: Callable[[Socket, Address], None],
        failed: Callable[[str], None],
    ) -> None:
        self.dialling = False
        self._context = context
        self._bounds = bounds
        self._delays = delays
        self._addresses = addresses
        self._connected = connected
        self._admit = admit
        self._welcome = welcome
        self._failed = failed
        self._moved = asyncio.Event()
        self._attempt = 0

    def moved(self) -> None:
        """It is connected, or not any more, or may be somewhere else now."""
        self._moved.set()

    def succeeded(self) -> None:
        """Data has flowed: the next attempt is a first one again."""
        self._attempt = 0
        self._moved.set()

    def hurry(self) -> None:
        """There is a reason to believe that it will answer now."""
        self._attempt = 0
        self._moved.set()

    async def run(self) -> None:
        while True:
            self._moved.clear()
            if self._connected() or not self._addresses():
                await self._moved.wait()
                continue
            await self._wait(random.uniform(*self._delay()))
            if self._connected() or not (addresses := self._addresses()):
                continue
            self._attempt += 1
            self.dialling = True
            try:
                address, socket = await reach(addresses, self._context, self._bounds, self._admit)
            except Failed as error:
                self._failed(str(error))
                continue
            finally:
                self.dialling = False
            self._welcome(socket, address)

    def _delay(self) -> tuple[float, float]:
        least, most = self._delays[min(self._attempt, len(self._delays) - 1)] if self._delays else dial_delay(self._attempt)
        factor = 2.0 ** max(0, min(self._attempt - PATIENT, 10))
        return min(least * factor, self._bounds.backoff_s / 2), min(most * factor, self._bounds.backoff_s)

    async def _wait(self, seconds: float) -> None:
        """Shortened when the peer is heard of; it is then soon enough to try."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        attempt = self._attempt
        while loop.time() < until:
            try:
                async with asyncio.timeout_at(until):
                    await self._moved.wait()
            except TimeoutError:
                return
            self._moved.clear()
            if self._connected():
                return
            if self._attempt < attempt:
                attempt = self._attempt
                until = min(until, loop.time() + random.uniform(*self._delay()))


async def reach(addresses: Sequence[Address], context: SSL.Context, bounds: Bounds, admit: Admit) -> tuple[Address, Socket]:
    """The first of the addresses at which the right peer opens a WebSocket. Raises Failed.

    TCP is tried at all of them, each a little after the one before, so that dead ones cost no time; TLS at one at a time, so that the peer does not
    see several connections of ours.
    """
    left = list(dict.fromkeys(addresses))
    reasons: list[str] = []
    while left:
        address, stream = await _connect(left, bounds, reasons)
        if stream is None:
            break
        left.remove(address)
        try:
            return address, await dialled(*stream, context, bounds, admit, address)
        except (EebusError, OSError, TimeoutError) as error:
            stream[1].close()
            reasons.append(f"{address.host}:{address.port}: {error or f'not open within {bounds.opening_s:g} s'}")
        except BaseException:
            stream[1].close()
            raise
    raise Failed("; ".join(dict.fromkeys(reasons)))


async def _connect(addresses: list[Address], bounds: Bounds, reasons: list[str]) -> tuple[Address, Stream | None]:
    """The first that answers; those that fail are taken out of `addresses`."""
    tasks: dict[asyncio.Task[Stream], Address] = {}
    waiting = list(addresses)
    try:
        while waiting or tasks:
            if waiting:
                address = waiting.pop(0)
                tasks[asyncio.ensure_future(_tcp(address, bounds))] = address
            done, _ = await asyncio.wait(tasks, timeout=bounds.stagger_s if waiting else None, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                address = tasks.pop(task)
                error = task.exception()
                if error is None:
                    return address, task.result()
                addresses.remove(address)
                reasons.append(f"{address.host}:{address.port}: {error or f'no answer within {bounds.connect_s:g} s'}")
        return Address("", 0), None
    finally:
        for task in tasks:
            task.add_done_callback(_drop)
            task.cancel()


async def _tcp(address: Address, bounds: Bounds) -> Stream:
    async with asyncio.timeout(bounds.connect_s):
        return await asyncio.open_connection(address.host, address.port, limit=CHUNK, happy_eyeballs_delay=bounds.stagger_s)


def _drop(task: asyncio.Task[Stream]) -> None:
    """A connection that came too late."""
    if not task.cancelled() and task.exception() is None:
        task.result()[1].close()
