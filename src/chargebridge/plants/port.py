"""The port of this room: what the site asks of any battery that it may control."""

from collections.abc import AsyncIterator
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from chargebridge.model.errors import ChargebridgeError
from chargebridge.model.state import BatteryState


class PlantOutcome(StrEnum):
    """The plant's answer, or why there is none. TIMED_OUT leaves open whether it acted; OFFLINE: nothing was sent."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    TIMED_OUT = "timed_out"
    OFFLINE = "offline"
    UNSUPPORTED = "unsupported"


class PlantAnswer(Struct, frozen=True, kw_only=True):
    """power_w: the set point that the plant says it holds now, W, charging positive; None where it is released or not known. detail: why."""

    outcome: PlantOutcome
    power_w: float | None = None
    detail: str = ""


class PlantFault(Struct, frozen=True, kw_only=True):
    """A plant that could not be reached or understood; it is being tried again."""

    plant: str
    at: datetime
    where: str
    reason: str
    cure: str


class BatteryPlant(Protocol):
    """A stationary battery that tells and obeys."""

    @property
    def id(self) -> str:
        """As in the site's topology."""
        ...

    def states(self) -> AsyncIterator[BatteryState | PlantFault]:
        """What it says of itself, every second or two, until closed. It holds the connection: commands go through only while it runs."""
        ...

    async def set_power(self, power_w: float | None, valid_s: float) -> PlantAnswer:
        """Charge (positive) or discharge (negative) with ``power_w`` at its terminals for ``valid_s``, to be renewed before that ends.

        0 holds it still; None releases it to its own programme, which is also what it falls back to by itself when ``valid_s`` ends.
        """
        ...


class PlantError(ChargebridgeError):
    """A plant's address that cannot be used."""
