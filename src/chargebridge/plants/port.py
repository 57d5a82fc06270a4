"""The ports of this room: what the site asks of any battery, and of any controllable load, that it may control."""

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


class LoadAnswer(Struct, frozen=True, kw_only=True):
    """What became of a limit. limit_w: as it was asked for, None: released."""

    limit_w: float | None
    outcome: PlantOutcome
    at: datetime
    detail: str = ""


class LoadReport(Struct, frozen=True, kw_only=True):
    """What a controllable load says of itself, as far as it is known. Powers in W.

    online: limits reach it. heard_at: its last sign of life. power_w: what it draws, at measured_at. nominal_w: the most that it draws. failsafe_w,
    failsafe_s: what it keeps to without us, and how long at least. answer: to the newest limit that it was written, also when that was repeated.
    """

    load: str
    online: bool
    heard_at: datetime | None = None
    power_w: float | None = None
    measured_at: datetime | None = None
    nominal_w: float | None = None
    failsafe_w: float | None = None
    failsafe_s: float | None = None
    answer: LoadAnswer | None = None


class ControllableLoad(Protocol):
    """A load that draws what it likes and keeps to a limit: a heat pump, an air conditioner.

    It keeps to its failsafe limit by itself when it does not hear from us, so limits hold until they are replaced: none ends by our silence.
    """

    @property
    def id(self) -> str:
        """As in the site's topology."""
        ...

    def states(self) -> AsyncIterator[LoadReport | PlantFault]:
        """What it says of itself, when something changes and every few seconds, until closed."""
        ...

    async def set_limit(self, power_w: float | None) -> PlantAnswer:
        """Draw no more than ``power_w``; 0 is a limit, None releases it. OFFLINE: it will be told as soon as it is there. A refused limit is asked
        for again by the adapter, and what comes of that is told by ``states``."""
        ...


class PlantError(ChargebridgeError):
    """A plant's address that cannot be used."""
