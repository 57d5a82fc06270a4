"""One EVSE of a virtual station: cable, token, transaction, pilot; and what it tells of itself. No I/O."""

from datetime import datetime
from enum import StrEnum
from typing import Literal
from uuid import uuid4

from msgspec import Struct

from chargebridge.model.circuit import MINIMUM_CURRENT_A
from chargebridge.model.phases import PerPhase
from chargebridge.sim.ocpp_station.faults import Faults
from chargebridge.sim.ocpp_station.plan import EvsePlan, VehicleSide
from chargebridge.sim.ocpp_station.profiles import Charging, Limit
from chargebridge.wire.signed.keys import PublicKey
from chargebridge.wire.signed.ocmf_write import MeterReading

FLOWING_A = 0.5  # below this no car is charging


class State(StrEnum):
    """The connector's state by its OCPP 1.6 name (1.6 part 4.9); 2.x sees less of it."""

    AVAILABLE = "Available"
    PREPARING = "Preparing"
    CHARGING = "Charging"
    SUSPENDED_EV = "SuspendedEV"
    SUSPENDED_EVSE = "SuspendedEVSE"
    FINISHING = "Finishing"
    RESERVED = "Reserved"
    UNAVAILABLE = "Unavailable"
    FAULTED = "Faulted"


RUNNING = frozenset({State.CHARGING, State.SUSPENDED_EV, State.SUSPENDED_EVSE})


class Bounds(Struct, frozen=True):
    """What ends a transaction by itself (2.1 TransactionLimit): energy in Wh, time in s, cost, state of charge in percent."""

    energy_wh: float | None = None
    time_s: float | None = None
    cost: float | None = None
    soc: float | None = None

    def over(self, earlier: "Bounds") -> "Bounds":
        """These, and the earlier ones where these say nothing: a limit is changed, never taken back (E16.FR.17)."""
        values = {name: getattr(self, name) for name in self.__struct_fields__}
        return Bounds(**{name: getattr(earlier, name) if value is None else value for name, value in values.items()})


class Signed(Struct, frozen=True, kw_only=True):
    """A signed record on its way. at, energy_wh: of its reading. public_key: where it is to be told too."""

    record: bytes
    context: Literal["Transaction.Begin", "Transaction.End"]
    energy_wh: int
    at: datetime
    public_key: PublicKey | None = None


class Transaction(Struct):
    """key: our own id, which 2.x uses. id: by which the Central System knows it: in 2.x key, in 1.6 what it answers, None until then.

    token: who charges, None while nobody has been let in. sequence: the next seqNo; 0 is the start's. prior: priority charging is on.
    cost: as the Central System last said. mode: the operation mode of 2.1 that was told last. phases: that were used at the last message.
    begin: what a meter that signs has read at the start, signed_begin: its record of it; key_told: its public key was sent.
    """

    evse: int
    token: str | None
    started_at: datetime
    meter_start_wh: int
    key: str
    trigger: str
    id: str | None = None
    group: str | None = None
    remote_start_id: int | None = None
    reservation: int | None = None
    sequence: int = 1
    prior: bool = False
    cost: float | None = None
    mode: str = "ChargingOnly"
    bounds: Bounds = Bounds()
    offered_a: float = 0.0
    begin: MeterReading | None = None
    signed_begin: bytes | None = None
    key_told: bool = False

    def next_sequence(self) -> int:
        self.sequence += 1
        return self.sequence - 1


class Sample(Struct, frozen=True, kw_only=True):
    """What the EVSE's meter shows at a moment; energies: whole Wh of the registers.

    setpoint_w: what is to flow, if anybody said. signed: what goes with it.
    """

    at: datetime
    current_a: PerPhase
    voltage_v: PerPhase
    power_w: float
    energy_wh: int
    export_wh: int
    offered_a: float
    soc: float | None
    phases: int
    setpoint_w: float | None = None
    signed: tuple[Signed, ...] = ()


class Evse:
    """State and pilot. `limit` is what the profiles allow; the pilot offers it only in a transaction, and nothing below 6 A."""

    def __init__(self, number: int, plan: EvsePlan, vehicles: VehicleSide, faults: Faults) -> None:
        self.number = number
        self.plan = plan
        self.plugged = False
        self.token: str | None = None  # authorised, and not yet in a transaction
        self.token_at: datetime | None = None
        self.group: str | None = None
        self.remote_start_id: int | None = None
        self.reservation: int | None = None  # the one that the token uses up
        self.reserved = False
        self.transaction: Transaction | None = None
        self.operative = True
        self.dark = False  # the station boots
        self.fault: str | None = None
        self.limit = Limit(0.0, plan.phases)
        self.flowing = False
        self.told: State | None = None  # the last state that the Central System heard
        self.sampled_at: datetime | None = None
        self._vehicles = vehicles
        self._faults = faults

    @property
    def offered_a(self) -> float:
        """What the pilot says now, A; negative: what is to flow out of the car."""
        t = self.transaction
        if t is None or t.token is None or not self.plugged or self.fault is not None or self.dark:
            return 0.0
        limit = self.limit
        if self.plan.bidirectional and limit.setpoint_a is not None and limit.setpoint_a < 0:
            return max(limit.setpoint_a, limit.discharge_a or limit.setpoint_a, -self.plan.maximum_a)
        current_a = min(limit.current_a, self.plan.maximum_a)
        if limit.setpoint_a is not None:
            current_a = min(current_a, max(limit.setpoint_a, 0.0))
        return current_a if current_a >= MINIMUM_CURRENT_A else 0.0

    @property
    def state(self) -> State:
        if self.fault is not None:
            return State.FAULTED
        if self.transaction is not None:
            if self.transaction.token is None:
                return State.PREPARING
            if self.offered_a == 0.0:
                return State.SUSPENDED_EVSE
            return State.CHARGING if self.flowing else State.SUSPENDED_EV
        if self.plugged:
            return State.FINISHING if self.told in _IN_TRANSACTION else State.PREPARING
        if not self.operative:
            return State.UNAVAILABLE
        if self.token is not None:
            return State.PREPARING
        return State.RESERVED if self.reserved else State.AVAILABLE

    @property
    def free(self) -> bool:
        """Nobody uses it, and somebody could."""
        return self.operative and self.fault is None and self.transaction is None and self.token is None and not self.dark

    def charging(self, offline_s: float = 0.0) -> Charging:
        t = self.transaction
        if t is None:
            return Charging(evse=self.number, phases=self.plan.phases, offline_s=offline_s)
        return Charging(
            evse=self.number,
            phases=self.plan.phases,
            transaction=t.id or "",
            started_at=t.started_at,
            prior=t.prior,
            offline_s=offline_s,
        )

    def drive(self, limit: Limit, now: datetime) -> None:
        """Set the pilot and see what the car takes."""
        self.limit = limit
        current_a = self._vehicles.draw(self.number, self.offered_a, limit.phases, now)
        self.flowing = max(abs(a) for a in current_a) >= FLOWING_A

    def admit(self, token: str, group: str | None, now: datetime) -> None:
        """A token has been let in."""
        self.token, self.group, self.token_at = token, group, now

    def dismiss(self) -> None:
        """The token that was let in did not come to charge."""
        self.token = self.group = self.token_at = self.remote_start_id = self.reservation = None

    def begin(self, now: datetime, trigger: str, *, names_itself: bool) -> Transaction:
        """A transaction starts; in 2.x the station names it itself."""
        key = str(uuid4())
        self.transaction = Transaction(
            evse=self.number,
            token=self.token,
            group=self.group,
            started_at=now,
            meter_start_wh=self.sample(now).energy_wh,
            key=key,
            trigger=trigger,
            id=key if names_itself else None,
            remote_start_id=self.remote_start_id,
            reservation=self.reservation,
        )
        self.dismiss()
        self.sampled_at = now
        return self.transaction

    def sample(self, now: datetime) -> Sample:
        truth, lie = self._vehicles.measure(self.number), self._faults.lies
        l1, l2, l3 = (current_a * lie for current_a in truth.current_a)
        setpoint_a = self.limit.setpoint_a
        return Sample(
            at=now,
            current_a=(l1, l2, l3),
            voltage_v=truth.voltage_v,
            power_w=truth.power_w * lie,
            energy_wh=int(truth.energy_wh * lie),
            export_wh=int(getattr(truth, "energy_export_wh", 0.0) * lie),
            offered_a=self.offered_a,
            soc=truth.soc,
            phases=self.plan.phases,
            setpoint_w=None if setpoint_a is None else setpoint_a * sum(truth.voltage_v[: self.plan.phases]),
        )


_IN_TRANSACTION = RUNNING | {State.FINISHING}
