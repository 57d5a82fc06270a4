"""One firmware campaign from station to station.

    waiting --asked, durable first--> asked -> downloading -> downloaded -> installing -> installed
                                       |  any failure, or no news for patience_s: waiting again while tries are left, else failed

A station is asked only while it is online, within the campaign's hours and, unless the plan says otherwise, without a running transaction. What a
station tells of its update moves it on, and so does a boot with other firmware. A step is on disk before the station is asked: after a kill each
station that was at work is asked how far it is, and none is sent the same update twice while the first may still run.
"""

import asyncio
from collections.abc import Callable, Collection, Coroutine
from functools import partial
from typing import Any

import msgspec
import structlog

from chargebridge.model.clock import Clock
from chargebridge.model.errors import ModelError
from chargebridge.site.operation import campaign_store
from chargebridge.site.operation.campaign_store import AT_WORK, OVER, LiveCampaign, Step
from chargebridge.site.operation.commands import CommandDesk
from chargebridge.site.operation.view import CommandRecord
from chargebridge.stations.commands import UpdateFirmware
from chargebridge.stations.ocpp import OcppStation
from chargebridge.stations.port import Outcome
from chargebridge.store import Database

AGAIN_S = 20.0
"""A failed try is repeated no sooner: a server that is down for a moment must not use all tries up."""
IDLE_AFTER_S = 20.0
"""A station that says so soon after it was asked that it is idle may not have begun yet."""
BY = "campaign"
STATES = {
    "DownloadScheduled": "downloading",
    "Downloading": "downloading",
    "DownloadPaused": "downloading",
    "Downloaded": "downloaded",
    "SignatureVerified": "downloaded",
    "InstallScheduled": "installing",
    "Installing": "installing",
    "InstallRebooting": "installing",
    "Installed": "installed",
}
FAILURES = {
    "DownloadFailed": "it could not fetch the file",
    "InstallationFailed": "the installation failed",
    "InstallVerificationFailed": "the file did not pass its check",
    "InvalidSignature": "the signature is not right",
}

log = structlog.get_logger(__name__)


class Rollout:
    """station: by identity; busy: whether a transaction runs there; firmware: what it said last that it runs. lock: held by whoever moves a
    campaign: looks, news, answers, people. spawn: begins what ends with the campaigns."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        desk: CommandDesk,
        lock: asyncio.Lock,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        *,
        station: Callable[[str], OcppStation | None],
        busy: Callable[[str], bool],
        firmware: Callable[[str], str | None],
        tell: Callable[[str, str, str], None],
    ) -> None:
        self._database, self._clock, self._desk, self._lock, self._spawn = database, clock, desk, lock, spawn
        self._station, self._busy, self._firmware, self._tell = station, busy, firmware, tell
        self._ask_again: set[tuple[int, str]] = set()
        self._told: asyncio.Queue[tuple[str, str, int | None]] = asyncio.Queue()

    def resume(self, every: Collection[LiveCampaign]) -> None:
        """After a start: who was at work is asked how far it is."""
        self._ask_again = {(live.number, step.station) for live in every for step in live.at_work()}

    def told(self, station: str, status: str, request: int | None) -> None:
        """A FirmwareStatusNotification; status "": the station has booted."""
        self._told.put_nowait((station, status, request))

    async def hear(self, every: Collection[LiveCampaign]) -> None:
        """What stations have told since the last time."""
        while not self._told.empty():
            station, status, request = self._told.get_nowait()
            try:
                for live in every:
                    step = live.steps.get(station)
                    if step is not None and step.state in AT_WORK and request in (None, _request_id(live, step)):
                        await self._move(live, step, status)
            except Exception:
                log.exception("a station's firmware status could not be kept", station=station, status=status)

    async def _move(self, live: LiveCampaign, step: Step, status: str) -> None:
        if status in STATES:
            await self.set(live, step, STATES[status], status)
        elif status in FAILURES:
            await self._failed(live, step, f"{status}: {FAILURES[status]}")
        elif self._is_new(live, step):
            await self.set(live, step, "installed", f"runs {self._firmware(step.station)}")
        elif status == "Idle" and self._age_s(step) > IDLE_AFTER_S:
            await self._failed(live, step, "Idle: it is at nothing, and its firmware is the old one")

    def _is_new(self, live: LiveCampaign, step: Step) -> bool:
        now = self._firmware(step.station)
        if now is None:
            return False
        return now == live.plan.version if live.plan.version is not None else now != step.firmware_before

    async def look(self, live: LiveCampaign) -> None:
        """Whom to ask next, who is too late, and whether all is done."""
        for step in live.at_work():
            if self._age_s(step) > live.plan.patience_s:
                await self._failed(live, step, f"no news for {live.plan.patience_s:g} s")
            elif self._age_s(step) <= IDLE_AFTER_S:
                continue  # that it is idle would say nothing yet, and nobody would ask again
            elif (live.number, step.station) in self._ask_again and self._online(step.station) is not None:
                self._ask_again.discard((live.number, step.station))
                self._spawn(self._ask_how_far(step.station))
        if live.state == "running":
            await self._ask_next(live)
        if live.state in ("running", "paused") and all(step.state in OVER for step in live.steps.values()):
            good = sum(step.state == "installed" for step in live.steps.values())
            await self.set_state(live, "done", f"{good} of {len(live.steps)} stations have it")

    async def _ask_next(self, live: LiveCampaign) -> None:
        free = live.plan.at_once - len(live.at_work())
        for step in live.steps.values():
            if free <= 0:
                return
            if step.state != "waiting":
                continue
            why = self._why_not(live, step)
            if why is None:
                await self._ask(live, step)
                free -= 1
            elif live.plan.not_after is not None and self._clock.now() > live.plan.not_after:
                await self.set(live, step, "skipped", "the campaign's time was over")
            elif live.plan.version is not None and self._firmware(step.station) == live.plan.version:
                await self.set(live, step, "skipped", f"runs {live.plan.version} already")
            elif why != step.detail and (step.tries == 0 or self._age_s(step) > AGAIN_S):
                step.detail = why  # shown, not worth a write

    def _why_not(self, live: LiveCampaign, step: Step) -> str | None:
        plan, now = live.plan, self._clock.now()
        if plan.not_before is not None and now < plan.not_before:
            return "before its time"
        if plan.not_after is not None and now > plan.not_after:
            return "after its time"
        if plan.version is not None and self._firmware(step.station) == plan.version:
            return "has it already"
        if step.tries and self._age_s(step) < AGAIN_S:
            return step.detail
        if self._online(step.station) is None:
            return "offline"
        if not plan.while_charging and self._busy(step.station):
            return "charges a car"
        return None

    def _online(self, identity: str) -> OcppStation | None:
        station = self._station(identity)
        return station if station is not None and station.online else None

    async def _ask(self, live: LiveCampaign, step: Step) -> None:
        step.tries += 1
        step.firmware_before = self._firmware(step.station)
        await self.set(live, step, "asked", "")
        self._spawn(self._send(live, step))

    async def _send(self, live: LiveCampaign, step: Step) -> None:
        station = self._station(step.station)
        if station is None:
            return
        try:
            record = await self._desk.order(station, self._order(live, step), BY)
        except ModelError as error:
            async with self._lock:
                await self._failed(live, step, str(error))
            return
        async with self._lock:
            await self._answered(live, step, record)

    async def _answered(self, live: LiveCampaign, step: Step, record: CommandRecord) -> None:
        if step.state != "asked":
            return  # it has told more meanwhile
        match record.outcome:
            case Outcome.ACCEPTED:
                await self.set(live, step, "asked", record.detail or "it has agreed")
            case Outcome.OFFLINE:
                step.tries -= 1
                await self.set(live, step, "waiting", "offline")
            case Outcome.TIMED_OUT:
                self._ask_again.add((live.number, step.station))
                await self.set(live, step, "asked", "no answer; it may have begun")
            case _:
                await self._failed(live, step, f"{record.outcome}: {record.detail}".rstrip(": "))

    def _order(self, live: LiveCampaign, step: Step) -> UpdateFirmware:
        plan = live.plan
        return UpdateFirmware(
            request=_request_id(live, step),
            location=plan.url,
            retrieve_at=self._clock.now().replace(microsecond=0),
            certificate=plan.signing_certificate,
            signature=plan.signature,
        )

    async def _ask_how_far(self, identity: str) -> None:
        station = self._online(identity)
        if station is not None:
            await self._desk.give(station, "trigger", {"message": "FirmwareStatusNotification"}, BY)

    async def _failed(self, live: LiveCampaign, step: Step, why: str) -> None:
        again = step.tries < live.plan.tries and live.state != "aborted"
        await self.set(live, step, "waiting" if again else "failed", f"try {step.tries}: {why}")
        if not again:
            self._tell("station", f"{step.station}: firmware of campaign {live.plan.name!r} failed: {why}", step.station)

    async def set(self, live: LiveCampaign, step: Step, state: str, detail: str) -> None:
        """Durable first."""
        made = msgspec.structs.replace(step, state=state, detail=detail, changed_at=self._clock.now())
        await self._database.write(partial(campaign_store.keep_step, number=live.number, step=made))
        step.state, step.detail, step.changed_at = made.state, made.detail, made.changed_at
        if state == "installed":
            self._tell("station", f"{step.station} has its new firmware ({live.plan.name})", step.station)

    async def set_state(self, live: LiveCampaign, state: str, note: str) -> None:
        await self._database.write(lambda c: campaign_store.keep_state(c, live.number, state, note))
        live.state, live.note = state, note
        self._tell("station", f"firmware campaign {live.plan.name!r}: {state}" + (f", {note}" if note else ""), "")

    def _age_s(self, step: Step) -> float:
        return (self._clock.now() - step.changed_at).total_seconds()


def _request_id(live: LiveCampaign, step: Step) -> int:
    """The same after a restart, and another one for each try."""
    return (live.number * 1_000_000 + step.place * 100 + step.tries) & 0x7FFFFFFF
