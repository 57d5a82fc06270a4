"""One OCPP station as the site sees it: there before its socket, between sockets and after them.

A limit is a charging profile. Two levels are kept in the station (1.6 3.13, 2.0.1 part 2 K):

    stack level 0  TxDefaultProfile at the fallback current, without end, kept through reboots
    stack level 1  the grant: TxProfile (or TxDefaultProfile while no transaction runs), with a duration

so a station that hears nothing more from us comes down to its fallback by itself when the grant has run out.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import structlog

from chargebridge.model.clock import Clock
from chargebridge.model.phases import NOMINAL_V
from chargebridge.model.session import PointStatus
from chargebridge.stations.commands import Command, Reply
from chargebridge.stations.events import Said
from chargebridge.stations.ocpp import commanding, local_list
from chargebridge.stations.ocpp.commanding import Comparison
from chargebridge.stations.ocpp.entrance import Entry
from chargebridge.stations.ocpp.gaps import GapWatch
from chargebridge.stations.ocpp.language import Language, Profile, Purpose, Schedule, Setting
from chargebridge.stations.ocpp.session import REPLACED, Session
from chargebridge.stations.ocpp.settings import ServerSettings, StationSettings
from chargebridge.stations.ocpp.standing import Standing
from chargebridge.stations.ocpp.transport import TransportClosedError
from chargebridge.stations.port import Answer, Outcome, StationInfo, StationSink, Token
from chargebridge.wire.ocpp import Answered, CallError, Failed, v21
from chargebridge.wire.ocpp.payload import Payload
from chargebridge.wire.ocpp.rpc import Answers
from chargebridge.wire.ocpp.tolerance import Behaviour, named, propose

log = structlog.get_logger()

Word = Callable[[Language], Payload]
Taker = Callable[["OcppStation", Payload], Awaitable[Payload]]
Relay = Callable[["OcppStation", Payload, Callable[[], Awaitable[Payload]]], Awaitable[Payload]]
"""Stands around the handling of a message: is given the station, the message and the handling itself, and returns the answer."""

OLD_S = 60.0  # an event older than this was kept while the station was offline
RETRY_SETUP_S = 30.0
CLOCK_MARGIN_S = 5  # a grant starts this long ago, so that a station whose clock is a little slow obeys at once
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
        self.entry: Entry | None = None  # how the present session was let in
        self.takes: dict[str, Taker] = {}  # actions that another part of the Central System answers, such as certificates
        self.relay: Relay | None = None  # who passes its messages on to other back ends
        self.setup: dict[str, Answer] = {}  # what the station said to each setting that we write on boot
        self._clock = clock
        self._answers = Answers()
        self._order = asyncio.Lock()  # messages of one station are handled one at a time, also across two sockets
        self._waiting: dict[int, str] = {}  # EVSE -> message id of the newest limit asked for
        self._by_default: set[int] = set()  # EVSEs whose transactions are limited by TxDefaultProfile, as they refused a TxProfile
        self._start_id = 0
        self._needs_setup = asyncio.Event()
        self._needs_setup.set()  # as this process has not seen the station yet
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
        session.boot_refused = not accepted
        self.info = info
        proposed = propose(info.vendor, info.model)
        if proposed and self.settings.tolerance is None:
            log.info("a tolerance profile was made for such stations", station=self.identity, vendor=info.vendor, profiles=proposed)
        if accepted:
            self._needs_setup.set()
        return accepted

    async def serve(self, session: Session, language: Language) -> None:
        """Run a session to its end. A newer one takes the station over at once; only the session in charge reports its loss."""
        session.connection.tolerance, session.behaviour = self.tolerance, self.behaviour
        if self.behaviour.ping_s is not None:
            session.ping_every(self.behaviour.ping_s)
        old, self.session, self.language = self.session, session, language
        if old is not None:
            self._spawn(old.close(REPLACED, "replaced by a newer connection"))
        setup = self._spawn(self._keep_set_up(session))
        try:
            await self.sink.station_connected(self.identity, language.dialect.name)
            reason = await session.run(lambda: self.sink.heard_from(self.identity))
            log.info("station disconnected", station=self.identity, reason=reason)
        finally:
            setup.cancel()
            if self.session is session:
                self.session = None
                await self.sink.station_lost(self.identity)

    def _spawn(self, job: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def stop(self) -> None:
        """End what still runs on the station's behalf."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # Set-up after a boot

    async def _keep_set_up(self, session: Session) -> None:
        """Set the station up once it may be spoken to, and again when it did not answer or the line broke meanwhile."""
        await session.ready.wait()
        while True:
            await self._needs_setup.wait()
            self._needs_setup.clear()
            done = False
            try:
                done = await self._write_setup()
            finally:
                if not done:
                    self._needs_setup.set()
            if not done:
                await self._clock.sleep(RETRY_SETUP_S)

    async def _write_setup(self) -> bool:
        """The fallback first, for safety; then what makes the station tell what control needs. True: all was answered."""
        assert self.language is not None
        self.setup.clear()
        for number, evse in enumerate(self.settings.evses, 1):
            if evse.fallback_current_a is not None:
                self.setup[f"fallback {number}"] = await self.write_fallback(number, evse.fallback_current_a)
        for choices in self.language.sampling(self.settings.sample_interval_s):
            for name, value in choices:
                self.setup[name] = answer = await self.set_setting(name, value)
                if answer.outcome is not Outcome.REJECTED:
                    break
        if self.settings.local_list:
            self.setup["local list"] = await local_list.refresh(self)
        bad = {name: f"{a.outcome} {a.detail}" for name, a in self.setup.items() if a.outcome is not Outcome.ACCEPTED}
        if bad:
            log.warning("station does not take all settings", station=self.identity, settings=bad)
        return not any(a.outcome in (Outcome.TIMED_OUT, Outcome.OFFLINE) for a in self.setup.values())

    # port.Station

    @property
    def online(self) -> bool:
        """Connected, and past the boot gate."""
        return self.session is not None and self.session.ready.is_set()

    async def offer(self, evse: int, current_a: float, phases: int, valid_s: float, transaction: str | None) -> Answer:
        """See `port.Station`. A newer offer for the same EVSE takes the place of one that still waits to be sent."""
        profile = self._grant(evse, current_a, phases, valid_s, transaction)
        if profile.purpose == "TxDefaultProfile" and self.behaviour.grant_level == self.behaviour.fallback_level:
            # It would take the fallback's place, and nothing would be left when it runs out.
            return Answer(
                outcome=Outcome.UNSUPPORTED, detail="has one stack level, which its fallback needs; it is limited while it charges"
            )
        answer = await self._set_profile(profile, evse)
        if "TxDefaultProfile" not in self.behaviour.purposes:
            return answer
        if answer.outcome is not Outcome.REJECTED or profile.purpose != "TxProfile" or answer.detail == SUPERSEDED:
            return answer
        # Some models take one purpose only, and some transactions end before we hear of it.
        answer = await self._set_profile(self._grant(evse, current_a, phases, valid_s, None), evse)
        if answer.outcome is not Outcome.ACCEPTED:
            return answer  # an older TxProfile stands as it stood
        # That older one would overrule the default profile. It goes only now that something stands in its place.
        cleared = await self._ask(lambda language: language.clear_profile(profile.id), urgent=True)
        if cleared.outcome in (Outcome.TIMED_OUT, Outcome.OFFLINE):
            return Answer(outcome=Outcome.TIMED_OUT, detail=f"taken as a default, but an older profile may overrule it: {cleared.detail}")
        self._by_default.add(evse)
        return answer

    async def write_fallback(self, evse: int, current_a: float) -> Answer:
        """Write the persistent default profile, and the model's own setting where it has one (read back)."""
        profile = Profile(
            id=100 + evse,
            evse=evse,
            purpose="TxDefaultProfile",
            stack_level=self.behaviour.fallback_level,
            limit=self._limit(current_a, self.phases(evse)),
            unit=self.rate_unit,
            phases=self.phases(evse),
        )
        answer = await self._set_profile(profile, None)
        name = self.settings.fallback_setting
        if name is None or answer.outcome is not Outcome.ACCEPTED:
            return answer
        answer = await self.set_setting(name, f"{current_a:g}")
        if answer.outcome is Outcome.ACCEPTED:
            read = await self.get_settings([name])
            if isinstance(read, Answer):
                return read
            if [setting.value for setting in read] != [f"{current_a:g}"]:
                return Answer(outcome=Outcome.REJECTED, detail=f"{name} reads {[s.value for s in read]} after {current_a:g} was written")
        return answer

    async def remote_start(self, evse: int, token: str) -> Answer:
        self._start_id += 1
        return await self._ask(lambda language: language.remote_start(evse, token, self._start_id))

    async def remote_stop(self, evse: int, transaction: str) -> Answer:
        return await self._ask(lambda language: language.remote_stop(transaction))

    async def reset(self, *, hard: bool) -> Answer:
        return await self._ask(lambda language: language.reset(hard=hard))

    # Beyond the port

    async def ask(self, word: Word) -> Answer:
        """Send the request that ``word`` makes in the station's language; what its response stands for."""
        return await self._ask(word)

    async def pass_down(self, request: Payload) -> Payload | Answer:
        """Send a request in the station's own types. Returns its response, or the Answer that stands for there being none."""
        return await self._call(lambda _: request)

    async def unlock(self, evse: int) -> Answer:
        return await self._ask(lambda language: language.unlock(evse))

    async def trigger(self, message: str, evse: int | None = None) -> Answer:
        """Ask for a message now: BootNotification, Heartbeat, MeterValues, StatusNotification, TransactionEvent (2.0.1)."""
        return await self._ask(lambda language: language.trigger(message, evse))

    async def change_availability(self, evse: int, *, operative: bool) -> Answer:
        """evse 0: the whole station."""
        return await self._ask(lambda language: language.availability(evse, operative=operative))

    async def clear_profile(self, profile_id: int) -> Answer:
        return await self._ask(lambda language: language.clear_profile(profile_id))

    async def set_setting(self, name: str, value: str) -> Answer:
        """Write a configuration key (1.6) or a variable (2.0.1: `Component.Variable`)."""
        return await self._ask(lambda language: language.set_setting(name, value))

    async def get_settings(self, names: Sequence[str]) -> list[Setting] | Answer:
        """Read configuration keys or variables (1.6: none named reads all); an Answer when the station gives none."""
        result = await self._call(lambda language: language.get_settings(names))
        if isinstance(result, Answer):
            return result
        assert self.language is not None
        return self.language.read_settings(result)

    async def composite_schedule(self, evse: int, duration_s: int) -> Schedule | Answer:
        """What the station itself reckons from its profiles; an Answer when it gives none."""
        result = await self._call(lambda language: language.composite_schedule(evse, duration_s, self.rate_unit))
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

    async def refresh_local_list(self) -> Reply:
        """See `local_list.refresh`: send the sink's tokens, whole or as what has changed."""
        return await local_list.refresh(self)

    async def compare_schedule(self, evse: int, duration_s: int) -> Comparison | Answer:
        """See `commanding.compare`: the EVSE's schedule as we reckon it, and as the station does."""
        return await commanding.compare(self, evse, duration_s)

    # How

    def _grant(self, evse: int, current_a: float, phases: int, valid_s: float, transaction: str | None) -> Profile:
        by_default = transaction is None or evse in self._by_default or "TxProfile" not in self.behaviour.purposes
        purpose: Purpose = "TxDefaultProfile" if by_default else "TxProfile"
        return Profile(
            id=(300 if purpose == "TxProfile" else 200) + evse,
            evse=evse,
            purpose=purpose,
            stack_level=self.behaviour.grant_level,
            limit=self._limit(current_a, phases),
            unit=self.rate_unit,
            phases=phases,
            starts_at=self.now() - timedelta(seconds=CLOCK_MARGIN_S),
            duration_s=math.ceil(valid_s) + CLOCK_MARGIN_S,
            transaction=transaction if purpose == "TxProfile" else None,
        )

    def _limit(self, current_a: float, phases: int) -> float:
        """In the station's unit, rounded down to the one decimal that OCPP allows."""
        limit = current_a if self.rate_unit == "A" else current_a * NOMINAL_V * phases
        return math.floor(round(limit * 10, 6)) / 10

    async def _set_profile(self, profile: Profile, evse: int | None) -> Answer:
        return await self._ask(lambda language: language.set_profile(profile), urgent=True, replaces=evse)

    async def _learn(self, language: Language, request: Payload, response: Payload) -> None:
        """What an answer tells of the station; that it cannot be kept now changes nothing about the answer."""
        self.standing.note(language.dialect, request, response)
        told = language.learned(response)
        if told is not None:
            try:
                await self.sink.told(self.identity, told)
            except Exception:
                log.exception("settings not kept", station=self.identity)

    async def _ask(self, word: Word, *, urgent: bool = False, replaces: int | None = None) -> Answer:
        result = await self._call(word, urgent=urgent, replaces=replaces)
        if isinstance(result, Answer):
            return result
        assert self.language is not None
        return self.language.answer(result)

    async def _call(self, word: Word, *, urgent: bool = False, replaces: int | None = None) -> Payload | Answer:
        """Send a call and wait for its answer. Returns the response, or the Answer that stands for there being none."""
        session, language = self.session, self.language
        if session is None or language is None:
            return Answer(outcome=Outcome.OFFLINE, detail="not connected")
        if not session.ready.is_set():
            return Answer(outcome=Outcome.OFFLINE, detail="connected, but has not introduced itself yet")
        try:
            request = word(language)
        except ValueError as error:
            return Answer(outcome=Outcome.UNSUPPORTED, detail=f"{language.dialect.name} cannot say this: {error}")
        message_id, future = session.call(request, urgent=urgent)
        if replaces is not None:
            older = self._waiting.get(replaces)
            if older is not None:
                session.withdraw(older)
            self._waiting[replaces] = message_id
        try:
            result = _result(await future)
            if not isinstance(result, Answer):
                await self._learn(language, request, result)
            return result
        except TransportClosedError as closed:
            return Answer(outcome=Outcome.OFFLINE, detail=str(closed))
        finally:
            if replaces is not None and self._waiting.get(replaces) == message_id:
                del self._waiting[replaces]


SUPERSEDED = "superseded by a newer limit"


def _result(event: Answered | Failed) -> Payload | Answer:
    match event:
        case Answered():
            return event.response
        case Failed(timed_out=True):
            return Answer(outcome=Outcome.TIMED_OUT, detail="no answer in time")
        case Failed(error=None):
            return Answer(outcome=Outcome.REJECTED, detail=SUPERSEDED)
        case Failed(error=CallError(code=code, description=description)):
            kind = Outcome.UNSUPPORTED if code in ("NotSupported", "NotImplemented") else Outcome.REJECTED
            return Answer(outcome=kind, detail=f"{code}: {description}".rstrip(": "))
        case _:
            # It answered, but not in words that say whether it acted.
            return Answer(outcome=Outcome.TIMED_OUT, detail=f"unusable answer: {event.error}")
