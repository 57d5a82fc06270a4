"""The port of this room: what the site asks of any meter, and what a transport owes the room."""

from collections.abc import AsyncIterator
from typing import Protocol

from msgspec import Struct

from chargebridge.model.errors import ChargebridgeError
from chargebridge.model.reading import MeterFault, Reading
from chargebridge.wire.meter import DecodeError, Telegram


class Meter(Protocol):
    """A meter that is being read. ``name`` is the one that circuits refer to.

    ``readings`` runs until it is closed (or a replay ends). It tells faults and carries on; it never says that a meter fell silent: that is
    seen by the age of its last reading.
    """

    name: str

    def readings(self) -> AsyncIterator[Reading | MeterFault]: ...


class LinkFault(Struct, frozen=True):
    """The transport, not the telegram, failed; it is being tried again. where: the address. cure: what a person can do."""

    where: str
    reason: str
    cure: str


SourceEvent = Telegram | DecodeError | LinkFault


class TelegramSource(Protocol):
    """A transport that delivers telegrams. ``where`` names it in faults."""

    where: str

    def events(self) -> AsyncIterator[SourceEvent]: ...


class MeterError(ChargebridgeError):
    """A meter's address or file that cannot be used."""
