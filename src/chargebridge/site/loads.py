"""Controllable loads in both directions: what they say of themselves into the present, what was decided about them to the plant."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from msgspec.structs import replace

from chargebridge.model.clock import Clock
from chargebridge.model.decision import LoadDecision
from chargebridge.model.state import LoadLimit, LoadState, OfferOutcome
from chargebridge.plants import ControllableLoad, LoadAnswer, LoadReport, PlantAnswer, PlantFault, PlantOutcome
from chargebridge.site.live import Live

AGAIN_S = 10.0
LIMITS_KEPT = 20
_OUTCOMES = {
    PlantOutcome.ACCEPTED: OfferOutcome.ACCEPTED,
    PlantOutcome.REJECTED: OfferOutcome.REJECTED,
    PlantOutcome.UNSUPPORTED: OfferOutcome.REJECTED,
    PlantOutcome.TIMED_OUT: OfferOutcome.TIMED_OUT,
}
_NOTHING = object()

log = structlog.get_logger(__name__)


class LoadKeeper:
    """``give`` takes a decision's limits; ``run`` reads and limits until it is cancelled."""

    def __init__(
        self,
        plants: Sequence[ControllableLoad],
        live: Live,
        clock: Clock,
        *,
        wake: Callable[[], None],
        tell: Callable[[str, str, str], None],
    ) -> None:
        self._plants = plants
        self._live = live
        self._clock = clock
        self._wake = wake
        self._tell = tell
        self._wanted: dict[str, float | object | None] = {plant.id: _NOTHING for plant in plants}
        self._bell = {plant.id: asyncio.Event() for plant in plants}
        self._faults: dict[str, str] = {}

    def give(self, decisions: tuple[LoadDecision, ...]) -> None:
        """What each is to keep to from now on; only what changes is told."""
        wanted = {one.load: one.limit_w for one in decisions}
        for plant in self._plants:
            if plant.id in wanted and wanted[plant.id] != self._wanted[plant.id]:
                self._wanted[plant.id] = wanted[plant.id]
                self._bell[plant.id].set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for plant in self._plants:
                group.create_task(self._read(plant), name=f"load {plant.id}")
                group.create_task(self._limit(plant), name=f"limits of {plant.id}")

    async def _read(self, plant: ControllableLoad) -> None:
        """A plant's adapter that fails costs that plant, which counts as silent, and is tried again."""
        while True:
            try:
                async for item in plant.states():
                    if isinstance(item, PlantFault):
                        self._say(plant.id, f"{item.reason}; {item.cure}")
                    else:
                        self._take(item)
                self._say(plant.id, "tells nothing more")
            except Exception as error:
                log.exception("reading a load failed", load=plant.id)
                self._say(plant.id, f"cannot be read ({type(error).__name__}: {error})")
            await self._clock.sleep(AGAIN_S)

    def _take(self, report: LoadReport) -> None:
        before, now = self._live.loads[report.load], self._clock.now()
        since, limits = before.since, before.limits
        if report.online != before.online:
            away_s = (now - since).total_seconds() if report.online and since is not None else 0.0
            since = now
            if away_s >= (before.failsafe_s or 0.0) > 0:
                limits = ()
        if report.answer is not None:
            limits = _answered(limits, report.answer, since)
        state = LoadState(
            load=report.load,
            online=report.online,
            since=since,
            heard_at=report.heard_at,
            power_w=report.power_w,
            measured_at=report.measured_at,
            limits=limits,
            nominal_w=report.nominal_w,
            failsafe_w=report.failsafe_w,
            failsafe_s=report.failsafe_s,
        )
        if report.online and not before.online:
            self._faults.pop(report.load, None)
        self._live.loads[report.load] = state
        if replace(state, heard_at=None, measured_at=None) != replace(before, heard_at=None, measured_at=None):
            self._wake()

    async def _limit(self, plant: ControllableLoad) -> None:
        """Tell what is wanted; what is wanted meanwhile does not wait for the answer to what was."""
        bell = self._bell[plant.id]
        while True:
            await bell.wait()
            bell.clear()
            wanted = self._wanted[plant.id]
            assert wanted is None or isinstance(wanted, float)
            asked = LoadLimit(limit_w=wanted, sent_at=self._clock.now())
            self._keep(plant.id, (*self._live.loads[plant.id].limits[-LIMITS_KEPT:], asked))
            asking, newer = asyncio.create_task(self._set(plant, wanted)), asyncio.create_task(bell.wait())
            try:
                await asyncio.wait({asking, newer}, return_when=asyncio.FIRST_COMPLETED)
                if asking.done():
                    self._heard(plant.id, asked, asking.result())
            finally:
                asking.cancel()
                newer.cancel()

    def _heard(self, name: str, asked: LoadLimit, answer: PlantAnswer) -> None:
        if answer.outcome is PlantOutcome.OFFLINE:
            return
        if answer.outcome is not PlantOutcome.ACCEPTED:
            self._say(name, f"did not take its limit: {answer.outcome} {answer.detail}")
        done = replace(asked, outcome=_OUTCOMES[answer.outcome], answered_at=self._clock.now())
        self._keep(name, tuple(done if one is asked else one for one in self._live.loads[name].limits))
        self._wake()

    def _keep(self, name: str, limits: tuple[LoadLimit, ...]) -> None:
        self._live.loads[name] = replace(self._live.loads[name], limits=limits)

    async def _set(self, plant: ControllableLoad, wanted: float | None) -> PlantAnswer:
        try:
            return await plant.set_limit(wanted)
        except Exception as error:
            log.exception("a limit could not be given", load=plant.id)
            return PlantAnswer(outcome=PlantOutcome.TIMED_OUT, detail=f"{type(error).__name__}: {error}")

    def _say(self, name: str, text: str) -> None:
        if self._faults.get(name) != text:
            self._faults[name] = text
            self._tell("alert", f"{name}: {text}", name)


def _answered(limits: tuple[LoadLimit, ...], answer: LoadAnswer, since: datetime | None) -> tuple[LoadLimit, ...]:
    """With what the load said to the newest limit, also when the adapter had repeated it. One that it lets go again has freed it."""
    newest = limits[-1] if limits else None
    outcome = _OUTCOMES.get(answer.outcome)
    if newest is None or outcome is None or newest.limit_w != answer.limit_w or answer.at < (newest.answered_at or newest.sent_at):
        return limits
    if newest.outcome is OfferOutcome.ACCEPTED and outcome is not OfferOutcome.ACCEPTED and newest.limit_w is not None:
        freed = LoadLimit(limit_w=None, sent_at=answer.at, outcome=OfferOutcome.ACCEPTED, answered_at=answer.at)
        refused = LoadLimit(limit_w=newest.limit_w, sent_at=answer.at, outcome=outcome, answered_at=answer.at)
        return (*limits, freed, refused)[-LIMITS_KEPT:]
    if newest.outcome is outcome and (since is None or newest.sent_at >= since):
        return limits
    again = since is not None and newest.sent_at < since <= answer.at
    return (*limits[:-1], replace(newest, outcome=outcome, sent_at=answer.at if again else newest.sent_at, answered_at=answer.at))
