"""One visit to a meter: connect, open, ask, leave. The protocol is in ``wire.cosem``; here are the socket, the serial line and the time."""

import asyncio
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import serial_asyncio_fast

from chargebridge.meters.connection import CONNECT_TIMEOUT_S
from chargebridge.meters.cosem.settings import Settings
from chargebridge.wire.cosem.association import Associated, Released, Values
from chargebridge.wire.cosem.connection import Connection, Write
from chargebridge.wire.cosem.errors import CosemError, ErrorKind
from chargebridge.wire.cosem.link import Closed
from chargebridge.wire.cosem.mode_e import Line, ModeE, Ready, Send, Step
from chargebridge.wire.cosem.services import Attribute, Result

_Wanted = TypeVar("_Wanted", Associated, Values, Released, Closed)
_CHUNK = 4096
_BITS_A_CHARACTER = 10
_REPEATS = 2
_LEAVE_S = 1.0
_CONFIRM_S = 1.5
_TCP_CURE = "check the gateway's address, that it is on, and that no other program holds its port"
_SERIAL_CURE = "check that the adapter is plugged in and that this user may open it (group dialout)"
_SILENT_CURE = "check server=, client=, framing= or opening=, and that the optical head sits"


class Talk:
    """An open association. All methods raise ``CosemError``."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: Connection, timeout_s: float) -> None:
        self._reader, self._writer = reader, writer
        self._connection = connection
        self._timeout_s = timeout_s

    async def get(self, *attributes: Attribute) -> tuple[Result, ...]:
        """The attributes' values in their order, or why the meter does not tell them."""
        await self._write(self._connection.get(*attributes))
        return (await self._wait(Values, self._timeout_s)).results

    async def begin(self) -> None:
        await self._write(self._connection.open())
        await self._wait(Associated, self._timeout_s)

    async def leave(self) -> None:
        """As politely as the meter lets us: many do not answer."""
        if released := self._connection.release():
            await self._write(released)
            with suppress(CosemError):
                await self._wait(Released, _LEAVE_S, repeats=0)
        if closed := self._connection.close():
            await self._write(closed)
            await self._wait(Closed, _LEAVE_S, repeats=0)

    async def _write(self, data: bytes) -> None:
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as problem:
            raise CosemError(ErrorKind.LINK, f"broke off: {problem}", _TCP_CURE) from None

    async def _wait(self, wanted: type[_Wanted], timeout_s: float, repeats: int = _REPEATS) -> _Wanted:
        """Read until ``wanted`` comes. Only what brings the talk forward puts the end of the wait off."""
        repeats = repeats if self._connection.repeats else 0
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout_s
        while True:
            try:
                async with asyncio.timeout_at(end):
                    data = await self._reader.read(_CHUNK)
            except TimeoutError:
                if not repeats:
                    raise CosemError(ErrorKind.LINK, f"no answer within {timeout_s:g} s", _SILENT_CURE) from None
                repeats -= 1
                end = loop.time() + timeout_s
                await self._write(self._connection.again())
                continue
            except OSError as problem:
                raise CosemError(ErrorKind.LINK, f"broke off: {problem}", _TCP_CURE) from None
            if not data:
                raise CosemError(ErrorKind.LINK, "closed by the other side", "check client= and that nobody else reads the meter")
            for event in self._connection.receive(data):
                end = loop.time() + timeout_s
                if isinstance(event, Write):
                    await self._write(event.data)
                elif isinstance(event, wanted):
                    return event


@asynccontextmanager
async def visit(settings: Settings) -> AsyncIterator[Talk]:
    """Connect, open the port where it is optical, and associate; leave in the end. Raises ``CosemError``."""
    reader, writer = await _connected(settings)
    try:
        if settings.mode_e:
            await _wake(reader, writer, settings.timeout_s)
        talk = Talk(reader, writer, settings.connection(), settings.timeout_s)
        await talk.begin()
        yield talk
        with suppress(CosemError):  # all was told; a meter that does not say goodbye has no fault
            await talk.leave()
    finally:
        writer.close()


async def _connected(settings: Settings) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    cure = _SERIAL_CURE if settings.host is None else _TCP_CURE
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            if settings.host is not None:
                return await asyncio.open_connection(settings.host, settings.port)
            streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] = await serial_asyncio_fast.open_serial_connection(
                url=settings.device, baudrate=settings.baud
            )
            return streams
    except TimeoutError:
        raise CosemError(ErrorKind.LINK, f"no connection within {CONNECT_TIMEOUT_S:g} s", cure) from None
    except (OSError, ValueError, termios.error) as problem:  # the last two on settings that the port does not know
        raise CosemError(ErrorKind.LINK, f"cannot be opened: {problem}", cure) from None


async def _wake(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, timeout_s: float) -> None:
    """IEC 62056-21 mode E."""
    opening = ModeE()
    writer.transport.set_write_buffer_limits(0)  # so that drain waits until all is with the port
    try:
        await _woken(opening, reader, writer, timeout_s)
    except (OSError, termios.error) as problem:  # the latter on a speed that the port does not know
        raise CosemError(ErrorKind.LINK, f"broke off: {problem}", _SERIAL_CURE) from None


async def _woken(opening: ModeE, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, timeout_s: float) -> None:
    await _do(opening.start(), writer)
    while True:
        offered = opening.offered
        try:
            async with asyncio.timeout(_CONFIRM_S if offered else timeout_s):
                data = await reader.read(_CHUNK)
        except TimeoutError:
            if not offered:
                cure = "check that the optical head sits, or that the meter opens so: else opening=hdlc"
                raise CosemError(ErrorKind.LINK, f"the meter does not identify itself within {timeout_s:g} s", cure) from None
            steps = opening.unconfirmed()
        else:
            if not data:
                raise CosemError(ErrorKind.LINK, "the serial line is gone", _SERIAL_CURE)
            steps = opening.receive(data)
        if await _do(steps, writer):
            return


async def _do(steps: list[Step], writer: asyncio.StreamWriter) -> bool:
    """Whether the line belongs to HDLC now."""
    line: Any = writer.transport.get_extra_info("serial")
    for step in steps:
        match step:
            case Send(data=data):
                writer.write(data)
                await writer.drain()
                # Neither the kernel nor an adapter's own memory may hold some of it when the speed changes.
                await asyncio.sleep(len(data) * _BITS_A_CHARACTER / line.baudrate)
            case Line(baud=baud):
                await asyncio.to_thread(line.flush)
                line.baudrate = baud
            case Ready():
                return True
    return False
