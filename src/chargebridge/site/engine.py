"""The heart beat: something changed, decide, dispatch, write down.

A reading, an answer of a station or a new limit wakes it at once; without any it beats once a second, because silence is a fact too.
If ``decide`` fails the process ends: every offer expires by itself and every station goes to its own fallback, which fits under every fuse.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection

from chargebridge.control.decide import decide
from chargebridge.model.clock import Clock
from chargebridge.model.decision import Decision, Move
from chargebridge.model.plan import PlanNow
from chargebridge.model.state import SiteState
from chargebridge.site import findings, journal, ledger, plan_journal, station_book
from chargebridge.site.dispatch import Dispatcher
from chargebridge.site.live import Live
from chargebridge.site.peak import PeakWindow
from chargebridge.store import Database

BEAT_S = 1.0
CALM_S = 0.05
"""Wakes that come closer together than this share one decision: a burst of meter values from twenty stations is one change."""
RECORD_EVERY_S = 5.0
"""A decision that moves nothing is written down this often; one that moves something always."""
FORGET_EVERY_S = 600.0


class Engine:
    """Decides whenever it is woken. latest: the newest decision; reaction_s: from the change that woke it to the commands on their way."""

    def __init__(
        self,
        live: Live,
        dispatcher: Dispatcher,
        database: Database,
        clock: Clock,
        *,
        peak: PeakWindow | None,
        plan: Callable[[datetime], PlanNow | None],
        keep_s: float,
        decided: Callable[[SiteState, Decision], None],
    ) -> None:
        self._live = live
        self._dispatcher = dispatcher
        self._database = database
        self._clock = clock
        self._peak = peak
        self._plan = plan
        self._keep_s = keep_s
        self._decided = decided
        self._bell = asyncio.Event()
        self._topology = journal.digest(live.topology)
        self._recorded_at: datetime | None = None
        self._forgot_at: datetime | None = None
        self._woken_at: datetime | None = None
        self.latest: Decision | None = None
        self.reaction_s: float | None = None

    def wake(self) -> None:
        """Something changed that a decision depends on."""
        if self._woken_at is None:
            self._woken_at = self._clock.now()
        self._bell.set()

    def use_topology(self) -> None:
        """The topology has changed: keep it beside the decisions that rest on it, and decide anew. Call it in the same breath as the change."""
        topology, now = self._live.topology, self._clock.now()
        self._database.write_soon(lambda c: journal.keep_topology(c, topology, now))
        self._topology = journal.digest(topology)
        self.wake()

    async def run(self) -> None:
        self.use_topology()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._beat_on())
            while True:
                self.beat()
                await self._clock.sleep(CALM_S)
                await self._bell.wait()
                self._bell.clear()

    async def _beat_on(self) -> None:
        while True:
            await self._clock.sleep(BEAT_S)
            self._bell.set()

    def beat(self) -> None:
        """One decision, on its way and written down."""
        now = self._clock.now()
        if self._peak is not None:
            self._live.peak = self._peak.budget(now)
        price = self._live.prices.at(now)
        self._live.price_per_kwh = None if price is None else price.total
        self._live.plan = self._plan(now)
        state = self._live.state()
        made = decide(state, now)
        self._live.memory = made.memory
        self._dispatcher.give(made.points)
        self.latest = made
        if self._woken_at is not None:
            self.reaction_s, self._woken_at = max(0.0, (self._clock.now() - self._woken_at).total_seconds()), None
        self._decided(state, made)
        self._record(state, made)

    def _record(self, state: SiteState, made: Decision) -> None:
        if self._passed(self._forgot_at, made.at, FORGET_EVERY_S):
            self._forgot_at = made.at
            self._forget(made.at)
        moves = any(point.move not in (Move.HOLD, Move.RENEW) for point in made.points)
        if not moves and not self._passed(self._recorded_at, made.at, RECORD_EVERY_S):
            return
        self._recorded_at = made.at
        topology = self._topology
        self._database.write_soon(lambda c: journal.keep_decision(c, topology, state, made))

    @staticmethod
    def _passed(since: datetime | None, now: datetime, seconds: float) -> bool:
        """Also when the clock was set back: then nobody knows."""
        return since is None or not 0 <= (now - since).total_seconds() < seconds

    def _forget(self, now: datetime) -> None:
        over = self._live.limits.drop(now)

        def work(c: Connection) -> None:
            journal.forget(c, now, self._keep_s)
            station_book.forget(c, now, self._keep_s)
            ledger.forget(c, now, self._keep_s)
            findings.forget(c, now)
            plan_journal.forget(c, now, now - timedelta(seconds=self._keep_s))
            for limit in over:
                journal.withdraw_limit(c, limit.id, now, limit.starts_at)

        self._database.write_soon(work)
