"""The transactions of a virtual station: when they begin and end, and what is told of them meanwhile."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from chargebridge.sim.ocpp_station.evse import Evse, Sample, State, Transaction
from chargebridge.sim.ocpp_station.knobs import Knob
from chargebridge.sim.ocpp_station.outbox import Letter
from chargebridge.sim.ocpp_station.profiles import Profile
from chargebridge.sim.ocpp_station.signing import LATE_S
from chargebridge.wire.ocpp.payload import Payload

if TYPE_CHECKING:
    from chargebridge.sim.ocpp_station.station import VirtualStation


class Transactions:
    """profile_waits: EVSE -> the profile of the transaction that is asked to begin there."""

    def __init__(self, station: "VirtualStation") -> None:
        self.profile_waits: dict[int, Profile] = {}
        self._station = station
        self._aligned_at: datetime | None = None

    def look(self, point: Evse) -> None:
        """Start what can start, and tell what changed."""
        starts = self._station.voice.starts_at
        if point.transaction is None and not point.dark and point.fault is None and point.operative:
            if point.token is not None and (point.plugged or "Authorized" in starts):
                self._begin(point, "RemoteStart" if point.remote_start_id is not None else "Authorized")
            elif point.plugged and "EVConnected" in starts and point.told is not State.FINISHING:
                self._begin(point, "CablePluggedIn")
        self._station.show(point)

    def _begin(self, point: Evse, trigger: str) -> None:
        transaction = point.begin(self._station.now(), trigger, names_itself=self._station.voice.names_transactions)
        waiting = self.profile_waits.pop(point.number, None)
        if waiting is not None:
            self._station.profiles.put(replace(waiting, transaction=transaction.id))
        point.limit = self._station.limit(point, self._station.clock.now())
        sample, state = point.sample(self._station.now()), point.state.value
        signed = replace(sample, signed=self._station.signing.begun(transaction))

        def started(response: Payload) -> None:
            transaction.id = self._station.voice.transaction_id(response, transaction)
            self._hear(point, transaction, response)

        self._post(transaction, lambda offline: self._station.voice.started(transaction, signed, state, offline), started)
        if signed.signed and not self._station.voice.names_transactions:  # 1.6: a start has no meter values
            self._post_signed(transaction, signed, state)
        self._station.tell("transaction", evse=point.number, change="started", id=transaction.key, token=transaction.token)

    def _hear(self, point: Evse, transaction: Transaction, response: Payload) -> None:
        """What the answer to a message about a transaction means for it."""
        verdict = self._station.voice.verdict(response)
        if verdict.cost is not None:
            transaction.cost = verdict.cost
        if verdict.bounds is not None:
            bounds = verdict.bounds.over(transaction.bounds)
            if bounds != transaction.bounds:
                transaction.bounds = bounds
                if point.transaction is transaction:
                    self.update(point, "LimitSet")  # 2.1 E16.FR.03
        entry = verdict.entry
        if entry is None or transaction.token is None:
            return
        self._station.cache.keep(transaction.token, entry)
        transaction.group = entry.group
        if not entry.now.allows(self._station.now()) and point.transaction is transaction:
            if self._station.flag(Knob.STOP_INVALID):
                self.end(point, "DeAuthorized")
            else:
                transaction.token = None

    def end(self, point: Evse, reason: str) -> None:
        transaction = point.transaction
        assert transaction is not None
        sample, state = point.sample(self._station.now()), point.state.value
        signed = replace(sample, signed=self._station.signing.ended(transaction, sample, reason))
        late = self._station.faults.signs == "late" and bool(signed.signed)
        if late:
            missing = transaction.next_sequence()
            self._station.later(lambda: self._post_signed(transaction, signed, state, missing), LATE_S)
        sequence, told = transaction.next_sequence(), sample if late else signed
        point.transaction = None
        self._station.profiles.end_transaction(point.number)
        self._post(
            transaction,
            lambda offline: self._station.voice.ended(transaction, told, reason, sequence, offline),
            lambda response: self._hear(point, transaction, response),
        )
        self._station.tell("transaction", evse=point.number, change="ended", id=transaction.key, reason=reason, energy_wh=sample.energy_wh)
        self._station.show(point)

    def bound(self, point: Evse) -> None:
        """End a transaction that has reached what it was to reach (2.1 E16)."""
        transaction = point.transaction
        if transaction is None:
            return
        bounds, sample = transaction.bounds, point.sample(self._station.now())
        over = (
            ("EnergyLimitReached", sample.energy_wh - transaction.meter_start_wh, bounds.energy_wh),
            ("TimeLimitReached", (self._station.clock.now() - transaction.started_at).total_seconds(), bounds.time_s),
            ("CostLimitReached", transaction.cost or 0.0, bounds.cost),
            ("SOCLimitReached", (sample.soc or 0.0) * 100, bounds.soc),
        )
        reached = next((reason for reason, value, bound in over if bound is not None and value >= bound), None)
        if reached is not None:
            self.end(point, reached)

    def sample(self, point: Evse, now: datetime) -> None:
        interval_s = self._station.number(Knob.SAMPLE)
        if point.transaction is None or point.sampled_at is None or interval_s <= 0:
            return
        if (now - point.sampled_at).total_seconds() >= interval_s:
            point.sampled_at = now
            self.say(point, point.transaction, "MeterValuePeriodic")

    def align(self, now: datetime) -> None:
        """Samples at whole multiples of an interval since midnight (ClockAlignedDataInterval)."""
        interval_s = self._station.number(Knob.ALIGNED)
        if interval_s <= 0:
            self._aligned_at = None
            return
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        passed = (now - midnight).total_seconds()
        moment = midnight + timedelta(seconds=passed // interval_s * interval_s)
        if self._aligned_at is not None and moment > self._aligned_at and not self._station.faults.mute:
            for point in self._station.evses.values():
                if point.transaction is not None:
                    self.say(point, point.transaction, "MeterValueClock")
                else:
                    self._station.uplink.say(self._station.voice.meter_values(point, point.sample(moment), "Sample.Clock"))
        self._aligned_at = moment

    def say(self, point: Evse, transaction: Transaction, trigger: str) -> None:
        """A message about how far a transaction is, where the version has one. trigger: by its name in 2.1."""
        samples = trigger in ("MeterValuePeriodic", "MeterValueClock")
        if (samples and self._station.faults.mute) or not (samples or trigger == "Trigger" or self._station.voice.names_transactions):
            return
        sample, state, sequence = point.sample(self._station.now()), point.state.value, transaction.next_sequence()
        self._post(
            transaction,
            lambda offline: self._station.voice.updated(transaction, sample, state, trigger, sequence, offline),
            lambda response: self._hear(point, transaction, response),
            sample=samples,
        )

    def _post_signed(self, transaction: Transaction, sample: Sample, state: str, sequence: int = 0) -> None:
        voice = self._station.voice
        self._post(transaction, lambda offline: voice.signed(transaction, sample, state, sequence, offline), lambda _: None)

    def _post(
        self,
        transaction: Transaction,
        build: Callable[[bool], Payload | None],
        on_answer: Callable[[Payload], None],
        *,
        sample: bool = False,
    ) -> None:
        self._station.uplink.outbox.post(
            Letter(build=build, on_answer=on_answer, offline=not self._station.online, transaction=transaction.key, sample=sample)
        )

    def update_all(self, points: Iterable[Evse]) -> None:
        """A message about each transaction that runs."""
        for point in points:
            if point.transaction is not None:
                self.say(point, point.transaction, "Trigger")

    def update(self, point: Evse, trigger: str) -> None:
        """The same of the EVSE's transaction, if one runs."""
        if point.transaction is not None:
            self.say(point, point.transaction, trigger)

    def stop_if(self, point: Evse, transaction: str | None, reason: str) -> None:
        """End the EVSE's transaction, if it is still this one (None: whichever runs)."""
        if point.transaction is not None and transaction in (None, point.transaction.id):
            self.end(point, reason)
