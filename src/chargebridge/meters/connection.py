"""One connection to a meter: opened within a time, closed whatever happens, with what fails told as a ``MeterError``."""

import asyncio
import termios
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

from chargebridge.meters.port import MeterError

CONNECT_TIMEOUT_S = 10.0


class Closing(Protocol):
    """The side of a connection that ends it."""

    def close(self) -> None: ...


WriterT = TypeVar("WriterT", bound=Closing)


@asynccontextmanager
async def opened(
    where: str, connect: Callable[[], Awaitable[tuple[asyncio.StreamReader, WriterT]]], cure: str
) -> AsyncGenerator[tuple[asyncio.StreamReader, WriterT], None]:
    """Both sides of the connection. Raises ``MeterError`` when it cannot be opened or breaks off."""
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            reader, writer = await connect()
    except TimeoutError:
        raise MeterError(where, f"no connection within {CONNECT_TIMEOUT_S:g} s", cure) from None
    except (OSError, ValueError, termios.error) as problem:  # the last two on settings that the port does not know
        raise MeterError(where, f"cannot be opened: {problem}", cure) from None
    try:
        yield reader, writer
    except (OSError, EOFError, termios.error) as problem:
        raise MeterError(where, f"broke off: {problem}", cure) from None
    finally:
        writer.close()
