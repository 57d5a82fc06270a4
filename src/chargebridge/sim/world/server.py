"""A small TCP server on loopback whose cable can be pulled."""

import asyncio

HOST = "127.0.0.1"


class TcpServer:
    """Subclasses say in ``connection`` what a connection does. While broken, connections are thrown out and new ones are too."""

    def __init__(self, port: int) -> None:
        self._wanted_port = port
        self._server: asyncio.Server | None = None
        self._broken = False
        self.open_ones: set[asyncio.Transport] = set()

    @property
    def port(self) -> int:
        """The port that it listens on, once open."""
        if self._server is None:
            raise RuntimeError("this server is not open yet: await World.open() first")
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def listeners(self) -> int:
        """How many are connected."""
        return len(self.open_ones)

    def connection(self) -> "Connection":
        return Connection(self)

    async def open(self) -> None:
        self._server = await asyncio.get_running_loop().create_server(self.connection, HOST, self._wanted_port)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._hang_up()
            await self._server.wait_closed()

    def break_off(self, broken: bool) -> None:
        """Pull the cable, or put it back."""
        self._broken = broken
        if broken:
            self._hang_up()

    def welcome(self, transport: asyncio.Transport) -> None:
        if self._broken:
            transport.abort()
        else:
            self.open_ones.add(transport)

    def _hang_up(self) -> None:
        for transport in tuple(self.open_ones):
            transport.abort()


class Connection(asyncio.Protocol):
    """One connection; this one does not hear what is said to it."""

    def __init__(self, server: TcpServer) -> None:
        self._server = server
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._server.welcome(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.transport is not None:
            self._server.open_ones.discard(self.transport)
