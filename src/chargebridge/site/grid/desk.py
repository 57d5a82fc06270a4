"""Where limits from outside come in: into the book in the same breath, decided upon, on disk, and only then is the sender answered.

    heard        the book, the engine woken       at once, before anything that may fail
    decided      the next decision                commands are on their way; within a beat of the engine
    on disk      entries, record, memory          in one commit; if it fails the limit holds all the same, and the sender is not told that we agreed
    told, kept   the stations' answers, meters    noted in the record as they come

Once a second each source is asked what holds by its own timers, so that a limit ends, or a failsafe begins, whatever else fails.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from math import inf

import structlog
from msgspec.structs import replace
from sqlalchemy import Connection

from chargebridge.grid.port import ENTRY, Done, GridError, GridSource, Heard, Instruction, MakeSources
from chargebridge.model.clock import Clock
from chargebridge.model.decision import Decision
from chargebridge.model.limit import Limit, LimitedPower, Unknown
from chargebridge.model.reading import Reading
from chargebridge.site import journal as site_journal
from chargebridge.site.grid import journal, scope
from chargebridge.site.grid.outcome import Outcome
from chargebridge.site.grid.view import InstructionRow
from chargebridge.site.live import Live
from chargebridge.site.present import SOURCE_TEXTS, age_s, bound_text
from chargebridge.store import Database, StoreError

LOOK_S = 1.0
DECIDED_WITHIN_S = 3.0
SHOWN = 20
SAY_S = 1.0
OWED_MAX = 1000
"""Instructions that could not be written down and are tried again, at most."""

log = structlog.get_logger(__name__)


class GridDesk:
    """Implements ``GridSink`` and ``GridService``. ``open`` before the engine's first beat, ``run`` beside it."""

    def __init__(
        self,
        make: MakeSources,
        remembered: Mapping[str, Mapping[str, str]],
        live: Live,
        database: Database,
        clock: Clock,
        *,
        wake: Callable[[], None],
        tell: Callable[[str, str, str], None],
        steered: Collection[str],
    ) -> None:
        self._live, self._database, self._clock = live, database, clock
        self._wake, self._tell, self._steered = wake, tell, steered
        self._waiting: list[asyncio.Future[Decision]] = []
        self._owed_limits: dict[str, Limit] = {}
        self._owed: list[tuple[str, Instruction]] = []
        self._owed_memory: dict[tuple[str, str], str] = {}
        self._latest: deque[InstructionRow] = deque(maxlen=SHOWN)
        self._outcomes: list[Outcome] = []
        self._saving = asyncio.Lock()
        self._tasks: set[asyncio.Future[list[InstructionRow]]] = set()
        self._told_at: dict[str, float] = {}
        self.sources: tuple[GridSource, ...] = make(self, remembered)

    async def open(self) -> None:
        """Before anything is decided: what the sources say, instead of what they said before the restart. Entries of a source that the configuration
        no longer names are withdrawn."""
        said = [limit for source in self.sources for limit in source.limits()]
        self._enter(said)
        held = {limit.id for limit in said}
        gone = [limit for limit in self._live.limits if limit.id.startswith(ENTRY) and limit.id not in held]
        now = self._clock.now()
        for limit in gone:
            self._live.limits.withdraw(limit.id)
            self._tell(
                "limit", f"{limit.id}: {bound_text(limit.bound, limit.direction)}: withdrawn, as the configuration has it no more", limit.id
            )

        def work(c: Connection) -> None:
            for limit in gone:
                site_journal.withdraw_limit(c, limit.id, now)

        self._database.write_soon(work)
        self._latest.extend(reversed(await self._database.read(lambda c: journal.instructions(c, SHOWN))))
        await self._save()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for source in self.sources:
                group.create_task(source.run(), name=f"grid: {source.name}")
            while True:
                await self._clock.sleep(LOOK_S)
                await self.look()

    async def look(self) -> None:
        """What holds by the sources' own timers, and what is owed to the disk."""
        for source in self.sources:
            if self._enter(source.limits()):
                self._wake()
        try:
            await self._save()
        except StoreError as error:
            log.warning("grid limits could not be written down; they hold", error=str(error))

    # What sources say

    def unable(self, limit: Limit) -> str:
        power_w = limit.bound.power_w if isinstance(limit.bound, LimitedPower) else 0.0
        return scope.unable(self._live.topology, limit, power_w, self._steered)

    async def heard(self, source: str, heard: Heard) -> Done:
        began = asyncio.get_running_loop().time()
        entered = self._enter(heard.limits)
        self._owed_memory |= {(source, name): value for name, value in heard.remember.items()}
        made: Decision | GridError | None = None
        if heard.instructions or entered:
            made = await self._decided()
        decided_ms = None if isinstance(made, GridError) else _ms_since(began)
        for row in await self._saved([(source, one) for one in heard.instructions]):
            self._note(replace(row, decided_ms=decided_ms, answered_ms=_ms_since(began)), heard.limits, began)
        if isinstance(made, GridError):
            raise made
        return Done(decided_at=made.at if made is not None else self._clock.now(), unreached=self._unreached(heard.limits))

    def tell(self, text: str) -> None:
        self._tell("limit", text, "grid")

    def connection(self) -> Reading | None:
        root = next(circuit for circuit in self._live.topology.circuits if circuit.parent is None)
        reading = self._live.readings.get(root.meter) if root.meter is not None else None
        return reading if reading is not None and age_s(reading, self._clock.now()) <= root.meter_max_age_s else None

    def drawn_w(self) -> float | None:
        limits = [limit for source in self.sources for limit in source.limits()]
        there = scope.within(self._live.topology, limits[0].scope)
        batteries = [self._live.batteries.get(one.id) for one in there.batteries]
        told_w = [self._live.loads[one.id].power_w for one in there.loads] + [None if b is None else max(0.0, b.power_w) for b in batteries]
        if None in told_w:
            return None
        return sum(self._live.points[p.id].power_w or 0.0 for p in there.points) + sum(watts for watts in told_w if watts is not None)

    # What the engine decides

    def decided(self, made: Decision) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(made)
        for outcome in list(self._outcomes):
            before = outcome.row
            if outcome.look(made):
                self._outcomes.remove(outcome)
            if outcome.row != before:
                self._update(outcome.row)

    # What faces ask

    async def instructions(self, limit: int = 100) -> tuple[InstructionRow, ...]:
        return await self._database.read(lambda c: journal.instructions(c, limit))

    def latest(self) -> tuple[InstructionRow, ...]:
        return tuple(reversed(self._latest))

    # Inside

    def _enter(self, limits: Iterable[Limit]) -> list[Limit]:
        """Into the book what is not there yet. Returns it."""
        fresh = [limit for limit in limits if self._live.limits.of(limit.id) != (limit,)]
        for limit in fresh:
            self._live.limits.withdraw(limit.id)
            self._live.limits.enter(limit)
            self._owed_limits[limit.id] = limit
            self._say(limit)
        return fresh

    def _say(self, limit: Limit) -> None:
        """In the event log, once a second at most: the record has all of them."""
        now = asyncio.get_running_loop().time()
        if now - self._told_at.get(limit.id, -inf) >= SAY_S:
            self._told_at[limit.id] = now
            self._tell("limit", f"{SOURCE_TEXTS[limit.source]}: {bound_text(limit.bound, limit.direction)}", limit.id)

    async def _decided(self) -> Decision | GridError:
        """The next decision: what has just been entered is in it."""
        future: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._wake()
        try:
            async with asyncio.timeout(DECIDED_WITHIN_S):
                return await future
        except TimeoutError:
            return GridError("grid", f"nothing was decided within {DECIDED_WITHIN_S:g} s", "see why the site does not decide")

    async def _saved(self, instructions: Sequence[tuple[str, Instruction]]) -> list[InstructionRow]:
        """As ``_save``, which goes on though whoever waits here has no more patience: nothing may be lost or be there twice by that."""
        saving = asyncio.ensure_future(self._save(instructions))
        self._tasks.add(saving)
        saving.add_done_callback(self._over)
        return await asyncio.shield(saving)

    def _over(self, saving: asyncio.Future[list[InstructionRow]]) -> None:
        self._tasks.discard(saving)
        if not saving.cancelled() and (failed := saving.exception()) is not None:
            log.warning("grid limits could not be written down; they hold", error=str(failed))

    async def _save(self, instructions: Sequence[tuple[str, Instruction]] = ()) -> list[InstructionRow]:
        """All that is owed, in one commit. Returns the rows of these instructions. Raises StoreError; all is owed still then."""
        async with self._saving:
            limits, memory = tuple(self._owed_limits.values()), dict(self._owed_memory)
            owed = [*self._owed, *instructions]
            if not (limits or memory or owed):
                return []
            try:
                rows = await self._database.write(lambda c: _keep(c, limits, memory, owed))
            except StoreError:
                self._owed = owed[-OWED_MAX:]
                raise
            self._owed = []
            self._owed_limits = {name: limit for name, limit in self._owed_limits.items() if limit not in limits}
            self._owed_memory = {key: value for key, value in self._owed_memory.items() if memory.get(key) != value}
            return rows[len(rows) - len(instructions) :]

    def _note(self, row: InstructionRow, limits: tuple[Limit, ...], began: float) -> None:
        self._latest.append(row)
        self._update(row)
        limit = next((one for one in limits if one.direction is row.direction), None)
        if row.accepted and limit is not None and isinstance(limit.bound, LimitedPower | Unknown):
            self._outcomes = [one for one in self._outcomes if one.limit.id != limit.id]  # what is replaced is watched no longer
            there = scope.within(self._live.topology, limit.scope)
            points = [self._live.points[point.id] for point in there.points]
            self._outcomes.append(Outcome(row, limit, points, [load.id for load in there.loads], self._live, began))

    def _update(self, row: InstructionRow) -> None:
        self._latest = deque((row if one.number == row.number else one for one in self._latest), maxlen=SHOWN)
        self._database.write_soon(lambda c: journal.note_outcome(c, row))

    def _unreached(self, limits: Iterable[Limit]) -> tuple[str, ...]:
        found: dict[str, bool] = {}
        for there in (scope.within(self._live.topology, limit.scope) for limit in limits):
            found |= {point.id: self._live.points[point.id].online for point in there.points}
            found |= {load.id: self._live.loads[load.id].online for load in there.loads}
        return tuple(name for name, online in found.items() if not online)


def _keep(
    c: Connection, limits: Iterable[Limit], memory: Mapping[tuple[str, str], str], owed: Iterable[tuple[str, Instruction]]
) -> list[InstructionRow]:
    for limit in limits:
        site_journal.keep_limit(c, limit, "grid")
        site_journal.forget_withdrawn(c, limit.id)
    for (source, name), value in memory.items():
        journal.remember(c, source, name, value)
    return [journal.keep_instruction(c, source, one) for source, one in owed]


def _ms_since(began: float) -> float:
    return round((asyncio.get_running_loop().time() - began) * 1000, 1)
