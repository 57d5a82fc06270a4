"""What an association needs of the link below it, be it HDLC or the TCP wrapper."""

from typing import Protocol

from msgspec import Struct


class Opened(Struct, frozen=True):
    """The link is there: APDUs can be sent."""


class Apdu(Struct, frozen=True):
    """One whole message from the other side, without LLC header."""

    data: bytes


class Reply(Struct, frozen=True):
    """Bytes that must go out now for the link's own sake: acknowledgements and further segments."""

    data: bytes


class Closed(Struct, frozen=True):
    """The link is closed, as we wished."""


LinkEvent = Opened | Apdu | Reply | Closed


class Link(Protocol):
    """Bytes in, events out; one APDU under way at a time. ``receive`` raises ``CosemError``.

    repeats: whether ``again`` helps when no answer comes (a line that loses bytes).
    """

    @property
    def repeats(self) -> bool: ...

    def open(self) -> tuple[bytes, list[LinkEvent]]:
        """The bytes that open it, or the event that it is open already."""
        ...

    def send(self, apdu: bytes) -> bytes:
        """The bytes that carry ``apdu``, or its first segment."""
        ...

    def again(self) -> bytes:
        """What was sent last, once more."""
        ...

    def receive(self, data: bytes) -> list[LinkEvent]: ...

    def close(self) -> bytes:
        """The bytes that close it, b"" where nothing has to be said."""
        ...
