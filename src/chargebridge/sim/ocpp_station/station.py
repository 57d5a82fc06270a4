"""A virtual charging station: an OCPP client over a real socket, with EVSEs whose cars are someone else's physics.

`run` keeps it alive: it connects, boots, reports, obeys, and comes back after a lost line; between two lines it goes on
charging, holds to its profiles and queues what is billed. The methods plug, present, unplug and so on are what people and
cars do to it; `faults` is what goes wrong inside.
"""

import asyncio
import ssl
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from chargebridge.model.clock import Clock
from chargebridge.sim.ocpp_station.authorisation import AuthorisationCache, Entry, LocalList
from chargebridge.sim.ocpp_station.certificates import CertificateStore
from chargebridge.sim.ocpp_station.evse import RUNNING, Evse, State, Transaction
from chargebridge.sim.ocpp_station.faults import Faults
from chargebridge.sim.ocpp_station.journal import Journal
from chargebridge.sim.ocpp_station.knobs import Knob
from chargebridge.sim.ocpp_station.maintenance import Maintenance
from chargebridge.sim.ocpp_station.outbox import Letter
from chargebridge.sim.ocpp_station.plan import StationPlan, VehicleSide
from chargebridge.sim.ocpp_station.profiles import MAX_PROFILES, MAX_STACK_LEVEL, Limit, Profile, ProfileStore, Purpose
from chargebridge.sim.ocpp_station.reservations import Reservations
from chargebridge.sim.ocpp_station.second.voice import VoiceSecond
from chargebridge.sim.ocpp_station.timekeeping import StationClock
from chargebridge.sim.ocpp_station.tls import client_context
from chargebridge.sim.ocpp_station.uplink import Uplink
from chargebridge.sim.ocpp_station.voice import Voice
from chargebridge.sim.ocpp_station.voice16 import Voice16
from chargebridge.wire.ocpp import Disputed, Malformed
from chargebridge.wire.ocpp.payload import Payload

Listener = Callable[[str, dict[str, Any]], None]
"""Told what happens: a kind (online, offline, status, transaction, sent, received, security, firmware, log, certificate) and its facts."""


class VirtualStation:
    """See the module. Settings, profiles, lists, certificates and the outbox live through a reboot; all else is lost by one."""

    def __init__(
        self,
        plan: StationPlan,
        vehicles: VehicleSide,
        clock: Clock,
        faults: Faults | None = None,
        listen: Listener | None = None,
    ) -> None:
        self.plan = plan
        self.faults = faults or Faults()
        self.firmware = plan.firmware
        self.profiles = ProfileStore()
        self.local_list = LocalList()
        self.cache = AuthorisationCache()
        self.reservations = Reservations()
        self.certificates = CertificateStore(plan.tls.trusted, plan.tls.certificate, plan.tls.key)
        self.journal = Journal()
        self.clock = StationClock(clock, self.faults)
        self.voice: Voice = Voice16(plan) if plan.version == "ocpp1.6" else VoiceSecond(plan)
        self.evses = {number: Evse(number, evse, vehicles, self.faults) for number, evse in enumerate(plan.evses, 1)}
        self.uplink = Uplink(plan, self.faults, clock, self.voice, self)
        self.maintenance = Maintenance(self, clock)
        self._clock = clock
        self._listen = listen
        self._aligned_at: datetime | None = None
        self._profile_waits: dict[int, Profile] = {}

    async def run(self) -> None:
        """Live until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch())
            group.create_task(self.uplink.run())

    # What happens to it

    def plug(self, evse: int) -> None:
        """A cable goes in."""
        point = self.evses[evse]
        point.plugged = True
        if point.transaction is not None:
            self._update(point, point.transaction, "CablePluggedIn")
        self._look(point)

    def unplug(self, evse: int) -> None:
        """The cable comes out; that ends a transaction, unless the settings say that it waits for the car to come back."""
        point = self.evses[evse]
        if point.transaction is not None and self.flag(Knob.STOP_UNPLUGGED):
            self._end(point, "EVDisconnected")
        point.plugged = False
        if point.transaction is not None:
            self._update(point, point.transaction, "EVCommunicationLost")
        self._look(point)

    async def present(self, evse: int, token: str) -> bool:
        """A token is shown: it ends the EVSE's transaction if it is its own (or one of its group's), else asks for one."""
        point = self.evses[evse]
        running = point.transaction
        if running is not None and running.token is not None:
            if running.token == token:
                self._end(point, "Local")
            elif running.group is not None and (await self._authorise(token)).group == running.group:
                self.stop_if(point, running.id, "Local")
            return False
        if not point.operative or point.fault is not None:
            return False
        entry = await self._authorise(token)
        return entry.allows(self.now()) and self._admit(point, token, entry.group)

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

    def reboot(self, reason: str = "RemoteReset", *, ended: str = "Reboot", resume: bool = False) -> None:
        """End transactions (resume: keep them for afterwards), close the line, and start again as after power-up.

        reason: of the boot, by its name in 2.x. ended: the reason that transactions end with.
        """
        for point in self.evses.values():
            if point.transaction is not None and not resume:
                self._end(point, ended)
            point.dismiss()
            point.dark = True
        self.maintenance.booting(resume=resume)
        self.uplink.reboot(reason)

    # What it shows

    @property
    def online(self) -> bool:
        """Connected, and accepted by the Central System."""
        return self.uplink.registered.is_set()

    def now(self) -> datetime:
        """By its clock, in whole seconds, as most stations say it."""
        return self.clock.now().replace(microsecond=0)

    def flag(self, knob: Knob) -> bool:
        return self.voice.variables.flag(self.voice.name(knob))

    def number(self, knob: Knob) -> float:
        return self.voice.variables.number(self.voice.name(knob))

    def offered_current_a(self, evse: int, now: datetime) -> float:
        """What the pilot offers the car, A per phase; 0 when it is off."""
        point = self.evses[evse]
        point.limit = self.limit(point, now)
        return point.offered_a

    def limit(self, point: Evse, now: datetime) -> Limit:
        """What holds at the EVSE: its profiles, else the fallback; and not above the fallback once the line is long lost."""
        otherwise = self.otherwise(point)
        lost_at = self.uplink.lost_at
        lost_s = (self._clock.now() - lost_at).total_seconds() if lost_at is not None else 0.0
        sharers = sum(1 for evse in self.evses.values() if evse.transaction is not None)
        limit = self.profiles.limit(now, point.charging(lost_s), sharers) or otherwise
        if lost_s > self.plan.lost_after_s and otherwise.current_a < limit.current_a:
            return Limit(otherwise.current_a, limit.phases)
        return self.voice.bend(point, limit)

    def otherwise(self, point: Evse) -> Limit:
        """Without any profile: the fallback setting, or all there is."""
        setting = self.voice.variables[self.voice.name(Knob.FALLBACK)]
        return Limit(float(setting) if setting else point.plan.maximum_a, point.plan.phases)

    def tell(self, kind: str, **facts: Any) -> None:
        """Let whoever listens know what happens."""
        if kind not in ("sent", "received"):
            self.journal.write(self.clock.now(), f"{kind} {facts}")
        if self._listen is not None:
            self._listen(kind, facts)

    async def pause(self, seconds: float) -> None:
        await self._clock.sleep(seconds)

    # Its parts at work

    async def _watch(self) -> None:
        """Every tick: set the pilots, see what flows, sample, and end what is over."""
        while True:
            self.refresh()
            now = self.clock.now()
            self._expire(now)
            self._align(now)
            for point in self.evses.values():
                self._sample(point, now)
                self._bound(point)
            self.voice.tick(self)
            await self._clock.sleep(self.plan.tick_s)

    def refresh(self) -> None:
        """Set the pilots by the profiles as they are now, and see what flows."""
        now = self.clock.now()
        for point in self.evses.values():
            point.drive(self.limit(point, now), self._clock.now())
            if point.transaction is not None and point.limit.mode != point.transaction.mode:
                point.transaction.mode = point.limit.mode
                self._update(point, point.transaction, "OperationModeChanged")
            self._look(point)

    def _expire(self, now: datetime) -> None:
        """Tokens that nobody came with, reservations that are over, and reboots that a fault wants."""
        timeout_s = self.number(Knob.CONNECTION_TIMEOUT)
        for point in self.evses.values():
            if point.token_at is not None and timeout_s and (now - point.token_at).total_seconds() >= timeout_s:
                point.dismiss()
                self._tell(point)
            started = point.transaction.started_at if point.transaction is not None else None
            if started is not None and 0 < self.faults.reboots_at_s <= (now - started).total_seconds():
                self.faults.reboots_at_s = 0.0
                self.reboot("PowerUp", ended="PowerLoss")
        for reservation in self.reservations.over(now):
            self.uplink.say(self.voice.reservation_ended(reservation.id, "Expired"))
        self.show_reservations()

    def show_reservations(self) -> None:
        """Reserved is what an EVSE is that a reservation names; and all free ones, when as many reservations are for any of them."""
        free = [point for point in self.evses.values() if point.free and not point.plugged]
        anywhere = self.reservations.on({0})
        unnamed = [point for point in free if self.reservations.of(point.number) is None]
        for point in self.evses.values():
            all_kept = point in unnamed and 0 < len(unnamed) <= len(anywhere)
            point.reserved = self.reservations.of(point.number) is not None or all_kept
            self._tell(point)

    async def _authorise(self, token: str) -> Entry:
        """Ask its lists, the Central System, or its settings (1.6 4.1, 2.0.1 part 2 C01 to C15)."""
        now = self.now()
        known = self.local_list.entries.get(token) if self.flag(Knob.LOCAL_LIST) else None
        if known is None and self.flag(Knob.CACHE):
            known = self.cache.entries.get(token)
        if self.online:
            if known is not None and known.allows(now) and self.flag(Knob.PRE_AUTHORISE):
                return known
            answer = await self.uplink.ask(self.voice.authorise(token))
            entry = self.voice.verdict(answer).entry if answer is not None else None
            if entry is not None:
                self.cache.keep(token, entry)
            if answer is not None:
                return entry or Entry("Invalid")
        if known is not None and self.flag(Knob.LOCAL_OFFLINE):
            return known
        return Entry("Accepted" if self.flag(Knob.UNKNOWN_OFFLINE) else "Invalid")

    def _admit(self, point: Evse, token: str, group: str | None) -> bool:
        """Let a token in: to the transaction that waits for one, or to a new one, if no reservation stands against it."""
        free = [p.number for p in self.evses.values() if p.free]
        usable, reservation = self.reservations.usable(point.number, free, token, group)
        if not usable:
            return False
        if point.transaction is not None and point.transaction.token is None:
            point.transaction.token, point.transaction.group = token, group
            self._update(point, point.transaction, "Authorized")
        else:
            point.admit(token, group, self.clock.now())
            point.reservation = reservation.id if reservation is not None else None
        if reservation is not None:
            self.reservations.cancel(reservation.id)
        self._look(point)
        return True

    def _look(self, point: Evse) -> None:
        """Start what can start, and tell what changed."""
        starts = self.voice.starts_at
        if point.transaction is None and not point.dark and point.fault is None and point.operative:
            if point.token is not None and (point.plugged or "Authorized" in starts):
                self._begin(point, "RemoteStart" if point.remote_start_id is not None else "Authorized")
            elif point.plugged and "EVConnected" in starts and point.told is not State.FINISHING:
                self._begin(point, "CablePluggedIn")
        self._tell(point)

    def _begin(self, point: Evse, trigger: str) -> None:
        transaction = point.begin(self.now(), trigger, names_itself=self.voice.names_transactions)
        waiting = self._profile_waits.pop(point.number, None)
        if waiting is not None:
            self.profiles.put(replace(waiting, transaction=transaction.id))
        point.limit = self.limit(point, self.clock.now())
        sample, state = point.sample(self.now()), point.state.value

        def started(response: Payload) -> None:
            transaction.id = self.voice.transaction_id(response, transaction)
            self._hear(point, transaction, response)

        self._post(transaction, lambda offline: self.voice.started(transaction, sample, state, offline), started)
        self.tell("transaction", evse=point.number, change="started", id=transaction.key, token=transaction.token)

    def _hear(self, point: Evse, transaction: Transaction, response: Payload) -> None:
        """What the answer to a message about a transaction means for it."""
        verdict = self.voice.verdict(response)
        if verdict.cost is not None:
            transaction.cost = verdict.cost
        if verdict.bounds is not None:
            transaction.bounds = verdict.bounds
        entry = verdict.entry
        if entry is None or transaction.token is None:
            return
        self.cache.keep(transaction.token, entry)
        transaction.group = entry.group
        if not entry.allows(self.now()) and point.transaction is transaction:
            if self.flag(Knob.STOP_INVALID):
                self._end(point, "DeAuthorized")
            else:
                transaction.token = None

    def _end(self, point: Evse, reason: str) -> None:
        transaction = point.transaction
        assert transaction is not None
        sample, sequence = point.sample(self.now()), transaction.next_sequence()
        point.transaction = None
        self.profiles.end_transaction(point.number)
        self._post(
            transaction,
            lambda offline: self.voice.ended(transaction, sample, reason, sequence, offline),
            lambda response: self._hear(point, transaction, response),
        )
        self.tell("transaction", evse=point.number, change="ended", id=transaction.key, reason=reason, energy_wh=sample.energy_wh)
        self._tell(point)

    def _bound(self, point: Evse) -> None:
        """End a transaction that has reached what it was to reach (2.1 E16)."""
        transaction = point.transaction
        if transaction is None:
            return
        bounds, sample = transaction.bounds, point.sample(self.now())
        over = (
            ("EnergyLimitReached", sample.energy_wh - transaction.meter_start_wh, bounds.energy_wh),
            ("TimeLimitReached", (self.clock.now() - transaction.started_at).total_seconds(), bounds.time_s),
            ("CostLimitReached", transaction.cost or 0.0, bounds.cost),
            ("SOCLimitReached", (sample.soc or 0.0) * 100, bounds.soc),
        )
        reached = next((reason for reason, value, bound in over if bound is not None and value >= bound), None)
        if reached is not None:
            self._end(point, reached)

    def _sample(self, point: Evse, now: datetime) -> None:
        interval_s = self.number(Knob.SAMPLE)
        if point.transaction is None or point.sampled_at is None or interval_s <= 0:
            return
        if (now - point.sampled_at).total_seconds() >= interval_s:
            point.sampled_at = now
            self._update(point, point.transaction, "MeterValuePeriodic")

    def _align(self, now: datetime) -> None:
        """Samples at whole multiples of an interval since midnight (ClockAlignedDataInterval)."""
        interval_s = self.number(Knob.ALIGNED)
        if interval_s <= 0:
            self._aligned_at = None
            return
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        passed = (now - midnight).total_seconds()
        moment = midnight + timedelta(seconds=passed // interval_s * interval_s)
        if self._aligned_at is not None and moment > self._aligned_at and not self.faults.mute:
            for point in self.evses.values():
                if point.transaction is not None:
                    self._update(point, point.transaction, "MeterValueClock")
                else:
                    self.uplink.say(self.voice.meter_values(point, point.sample(moment), "Sample.Clock"))
        self._aligned_at = moment

    def _update(self, point: Evse, transaction: Transaction, trigger: str) -> None:
        samples = trigger in ("MeterValuePeriodic", "MeterValueClock")
        if (samples and self.faults.mute) or not (samples or trigger == "Trigger" or self.voice.names_transactions):
            return
        sample, state, sequence = point.sample(self.now()), point.state.value, transaction.next_sequence()
        self._post(
            transaction,
            lambda offline: self.voice.updated(transaction, sample, state, trigger, sequence, offline),
            lambda response: self._hear(point, transaction, response),
            sample=samples,
        )

    def _post(
        self,
        transaction: Transaction,
        build: Callable[[bool], Payload | None],
        on_answer: Callable[[Payload], None],
        *,
        sample: bool = False,
    ) -> None:
        self.uplink.outbox.post(
            Letter(build=build, on_answer=on_answer, offline=not self.online, transaction=transaction.key, sample=sample)
        )

    def _tell(self, point: Evse, *, always: bool = False) -> None:
        state, before = point.state, point.told
        if state is before and not always:
            return
        point.told = state
        if point.transaction is not None and {before, state} <= RUNNING and before is not state:
            self._update(point, point.transaction, "ChargingStateChanged")
        self.tell("status", evse=point.number, status=state.value)
        self.uplink.say(self.voice.status(point, self.now()))

    def tell_all(self, points: Iterable[Evse]) -> None:
        """The state of each, whether it has changed or not."""
        for point in points:
            self._tell(point, always=True)

    def measure_all(self, points: Iterable[Evse]) -> None:
        """A sample of each, whether a transaction runs or not."""
        for point in points:
            self.uplink.say(self.voice.meter_values(point, point.sample(self.now()), "Trigger"))

    def update_all(self, points: Iterable[Evse]) -> None:
        """A message about each transaction that runs."""
        for point in points:
            if point.transaction is not None:
                self._update(point, point.transaction, "Trigger")

    def update(self, point: Evse, trigger: str) -> None:
        """A message about the EVSE's transaction, if one runs. trigger: by its name in 2.1."""
        if point.transaction is not None:
            self._update(point, point.transaction, trigger)

    # What its uplink needs (uplink.Owner)

    def inward(self, message: Payload) -> Payload:
        return self.voice.inward(message)

    def outward(self, message: Payload) -> Payload:
        return self.voice.outward(message)

    def answer(self, request: Payload) -> Payload | None:
        return self.voice.answer(self, request)

    def trace(self, sent: bool, frame: str) -> None:
        kind = "sent" if sent else "received"
        self.journal.write(self.clock.now(), f"{kind} {frame}")
        self.tell(kind, frame=frame)

    def disputed(self, event: Disputed) -> None:
        self.tell("disputed", id=event.id, code=event.error.code, description=event.error.description)

    def malformed(self, event: Malformed) -> None:
        self.tell("malformed", reason=str(event.error))

    def tls(self) -> ssl.SSLContext:
        return client_context(self.certificates, self.clock.now(), wrong=self.faults.wrong_certificate)

    def connected(self) -> None:
        for point in self.evses.values():
            point.dark = False
        self.refresh()
        self.tell("online", uri=self.uplink.network.slot.uri)
        self.maintenance.connected()
        self.tell_all(self.evses.values())

    def lost(self, reason: str) -> None:
        self.tell("offline", reason=reason)
        self.maintenance.lost(reason)

    def set_clock(self, told: datetime) -> None:
        moved_s = self.clock.correct(told)
        if moved_s:
            self.maintenance.security_event("SettingSystemTime", f"moved by {moved_s:.0f} s")

    # What the Central System may ask, by way of the voice

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
        any_evse = profile.evse == 0 or point is not None
        fits = {
            Purpose.STATION_MAX: profile.evse == 0,
            Purpose.TX: running is not None and profile.transaction in (None, running.id),
        }.get(profile.purpose, any_evse)
        full = len(self.profiles) >= MAX_PROFILES and self.profiles.find(profile.id) is None
        if self.faults.rejects_profiles or not fits or profile.stack_level > MAX_STACK_LEVEL or full:
            return False
        if not self.faults.ignores_profiles:
            self.profiles.put(profile)
            self.refresh()
        return True

    def remote_start(self, evse: int | None, token: str, start_id: int | None, profile: Profile | None = None) -> Evse | None:
        """evse None: the first one that can, a plugged one before others. None: there is none. profile: for the transaction to be."""
        points = sorted(self.evses.values(), key=lambda e: not e.plugged) if evse is None else [self.evses.get(evse)]
        waiting = (p for p in points if p and (p.free or (p.transaction is not None and p.transaction.token is None)))
        point = next((p for p in waiting if self._usable(p, token)), None)
        if point is None:
            return None
        if profile is not None:
            self._profile_waits[point.number] = replace(profile, evse=point.number)
        if self.flag(Knob.AUTHORISE_REMOTE):
            self.uplink.spawn(self._start_if_authorised(point, token, start_id))
            return point
        if point.transaction is None:
            point.admit(token, None, self.clock.now())
            point.remote_start_id = start_id
        self.later(lambda: self._start(point, token))
        return point

    def _usable(self, point: Evse, token: str) -> bool:
        return self.reservations.usable(point.number, [p.number for p in self.evses.values() if p.free], token, None)[0]

    def _start(self, point: Evse, token: str) -> None:
        point.token = None if point.transaction is None else point.token
        self._admit(point, token, None)

    async def _start_if_authorised(self, point: Evse, token: str, start_id: int | None) -> None:
        entry = await self._authorise(token)
        if entry.allows(self.now()) and point.free:
            point.remote_start_id = start_id
            self._admit(point, token, entry.group)

    def remote_stop(self, transaction: str) -> bool:
        found = (p for p in self.evses.values() if p.transaction is not None and p.transaction.id == transaction)
        point = next(found, None)
        if point is None:
            return False
        self.later(lambda: self.stop_if(point, transaction, "Remote"))
        return True

    def stop_if(self, point: Evse, transaction: str | None, reason: str) -> None:
        """End the EVSE's transaction, if it is still this one (None: whichever runs)."""
        if point.transaction is not None and transaction in (None, point.transaction.id):
            self._end(point, reason)

    def set_operative(self, evse: int, *, operative: bool) -> bool:
        """evse 0: all. False: transactions run, and the change shows when they have ended."""
        points = [self.evses[evse]] if evse else list(self.evses.values())
        for point in points:
            point.operative = operative
        self.later(self.refresh)
        return not any(point.transaction for point in points)
