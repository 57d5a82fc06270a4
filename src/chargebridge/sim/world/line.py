"""The wire of a meter's customer interface: a TCP server that anyone may listen to, as serial-to-network adapters are, and a pseudo-terminal."""

import asyncio
import os
import termios
import tty
from array import array
from contextlib import suppress
from fcntl import ioctl

HOST = "127.0.0.1"
BACKLOG_BYTES = 65_536
"""A listener that is so far behind is cut off: a meter does not wait."""


class TcpLine:
    """``send`` never waits. While ``broken``, listeners are thrown out and new ones are too."""

    def __init__(self, port: int) -> None:
        self._wanted_port = port
        self._server: asyncio.Server | None = None
        self._listeners: set[asyncio.WriteTransport] = set()
        self._broken = False

    @property
    def port(self) -> int:
        """The port that it listens on, once open."""
        if self._server is None:
            raise RuntimeError("this meter's line is not open yet: await World.open() first")
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Listener(self), HOST, self._wanted_port)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._hang_up()
            await self._server.wait_closed()

    def send(self, data: bytes) -> None:
        for listener in tuple(self._listeners):
            if listener.get_write_buffer_size() > BACKLOG_BYTES:
                listener.abort()
            else:
                listener.write(data)

    def break_off(self, broken: bool) -> None:
        self._broken = broken
        if broken:
            self._hang_up()

    def welcome(self, listener: asyncio.WriteTransport) -> None:
        if self._broken:
            listener.abort()
        else:
            self._listeners.add(listener)

    def goodbye(self, listener: asyncio.WriteTransport) -> None:
        self._listeners.discard(listener)

    def _hang_up(self) -> None:
        for listener in tuple(self._listeners):
            listener.abort()


class _Listener(asyncio.Protocol):
    """One connection; what it says is not heard, as on a customer interface."""

    def __init__(self, line: TcpLine) -> None:
        self._line = line
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        self._line.welcome(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._line.goodbye(self._transport)


class SerialLine:
    """A pseudo-terminal: ``path`` opens like a serial port. Nobody reading loses what is sent, as on a real wire."""

    def __init__(self) -> None:
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        self.path = os.ttyname(self._theirs)

    def send(self, data: bytes) -> None:
        pending = array("i", [0])
        ioctl(self._theirs, termios.FIONREAD, pending)
        if pending[0] > len(data):
            termios.tcflush(self._theirs, termios.TCIFLUSH)
        with suppress(OSError):
            os.write(self._ours, data)

    def close(self) -> None:
        os.close(self._ours)
        os.close(self._theirs)
