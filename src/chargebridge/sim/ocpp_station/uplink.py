"""A station's way to its Central System: connect, introduce itself, beat, deliver the outbox, come back after a loss."""

import asyncio
import ssl
from collections.abc import Coroutine
from contextlib import suppress
from datetime import datetime
from typing import Any, Protocol

from chargebridge.model.clock import Clock
from chargebridge.sim.ocpp_station.faults import Faults
from chargebridge.sim.ocpp_station.knobs import Knob
from chargebridge.sim.ocpp_station.link import Link, LinkLostError, Profile, Speaker
from chargebridge.sim.ocpp_station.network import Network, Slot
from chargebridge.sim.ocpp_station.outbox import Outbox
from chargebridge.sim.ocpp_station.plan import StationPlan
from chargebridge.sim.ocpp_station.voice import Voice
from chargebridge.wire.ocpp import Answered
from chargebridge.wire.ocpp.payload import Payload


class Owner(Speaker, Protocol):
    """Whose uplink it is. connected: on each connection once it may speak. lost: when one ends or cannot be made."""

    firmware: str

    def tls(self) -> ssl.SSLContext: ...

    def connected(self) -> None: ...

    def lost(self, reason: str) -> None: ...

    def set_clock(self, told: datetime) -> None: ...


class Uplink:
    """See the module. registered: connected, and accepted by the Central System at the last boot. lost_at: None while it is."""

    def __init__(self, plan: StationPlan, faults: Faults, clock: Clock, voice: Voice, owner: Owner) -> None:
        self.outbox = Outbox(faults)
        self.registered = asyncio.Event()
        self.boot_reason: str | None = "PowerUp"
        self.lost_at: datetime | None = clock.now()
        self.connections = 0
        profile = (3 if plan.tls.certificate else 2) if plan.uri.startswith("wss") else (1 if plan.password is not None else 0)
        slot = Slot(uri=plan.uri, password=plan.password, security_profile=profile, timeout_s=plan.call_timeout_s)
        self.network = Network(slot, plan.identity)
        self._plan = plan
        self._faults = faults
        self._clock = clock
        self._voice = voice
        self._owner = owner
        self._link: Link | None = None
        self._unplugged = False
        self._rebooting = False
        self._again = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Keep the connection up and the outbox empty, until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._stay_connected())
                group.create_task(self._deliver())
        finally:
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def drop(self) -> None:
        """Lose the line without a word; it comes back by itself."""
        if self._link is not None:
            self._link.drop()

    def unplug_network(self, *, out: bool) -> None:
        """Pull the network cable, or put it back."""
        self._unplugged = out
        if out:
            self.drop()

    def reconnect(self) -> None:
        """Close the line in good order and come back, by the network's way of the moment."""
        if self._link is not None:
            self.spawn(self._link.close())

    def reboot(self, reason: str) -> None:
        """Close the line in good order; the next connection begins with a boot."""
        self.boot_reason = reason
        self._rebooting = True
        self.reconnect()

    def boot_again(self) -> None:
        """Introduce itself now, also while an earlier boot was not accepted (TriggerMessage)."""
        if self.registered.is_set():
            self.say(self._voice.boot(self._plan, self._owner.firmware, "Triggered"))
        else:
            self._again.set()

    def say(self, message: Payload | None) -> None:
        """Send what need not be kept: without a line it is not said."""
        if message is not None and self.registered.is_set():
            self.spawn(self._say(message))

    async def _say(self, message: Payload) -> None:
        await self.ask(message)

    async def ask(self, message: Payload) -> Payload | None:
        """Send a call and return its answer; None when there is none, or no line."""
        if self._link is None or not self.registered.is_set():
            return None
        with suppress(LinkLostError):
            answer = await self._link.call(message)
            return answer.response if isinstance(answer, Answered) else None
        return None

    async def send(self, message: Payload) -> None:
        """Tell what is not answered (2.1)."""
        if self._link is not None and self.registered.is_set():
            with suppress(LinkLostError):
                await self._link.send(message)

    def spawn(self, job: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Something that ends with the station at the latest."""
        task = asyncio.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _stay_connected(self) -> None:
        attempt = 0
        while True:
            if not self._unplugged:
                try:
                    self._link = await self._connect()
                    attempt = 0
                    await self._live_on(self._link)
                    self._owner.lost("the line ended")
                except LinkLostError as error:
                    self._owner.lost(str(error))
                    attempt += 1
                    if self._link is None and self.network.failed(refused=error.refused):
                        attempt = 0
                if self._link is not None:
                    self.lost_at = self._clock.now()
                self._link = None
                self.registered.clear()
            await self._clock.sleep(self._plan.boot_s if self._rebooting else self._wait_s(attempt))
            self._rebooting = False

    def _wait_s(self, attempt: int) -> float:
        minimum_s, doublings, random_s = (self._number(knob) for knob in (Knob.BACKOFF_MINIMUM, Knob.BACKOFF_TIMES, Knob.BACKOFF_RANDOM))
        return self.network.wait_s(max(attempt - 1, 0), minimum_s, doublings, random_s)

    def _number(self, knob: Knob) -> float:
        return self._voice.variables.number(self._voice.name(knob))

    async def _connect(self) -> Link:
        slot = self.network.slot
        profile = Profile(
            uri=slot.uri,
            identity=self._plan.identity,
            version=self._plan.version,
            password=slot.password if slot.security_profile in (1, 2) else None,
            call_timeout_s=slot.timeout_s,
            deflate=self._plan.deflate,
            ping_s=self._number(Knob.PING) or None,
        )
        try:
            tls = self._owner.tls() if slot.uri.startswith("wss") else None
        except (ssl.SSLError, ValueError) as error:
            raise LinkLostError(f"its certificates cannot be used: {error}") from error
        link = await Link.connect(profile, tls, self._faults, self._clock, self._owner)
        self.connections += 1
        self.network.succeeded()
        return link

    async def _live_on(self, link: Link) -> None:
        """One connection, from its first message to its end."""
        running = asyncio.create_task(link.run())
        beating = asyncio.create_task(self._introduce_and_beat(link))
        try:
            await running
        finally:
            for task in (running, beating):
                task.cancel()
            await asyncio.gather(running, beating, return_exceptions=True)
            await link.close()

    async def _introduce_and_beat(self, link: Link) -> None:
        """Boot if there was no accepted boot since power-up, say how all is, then beat."""
        with suppress(LinkLostError):
            while self.boot_reason is not None:
                await self._boot(link, self.boot_reason)
            self.lost_at = None
            self.registered.set()
            self._owner.connected()
            while True:
                await self._clock.sleep(self._number(Knob.HEARTBEAT) or 60.0)
                await self._beat(link)

    async def _boot(self, link: Link, reason: str) -> None:
        answer = await link.call(self._voice.boot(self._plan, self._owner.firmware, reason))
        interval_s = 60
        if isinstance(answer, Answered):
            self._hear_time(answer.response)
            registered = self._voice.registered(answer.response)
            interval_s = registered.interval_s or 10
            if registered.accepted:
                self._voice.variables[self._voice.name(Knob.HEARTBEAT)] = str(registered.interval_s or 60)
                self.boot_reason = None
                return
        self._again.clear()
        asked, slept = asyncio.create_task(self._again.wait()), asyncio.create_task(self._clock.sleep(interval_s))
        try:
            await asyncio.wait({asked, slept}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            asked.cancel()
            slept.cancel()

    async def _beat(self, link: Link) -> None:
        answer = await link.call(self._voice.heartbeat())
        if isinstance(answer, Answered):
            self._hear_time(answer.response)

    def _hear_time(self, response: Payload) -> None:
        told = self._voice.told_time(response)
        if told is not None:
            self._owner.set_clock(told)

    async def _deliver(self) -> None:
        """Empty the outbox in order, whenever there is a line."""
        while True:
            await self.registered.wait()
            letter = await self.outbox.head()
            assert letter.payload is not None
            try:
                if self._link is None or not self.registered.is_set():
                    raise LinkLostError("not connected")
                letter.sent = True
                answer = await self._link.call(letter.payload, letter.id)
            except LinkLostError:
                await self._clock.sleep(self._plan.tick_s)
                continue
            if isinstance(answer, Answered):
                self.outbox.answered(letter, answer.response)
            elif answer.timed_out or self.outbox.refused(letter, int(self._number(Knob.ATTEMPTS))):
                await self._clock.sleep(self._number(Knob.RETRY) * max(letter.tries, 1))
