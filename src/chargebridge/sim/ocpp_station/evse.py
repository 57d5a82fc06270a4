"""One EVSE of a virtual station: cable, token, transaction, pilot; and what it tells of itself. No I/O."""

from datetime import datetime
from enum import StrEnum
from uuid import uuid4

from msgspec import Struct

from chargebridge.model.circuit import MINIMUM_CURRENT_A
from chargebridge.model.phases import PerPhase
from chargebridge.sim.ocpp_station.plan import EvsePlan, VehicleSide
from chargebridge.sim.ocpp_station.profiles import Charging, Limit

FLOWING_A = 0.5  # below this no car is charging


class State(StrEnum):
    """The connector's state by its OCPP 1.6 name (1.6 part 4.9); 2.0.1 sees less of it."""

    AVAILABLE = "Available"
    PREPARING = "Preparing"
    CHARGING = "Charging"
    SUSPENDED_EV = "SuspendedEV"
    SUSPENDED_EVSE = "SuspendedEVSE"
    FINISHING = "Finishing"
    UNAVAILABLE = "Unavailable"
    FAULTED = "Faulted"


class Transaction(Struct):
    """key: our own id, which 2.0.1 uses. id: by which the Central System knows it: in 2.0.1 key, in 1.6 what it answers, None
    until then. sequence: the next seqNo; 0 is the start's."""

    evse: int
    token: str
    started_at: datetime
    meter_start_wh: int
    key: str
    id: str | None = None
    remote_start_id: int | None = None
    sequence: int = 1

    def next_sequence(self) -> int:
        self.sequence += 1
        return self.sequence - 1


class Sample(Struct, frozen=True, kw_only=True):
    """What the EVSE's meter shows at a moment; energy_wh: whole Wh of the register."""

    at: datetime
    current_a: PerPhase
    voltage_v: PerPhase
    power_w: float
    energy_wh: int
    offered_a: float
    soc: float | None
    phases: int


class Evse:
    """State and pilot. `limit` is what the profiles allow; the pilot offers it only in a transaction, and nothing below 6 A."""

    def __init__(self, number: int, plan: EvsePlan, vehicles: VehicleSide) -> None:
        self.number = number
        self.plan = plan
        self.plugged = False
        self.token: str | None = None  # authorised, and not yet in a transaction
        self.remote_start_id: int | None = None
        self.transaction: Transaction | None = None
        self.operative = True
        self.fault: str | None = None
        self.limit = Limit(0.0, plan.phases)
        self.flowing = False
        self.told: State | None = None  # the last state that the Central System heard
        self.sampled_at: datetime | None = None
        self._vehicles = vehicles

    @property
    def offered_a(self) -> float:
        """What the pilot says now, A."""
        if self.transaction is None or not self.plugged or self.fault is not None:
            return 0.0
        current_a = min(self.limit.current_a, self.plan.maximum_a)
        return current_a if current_a >= MINIMUM_CURRENT_A else 0.0

    @property
    def state(self) -> State:
        if self.fault is not None:
            return State.FAULTED
        if self.transaction is not None:
            if self.offered_a == 0.0:
                return State.SUSPENDED_EVSE
            return State.CHARGING if self.flowing else State.SUSPENDED_EV
        if self.plugged:
            return State.FINISHING if self.told in _IN_TRANSACTION else State.PREPARING
        if not self.operative:
            return State.UNAVAILABLE
        return State.PREPARING if self.token is not None else State.AVAILABLE

    @property
    def charging(self) -> Charging:
        t = self.transaction
        if t is None:
            return Charging(evse=self.number, phases=self.plan.phases)
        return Charging(evse=self.number, phases=self.plan.phases, transaction=t.id or "", started_at=t.started_at)

    def drive(self, limit: Limit, now: datetime) -> None:
        """Set the pilot and see what the car takes."""
        self.limit = limit
        current_a = self._vehicles.draw(self.number, self.offered_a, limit.phases, now)
        self.flowing = max(current_a) >= FLOWING_A

    def begin(self, now: datetime, *, names_itself: bool) -> Transaction:
        """The authorised token starts a transaction; in 2.0.1 the station names it itself."""
        assert self.token is not None
        key = str(uuid4())
        self.transaction = Transaction(
            evse=self.number,
            token=self.token,
            started_at=now,
            meter_start_wh=int(self._vehicles.measure(self.number).energy_wh),
            key=key,
            id=key if names_itself else None,
            remote_start_id=self.remote_start_id,
        )
        self.token = self.remote_start_id = None
        self.sampled_at = now
        return self.transaction

    def sample(self, now: datetime) -> Sample:
        truth = self._vehicles.measure(self.number)
        return Sample(
            at=now,
            current_a=truth.current_a,
            voltage_v=truth.voltage_v,
            power_w=truth.power_w,
            energy_wh=int(truth.energy_wh),
            offered_a=self.offered_a,
            soc=truth.soc,
            phases=self.plan.phases,
        )


_IN_TRANSACTION = {State.CHARGING, State.SUSPENDED_EV, State.SUSPENDED_EVSE, State.FINISHING}
