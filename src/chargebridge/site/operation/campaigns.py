"""Firmware for many stations, a few at a time: what people ask for, and the loop that `Rollout` does it in."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Literal

import httpx
import structlog

from chargebridge.model.clock import Clock
from chargebridge.model.errors import ModelError, UnknownNameError
from chargebridge.site.operation import campaign_store
from chargebridge.site.operation.campaign_plan import check, sha256_of
from chargebridge.site.operation.campaign_store import OVER, LiveCampaign
from chargebridge.site.operation.commands import CommandDesk
from chargebridge.site.operation.rollout import Rollout
from chargebridge.site.operation.view import Campaign, CampaignPlan, CampaignStation
from chargebridge.stations.ocpp import OcppStation
from chargebridge.store import Database

LOOK_EVERY_S = 1.0
FETCH_TIMEOUT_S = 60.0

log = structlog.get_logger(__name__)


class Campaigns:
    """stations: by identity; busy: whether a transaction runs there; firmware: what it said last that it runs."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        desk: CommandDesk,
        *,
        station: Callable[[str], OcppStation | None],
        busy: Callable[[str], bool],
        firmware: Callable[[str], str | None],
        tell: Callable[[str, str, str], None],
    ) -> None:
        self._database, self._clock = database, clock
        self._station, self._firmware, self._tell = station, firmware, tell
        self._all: dict[int, LiveCampaign] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._one_at_a_time = asyncio.Lock()  # what moves a campaign: looks, news, answers, people
        self._rollout = Rollout(
            database, clock, desk, self._one_at_a_time, self._spawn, station=station, busy=busy, firmware=firmware, tell=tell
        )

    async def open(self) -> None:
        self._all = {live.number: live for live in await self._database.read(campaign_store.every)}
        for live in self._all.values():
            if live.state == "checking":
                self._spawn(self._check_file(live))
        self._rollout.resume(self._all.values())

    async def run(self) -> None:
        try:
            while True:
                async with self._one_at_a_time:
                    await self._rollout.hear(self._all.values())
                for live in list(self._all.values()):
                    try:
                        async with self._one_at_a_time:
                            await self._rollout.look(live)
                    except Exception:  # most likely the store: nothing was sent, and it is tried again
                        log.exception("a firmware campaign could not go on", campaign=live.number)
                await self._clock.sleep(LOOK_EVERY_S)
        finally:
            for task in self._tasks:
                task.cancel()

    def _spawn(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a firmware campaign's message was not sent", reason=str(error))

    # What stations say

    def firmware_status(self, station: str, status: str, request: int | None) -> None:
        self._rollout.told(station, status, request)

    def booted(self, station: str) -> None:
        self._rollout.told(station, "", None)

    # What people ask

    async def begin(self, plan: CampaignPlan, by: str) -> Campaign:
        check(plan, self._clock.now())
        unknown = [identity for identity in plan.stations if self._station(identity) is None]
        if unknown:
            raise ModelError("stations", f"{unknown[0]!r} is not there", "name stations of this site")
        busy = {step.station for live in self._all.values() if live.state in ("running", "paused") for step in live.steps.values()
                if step.state not in OVER}  # fmt: skip
        if double := sorted(busy & set(plan.stations)):
            raise ModelError("stations", f"{double[0]} is in a campaign already", "wait for its end, or abort it")
        state = "checking" if plan.sha256 is not None else "running"
        now = self._clock.now()
        live = await self._database.write(lambda c: campaign_store.begin(c, plan, state, now, by))
        self._all[live.number] = live
        if state == "checking":
            self._spawn(self._check_file(live))
        self._tell("station", f"firmware campaign {plan.name!r} for {len(plan.stations)} stations begun by {by}", "")
        return self._view(live)

    async def steer(self, number: int, to: Literal["pause", "resume", "abort", "retry"], by: str) -> Campaign:
        live = self._one(number)
        async with self._one_at_a_time:
            await self._steer(live, to, by)
        return self._view(live)

    async def _steer(self, live: LiveCampaign, to: Literal["pause", "resume", "abort", "retry"], by: str) -> None:
        if live.state in ("aborted", "refused") and to != "retry":
            raise ModelError(f"campaign {live.number}", f"it is {live.state}", "begin another one")
        match to:
            case "pause" if live.state == "running":
                await self._rollout.set_state(live, "paused", f"by {by}; stations at work go on")
            case "resume" if live.state == "paused":
                await self._rollout.set_state(live, "running", "")
            case "abort":
                for step in live.steps.values():
                    if step.state == "waiting":
                        await self._rollout.set(live, step, "skipped", f"aborted by {by}")
                await self._rollout.set_state(live, "aborted", f"by {by}; stations at work cannot be held back")
            case "retry":
                for step in live.steps.values():
                    if step.state in ("failed", "skipped"):
                        step.tries = 0
                        await self._rollout.set(live, step, "waiting", f"again, by {by}")
                if live.plan.sha256 is not None and live.state == "refused":
                    await self._rollout.set_state(live, "checking", "")
                    self._spawn(self._check_file(live))
                else:
                    await self._rollout.set_state(live, "running", "")
            case _:
                raise ModelError(f"campaign {live.number}", f"it is {live.state}", "pause what runs, resume what is paused")

    def every(self) -> tuple[Campaign, ...]:
        return tuple(self._view(live) for live in sorted(self._all.values(), key=lambda live: -live.number))

    def one(self, number: int) -> Campaign:
        return self._view(self._one(number))

    def _one(self, number: int) -> LiveCampaign:
        live = self._all.get(number)
        if live is None:
            raise UnknownNameError(f"campaign {number}", "is not there", "GET /api/v1/campaigns lists them")
        return live

    def _view(self, live: LiveCampaign) -> Campaign:
        counts: dict[str, int] = {}
        for step in live.steps.values():
            counts[step.state] = counts.get(step.state, 0) + 1
        stations = tuple(
            CampaignStation(
                station=step.station,
                state=step.state,
                detail=step.detail,
                tries=step.tries,
                changed_at=step.changed_at,
                before=step.firmware_before,
                now=self._firmware(step.station),
            )
            for step in live.steps.values()
        )
        return Campaign(
            number=live.number,
            plan=live.plan,
            state=live.state,
            note=live.note,
            created_at=live.created_at,
            by=live.by,
            counts=counts,
            stations=stations,
        )

    async def _check_file(self, live: LiveCampaign) -> None:
        """Fetch the file as a station would and compare it with what it should be."""
        try:
            async with asyncio.timeout(FETCH_TIMEOUT_S):
                found = await sha256_of(live.plan.url)
        except (httpx.HTTPError, TimeoutError, ModelError) as error:
            async with self._one_at_a_time:
                await self._rollout.set_state(live, "refused", f"the file cannot be fetched to be checked ({str(error) or 'too slow'})")
            return
        async with self._one_at_a_time:
            await self._judge_file(live, found)

    async def _judge_file(self, live: LiveCampaign, found: str) -> None:
        if live.state != "checking":
            return  # aborted meanwhile
        if found != (live.plan.sha256 or "").lower():
            await self._rollout.set_state(live, "refused", f"the file has SHA-256 {found}, not what was said")
        else:
            await self._rollout.set_state(live, "running", "the file is what was said")
