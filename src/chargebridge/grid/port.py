"""The port of the room: what whoever limits the site from outside says, whatever it speaks, and what the site did about it.

A source says as a whole what it wants to be kept, as entries of the limit book with scope, direction, bound and legal basis. It is asked for that
once a second (``GridSource.limits``), so that its own timers count though nobody sends anything, and it tells it when somebody has sent something
(``GridSink.heard``): that returns only when it is on disk and decided upon, and only then is the sender answered.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from chargebridge.model.errors import ChargebridgeError
from chargebridge.model.limit import Direction, Limit
from chargebridge.model.reading import Reading


class GridError(ChargebridgeError):
    """What was said could not be carried out, or would be forgotten in a restart."""


class Instruction(Struct, frozen=True, kw_only=True):
    """One thing that somebody wrote to a source, and what became of it: the record that counts when somebody asks later.

    sender: by the source's own name for him. what: "limit", "failsafe limit" or "failsafe duration". active: of a limit. value_w (of production 0
    or negative), duration_s: None where it does not say. why: of a refusal. state: of the source after it, by its own word.
    """

    received_at: datetime
    direction: Direction
    sender: str
    what: str
    active: bool | None = None
    value_w: float | None = None
    duration_s: float | None = None
    accepted: bool
    why: str = ""
    state: str


class Heard(Struct, frozen=True, kw_only=True):
    """limits: all that holds from now on. instructions: what was written. remember: what the source wants to find again after a restart, by its own
    names; what it does not name stays as it is."""

    limits: tuple[Limit, ...]
    instructions: tuple[Instruction, ...] = ()
    remember: Mapping[str, str] = {}


class Done(Struct, frozen=True, kw_only=True):
    """What the site did. decided_at: when all devices within the limit were decided upon; their commands are on their way.
    unreached: names of those that cannot be told, and keep to what they fall back to by themselves."""

    decided_at: datetime
    unreached: tuple[str, ...] = ()


class GridSink(Protocol):
    """Implemented by the site."""

    def unable(self, limit: Limit) -> str:
        """Why the site cannot keep such a limit; empty if it can."""
        ...

    async def heard(self, source: str, heard: Heard) -> Done:
        """Put into force and on disk what a source says. It is in force in any case; raises ChargebridgeError where it is not on disk."""
        ...

    def tell(self, text: str) -> None:
        """A line for the event log."""
        ...

    def connection(self) -> Reading | None:
        """What the meter of the grid connection says, None while it says nothing."""
        ...

    def drawn_w(self) -> float | None:
        """What the devices that the grid may limit draw in sum, W; None while that is not known."""
        ...


ENTRY = "grid "
"""The ids of sources' entries in the limit book begin with it: nobody else may change these."""


class GridSource(Protocol):
    """name: unique on a site."""

    name: str

    def limits(self) -> tuple[Limit, ...]:
        """What holds at this moment, by the source's own timers; the same value while nothing has changed. It must not wait or raise."""
        ...

    async def run(self) -> None: ...


MakeSources = Callable[[GridSink, Mapping[str, Mapping[str, str]]], tuple[GridSource, ...]]
"""Sources, from what each of them (by name) had the site remember."""


def no_sources(sink: GridSink, remembered: Mapping[str, Mapping[str, str]]) -> tuple[GridSource, ...]:
    """Nobody limits the site from outside."""
    return ()
