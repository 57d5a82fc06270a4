"""The websocket under the Central System, behind six small methods so that another library can take its place."""

from typing import Protocol

from websockets.asyncio.server import ServerConnection
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


class WebsocketsTransport:
    """The transport by the `websockets` package, whose permessage-deflate OCPP 2.x asks of a CSMS (part 4, 3.4)."""

    def __init__(self, socket: ServerConnection) -> None:
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


def _closed(error: ConnectionClosed) -> TransportClosedError:
    frame = error.rcvd or error.sent
    return TransportClosedError(frame.code, frame.reason) if frame else TransportClosedError(1006, "connection lost")
