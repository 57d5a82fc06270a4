"""What a virtual station needs of an OCPP version: word its messages, and understand the Central System's."""

from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from chargebridge.sim.ocpp_station.authorisation import Entry
from chargebridge.sim.ocpp_station.evse import Bounds, Evse, Sample, Transaction
from chargebridge.sim.ocpp_station.knobs import Knob
from chargebridge.sim.ocpp_station.plan import StationPlan
from chargebridge.sim.ocpp_station.profiles import Limit
from chargebridge.sim.ocpp_station.variables import Variables
from chargebridge.wire.ocpp.payload import Payload

if TYPE_CHECKING:
    from chargebridge.sim.ocpp_station.station import VirtualStation


class Registered(Struct, frozen=True):
    """The answer to a boot. interval_s: between heartbeats, or until the next attempt. pending: calls are served, nothing else is sent."""

    accepted: bool
    interval_s: int
    pending: bool = False


class Verdict(Struct, frozen=True):
    """What the answer to a message about a transaction says: of its token, what it costs, what bounds it; None where it says nothing."""

    entry: Entry | None = None
    cost: float | None = None
    bounds: Bounds | None = None


class Voice(Protocol):
    """names_transactions: transactions get their ids here, and tell their own changes (2.x)."""

    variables: Variables
    names_transactions: bool

    @property
    def starts_at(self) -> str:
        """TxStartPoint: what begins a transaction, of EVConnected, Authorized and PowerPathClosed."""
        ...

    def name(self, knob: Knob) -> str:
        """What the version calls a setting."""
        ...

    def inward(self, message: Payload) -> Payload:
        """A message of the Central System's in the words that this voice works with."""
        ...

    def outward(self, message: Payload) -> Payload:
        """A message of ours in the words of the wire. Raises msgspec.ValidationError: the version cannot say that."""
        ...

    def boot(self, plan: StationPlan, firmware: str, reason: str) -> Payload: ...

    def registered(self, response: Payload) -> Registered: ...

    def told_time(self, response: Payload) -> datetime | None:
        """The Central System's clock, if the answer tells it."""
        ...

    def heartbeat(self) -> Payload: ...

    def status(self, evse: Evse, now: datetime) -> Payload: ...

    def authorise(self, token: str) -> Payload: ...

    def verdict(self, response: Payload) -> Verdict: ...

    def started(self, transaction: Transaction, sample: Sample, state: str, offline: bool) -> Payload: ...

    def transaction_id(self, response: Payload, transaction: Transaction) -> str: ...

    def updated(self, transaction: Transaction, sample: Sample, state: str, trigger: str, sequence: int, offline: bool) -> Payload | None:
        """A sample, or a change (trigger: by its name in 2.1). None: the version does not say it, or the transaction has no id (its start was
        given up)."""
        ...

    def ended(self, transaction: Transaction, sample: Sample, reason: str, sequence: int, offline: bool) -> Payload | None:
        """reason: by its name in 1.6 or, where 1.6 has none, in 2.1."""
        ...

    def signed(self, transaction: Transaction, sample: Sample, state: str, sequence: int, offline: bool) -> Payload | None:
        """Signed values by themselves; None to leave them out."""
        ...

    def meter_values(self, evse: Evse, sample: Sample, context: str) -> Payload:
        """A sample that is not the transaction's own. context: Sample.Clock or Trigger."""
        ...

    def security_event(self, kind: str, at: datetime, info: str) -> Payload: ...

    def firmware_status(self, status: str, request_id: int | None) -> Payload | None:
        """None: the version has no such status."""
        ...

    def log_status(self, status: str, request_id: int | None) -> Payload: ...

    def sign_certificate(self, csr: str) -> Payload: ...

    def reservation_ended(self, reservation: int, status: str) -> Payload | None: ...

    def answer(self, station: "VirtualStation", request: Payload) -> Payload | None:
        """Deal with a call of the Central System; None: not supported."""
        ...

    def bend(self, evse: Evse, limit: Limit) -> Limit:
        """What becomes of a limit by what the version adds to it (2.1: DER controls)."""
        ...

    def tick(self, station: "VirtualStation") -> None:
        """What the version does by itself: monitors, streams, schedules that are asked for."""
        ...
