"""What a foreign OCPP library is to us: the line of a charge point, as `day` and `charge_point` use it."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

Message = dict[str, Any]  # a payload in OCPP's own spelling
Answering = Callable[[str, Message], Awaitable[Message]]


class RefusedError(Exception):
    """Our Central System answered with a CALLERROR, or the library refused to send or to take what was said."""


class Link(Protocol):
    """One charge point made of a foreign library. `answering` is asked for the answer to each call of our Central System."""

    def __init__(self, version: str, uri: str, identity: str, password: str, answering: Answering) -> None: ...

    async def open(self) -> None: ...

    async def call(self, action: str, payload: Message) -> Message:
        """The answer's payload. Raises RefusedError."""
        ...

    async def drop(self) -> None:
        """Break the line without a word."""
        ...

    async def close(self) -> None: ...
