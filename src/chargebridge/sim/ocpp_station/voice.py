"""What a virtual station needs of an OCPP version: word its messages, and understand the Central System's."""

from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from chargebridge.sim.ocpp_station.evse import Evse, Sample, Transaction
from chargebridge.sim.ocpp_station.plan import StationPlan
from chargebridge.wire.ocpp.payload import Payload

if TYPE_CHECKING:
    from chargebridge.sim.ocpp_station.station import VirtualStation


class Registered(Struct, frozen=True):
    """The answer to a boot. interval_s: between heartbeats, or until the next attempt."""

    accepted: bool
    interval_s: int


class Voice(Protocol):
    settings: dict[str, str]  # what the Central System may read and write, and its values at the factory
    readonly: frozenset[str]
    names_transactions: bool  # transactions get their ids here, and tell their own changes of state (2.0.1)

    def boot(self, plan: StationPlan, reason: str) -> Payload: ...

    def registered(self, response: Payload) -> Registered: ...

    def heartbeat(self) -> Payload: ...

    def status(self, evse: Evse, now: datetime) -> Payload: ...

    def authorise(self, token: str) -> Payload: ...

    def allows(self, response: Payload) -> bool | None:
        """Whether an answer lets the token charge; None when it says nothing of a token."""
        ...

    def started(self, transaction: Transaction, sample: Sample, state: str, offline: bool) -> Payload: ...

    def transaction_id(self, response: Payload, transaction: Transaction) -> str: ...

    def updated(
        self, transaction: Transaction, sample: Sample, state: str, sequence: int, offline: bool, *, periodic: bool
    ) -> Payload | None:
        """A sample, or a change of state; None as long as the transaction has no id (its start was given up)."""
        ...

    def ended(self, transaction: Transaction, sample: Sample, reason: str, sequence: int, offline: bool) -> Payload | None: ...

    def answer(self, station: "VirtualStation", request: Payload) -> Payload | None:
        """Deal with a call of the Central System; None: not supported."""
        ...

    @property
    def sample_interval_s(self) -> int: ...


MEASURANDS = {
    "Current.Import",
    "Power.Active.Import",
    "Energy.Active.Import.Register",
    "Voltage",
    "Current.Offered",
    "SoC",
}
DEFAULT_MEASURANDS = "Energy.Active.Import.Register,Power.Active.Import"
PHASED = ("Current.Import", "Voltage")


class Value(Struct, frozen=True):
    """One sampled value before it is worded: phase 1..3, or None for the whole."""

    measurand: str
    value: float
    unit: str
    phase: int | None = None


def values(sample: Sample, measurands: str) -> list[Value]:
    """The sampled values for a comma-separated list of measurands (`Current.Import` stands for all its phases)."""
    wanted = [name.split(".L")[0] for name in measurands.split(",")]
    found: list[Value] = []
    for name in dict.fromkeys(wanted):
        match name:
            case "Current.Import":
                found += [Value(name, round(sample.current_a[p], 2), "A", p + 1) for p in range(sample.phases)]
            case "Voltage":
                found += [Value(name, round(sample.voltage_v[p], 1), "V", p + 1) for p in range(sample.phases)]
            case "Power.Active.Import":
                found.append(Value(name, round(sample.power_w, 1), "W"))
            case "Energy.Active.Import.Register":
                found.append(Value(name, float(sample.energy_wh), "Wh"))
            case "Current.Offered":
                found.append(Value(name, round(sample.offered_a, 1), "A"))
            case "SoC" if sample.soc is not None:
                found.append(Value(name, round(sample.soc * 100, 1), "Percent"))
    return found


def known(measurands: str) -> bool:
    return all(name.split(".L")[0] in MEASURANDS for name in measurands.split(","))
