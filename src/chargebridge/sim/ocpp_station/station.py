"""A virtual charging station: an OCPP client over a real socket, with EVSEs whose cars are someone else's physics.

`run` keeps it alive: it connects, boots, reports, obeys, and comes back after a lost line; between two lines it goes on
charging, holds to its profiles and queues what is billed. The methods plug, present, unplug and so on are what people and
cars do to it; `faults` is what goes wrong inside.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime

from chargebridge.model.clock import Clock
from chargebridge.sim.ocpp_station.evse import Evse, State, Transaction
from chargebridge.sim.ocpp_station.outbox import Letter
from chargebridge.sim.ocpp_station.plan import Faults, StationPlan, VehicleSide
from chargebridge.sim.ocpp_station.profiles import MAX_STACK_LEVEL, Limit, Profile, ProfileStore, Purpose
from chargebridge.sim.ocpp_station.uplink import Uplink
from chargebridge.sim.ocpp_station.voice import Voice
from chargebridge.sim.ocpp_station.voice16 import FALLBACK_16, Voice16
from chargebridge.sim.ocpp_station.voice201 import FALLBACK_201, Voice201
from chargebridge.wire.ocpp.payload import Payload

RUNNING = {State.CHARGING, State.SUSPENDED_EV, State.SUSPENDED_EVSE}


class VirtualStation:
    """See the module. profiles, settings and outbox live through a reboot; all else is lost by one."""

    def __init__(self, plan: StationPlan, vehicles: VehicleSide, clock: Clock, faults: Faults | None = None) -> None:
        self.plan = plan
        self.faults = faults or Faults()
        self.profiles = ProfileStore()
        self.voice: Voice = Voice16(plan) if plan.version == "ocpp1.6" else Voice201(plan)
        self.evses = {number: Evse(number, evse, vehicles) for number, evse in enumerate(plan.evses, 1)}
        self.uplink = Uplink(plan, self.faults, clock, self.voice, self._answer, lambda: self._tell_all(self.evses.values()))
        self._clock = clock
        self._fallback = FALLBACK_16 if plan.version == "ocpp1.6" else FALLBACK_201
        if plan.fallback_a is not None:
            self.voice.settings[self._fallback] = f"{plan.fallback_a:g}"

    async def run(self) -> None:
        """Live until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch())
            group.create_task(self.uplink.run())

    # What happens to it

    def plug(self, evse: int) -> None:
        """A cable goes in."""
        self.evses[evse].plugged = True
        self._look(self.evses[evse])

    def unplug(self, evse: int) -> None:
        """The cable comes out; that ends a transaction."""
        point = self.evses[evse]
        if point.transaction is not None:
            self._end(point, "EVDisconnected")
        point.plugged = False
        self._look(point)

    async def present(self, evse: int, token: str) -> bool:
        """A token is shown: it ends the EVSE's transaction if it is its own, else asks for one. Offline all are let in."""
        point = self.evses[evse]
        if point.transaction is not None:
            if point.transaction.token == token:
                self._end(point, "Local")
            return False
        if not point.operative or point.fault is not None:
            return False
        if self.online:
            answer = await self.uplink.ask(self.voice.authorise(token))
            if answer is not None and self.voice.allows(answer) is not True:
                return False
        point.token = token
        self._look(point)
        return True

    def fail(self, evse: int, error: str | None) -> None:
        """An error code of OCPP 1.6 (such as GroundFailure) takes the EVSE out; None heals it."""
        point = self.evses[evse]
        point.fault = error
        if error is not None and point.transaction is not None:
            self._end(point, "Other")
        self._look(point)

    def drop(self) -> None:
        """Lose the line without a word; it comes back after reconnect_s."""
        self.uplink.drop()

    def go_offline(self) -> None:
        """Lose the line until `go_online`."""
        self.uplink.unplug_network(out=True)

    def go_online(self) -> None:
        self.uplink.unplug_network(out=False)

    def reboot(self, reason: str = "RemoteReset") -> None:
        """End transactions, close the line, and start again as after power-up."""
        for point in self.evses.values():
            if point.transaction is not None:
                self._end(point, "Reboot")
            point.token = None
        self.uplink.reboot(reason)

    # What it shows

    @property
    def online(self) -> bool:
        """Connected, and accepted by the Central System."""
        return self.uplink.registered.is_set()

    def now(self) -> datetime:
        """By its clock, in whole seconds, as most stations say it."""
        return self._clock.now().replace(microsecond=0)

    def offered_current_a(self, evse: int, now: datetime) -> float:
        """What the pilot offers the car, A per phase; 0 when it is off."""
        point = self.evses[evse]
        point.limit = self.limit(point, now)
        return point.offered_a

    def limit(self, point: Evse, now: datetime) -> Limit:
        """What holds at the EVSE: its profiles, else the fallback; and not above the fallback once the line is long lost."""
        otherwise = self.otherwise(point)
        sharers = sum(1 for evse in self.evses.values() if evse.transaction is not None)
        limit = self.profiles.limit(now, point.charging, sharers) or otherwise
        lost_at = self.uplink.lost_at
        lost_s = (now - lost_at).total_seconds() if lost_at is not None else 0.0
        if lost_s > self.plan.lost_after_s and otherwise.current_a < limit.current_a:
            return Limit(otherwise.current_a, limit.phases)
        return limit

    def otherwise(self, point: Evse) -> Limit:
        """Without any profile: the fallback setting, or all there is."""
        setting = self.voice.settings[self._fallback]
        return Limit(float(setting) if setting else point.plan.maximum_a, point.plan.phases)

    # Its parts at work

    async def _watch(self) -> None:
        """Every tick: set the pilots, see what flows, sample."""
        while True:
            self.refresh()
            now = self._clock.now()
            for point in self.evses.values():
                self._sample(point, now)
            await self._clock.sleep(self.plan.tick_s)

    def refresh(self) -> None:
        """Set the pilots by the profiles as they are now, and see what flows."""
        now = self._clock.now()
        for point in self.evses.values():
            point.drive(self.limit(point, now), now)
            self._look(point)

    def _look(self, point: Evse) -> None:
        """Start what can start, and tell what changed."""
        if point.transaction is None and point.plugged and point.token is not None:
            self._begin(point)
        self._tell(point)

    def _begin(self, point: Evse) -> None:
        transaction = point.begin(self.now(), names_itself=self.voice.names_transactions)
        point.limit = self.limit(point, self._clock.now())
        sample, state = point.sample(self.now()), point.state.value

        def started(response: Payload) -> None:
            transaction.id = self.voice.transaction_id(response, transaction)
            if self.voice.allows(response) is False and point.transaction is transaction:
                self._end(point, "DeAuthorized")

        self._post(lambda offline: self.voice.started(transaction, sample, state, offline), started)

    def _end(self, point: Evse, reason: str) -> None:
        transaction = point.transaction
        assert transaction is not None
        point.transaction = None
        self.profiles.end_transaction(point.number)
        sample, sequence = point.sample(self.now()), transaction.next_sequence()
        self._post(lambda offline: self.voice.ended(transaction, sample, reason, sequence, offline))
        self._tell(point)

    def _sample(self, point: Evse, now: datetime) -> None:
        interval_s = self.voice.sample_interval_s
        if point.transaction is None or point.sampled_at is None or interval_s <= 0:
            return
        if (now - point.sampled_at).total_seconds() >= interval_s:
            point.sampled_at = now
            if not self.faults.mute:
                self._update(point, point.transaction, periodic=True)

    def _update(self, point: Evse, transaction: Transaction, *, periodic: bool) -> None:
        if not periodic and not self.voice.names_transactions:
            return
        sample, state, sequence = point.sample(self.now()), point.state.value, transaction.next_sequence()
        self._post(lambda offline: self.voice.updated(transaction, sample, state, sequence, offline, periodic=periodic))

    def _post(self, build: Callable[[bool], Payload | None], on_answer: Callable[[Payload], None] | None = None) -> None:
        self.uplink.outbox.post(Letter(build=build, on_answer=on_answer, offline=not self.online))

    def _tell(self, point: Evse, *, always: bool = False) -> None:
        state, before = point.state, point.told
        if state is before and not always:
            return
        point.told = state
        if point.transaction is not None and {before, state} <= RUNNING and before is not state:
            self._update(point, point.transaction, periodic=False)
        self.uplink.say(self.voice.status(point, self.now()))

    def _tell_all(self, points: Iterable[Evse]) -> None:
        for point in points:
            self._tell(point, always=True)

    # What the Central System may ask, by way of the voice

    def _answer(self, request: Payload) -> Payload | None:
        return self.voice.answer(self, request)

    def later(self, action: Callable[[], None]) -> None:
        """Do something once the answer is out."""

        async def soon() -> None:
            await self._clock.sleep(0.05)
            action()

        self.uplink.spawn(soon())

    def take_profile(self, profile: Profile) -> bool:
        """Keep a profile and obey at once, or refuse it (1.6 5.16, 2.0.1 part 2 K01): a TxProfile needs its transaction to
        run, a station's bound is for EVSE 0, and no EVSE that is not there has any."""
        point = self.evses.get(profile.evse)
        running = point.transaction if point is not None else None
        fits = {
            Purpose.STATION_MAX: profile.evse == 0,
            Purpose.TX_DEFAULT: profile.evse == 0 or point is not None,
            Purpose.TX: running is not None and profile.transaction in (None, running.id),
        }
        if self.faults.rejects_profiles or not fits[profile.purpose] or profile.stack_level > MAX_STACK_LEVEL:
            return False
        if not self.faults.ignores_profiles:
            self.profiles.put(profile)
            self.refresh()
        return True

    def remote_start(self, evse: int | None, token: str, start_id: int | None) -> bool:
        """evse None: the first one that can, a plugged one before others."""
        points = sorted(self.evses.values(), key=lambda e: not e.plugged) if evse is None else [self.evses.get(evse)]
        free = (p for p in points if p and p.operative and p.fault is None and p.transaction is None and p.token is None)
        point = next(free, None)
        if point is None:
            return False
        point.token, point.remote_start_id = token, start_id
        self.later(lambda: self._look(point))
        return True

    def remote_stop(self, transaction: str) -> bool:
        found = (p for p in self.evses.values() if p.transaction is not None and p.transaction.id == transaction)
        point = next(found, None)
        if point is None:
            return False
        self.later(lambda: self._stop_if(point, transaction))
        return True

    def _stop_if(self, point: Evse, transaction: str) -> None:
        if point.transaction is not None and point.transaction.id == transaction:
            self._end(point, "Remote")

    def set_operative(self, evse: int, *, operative: bool) -> bool:
        """evse 0: all. False: transactions run, and the change shows when they have ended."""
        points = [self.evses[evse]] if evse else list(self.evses.values())
        for point in points:
            point.operative = operative
        self.later(self.refresh)
        return not any(point.transaction for point in points)

    def send_now(self, message: str, evse: int | None) -> bool:
        """TriggerMessage. False: this station has no such message."""
        points = [self.evses[evse]] if evse in self.evses else list(self.evses.values())
        sends: dict[str, Callable[[], None]] = {
            "Heartbeat": lambda: self.uplink.say(self.voice.heartbeat()),
            "BootNotification": lambda: self.uplink.say(self.voice.boot(self.plan, "Triggered")),
            "StatusNotification": lambda: self._tell_all(points),
            "MeterValues": lambda: self._update_all(points),
            "TransactionEvent": lambda: self._update_all(points),
        }
        if message in sends:
            self.later(sends[message])
        return message in sends

    def _update_all(self, points: list[Evse]) -> None:
        for point in points:
            if point.transaction is not None:
                self._update(point, point.transaction, periodic=True)
