"""A virtual charging station: an OCPP client over a real socket, with EVSEs whose cars are someone else's physics.

`run` keeps it alive: it connects, boots, reports, obeys, and comes back after a lost line; between two lines it goes on
charging, holds to its profiles and queues what is billed. The methods plug, present, unplug and so on are what people and
cars do to it; `faults` is what goes wrong inside.
"""

import asyncio
import ssl
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from chargebridge.model.clock import Clock
from chargebridge.sim.ocpp_station.admission import Admission
from chargebridge.sim.ocpp_station.authorisation import AuthorisationCache, LocalList
from chargebridge.sim.ocpp_station.certificates import CertificateStore
from chargebridge.sim.ocpp_station.evse import RUNNING, Evse
from chargebridge.sim.ocpp_station.faults import Faults
from chargebridge.sim.ocpp_station.journal import Journal
from chargebridge.sim.ocpp_station.knobs import Knob
from chargebridge.sim.ocpp_station.maintenance import Maintenance
from chargebridge.sim.ocpp_station.orders import Orders
from chargebridge.sim.ocpp_station.plan import StationPlan, VehicleSide
from chargebridge.sim.ocpp_station.profiles import Limit, ProfileStore
from chargebridge.sim.ocpp_station.reservations import Reservations
from chargebridge.sim.ocpp_station.second.voice import VoiceSecond
from chargebridge.sim.ocpp_station.signing import Signing
from chargebridge.sim.ocpp_station.timekeeping import StationClock
from chargebridge.sim.ocpp_station.tls import client_context
from chargebridge.sim.ocpp_station.transactions import Transactions
from chargebridge.sim.ocpp_station.uplink import Uplink
from chargebridge.sim.ocpp_station.voice import Voice
from chargebridge.sim.ocpp_station.voice16 import Voice16
from chargebridge.wire.ocpp import Disputed, Malformed
from chargebridge.wire.ocpp.payload import Payload

Listener = Callable[[str, dict[str, Any]], None]
"""Told what happens: a kind (online, offline, status, transaction, sent, received, security, firmware, log, certificate) and its facts."""


class VirtualStation:
    """See the module. Settings, profiles, lists, certificates, its meters' pages and the outbox live through a reboot; nothing else does."""

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
        self.admission = Admission(self)
        self.signing = Signing(self)
        self.transactions = Transactions(self)
        self.orders = Orders(self)
        self._clock = clock
        self._listen = listen

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
            self.transactions.say(point, point.transaction, "CablePluggedIn")
        self.transactions.look(point)

    def unplug(self, evse: int) -> None:
        """The cable comes out; that ends a transaction, unless the settings say that it waits for the car to come back."""
        point = self.evses[evse]
        if point.transaction is not None and self.flag(Knob.STOP_UNPLUGGED):
            self.transactions.end(point, "EVDisconnected")
        point.plugged = False
        if point.transaction is not None:
            self.transactions.say(point, point.transaction, "EVCommunicationLost")
        self.transactions.look(point)

    async def present(self, evse: int, token: str) -> bool:
        """A token is shown: it ends the EVSE's transaction if it is its own (or one of its group's), else asks for one."""
        point = self.evses[evse]
        running = point.transaction
        if running is not None and running.token is not None:
            if running.token == token:
                self.transactions.end(point, "Local")
            elif running.group is not None and (await self.admission.judge(token)).group == running.group:
                self.transactions.stop_if(point, running.id, "Local")
            return False
        if not point.operative or point.fault is not None:
            return False
        entry = await self.admission.judge(token)
        return entry.allows(self.now()) and self.admission.admit(point, token, entry.group)

    def fail(self, evse: int, error: str | None) -> None:
        """An error code of OCPP 1.6 (such as GroundFailure) takes the EVSE out; None heals it."""
        point = self.evses[evse]
        point.fault = error
        if error is not None and point.transaction is not None:
            self.transactions.end(point, "Other")
        self.transactions.look(point)

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
                self.transactions.end(point, ended)
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

    def text(self, knob: Knob) -> str:
        return self.voice.variables[self.voice.name(knob)]

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
            self.transactions.align(now)
            for point in self.evses.values():
                self.transactions.sample(point, now)
                self.transactions.bound(point)
            self.voice.tick(self)
            await self._clock.sleep(self.plan.tick_s)

    def refresh(self) -> None:
        """Set the pilots by the profiles as they are now, and see what flows."""
        now = self.clock.now()
        for point in self.evses.values():
            point.drive(self.limit(point, now), self._clock.now())
            if point.transaction is not None and point.limit.mode != point.transaction.mode:
                point.transaction.mode = point.limit.mode
                self.transactions.say(point, point.transaction, "OperationModeChanged")
            self.transactions.look(point)

    def _expire(self, now: datetime) -> None:
        """Tokens that nobody came with, reservations that are over, and reboots that a fault wants."""
        timeout_s = self.number(Knob.CONNECTION_TIMEOUT)
        for point in self.evses.values():
            if point.token_at is not None and timeout_s and (now - point.token_at).total_seconds() >= timeout_s:
                point.dismiss()
                self.show(point)
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
            self.show(point)

    def show(self, point: Evse, *, always: bool = False) -> None:
        state, before = point.state, point.told
        if state is before and not always:
            return
        point.told = state
        if point.transaction is not None and {before, state} <= RUNNING and before is not state:
            self.transactions.say(point, point.transaction, "ChargingStateChanged")
        self.tell("status", evse=point.number, status=state.value)
        self.uplink.say(self.voice.status(point, self.now()))

    def tell_all(self, points: Iterable[Evse]) -> None:
        """The state of each, whether it has changed or not."""
        for point in points:
            self.show(point, always=True)

    def measure_all(self, points: Iterable[Evse]) -> None:
        """A sample of each, whether a transaction runs or not."""
        for point in points:
            self.uplink.say(self.voice.meter_values(point, point.sample(self.now()), "Trigger"))

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

    def later(self, action: Callable[[], None], seconds: float = 0.05) -> None:
        """Do something soon: once the answer is out."""

        async def soon() -> None:
            await self._clock.sleep(seconds)
            action()

        self.uplink.spawn(soon())
