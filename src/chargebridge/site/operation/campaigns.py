"""Firmware for many stations, a few at a time.

    waiting --asked, durable first--> asked -> downloading -> downloaded -> installing -> installed
                                       |  any failure, or no news for patience_s: waiting again while tries are left, else failed

A station is asked only while it is online, within the campaign's hours and, unless the plan says otherwise, without a running transaction. What a
station tells of its update moves it on, and so does a boot with other firmware. A step is on disk before the station is asked: after a kill each
station that was at work is asked how far it is, and none is sent the same update twice while the first may still run.
"""

import asyncio
import hashlib
from collections.abc import Callable, Coroutine
from datetime import datetime
from functools import partial
from typing import Any, Literal

import httpx
import msgspec
import structlog

from chargebridge.model.clock import Clock
from chargebridge.model.errors import ModelError, UnknownNameError
from chargebridge.site.operation import campaign_store
from chargebridge.site.operation.campaign_store import AT_WORK, OVER, LiveCampaign, Step
from chargebridge.site.operation.commands import CommandDesk, dialect_of
from chargebridge.site.operation.view import Campaign, CampaignPlan, CampaignStation, CommandRecord
from chargebridge.site.operation.wording import DATE
from chargebridge.stations.ocpp import OcppStation
from chargebridge.stations.port import Outcome
from chargebridge.store import Database

LOOK_EVERY_S = 1.0
AGAIN_S = 20.0
"""A failed try is repeated no sooner: a server that is down for a moment must not use all tries up."""
IDLE_AFTER_S = 20.0
"""A station that says so soon after it was asked that it is idle may not have begun yet."""
FILE_MAX = 2**30
FETCH_TIMEOUT_S = 60.0
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
        self._database, self._clock, self._desk = database, clock, desk
        self._station, self._busy, self._firmware, self._tell = station, busy, firmware, tell
        self._all: dict[int, LiveCampaign] = {}
        self._ask_again: set[tuple[int, str]] = set()
        self._told: asyncio.Queue[tuple[str, str, int | None]] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._one_at_a_time = asyncio.Lock()  # what moves a campaign: looks, news, answers, people

    async def open(self) -> None:
        self._all = {live.number: live for live in await self._database.read(campaign_store.every)}
        for live in self._all.values():
            if live.state == "checking":
                self._spawn(self._check_file(live))
        self._ask_again = {(live.number, step.station) for live in self._all.values() for step in live.at_work()}

    async def run(self) -> None:
        try:
            while True:
                async with self._one_at_a_time:
                    await self._hear()
                for live in list(self._all.values()):
                    try:
                        async with self._one_at_a_time:
                            await self._look(live)
                    except Exception:  # most likely the store: nothing was sent, and it is tried again
                        log.exception("a firmware campaign could not go on", campaign=live.number)
                await self._clock.sleep(LOOK_EVERY_S)
        finally:
            for task in self._tasks:
                task.cancel()

    # What stations say

    def firmware_status(self, station: str, status: str, request: int | None) -> None:
        self._told.put_nowait((station, status, request))

    def booted(self, station: str) -> None:
        self._told.put_nowait((station, "", None))

    async def _hear(self) -> None:
        while not self._told.empty():
            station, status, request = self._told.get_nowait()
            try:
                for live in self._all.values():
                    step = live.steps.get(station)
                    if step is not None and step.state in AT_WORK and request in (None, _request_id(live, step)):
                        await self._move(live, step, status)
            except Exception:
                log.exception("a station's firmware status could not be kept", station=station, status=status)

    async def _move(self, live: LiveCampaign, step: Step, status: str) -> None:
        if status in STATES:
            await self._set(live, step, STATES[status], status)
        elif status in FAILURES:
            await self._failed(live, step, f"{status}: {FAILURES[status]}")
        elif self._is_new(live, step):
            await self._set(live, step, "installed", f"runs {self._firmware(step.station)}")
        elif status == "Idle" and self._age_s(step) > IDLE_AFTER_S:
            await self._failed(live, step, "Idle: it is at nothing, and its firmware is the old one")

    def _is_new(self, live: LiveCampaign, step: Step) -> bool:
        now = self._firmware(step.station)
        if now is None:
            return False
        return now == live.plan.version if live.plan.version is not None else now != step.firmware_before

    # What happens next

    async def _look(self, live: LiveCampaign) -> None:
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
            await self._set_state(live, "done", f"{good} of {len(live.steps)} stations have it")

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
                await self._set(live, step, "skipped", "the campaign's time was over")
            elif live.plan.version is not None and self._firmware(step.station) == live.plan.version:
                await self._set(live, step, "skipped", f"runs {live.plan.version} already")
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
        await self._set(live, step, "asked", "")
        self._spawn(self._send(live, step))

    async def _send(self, live: LiveCampaign, step: Step) -> None:
        station = self._station(step.station)
        if station is None:
            return
        try:
            action, payload = self._wording(live, step, station)
            record = await self._desk.call(station, action, payload, BY)
        except ModelError as error:
            async with self._one_at_a_time:
                await self._failed(live, step, str(error))
            return
        async with self._one_at_a_time:
            await self._answered(live, step, record)

    async def _answered(self, live: LiveCampaign, step: Step, record: CommandRecord) -> None:
        if step.state != "asked":
            return  # it has told more meanwhile
        match record.outcome:
            case Outcome.ACCEPTED:
                await self._set(live, step, "asked", record.detail or "it has agreed")
            case Outcome.OFFLINE:
                step.tries -= 1
                await self._set(live, step, "waiting", "offline")
            case Outcome.TIMED_OUT:
                self._ask_again.add((live.number, step.station))
                await self._set(live, step, "asked", "no answer; it may have begun")
            case _:
                await self._failed(live, step, f"{record.outcome}: {record.detail}".rstrip(": "))

    def _wording(self, live: LiveCampaign, step: Step, station: OcppStation) -> tuple[str, dict[str, Any]]:
        plan, at = live.plan, self._clock.now().strftime(DATE)
        old = dialect_of(station).name == "ocpp1.6"
        if old and plan.signing_certificate is None:
            return "UpdateFirmware", {"location": plan.url, "retrieveDate": at}
        firmware = {"location": plan.url, "retrieveDateTime": at}
        if plan.signing_certificate is not None and plan.signature is not None:
            firmware |= {"signingCertificate": plan.signing_certificate, "signature": plan.signature}
        return "SignedUpdateFirmware" if old else "UpdateFirmware", {"requestId": _request_id(live, step), "firmware": firmware}

    async def _ask_how_far(self, identity: str) -> None:
        station = self._online(identity)
        if station is not None:
            await self._desk.give(station, "trigger", {"message": "FirmwareStatusNotification"}, BY)

    async def _failed(self, live: LiveCampaign, step: Step, why: str) -> None:
        again = step.tries < live.plan.tries and live.state != "aborted"
        await self._set(live, step, "waiting" if again else "failed", f"try {step.tries}: {why}")
        if not again:
            self._tell("station", f"{step.station}: firmware of campaign {live.plan.name!r} failed: {why}", step.station)

    async def _set(self, live: LiveCampaign, step: Step, state: str, detail: str) -> None:
        """Durable first."""
        made = msgspec.structs.replace(step, state=state, detail=detail, changed_at=self._clock.now())
        await self._database.write(partial(campaign_store.keep_step, number=live.number, step=made))
        step.state, step.detail, step.changed_at = made.state, made.detail, made.changed_at
        if state == "installed":
            self._tell("station", f"{step.station} has its new firmware ({live.plan.name})", step.station)

    async def _set_state(self, live: LiveCampaign, state: str, note: str) -> None:
        await self._database.write(lambda c: campaign_store.keep_state(c, live.number, state, note))
        live.state, live.note = state, note
        self._tell("station", f"firmware campaign {live.plan.name!r}: {state}" + (f", {note}" if note else ""), "")

    def _age_s(self, step: Step) -> float:
        return (self._clock.now() - step.changed_at).total_seconds()

    def _spawn(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a firmware campaign's message was not sent", reason=str(error))

    # What people ask

    async def begin(self, plan: CampaignPlan, by: str) -> Campaign:
        _check(plan, self._clock.now())
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
                await self._set_state(live, "paused", f"by {by}; stations at work go on")
            case "resume" if live.state == "paused":
                await self._set_state(live, "running", "")
            case "abort":
                for step in live.steps.values():
                    if step.state == "waiting":
                        await self._set(live, step, "skipped", f"aborted by {by}")
                await self._set_state(live, "aborted", f"by {by}; stations at work cannot be held back")
            case "retry":
                for step in live.steps.values():
                    if step.state in ("failed", "skipped"):
                        step.tries = 0
                        await self._set(live, step, "waiting", f"again, by {by}")
                if live.plan.sha256 is not None and live.state == "refused":
                    await self._set_state(live, "checking", "")
                    self._spawn(self._check_file(live))
                else:
                    await self._set_state(live, "running", "")
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
            found = await asyncio.wait_for(_sha256(live.plan.url), FETCH_TIMEOUT_S)
        except (httpx.HTTPError, TimeoutError, ModelError) as error:
            async with self._one_at_a_time:
                await self._set_state(live, "refused", f"the file cannot be fetched to be checked ({str(error) or 'too slow'})")
            return
        async with self._one_at_a_time:
            await self._judge_file(live, found)

    async def _judge_file(self, live: LiveCampaign, found: str) -> None:
        if live.state != "checking":
            return  # aborted meanwhile
        if found != (live.plan.sha256 or "").lower():
            await self._set_state(live, "refused", f"the file has SHA-256 {found}, not what was said")
        else:
            await self._set_state(live, "running", "the file is what was said")


async def _sha256(url: str) -> str:
    digest, size = hashlib.sha256(), 0
    async with httpx.AsyncClient(follow_redirects=False) as client, client.stream("GET", url) as answer:
        answer.raise_for_status()
        async for piece in answer.aiter_bytes():
            size += len(piece)
            if size > FILE_MAX:
                raise ModelError("url", f"the file is larger than {FILE_MAX} bytes", "name the firmware itself")
            digest.update(piece)
    return digest.hexdigest()


def _request_id(live: LiveCampaign, step: Step) -> int:
    """The same after a restart, and another one for each try."""
    return (live.number * 1_000_000 + step.place * 100 + step.tries) & 0x7FFFFFFF


def _check(plan: CampaignPlan, now: datetime) -> None:
    if not plan.stations:
        raise ModelError("stations", "none is named", "name at least one")
    if len(set(plan.stations)) != len(plan.stations):
        raise ModelError("stations", "one is named twice", "name each once")
    scheme = plan.url.partition("://")[0]
    if scheme not in ("http", "https", "ftp", "ftps", "sftp") or len(plan.url) > 512:
        raise ModelError("url", f"{plan.url[:60]!r} is no address for stations", "give http://, https://, ftp://, ftps:// or sftp://")
    if plan.sha256 is not None and (len(plan.sha256) != 64 or scheme not in ("http", "https")):
        raise ModelError("sha256", "it cannot be checked", "give 64 hexadecimal digits, and an http:// or https:// address")
    if (plan.signing_certificate is None) != (plan.signature is None):
        raise ModelError("signature", "certificate and signature belong together", "give both, or neither")
    if plan.not_after is not None and (plan.not_after <= now or (plan.not_before or now) >= plan.not_after):
        raise ModelError("not_after", "no time is left", "give a later end")
    if not 1 <= plan.at_once <= 1000 or not 1 <= plan.tries <= 10 or not 10 <= plan.patience_s <= 7 * 86_400:
        raise ModelError("campaign", "a figure is out of range", "at_once 1 to 1000, tries 1 to 10, patience_s 10 to 604800")
