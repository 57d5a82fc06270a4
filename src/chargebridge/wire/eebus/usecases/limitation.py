"""The Controllable System of LPC and LPP as a state machine (LPC 1.0.0, clause 2.3; LPP 1.0.0 has the same, rule by rule).

    state        what holds                                 isLimitActive
    INIT         the failsafe limit                         false
    CONTROLLED   nothing; the Energy Guard is there         false
    LIMITED      the limit                                  true
    FAILSAFE     the failsafe limit; the guard is silent    false
    AUTONOMOUS   nothing; there is no guard                 false

`TRANSITIONS` is the whole machine: what is not in it changes no state. Refused writes count, where they stand there: a guard that asks for
what cannot be done is a guard that is there. The rules' numbers are those of LPC (``LPC-902``); those of LPP are the same.

Everything is a value: ``step(machine, settings, event, now_s)`` gives the next machine. Timers that ran out before ``now_s`` act first, in their
order and at their own time, so that it does not matter how often somebody looks. A heartbeat alone changes no state; it opens a window of 60 s in
which a limit is heard (036). Only then are the failsafe values open to writes (037).
"""

from decimal import Decimal
from enum import Enum

import msgspec

SILENCE_S = 120.0
"""Without a heartbeat of the Energy Guard for so long, it is gone (911, 912)."""
WINDOW_S = 60.0
"""How long after a heartbeat a limit is heard where the guard was not there (036)."""
ALONE_S = 120.0
"""From INIT on, or from a heartbeat without a limit on, until a system may go its own way (906, 921)."""
MIN_FAILSAFE_S, MAX_FAILSAFE_S = 2 * 3600.0, 24 * 3600.0
"""Between these lies the failsafe duration (022)."""


class State(Enum):
    INIT = "init"
    CONTROLLED = "unlimited/controlled"
    LIMITED = "limited"
    FAILSAFE = "failsafe"
    AUTONOMOUS = "unlimited/autonomous"


class On(Enum):
    """What makes it go."""

    ACTIVATED = "an activated limit was accepted"
    DEACTIVATED = "a deactivated limit was accepted"
    REFUSED = "a limit was refused"
    EXPIRED = "the limit's duration is over"
    INTERRUPTED = "keeping the limit would harm, or break a law"
    SILENT = "no heartbeat for 120 s"
    ALONE = "nobody limits for long enough"


class Transition(msgspec.Struct, frozen=True):
    number: int
    to: State
    rule: str


TRANSITIONS: dict[tuple[State, On], Transition] = {
    (State.INIT, On.REFUSED): Transition(1, State.CONTROLLED, "902"),
    (State.INIT, On.DEACTIVATED): Transition(1, State.CONTROLLED, "905"),
    (State.INIT, On.ACTIVATED): Transition(2, State.LIMITED, "904"),
    (State.INIT, On.ALONE): Transition(3, State.AUTONOMOUS, "906"),
    (State.CONTROLLED, On.ACTIVATED): Transition(4, State.LIMITED, "910"),
    (State.CONTROLLED, On.SILENT): Transition(5, State.FAILSAFE, "911"),
    (State.LIMITED, On.EXPIRED): Transition(6, State.CONTROLLED, "908"),
    (State.LIMITED, On.DEACTIVATED): Transition(6, State.CONTROLLED, "909"),
    (State.LIMITED, On.INTERRUPTED): Transition(6, State.CONTROLLED, "923"),
    (State.LIMITED, On.SILENT): Transition(7, State.FAILSAFE, "912"),
    (State.FAILSAFE, On.REFUSED): Transition(8, State.CONTROLLED, "918"),
    (State.FAILSAFE, On.DEACTIVATED): Transition(8, State.CONTROLLED, "920"),
    (State.FAILSAFE, On.ACTIVATED): Transition(9, State.LIMITED, "919"),
    (State.FAILSAFE, On.ALONE): Transition(10, State.AUTONOMOUS, "921, 922"),
    (State.AUTONOMOUS, On.REFUSED): Transition(11, State.CONTROLLED, "918"),
    (State.AUTONOMOUS, On.DEACTIVATED): Transition(11, State.CONTROLLED, "920"),
    (State.AUTONOMOUS, On.ACTIVATED): Transition(12, State.LIMITED, "919"),
}

_ATTENDED = {State.CONTROLLED, State.LIMITED}
"""The guard is there: its silence counts, and its writes need no window."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """nominal_w: the most that the system can take (LPC) or make (LPP). failsafe_w, failsafe_s: as configured, until the guard writes others.
    failsafe_max_s: the longest failsafe duration that is accepted. autonomous: whether it may leave INIT and FAILSAFE by itself (906, 921, 922);
    under section 14a EnWG it had better not. production: LPP, whose limits are 0 or negative; failsafe and nominal values are never negative."""

    nominal_w: Decimal
    failsafe_w: Decimal
    failsafe_s: float = MIN_FAILSAFE_S
    failsafe_max_s: float = MAX_FAILSAFE_S
    autonomous: bool = False
    production: bool = False


class Memory(msgspec.Struct, frozen=True):
    """What must survive a restart (044): the failsafe values as they are now."""

    failsafe_w: Decimal
    failsafe_s: float


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """entered_s: when the state began. heartbeat_s: the guard's last. returned_s: its first since a state without a guard began.
    limit_w: the limit's value, whether or not it is active. duration_s: of a limit that is not active. ends_s: of the active one; None: no end."""

    state: State
    entered_s: float
    memory: Memory
    limit_w: Decimal
    heartbeat_s: float | None = None
    returned_s: float | None = None
    duration_s: float | None = None
    ends_s: float | None = None


class Tick(msgspec.Struct, frozen=True):
    """Time has passed."""


class Heartbeat(msgspec.Struct, frozen=True):
    """The guard's heartbeat came."""


class Interrupt(msgspec.Struct, frozen=True):
    """The limit cannot be kept any longer, for safety, protection or law (923)."""


class LimitWrite(msgspec.Struct, frozen=True, kw_only=True):
    """A limit as it would be after the write: what the message leaves out is as it was. given: whether the message says a duration, or deletes it.
    heard_s: when the writer's last heartbeat came. unable: why the system cannot follow; empty if it can."""

    active: bool
    limit_w: Decimal | None
    duration_s: float | None = None
    given: bool = False
    heard_s: float | None = None
    unable: str = ""


class FailsafeWrite(msgspec.Struct, frozen=True):
    """Failsafe values; None: not in the message. attended: the guard is there for another limit of the same entity, which shares the duration."""

    limit_w: Decimal | None = None
    duration_s: float | None = None
    attended: bool = False


Event = Tick | Heartbeat | Interrupt | LimitWrite | FailsafeWrite


class Step(msgspec.Struct, frozen=True):
    """refusal: why a write was refused; None if it was not. taken: the transitions, oldest first, with their times."""

    machine: Machine
    refusal: str | None = None
    taken: tuple[tuple[float, On, Transition], ...] = ()


def start(settings: Settings, memory: Memory | None, now_s: float) -> Machine:
    """After each start (901): in INIT, the failsafe values as remembered, else as configured (903), no limit active (009)."""
    limit = -settings.nominal_w if settings.production else settings.nominal_w
    remembered = memory or Memory(settings.failsafe_w, settings.failsafe_s)
    return Machine(state=State.INIT, entered_s=now_s, memory=remembered, limit_w=limit)


def step(machine: Machine, settings: Settings, event: Event, now_s: float) -> Step:
    """The next machine after ``event`` at ``now_s``."""
    machine, taken = _timers(machine, settings, now_s)
    refusal: str | None = None
    on: On | None = None
    if isinstance(event, Heartbeat):
        returned = machine.returned_s if machine.returned_s is not None else now_s
        machine = msgspec.structs.replace(machine, heartbeat_s=now_s, returned_s=returned)
    elif isinstance(event, Interrupt):
        on = On.INTERRUPTED
    elif isinstance(event, LimitWrite):
        machine, refusal, on = _limit(machine, settings, event, now_s)
    elif isinstance(event, FailsafeWrite):
        machine, refusal = _failsafe(machine, settings, event)
    if on is not None:
        machine, more = _go(machine, on, now_s)
        taken += more
    return Step(machine, refusal, taken)


def applied_w(machine: Machine, settings: Settings) -> Decimal | None:
    """What must be kept now, 0 or negative for production; None: nothing."""
    if machine.state in (State.INIT, State.FAILSAFE):
        return -machine.memory.failsafe_w if settings.production else machine.memory.failsafe_w
    return machine.limit_w if machine.state is State.LIMITED else None


def due_s(machine: Machine, settings: Settings) -> float | None:
    """When the next timer runs out."""
    return min((at for at, _ in _running(machine, settings)), default=None)


def _running(machine: Machine, settings: Settings) -> list[tuple[float, On]]:
    timers: list[tuple[float, On]] = []
    if machine.state is State.LIMITED and machine.ends_s is not None:
        timers.append((machine.ends_s, On.EXPIRED))
    if machine.state in _ATTENDED:
        heard = machine.entered_s if machine.heartbeat_s is None else machine.heartbeat_s
        timers.append((heard + SILENCE_S, On.SILENT))
    elif settings.autonomous and machine.state is State.INIT:
        timers.append((machine.entered_s + ALONE_S, On.ALONE))
    elif settings.autonomous and machine.state is State.FAILSAFE:
        timers.append((machine.entered_s + machine.memory.failsafe_s, On.ALONE))
        if machine.returned_s is not None:
            timers.append((machine.returned_s + ALONE_S, On.ALONE))
    return timers


def _timers(machine: Machine, settings: Settings, now_s: float) -> tuple[Machine, tuple[tuple[float, On, Transition], ...]]:
    taken: tuple[tuple[float, On, Transition], ...] = ()
    while due := [timer for timer in _running(machine, settings) if timer[0] <= now_s]:
        at, on = min(due, key=lambda timer: timer[0])
        machine, more = _go(machine, on, at)
        taken += more
    return machine, taken


def _go(machine: Machine, on: On, at_s: float) -> tuple[Machine, tuple[tuple[float, On, Transition], ...]]:
    transition = TRANSITIONS.get((machine.state, on))
    if transition is None:
        return machine, ()
    machine = msgspec.structs.replace(machine, state=transition.to, entered_s=at_s)
    if transition.to is not State.LIMITED:
        # What is left of a limit that is over must not be taken for the duration of the next one.
        machine = msgspec.structs.replace(machine, ends_s=None)
    if transition.to not in _ATTENDED:
        machine = msgspec.structs.replace(machine, returned_s=None)
    return machine, ((at_s, on, transition),)


def _limit(machine: Machine, settings: Settings, write: LimitWrite, now_s: float) -> tuple[Machine, str | None, On | None]:
    if machine.state not in _ATTENDED and (write.heard_s is None or now_s - write.heard_s > WINDOW_S):
        return machine, "no heartbeat within 60 s before the limit (LPC-036)", None
    if write.heard_s is not None:
        machine = msgspec.structs.replace(machine, heartbeat_s=max(write.heard_s, machine.heartbeat_s or write.heard_s))
    refusal = _unfit(settings, write)
    if refusal is not None:
        return machine, refusal, On.REFUSED
    assert write.limit_w is not None
    duration = write.duration_s if write.given else machine.duration_s
    if not write.active:
        left = write.duration_s if write.given else None if machine.state is State.LIMITED else machine.duration_s
        return msgspec.structs.replace(machine, limit_w=write.limit_w, duration_s=left or None, ends_s=None), None, On.DEACTIVATED
    keeps = machine.state is State.LIMITED and not write.given
    ends = machine.ends_s if keeps else None if duration is None else now_s + duration
    return msgspec.structs.replace(machine, limit_w=write.limit_w, duration_s=None, ends_s=ends), None, On.ACTIVATED


def _unfit(settings: Settings, write: LimitWrite) -> str | None:
    if write.limit_w is None:
        return "a limit without a value"
    if write.limit_w > 0 if settings.production else write.limit_w < 0:
        return "a limit of production above 0 W (LPP-001)" if settings.production else "a limit of consumption below 0 W (LPC-001)"
    if write.duration_s is not None and (write.duration_s < 0 or (write.active and write.duration_s == 0)):
        return "a duration that is over already"
    return write.unable or None


def _failsafe(machine: Machine, settings: Settings, write: FailsafeWrite) -> tuple[Machine, str | None]:
    if machine.state not in _ATTENDED and not write.attended:
        return machine, "no limit was written yet (LPC-037)"
    if write.limit_w is not None and write.limit_w < 0:
        return machine, "a failsafe limit below 0 W (LPC-010)"
    memory = machine.memory
    if write.duration_s is not None and write.duration_s > settings.failsafe_max_s:
        memory = Memory(memory.failsafe_w, settings.failsafe_max_s)
        return msgspec.structs.replace(machine, memory=memory), "a failsafe duration above our maximum, which holds now (LPC-022/5)"
    if write.duration_s is not None and write.duration_s < MIN_FAILSAFE_S:
        return machine, "a failsafe duration below 2 h (LPC-022/3)"
    limit_w = memory.failsafe_w if write.limit_w is None else write.limit_w
    duration_s = memory.failsafe_s if write.duration_s is None else write.duration_s
    return msgspec.structs.replace(machine, memory=Memory(limit_w, duration_s)), None
