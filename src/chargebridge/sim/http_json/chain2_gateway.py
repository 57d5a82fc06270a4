"""A Chain 2 gateway: frames over a WebSocket to whoever has said ``!``."""

from types import TracebackType

from websockets.asyncio.server import Server, ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosedError

from chargebridge.sim.telegrams import chain2

HOST = "127.0.0.1"


class Chain2Gateway:
    """``async with`` opens a port. ``send`` passes a frame on to all that listen and returns how many those are."""

    def __init__(self, *, port: int = 0) -> None:
        self.port = port
        self._listeners: set[ServerConnection] = set()
        self._server: Server | None = None
        self._count = 0

    async def __aenter__(self) -> "Chain2Gateway":
        self._server = await serve(self._talk, HOST, self.port)
        self.port = next(iter(self._server.sockets)).getsockname()[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    def send(self, frame: bytes) -> int:
        self._count += 1
        broadcast(self._listeners, frame.decode())
        return len(self._listeners)

    async def hang_up(self) -> None:
        """Ends all connections."""
        for listener in tuple(self._listeners):
            await listener.close()

    async def _talk(self, listener: ServerConnection) -> None:
        try:
            async for said in listener:
                if said == "!":
                    await listener.send(chain2.info(count=self._count).decode())
                    self._listeners.add(listener)
        except ConnectionClosedError:
            pass
        finally:
            self._listeners.discard(listener)
