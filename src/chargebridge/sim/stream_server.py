"""What every counterpart on a TCP port of this machine has in common: its port, its connections, its end."""

import asyncio
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

HOST = "127.0.0.1"


class StreamServer(ABC):
    """``async with`` opens the port (0: any free one, kept when it is opened again). Subclasses say in ``talk`` what a connection does."""

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.connections = 0
        self._server: asyncio.Server | None = None
        self._talks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._talk, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Ends all connections too."""
        if self._server is not None:
            self._server.close()
            self.hang_up()
            await asyncio.gather(*self._talks, return_exceptions=True)
            await self._server.wait_closed()

    def hang_up(self) -> None:
        """End all connections, not the port."""
        for writer in self._talks.values():
            writer.close()

    @abstractmethod
    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end. May raise what a broken one, or what is no request, raises."""

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._talks[task] = writer
        self.connections += 1
        try:
            await self.talk(reader, writer)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError):
            pass
        finally:
            del self._talks[task]
            writer.close()
