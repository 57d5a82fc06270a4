"""A station's way to its Central System: connect, introduce itself, beat, deliver the outbox, come back after a loss."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import datetime
from typing import Any

from chargebridge.model.clock import Clock
from chargebridge.sim.ocpp_station.link import Answerer, Link, LinkLostError
from chargebridge.sim.ocpp_station.outbox import Outbox
from chargebridge.sim.ocpp_station.plan import Faults, StationPlan
from chargebridge.sim.ocpp_station.voice import Voice
from chargebridge.wire.ocpp import Answered
from chargebridge.wire.ocpp.payload import Payload


class Uplink:
    """See the module. registered: connected, and accepted by the Central System at the last boot. lost_at: None while it is.

    on_registered is called on each connection once it may speak.
    """

    def __init__(
        self,
        plan: StationPlan,
        faults: Faults,
        clock: Clock,
        voice: Voice,
        answer: Answerer,
        on_registered: Callable[[], None],
    ) -> None:
        self.outbox = Outbox()
        self.registered = asyncio.Event()
        self.boot_reason: str | None = "PowerUp"
        self.lost_at: datetime | None = clock.now()
        self.connections = 0
        self._plan = plan
        self._faults = faults
        self._clock = clock
        self._voice = voice
        self._answer = answer
        self._on_registered = on_registered
        self._link: Link | None = None
        self._unplugged = False
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

    def reboot(self, reason: str) -> None:
        """Close the line in good order; the next connection begins with a boot."""
        self.boot_reason = reason
        if self._link is not None:
            self.spawn(self._link.close())

    def say(self, message: Payload) -> None:
        """Send what need not be kept: without a line it is not said."""
        if self.registered.is_set():
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

    def spawn(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _stay_connected(self) -> None:
        while True:
            if not self._unplugged:
                with suppress(LinkLostError):
                    self._link = await Link.connect(self._plan, self._faults, self._clock, self._answer)
                    self.connections += 1
                    await self._live_on(self._link)
                if self._link is not None:
                    self.lost_at = self._clock.now()
                self._link = None
                self.registered.clear()
            booting = self.boot_reason not in (None, "PowerUp")
            await self._clock.sleep(self._plan.boot_s if booting else self._plan.reconnect_s)

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
        interval_s = 60
        with suppress(LinkLostError):
            while self.boot_reason is not None:
                answer = await link.call(self._voice.boot(self._plan, self.boot_reason))
                if isinstance(answer, Answered):
                    registered = self._voice.registered(answer.response)
                    interval_s = registered.interval_s
                    if registered.accepted:
                        self.boot_reason = None
                        break
                await self._clock.sleep(interval_s)
            self.lost_at = None
            self.registered.set()
            self._on_registered()
            while True:
                await self._clock.sleep(interval_s)
                await link.call(self._voice.heartbeat())

    async def _deliver(self) -> None:
        """Empty the outbox in order, whenever there is a line."""
        while True:
            letter = await self.outbox.head()
            assert letter.payload is not None
            await self.registered.wait()
            try:
                if self._link is None:
                    raise LinkLostError("not connected")
                answer = await self._link.call(letter.payload, letter.id)
            except LinkLostError:
                await self._clock.sleep(self._plan.tick_s)
                continue
            if isinstance(answer, Answered):
                self.outbox.answered(letter, answer.response)
            elif answer.timed_out or self.outbox.refused(letter):
                await self._clock.sleep(self._plan.retry_s)
