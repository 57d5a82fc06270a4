"""From a peer's addresses to an open WebSocket with the right peer."""

import asyncio
import ipaddress
import os
import socket
import ssl
from collections.abc import Sequence

from msgspec import Struct
from OpenSSL import SSL

from chargebridge.links.eebus.peer import Address
from chargebridge.links.eebus.settings import Bounds
from chargebridge.links.eebus.websocket import CHUNK, Admit, Socket, dialled, hang_up
from chargebridge.wire.eebus.errors import EebusError

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Failure(Struct, frozen=True):
    """Why an address did not lead to the peer. error: of the peer that is there; None where nobody answered."""

    address: Address
    reason: str
    error: EebusError | None = None


class Unreached(Exception):  # noqa: N818  (peers are away every day)
    """None of the addresses led to the peer."""

    def __init__(self, failures: Sequence[Failure]) -> None:
        super().__init__("; ".join(f"{one.address.host}:{one.address.port}: {one.reason}" for one in failures))
        self.failures = tuple(failures)


async def reach(addresses: Sequence[Address], context: SSL.Context, bounds: Bounds, admit: Admit) -> tuple[Address, Socket]:
    """The first of the addresses at which the right peer opens a WebSocket. admit: raises EebusError for a wrong one. Raises Unreached.

    TCP is tried at all of them, each a little after the one before, so that dead ones cost no time; TLS at one at a time, so that the peer does not
    see several connections of ours.
    """
    left = list(dict.fromkeys(addresses))
    failures: list[Failure] = []
    while left and (found := await _connect(left, bounds, failures)):
        address, (reader, writer) = found
        left.remove(address)
        try:
            return address, await dialled(reader, writer, context, bounds, admit, address)
        except EebusError as error:
            hang_up(writer, bounds.closing_s)
            failures.append(Failure(address, f"{error.position}: {error.reason}", error))
        except (OSError, TimeoutError) as error:
            hang_up(writer, bounds.closing_s)
            failures.append(Failure(address, _said(error) or f"not open within {bounds.opening_s:g} s"))
        except BaseException:
            writer.transport.abort()
            raise
    raise Unreached(failures)


async def _connect(addresses: list[Address], bounds: Bounds, failures: list[Failure]) -> tuple[Address, Stream] | None:
    """The first that answers by TCP; those that fail meanwhile are taken out of `addresses`."""
    waiting = list(addresses)
    tasks: dict[asyncio.Task[Stream], Address] = {}
    try:
        while waiting or tasks:
            if waiting:
                address = waiting.pop(0)
                tasks[asyncio.ensure_future(_tcp(address, bounds))] = address
            done, _ = await asyncio.wait(tasks, timeout=bounds.stagger_s if waiting else None, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                address = tasks[task]
                error = task.exception()
                if error is None:
                    del tasks[task]
                    return address, task.result()
                del tasks[task]
                addresses.remove(address)
                failures.append(Failure(address, _said(error) or f"no answer within {bounds.connect_s:g} s"))
        return None
    finally:
        for task in tasks:
            task.add_done_callback(_drop)
            task.cancel()


async def _tcp(address: Address, bounds: Bounds) -> Stream:
    stagger_s = None if _is_literal(address.host) else bounds.stagger_s  # a name may have several addresses, dead ones among them
    async with asyncio.timeout(bounds.connect_s):
        return await asyncio.open_connection(address.host, address.port, limit=CHUNK, happy_eyeballs_delay=stagger_s)


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _said(error: BaseException) -> str:
    """For people: "Connection refused", without the number and the address, which stands beside it."""
    if isinstance(error, socket.gaierror):
        return error.strerror or str(error)
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and error.errno:
        return os.strerror(error.errno)
    return str(error)


def _drop(task: asyncio.Task[Stream]) -> None:
    """One that came too late."""
    if not task.cancelled() and task.exception() is None:
        task.result()[1].transport.abort()
