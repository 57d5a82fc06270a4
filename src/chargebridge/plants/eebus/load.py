"""A load that speaks EEBUS: Controllable System of LPC, Monitored Unit of MPC. We are its Energy Guard.

Its limit is written without an end: when we fall silent it hears no heartbeat and goes to its failsafe limit after 120 s (LPC-911, LPC-912), where a
limit that ended by itself would leave it unlimited until then. What it is to keep outlives its connection: it hears it first when it is back
(LPC-913, within 60 s of our first heartbeat). A refused limit is written again after 60 s by the guard; failsafe values once it has taken a limit,
since it refuses them before (LPC-037).
"""

import asyncio
import math
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Decimal

from chargebridge.model.circuit import Load
from chargebridge.model.clock import Clock
from chargebridge.plants.eebus.unit import PATIENCE_S, Unit
from chargebridge.plants.port import LoadAnswer, LoadReport, PlantAnswer, PlantFault, PlantOutcome
from chargebridge.wire.eebus.spine.errors import ErrorNumber
from chargebridge.wire.eebus.spine.events import Event
from chargebridge.wire.eebus.spine.local import EntityId, Now
from chargebridge.wire.eebus.usecases.energy_guard import EnergyGuard, Told, Wish

TELL_EVERY_S = 5.0
ANSWER_S = 12.0
"""SPINE gives an answer 10 s; then the write counts as unanswered."""
FAILSAFE_AGAIN = timedelta(minutes=10)


class EebusLoad:
    """Implements ``ControllableLoad``."""

    def __init__(self, load: Load, unit: Unit, guard: EnergyGuard, clock: Clock) -> None:
        self._load, self._unit, self._guard, self._clock = load, unit, guard, clock
        self._wanted: Wish | None = None
        self._answer: LoadAnswer | None = None
        self._answered = asyncio.Event()
        self._asked_failsafe_at: datetime | None = None
        self._known = LoadReport(load=load.id, online=False)
        unit.on_event = self._hear

    @property
    def id(self) -> str:
        return self._load.id

    async def states(self) -> AsyncIterator[LoadReport | PlantFault]:
        """See ``ControllableLoad``. What it is to keep to is written while this runs."""
        away_since = self._clock.now()
        while True:
            await self._tend()
            self._known = self._report()
            yield self._known
            if self._known.online:
                away_since = self._clock.now()
                if (strange := self._oddity()) is not None:
                    yield strange
            elif (self._clock.now() - away_since).total_seconds() >= PATIENCE_S:
                yield self._unit.absence(self.id, self._clock.now(), "has no limit that can be written (LPC)")
            await self._unit.news(self._clock, TELL_EVERY_S)

    async def set_limit(self, power_w: float | None) -> PlantAnswer:
        """See ``ControllableLoad``. Whole W, rounded down."""
        if power_w is not None and not (math.isfinite(power_w) and power_w >= 0):
            raise ValueError(f"{power_w} W is no limit")
        self._wanted = Wish(None if power_w is None else Decimal(math.floor(power_w)))
        if self._key() is None:
            return PlantAnswer(outcome=PlantOutcome.OFFLINE, detail="it is told when it is back")
        try:
            async with asyncio.timeout(ANSWER_S):
                while True:
                    self._answered.clear()
                    await self._tend()
                    if (answer := self._standing()) is not None:
                        return PlantAnswer(outcome=answer.outcome, power_w=power_w, detail=answer.detail)
                    await self._answered.wait()
        except TimeoutError:
            return PlantAnswer(outcome=PlantOutcome.TIMED_OUT, detail=f"no answer within {ANSWER_S:g} s")

    def _key(self) -> tuple[str, EntityId] | None:
        """Its Controllable System; of several the first."""
        if not self._unit.linked:
            return None
        return min((key for key in self._guard.systems if key[0] == self._unit.ski), default=None)

    def _standing(self) -> LoadAnswer | None:
        """What it said to what it is to keep now; None: nothing yet."""
        key = self._key()
        system = None if key is None else self._guard.systems.get(key)
        if system is None or system.counter is not None or system.written != self._wanted or system.answer is None:
            return None
        return self._answer

    async def _tend(self) -> None:
        """Hand over what it is to keep, and its failsafe values, where it does not know them yet."""
        key, wanted = self._key(), self._wanted
        if key is None:
            self._asked_failsafe_at = None
            return
        if wanted is not None and self._guard.wish(key) != wanted:
            await self._unit.hub.act(lambda now: self._guard.limit(wanted.limit_w, None, now, key))
        answer = self._standing()
        now = self._clock.now()
        if answer is None or answer.outcome is not PlantOutcome.ACCEPTED or not self._failsafe_differs(key):
            return
        if self._asked_failsafe_at is None or not timedelta() <= now - self._asked_failsafe_at < FAILSAFE_AGAIN:
            self._asked_failsafe_at = now
            await self._unit.hub.act(lambda now: self._write_failsafe(key, now))

    def _failsafe_differs(self, key: tuple[str, EntityId]) -> bool:
        told = self._guard.report(key)
        if told.failsafe_w is None:
            return False
        return told.failsafe_w != self._failsafe_w or told.failsafe_s not in (None, self._load.failsafe_s)

    @property
    def _failsafe_w(self) -> Decimal:
        return Decimal(math.floor(self._load.failsafe_w))

    def _write_failsafe(self, key: tuple[str, EntityId], now: Now) -> None:
        told = self._guard.report(key)
        lasts_s = None if told.failsafe_s in (None, self._load.failsafe_s) else self._load.failsafe_s
        self._guard.failsafe(key, None if told.failsafe_w == self._failsafe_w else self._failsafe_w, lasts_s, now)

    def _hear(self, event: Event, now: Now) -> None:
        if not isinstance(event, Told) or (event.peer, event.entity) != self._key() or event.use_case != self._guard.kind.name:
            return
        outcome = {ErrorNumber.NONE: PlantOutcome.ACCEPTED, ErrorNumber.TIMEOUT: PlantOutcome.TIMED_OUT}.get(
            event.number, PlantOutcome.REJECTED
        )
        detail = "" if event.number is ErrorNumber.NONE else f"error {event.number.value} ({event.number.name.lower().replace('_', ' ')})"
        limit_w = None if event.wish.limit_w is None else float(event.wish.limit_w)
        self._answer = LoadAnswer(limit_w=limit_w, outcome=outcome, at=now.utc, detail=detail)
        self._answered.set()

    def _report(self) -> LoadReport:
        """What it told once stays known while it is away."""
        key, known = self._key(), self._known
        told = None if key is None else self._guard.report(key)
        self._let_go(key)
        power_w = self._unit.power_w(None if key is None else key[1])
        return LoadReport(
            load=self.id,
            online=key is not None,
            heard_at=self._unit.heard_at,
            power_w=power_w,
            measured_at=None if power_w is None else self._unit.measured_at,
            nominal_w=known.nominal_w if told is None or told.nominal_w is None else float(told.nominal_w),
            failsafe_w=known.failsafe_w if told is None or told.failsafe_w is None else float(told.failsafe_w),
            failsafe_s=known.failsafe_s if told is None or told.failsafe_s is None else told.failsafe_s,
            answer=self._answer,
        )

    def _let_go(self, key: tuple[str, EntityId] | None) -> None:
        """Where it has ended a limit that it had taken, as it may to protect itself (LPC-923), that is a refusal until it takes it again."""
        system = None if key is None else self._guard.systems.get(key)
        dropped = system is not None and system.answer is ErrorNumber.NONE and system.again_s is not None
        if dropped and self._answer is not None and self._answer.outcome is PlantOutcome.ACCEPTED:
            self._answer = LoadAnswer(
                limit_w=self._answer.limit_w, outcome=PlantOutcome.REJECTED, at=self._clock.now(), detail="it has let go of its limit"
            )

    def _oddity(self) -> PlantFault | None:
        """What it took otherwise than it was asked."""
        key, asked_at, now = self._key(), self._asked_failsafe_at, self._clock.now()
        if key is None or asked_at is None or (now - asked_at).total_seconds() < ANSWER_S or not self._failsafe_differs(key):
            return None
        told = self._guard.report(key)
        keeps = f"{told.failsafe_w:g} W for {told.failsafe_s or 0:g} s"
        return PlantFault(
            plant=self.id,
            at=now,
            where=f"EEBUS {self._unit.ski}",
            reason=f"keeps to {keeps} without us, not to {self._load.failsafe_w:g} W for {self._load.failsafe_s:g} s",
            cure="give failsafe_w and failsafe_s that it takes; what it keeps to is reckoned with",
        )
