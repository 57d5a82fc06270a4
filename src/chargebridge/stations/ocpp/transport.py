"""The websocket under the Central System and the connections to other back ends, behind small methods so that another library fits."""

from typing import Protocol

from websockets.asyncio.connection import Connection
from websockets.exceptions import ConnectionClosed


class TransportClosedError(Exception):
    """The other side is gone. code: the websocket close code, 1006 when it just vanished."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"closed with {code} {reason}".rstrip())
        self.code = code
        self.reason = reason


class Transport(Protocol):
    """An open websocket. Frames in, frames out; raises TransportClosedError once it is closed."""

    @property
    def remote(self) -> str:
        """The peer's address, for the log."""
        ...

    async def receive(self) -> str | bytes: ...

    async def send(self, text: str) -> None: ...

    async def close(self, code: int, reason: str) -> None: ...

    def ping_every(self, seconds: float) -> None:
        """Another interval between pings than the server's; 0 for none."""
        ...


class WebsocketsTransport:
    """The transport by the `websockets` package, whose permessage-deflate OCPP 2.x asks of a CSMS (part 4, 3.4)."""

    def __init__(self, socket: Connection) -> None:
        self._socket = socket

    @property
    def remote(self) -> str:
        address = self._socket.remote_address
        return f"{address[0]}:{address[1]}" if isinstance(address, tuple) else str(address)

    async def receive(self) -> str | bytes:
        try:
            return await self._socket.recv()
        except ConnectionClosed as error:
            raise _closed(error) from None

    async def send(self, text: str) -> None:
        try:
            await self._socket.send(text)
        except ConnectionClosed as error:
            raise _closed(error) from None

    async def close(self, code: int, reason: str) -> None:
        await self._socket.close(code, reason[:120])

    def ping_every(self, seconds: float) -> None:
        if self._socket.keepalive_task is not None:
            self._socket.keepalive_task.cancel()
        self._socket.ping_interval = seconds or None
        self._socket.start_keepalive()


def _closed(error: ConnectionClosed) -> TransportClosedError:
    frame = error.rcvd or error.sent
    return TransportClosedError(frame.code, frame.reason) if frame else TransportClosedError(1006, "connection lost")
