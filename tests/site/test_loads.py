"""What a load said and was asked, as the decisions see it: over a plant that a test speaks for."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from chargebridge.model.circuit import Circuit, Load, Topology
from chargebridge.model.decision import LoadDecision
from chargebridge.model.state import LoadState, OfferOutcome
from chargebridge.plants import LoadAnswer, LoadReport, PlantAnswer, PlantFault, PlantOutcome
from chargebridge.sim.world.clock import ManualClock
from chargebridge.site.live import Live
from chargebridge.site.loads import LoadKeeper
from tests.stations.ocpp_kit import until

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
TOPOLOGY = Topology(
    circuits=(Circuit(id="main", name="Main", fuse_a=(35.0, 35.0, 35.0)),),
    points=(),
    loads=(Load(id="pump", name="Heat pump", circuit="main", nominal_w=9000.0),),
)
ACCEPTED = PlantAnswer(outcome=PlantOutcome.ACCEPTED)


class Plant:
    """asked: limits in the order in which they came. answers: what it says to them, in turn; the last one for ever; None: it never answers."""

    id = "pump"

    def __init__(self, *answers: PlantAnswer | Exception | None) -> None:
        self.answers = list(answers) or [ACCEPTED]
        self.asked: list[float | None] = []
        self.said: asyncio.Queue[LoadReport | PlantFault | Exception] = asyncio.Queue()

    async def states(self) -> AsyncIterator[LoadReport | PlantFault]:
        while True:
            item = await self.said.get()
            if isinstance(item, Exception):
                raise item
            yield item

    async def set_limit(self, power_w: float | None) -> PlantAnswer:
        self.asked.append(power_w)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            await asyncio.Event().wait()
        if isinstance(answer, Exception):
            raise answer
        assert answer is not None
        return answer


class Keeping:
    def __init__(self, plant: Plant) -> None:
        self.plant, self.clock = plant, ManualClock(NOON)
        self.live, self.told = Live(TOPOLOGY), []
        self.woken = 0
        self.keeper = LoadKeeper([plant], self.live, self.clock, wake=self._wake, tell=lambda *line: self.told.append(line[1]))

    def _wake(self) -> None:
        self.woken += 1

    @property
    def state(self) -> LoadState:
        return self.live.loads["pump"]

    @property
    def limits(self) -> list[tuple[float | None, str]]:
        return [(one.limit_w, one.outcome.value) for one in self.state.limits]

    def give(self, limit_w: float | None) -> None:
        self.keeper.give((LoadDecision(load="pump", limit_w=limit_w, ceiling_w=0.0, reserved_w=0.0, reason=""),))

    async def say(self, *, answer: LoadAnswer | None = None, online: bool = True, **more: float | None) -> None:
        before = self.state
        self.plant.said.put_nowait(LoadReport(load="pump", online=online, heard_at=self.clock.now(), answer=answer, **more))  # type: ignore[arg-type]
        assert await until(lambda: self.state is not before)

    def answer(self, limit_w: float | None, outcome: PlantOutcome = PlantOutcome.ACCEPTED) -> LoadAnswer:
        return LoadAnswer(limit_w=limit_w, outcome=outcome, at=self.clock.now())


@contextlib.asynccontextmanager
async def keeping(*answers: PlantAnswer | Exception | None) -> AsyncIterator[Keeping]:
    made = Keeping(Plant(*answers))
    task = asyncio.create_task(made.keeper.run())
    try:
        yield made
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_only_what_changes_is_told_and_the_first_word_too() -> None:
    async with keeping() as k:
        k.give(None)
        assert await until(lambda: k.limits == [(None, "accepted")])
        k.give(None)
        k.give(4200.0)
        assert await until(lambda: k.limits == [(None, "accepted"), (4200.0, "accepted")])
        assert k.plant.asked == [None, 4200.0]
        assert k.woken >= 2


async def test_what_is_wanted_now_does_not_wait_for_the_answer_to_what_was() -> None:
    async with keeping(None, ACCEPTED) as k:
        k.give(9000.0)
        assert await until(lambda: k.plant.asked == [9000.0])
        k.give(0.0)
        assert await until(lambda: k.limits == [(9000.0, "sent"), (0.0, "accepted")]), "the first may have been taken: it is reckoned with"


async def test_one_that_is_away_answers_when_it_is_back() -> None:
    async with keeping(PlantAnswer(outcome=PlantOutcome.OFFLINE)) as k:
        k.give(4200.0)
        assert await until(lambda: k.plant.asked == [4200.0])
        assert k.limits == [(4200.0, "sent")]
        await k.clock.advance(30)
        await k.say()
        assert k.state.since == NOON + timedelta(seconds=30)
        await k.say(answer=k.answer(4200.0))
        assert k.limits == [(4200.0, "accepted")]
        assert k.state.limits[-1].sent_at == k.state.since, "it counts as told on the new connection"


async def test_a_limit_that_is_let_go_frees_it_and_is_taken_again() -> None:
    async with keeping() as k:
        await k.say()
        k.give(4200.0)
        assert await until(lambda: k.limits == [(4200.0, "accepted")])
        await k.clock.advance(10)
        await k.say(answer=k.answer(4200.0, PlantOutcome.REJECTED))
        assert k.limits == [(4200.0, "accepted"), (None, "accepted"), (4200.0, "rejected")]
        await k.clock.advance(60)
        await k.say(answer=k.answer(4200.0))
        assert k.limits[-1] == (4200.0, "accepted")


async def test_old_answers_and_answers_to_other_limits_change_nothing() -> None:
    async with keeping() as k:
        await k.say()
        old = k.answer(4200.0, PlantOutcome.REJECTED)
        await k.clock.advance(10)
        k.give(4200.0)
        assert await until(lambda: k.limits == [(4200.0, "accepted")])
        await k.say(answer=old)
        await k.say(answer=k.answer(3000.0, PlantOutcome.REJECTED))
        assert k.limits == [(4200.0, "accepted")]


async def test_after_a_long_absence_nothing_of_before_is_believed() -> None:
    async with keeping() as k:
        await k.say(failsafe_w=4200.0, failsafe_s=7200.0)
        k.give(3000.0)
        assert await until(lambda: k.limits == [(3000.0, "accepted")])
        await k.say(online=False, failsafe_w=4200.0, failsafe_s=7200.0)
        await k.clock.advance(7000)
        await k.say(failsafe_w=4200.0, failsafe_s=7200.0)
        assert k.limits == [(3000.0, "accepted")]
        await k.say(online=False, failsafe_w=4200.0, failsafe_s=7200.0)
        await k.clock.advance(7200)
        await k.say(failsafe_w=4200.0, failsafe_s=7200.0)
        assert k.limits == []


async def test_faults_are_told_once_and_an_adapter_that_fails_costs_only_its_load() -> None:
    async with keeping(RuntimeError("broken"), ACCEPTED) as k:
        fault = PlantFault(plant="pump", at=NOON, where="EEBUS", reason="is not connected", cure="switch it on")
        k.plant.said.put_nowait(fault)
        k.plant.said.put_nowait(fault)
        k.plant.said.put_nowait(ValueError("bad"))
        assert await until(lambda: len(k.told) == 2)
        assert k.told[0] == "pump: is not connected; switch it on"
        assert "cannot be read (ValueError: bad)" in k.told[1]
        await k.clock.advance(10)
        await k.say()
        k.plant.said.put_nowait(fault)
        assert await until(lambda: len(k.told) == 3), "it has been there again since"
        for _ in range(3):
            await k.say()
            k.plant.said.put_nowait(fault)
        k.give(1000.0)
        assert await until(lambda: k.limits == [(1000.0, "timed_out")])
        assert k.told[3:] == ["pump: did not take its limit: timed_out RuntimeError: broken"]
        assert k.state.limits[0].outcome is OfferOutcome.TIMED_OUT
        k.give(2000.0)
        assert await until(lambda: k.limits[-1] == (2000.0, "accepted"))
