"""One OCPP station as the site sees it: there before its socket, between sockets and after them."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Literal

import structlog

from chargebridge.model.clock import Clock
from chargebridge.model.session import PointStatus
from chargebridge.stations.commands import (
    ChangeAvailability,
    Command,
    GetProfiles,
    RemoteStart,
    RemoteStop,
    Reply,
    Reset,
    SetProfile,
    Trigger,
    UnlockConnector,
)
from chargebridge.stations.events import Said
from chargebridge.stations.ocpp import commanding, local_list, smart
from chargebridge.stations.ocpp.abilities import MAX_EXTERNAL_ID, Abilities
from chargebridge.stations.ocpp.calls import Calls, Word
from chargebridge.stations.ocpp.commanding import Comparison
from chargebridge.stations.ocpp.contracts import ContractCheck
from chargebridge.stations.ocpp.entrance import Entry
from chargebridge.stations.ocpp.gaps import GapWatch
from chargebridge.stations.ocpp.granting import Grants
from chargebridge.stations.ocpp.language import Language, Schedule, Setting
from chargebridge.stations.ocpp.session import REPLACED, Session
from chargebridge.stations.ocpp.settings import ServerSettings, StationSettings
from chargebridge.stations.ocpp.setup import Setup
from chargebridge.stations.ocpp.standing import Standing
from chargebridge.stations.port import Answer, Outcome, StationInfo, StationSink, Token
from chargebridge.wire.ocpp import PayloadError, v21
from chargebridge.wire.ocpp.payload import Payload
from chargebridge.wire.ocpp.rpc import Answers
from chargebridge.wire.ocpp.tolerance import Behaviour, named, propose

log = structlog.get_logger()

Taker = Callable[["OcppStation", Payload], Awaitable[Payload]]
Relay = Callable[["OcppStation", Payload, Callable[[], Awaitable[Payload]]], Awaitable[Payload]]
"""Stands around the handling of a message: is given the station, the message and the handling itself, and returns the answer."""

NUMBERED_S = 5.0
OLD_S = 60.0  # an event older than this was kept while the station was offline
MAX_CONNECTORS = 256
MAX_TRANSACTIONS = 256  # remembered transaction -> EVSE; stations forget to end some


class OcppStation:
    """Implements `port.Station`. sink: who is told; running: transaction -> EVSE; charging: EVSE -> what its transaction does."""

    def __init__(self, settings: StationSettings, server: ServerSettings, sink: StationSink, clock: Clock) -> None:
        self.identity = settings.identity
        self.settings = settings
        self.tolerance = None if settings.tolerance is None else named(settings.tolerance)
        self.behaviour = Behaviour() if self.tolerance is None else self.tolerance.profile.behaviour
        self.server = server
        self.sink = sink
        self.info: StationInfo | None = None
        self.session: Session | None = None
        self.language: Language | None = None
        self.running: dict[str, int] = {}
        self.charging: dict[int, PointStatus] = {}
        self.connectors: dict[tuple[int, int], str] = {}  # (EVSE, connector) -> what it last said; 2.0.1 only
        self.dynamic: dict[int, v21.ChargingScheduleUpdateType] = {}  # dynamic profile -> the values that hold now; 2.1 only
        self.standing = Standing()  # the charging profiles that we have set
        self.local_list: tuple[int, dict[str, Token]] | None = None  # version and entries of the list that we have sent
        self.abilities = Abilities()  # what it says of itself; 2.x only
        self.entry: Entry | None = None  # how the present session was let in
        self.contracts: ContractCheck | None = None  # who judges the contracts that cars show; without one none of them charges
        self.takes: dict[str, Taker] = dict(smart.TAKES)  # actions that another part of the Central System answers, such as certificates
        self.relay: Relay | None = None  # who passes its messages on to other back ends
        self._clock = clock
        self._answers = Answers()
        self._order = asyncio.Lock()  # messages of one station are handled one at a time, also across two sockets
        self._calls = Calls(self)
        self._grants = Grants(self, self._calls)
        self._setup = Setup(self, clock)
        self._boot_refused = False  # also between its connections
        self._start_id = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self.gaps = GapWatch(self, self._spawn, clock)

    # What the session and the languages need

    def now(self) -> datetime:
        """The time to tell a station: whole seconds, which all of them can read."""
        return self._clock.now().replace(microsecond=0)

    def is_old(self, at: datetime) -> bool:
        return (self._clock.now() - at).total_seconds() > OLD_S

    def phases(self, evse: int) -> int:
        """How many phases the EVSE has; 3, the safe guess, for one that is not configured."""
        return self.settings.evses[evse - 1].phases if 0 < evse <= len(self.settings.evses) else 3

    @property
    def rate_unit(self) -> Literal["A", "W"]:
        """What its charging profiles are counted in."""
        return self.behaviour.rate_unit or self.settings.rate_unit

    @property
    def answers(self) -> Answers:
        return self._answers

    @property
    def setup(self) -> dict[str, Answer]:
        """What it said to each setting that is written on boot."""
        return self._setup.said

    async def handle(self, session: Session, request: Payload) -> Payload:
        """Deal with a message, in order. Raises what the sink raises; the message is then not acknowledged."""
        assert self.language is not None
        async with self._order:
            response = await (
                self._deal(session, request) if self.relay is None else self.relay(self, request, lambda: self._deal(session, request))
            )
        while len(self.running) > MAX_TRANSACTIONS:
            del self.running[next(iter(self.running))]
        while len(self.connectors) > MAX_CONNECTORS:
            del self.connectors[next(iter(self.connectors))]
        return response

    async def _deal(self, session: Session, request: Payload) -> Payload:
        assert self.language is not None
        taken = self.takes.get(self.language.dialect.action(request))
        return await (self.language.handle(self, session, request) if taken is None else taken(self, request))

    async def booted(self, session: Session, info: StationInfo) -> bool:
        accepted = await self.sink.station_booted(info)
        session.boot_refused = self._boot_refused = not accepted
        self.info = info
        proposed = propose(info.vendor, info.model)
        if proposed and self.settings.tolerance is None:
            log.info("a tolerance profile was made for such stations", station=self.identity, vendor=info.vendor, profiles=proposed)
        if accepted:
            self._setup.renew()
        return accepted

    async def serve(self, session: Session, language: Language) -> None:
        """Run a session to its end. A newer one takes the station over at once; only the session in charge reports its loss."""
        session.connection.tolerance, session.behaviour = self.tolerance, self.behaviour
        session.boot_refused = self._boot_refused
        if self.behaviour.ping_s is not None:
            session.ping_every(self.behaviour.ping_s)
        old, self.session, self.language = self.session, session, language
        if old is not None:
            self._spawn(old.close(REPLACED, "replaced by a newer connection"))
        setup = self._spawn(self._setup.keep(session))
        try:
            await self.sink.station_connected(self.identity, language.dialect.name)
            reason = await session.run(partial(self.sink.heard_from, self.identity))
            log.info("station disconnected", station=self.identity, reason=reason)
        finally:
            setup.cancel()
            if self.session is session:
                self.session = None
                await self.sink.station_lost(self.identity)

    def resumed(self, transaction: str) -> None:
        """A transaction goes on after a reboot: what limits it is sent again, unless the station keeps it (2.1 B13.FR.31, E17.FR.15)."""
        if self.abilities.flag("SmartChargingCtrlr.ChargingProfilePersistence[TxProfile]"):
            return
        for evse, profile in self.standing:
            if profile.transaction == transaction:
                self._spawn(self._again(SetProfile(evse=evse, profile=profile)))

    async def _again(self, wanted: Command) -> None:
        reply = await self.command(wanted)
        log.info("profile sent again", station=self.identity, outcome=reply.outcome, detail=reply.detail)

    def _spawn(self, job: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        """What goes wrong on the station's behalf, with nobody waiting for it, is in the log."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("work for a station failed", station=self.identity, exc_info=error)

    async def stop(self) -> None:
        """End what still runs on the station's behalf."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # port.Station

    @property
    def online(self) -> bool:
        """Connected, and past the boot gate."""
        return self.session is not None and self.session.ready.is_set()

    async def offer(self, evse: int, current_a: float, phases: int, valid_s: float, transaction: str | None) -> Answer:
        """See `port.Station`. A newer offer for the same EVSE takes the place of one that still waits to be sent."""
        return await self._grants.offer(evse, current_a, phases, valid_s, transaction)

    async def discharge(self, evse: int, power_w: float, valid_s: float, transaction: str) -> Answer:
        """See `port.Station`. Only OCPP 2.1 has a word for it."""
        return await self._grants.discharge(evse, power_w, valid_s, transaction)

    async def report_limits(self, request: int) -> Answer:
        """See `port.Station`. Where a version has no word for it (1.6), UNSUPPORTED."""
        return await self.command(GetProfiles(request=request, purpose="ChargingStationExternalConstraints"))

    async def numbered(self) -> None:
        """Wait until a 2.1 station has been asked how our charging profiles may be numbered; one that does not answer is not waited for long."""
        if self.language is not None and MAX_EXTERNAL_ID in self.language.abilities and self.online:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(NUMBERED_S):
                    await self._setup.asked.wait()

    def negotiates(self, evse: int) -> None:
        """The car at an EVSE has told its needs, and waits for a TxProfile."""
        self._grants.negotiates(evse)

    async def write_fallback(self, evse: int, current_a: float) -> Answer:
        """Write the persistent default profile, and the model's own setting where it has one (read back)."""
        return await self._grants.write_fallback(evse, current_a)

    async def remote_start(self, evse: int, token: str) -> Answer:
        self._start_id += 1
        return await self._say(RemoteStart(request=self._start_id, token=Token(id=token, kind="Central"), evse=evse))

    async def remote_stop(self, evse: int, transaction: str) -> Answer:
        return await self._say(RemoteStop(transaction=transaction))

    async def reset(self, *, hard: bool) -> Answer:
        return await self._say(Reset(hard=hard))

    # Beyond the port

    async def ask(self, word: Word) -> Answer:
        """Send the request that ``word`` makes in the station's language; what its response stands for."""
        return await self._calls.ask(word)

    async def pass_down(self, request: Payload) -> Payload | Answer:
        """Send a request in the station's own types. Returns its response, or the Answer that stands for there being none."""
        return await self._calls.call(lambda _: request)

    async def unlock(self, evse: int) -> Answer:
        return await self._say(UnlockConnector(evse=evse))

    async def trigger(self, message: str, evse: int | None = None) -> Answer:
        """Ask for a message now: BootNotification, Heartbeat, MeterValues, StatusNotification, TransactionEvent (2.0.1)."""
        return await self._say(Trigger(message=message, evse=evse))

    async def change_availability(self, evse: int, *, operative: bool) -> Answer:
        """evse 0: the whole station."""
        return await self._say(ChangeAvailability(evse=evse, operative=operative))

    async def clear_profile(self, profile_id: int) -> Answer:
        return await self._calls.ask(lambda language: language.clear_profile(profile_id))

    async def set_setting(self, name: str, value: str) -> Answer:
        """Write a configuration key (1.6) or a variable (2.0.1: `Component.Variable`)."""
        return await self._calls.ask(lambda language: language.set_setting(name, value))

    async def get_settings(self, names: Sequence[str]) -> list[Setting] | Answer:
        """Read configuration keys or variables (1.6: none named reads all); an Answer when the station gives none."""
        result = await self._calls.call(lambda language: language.get_settings(names))
        if isinstance(result, Answer):
            return result
        assert self.language is not None
        return self.language.read_settings(result)

    async def composite_schedule(self, evse: int, duration_s: int) -> Schedule | Answer:
        """What the station itself reckons from its profiles; an Answer when it gives none."""
        result = await self._calls.call(lambda language: language.composite_schedule(evse, duration_s, self.rate_unit))
        if isinstance(result, Answer):
            return result
        assert self.language is not None
        return self.language.read_schedule(result) or self.language.answer(result)

    async def call(self, action: str, payload: Said) -> Reply:
        """See `commanding.call`: any action of the station's version, with the station's own answer."""
        return await commanding.call(self, action, payload)

    async def command(self, wanted: Command) -> Reply:
        """See `commanding.command`: a command in the vocabulary of all versions."""
        return await commanding.command(self, wanted)

    async def _say(self, wanted: Command) -> Answer:
        try:
            return await self.command(wanted)
        except (ValueError, PayloadError) as error:
            return Answer(outcome=Outcome.UNSUPPORTED, detail=f"cannot be said to this station: {error}")

    def ask_later(self, wanted: Command) -> None:
        """Give a command once what is being handled is answered; its outcome is in the log."""

        async def give() -> None:
            answer = await self._say(wanted)
            log.info("asked", station=self.identity, what=type(wanted).__name__, outcome=str(answer.outcome), detail=answer.detail)

        self._spawn(give())

    async def refresh_local_list(self) -> Reply:
        """See `local_list.refresh`: send the sink's tokens, whole or as what has changed."""
        return await local_list.refresh(self)

    async def compare_schedule(self, evse: int, duration_s: int) -> Comparison | Answer:
        """See `commanding.compare`: the EVSE's schedule as we reckon it, and as the station does."""
        return await commanding.compare(self, evse, duration_s)
