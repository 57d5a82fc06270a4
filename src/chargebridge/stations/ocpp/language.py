"""What the Central System asks of an OCPP version: read the station's messages, and word our commands.

`language16` and `language201` implement it. Commands are plain functions: of values to a request, of a response to an
`Answer`. Messages are handled with the `OcppStation` that sent them at hand, which holds what later messages leave out.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol

from msgspec import Struct

from chargebridge.stations.events import StationEvent
from chargebridge.stations.ocpp.words import Words
from chargebridge.stations.port import Answer, Outcome
from chargebridge.wire.ocpp import Dialect
from chargebridge.wire.ocpp.payload import Payload

if TYPE_CHECKING:
    from chargebridge.stations.ocpp.session import Session
    from chargebridge.stations.ocpp.station import OcppStation

Purpose = Literal["TxProfile", "TxDefaultProfile", "ChargePointMaxProfile"]


class Profile(Struct, frozen=True, kw_only=True):
    """A charging profile of one period, as far as we use them.

    stack_level: 0 for the fallback, 1 for grants. limit: in `unit` (A per phase, or W in all), one decimal. starts_at, duration_s:
    None for a profile that holds until it is replaced. transaction: only with TxProfile.
    """

    id: int
    evse: int
    purpose: Purpose
    stack_level: int
    limit: float
    unit: Literal["A", "W"]
    phases: int
    starts_at: datetime | None = None
    duration_s: int | None = None
    transaction: str | None = None


class SchedulePeriod(Struct, frozen=True):
    """start_s after the schedule's start; limit in the schedule's unit."""

    start_s: int
    limit: float
    phases: int | None = None


class Schedule(Struct, frozen=True, kw_only=True):
    """What a station says it will do (GetCompositeSchedule)."""

    unit: str
    starts_at: datetime | None
    duration_s: int | None
    periods: tuple[SchedulePeriod, ...]


class Setting(Struct, frozen=True, kw_only=True):
    """A configuration key (1.6) or variable (2.0.1, `Component.Variable`) as read. value: None when the station has it unset."""

    name: str
    value: str | None
    readonly: bool | None = None


class Language(Protocol):
    dialect: Dialect
    words: Words

    async def handle(self, station: "OcppStation", session: "Session", request: Payload) -> Payload:
        """Deal with one message of the station. Returns its answer once the sink says that all is durable."""
        ...

    def set_profile(self, profile: Profile) -> Payload: ...

    def clear_profile(self, profile_id: int) -> Payload: ...

    def composite_schedule(self, evse: int, duration_s: int, unit: Literal["A", "W"]) -> Payload: ...

    def read_schedule(self, response: Payload) -> Schedule | None: ...

    def get_settings(self, names: Sequence[str]) -> Payload: ...

    def read_settings(self, response: Payload) -> list[Setting]: ...

    def set_setting(self, name: str, value: str) -> Payload: ...

    def sampling(self, interval_s: int, *, outward: bool = False) -> list[list[tuple[str, str]]]:
        """Settings that make the station send what control needs: for each, the values to try until one is accepted. outward: also what cars give."""
        ...

    def answer(self, response: Payload) -> Answer:
        """The outcome that a response stands for, with the station's own words."""
        ...

    @property
    def abilities(self) -> tuple[str, ...]:
        """The variables by which a station says how much it takes at once and what it has; none in 1.6."""
        ...

    def learned(self, request: Payload, response: Payload) -> StationEvent | None:
        """What an answer says of the station's settings or monitors, to be kept like a report."""
        ...


# The status words of both versions that mean that the station does, or will do, what it was asked.
YES = {"Accepted", "AcceptedCanceled", "Scheduled", "RebootRequired", "Unlocked", "Unpublished"}
NEVER = {"NotSupported", "NotImplemented", "UnknownComponent", "UnknownVariable", "NotSupportedAttributeType"}


def outcome(status: str, detail: str = "") -> Answer:
    """An Answer from a status word."""
    kind = Outcome.ACCEPTED if status in YES else Outcome.UNSUPPORTED if status in NEVER else Outcome.REJECTED
    words = f"{status}: {detail}" if detail else status
    return Answer(outcome=kind, detail="" if words == "Accepted" else words)
