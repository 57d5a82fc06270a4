"""The car's side of OPEV and OSCEV as a state machine (OPEV 1.0.1 and OSCEV 1.0.1, clause 2; a 4 s heartbeat, and a fall to what is safe).

    state      whose word counts                     obligation (OPEV)      recommendation (OSCEV)
    ALONE      nobody's: no CEM was heard yet        the safe current       none
    GUARDED    the CEM's                             as it was written      as it was written
    SILENT     no heartbeat of it for 4 s            the safe current       none
    FAILED     it says that something is wrong       the safe current       none

`TRANSITIONS` is the whole machine: what is not in it changes no state. What was written stands while the CEM is away and counts again when it is
back; when its connection ends, it is forgotten. A phase of which nothing was written yet has the safe current, whatever the state: that nobody has
said a limit is not that there is none. Nothing is ramped: each state holds from the moment it begins.

Everything is a value: ``step(machine, event, now_s)`` gives the next machine; the timer that ran out before ``now_s`` acts first.
"""

from decimal import Decimal
from enum import Enum

import msgspec

from chargebridge.wire.eebus.usecases.current_limits import Permitted, PerPhase

SILENCE_S = 4.0
"""Without a heartbeat of the CEM for so long, it is gone."""
WORKS = "normalOperation"
"""The only operating state of a CEM that can be relied upon."""


class State(Enum):
    ALONE = "alone"
    GUARDED = "guarded"
    SILENT = "silent"
    FAILED = "failed"


class On(Enum):
    """What makes it go."""

    HEARD = "a heartbeat came"
    SILENCE = "no heartbeat for 4 s"
    FAILURE = "the CEM is not in normal operation"
    RECOVERY = "it is again"
    GONE = "its connection has ended"


TRANSITIONS: dict[tuple[State, On], State] = {
    (State.ALONE, On.HEARD): State.GUARDED,
    (State.ALONE, On.FAILURE): State.FAILED,
    (State.GUARDED, On.SILENCE): State.SILENT,
    (State.GUARDED, On.FAILURE): State.FAILED,
    (State.GUARDED, On.GONE): State.ALONE,
    (State.SILENT, On.HEARD): State.GUARDED,
    (State.SILENT, On.FAILURE): State.FAILED,
    (State.SILENT, On.GONE): State.ALONE,
    (State.FAILED, On.RECOVERY): State.SILENT,
    (State.FAILED, On.GONE): State.ALONE,
}
"""From FAILED the way leads over SILENT: whoever recovers must be heard anew."""


class Written(msgspec.Struct, frozen=True):
    """The limit of one phase as the CEM wrote it. limit_a: None where it is not active, which means no limit."""

    limit_a: Decimal | None


Limits = tuple[Written | None, Written | None, Written | None]
"""L1, L2, L3; None: not written yet."""
NOTHING: Limits = (None, None, None)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """permitted: what the car can take, on each of its phases; max_a must be there. safe_a: what it takes when nobody watches over the fuse.
    phases: how many it is connected to."""

    permitted: Permitted
    safe_a: Decimal
    phases: int = 3


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """heard_s: the CEM's last heartbeat."""

    state: State = State.ALONE
    heard_s: float | None = None
    obligation: Limits = NOTHING
    recommendation: Limits = NOTHING


class Tick(msgspec.Struct, frozen=True):
    """Time has passed."""


class Heartbeat(msgspec.Struct, frozen=True):
    """The CEM's heartbeat came."""


class Said(msgspec.Struct, frozen=True):
    """The CEM's operating state came."""

    state: str


class Write(msgspec.Struct, frozen=True):
    """The limits as they are after a write, those that it did not touch as they were."""

    obligation: Limits
    recommendation: Limits


class Gone(msgspec.Struct, frozen=True):
    """The connection to the CEM has ended, or the binding: nobody may write any more."""


Event = Tick | Heartbeat | Said | Write | Gone


def step(machine: Machine, event: Event, now_s: float) -> Machine:
    """The next machine after ``event`` at ``now_s``."""
    if (due := due_s(machine)) is not None and due <= now_s:
        machine = _go(machine, On.SILENCE)
    if isinstance(event, Heartbeat):
        return _go(msgspec.structs.replace(machine, heard_s=now_s), On.HEARD)
    if isinstance(event, Said):
        return _go(machine, On.RECOVERY if event.state == WORKS else On.FAILURE)
    if isinstance(event, Write):
        return msgspec.structs.replace(machine, obligation=event.obligation, recommendation=event.recommendation)
    if isinstance(event, Gone):
        return msgspec.structs.replace(_go(machine, On.GONE), heard_s=None, obligation=NOTHING, recommendation=NOTHING)
    return machine


def due_s(machine: Machine) -> float | None:
    """When the timer runs out."""
    return machine.heard_s + SILENCE_S if machine.state is State.GUARDED and machine.heard_s is not None else None


def applied_a(machine: Machine, settings: Settings) -> PerPhase:
    """What the car may take on each phase now, in A; None: a phase that it is not connected to. 0 is a pause."""
    currents = tuple(_phase(machine, settings, at) if at < settings.phases else None for at in range(3))
    return currents[0], currents[1], currents[2]


def _phase(machine: Machine, settings: Settings, at: int) -> Decimal:
    said, advised = machine.obligation[at], machine.recommendation[at]
    max_a = settings.permitted.max_a
    assert max_a is not None
    if machine.state is not State.GUARDED or said is None:
        allowed = min(settings.safe_a, max_a)
    else:
        allowed = max_a if said.limit_a is None else min(said.limit_a, max_a)
    if machine.state is State.GUARDED and advised is not None and advised.limit_a is not None:
        allowed = min(allowed, advised.limit_a)
    # Below its least current a car cannot charge; what is left is the pause.
    least = settings.permitted.min_a
    return allowed if least is None or allowed >= least else Decimal(0)


def _go(machine: Machine, on: On) -> Machine:
    to = TRANSITIONS.get((machine.state, on))
    return machine if to is None else msgspec.structs.replace(machine, state=to)
