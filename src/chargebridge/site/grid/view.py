"""What faces see of limits from outside."""

from datetime import datetime
from typing import Protocol

from msgspec import Struct

from chargebridge.model.limit import Direction


class InstructionRow(Struct, frozen=True, kw_only=True):
    """One thing that was written to us, and what became of it; see ``grid.port.Instruction``. Times: ms from its arrival; None: not (yet) so.

    decided_ms: it was in force, and the commands on their way. answered_ms: it was on disk, and the answer went out. told_ms: every station in the
    limit that can be reached has confirmed what it must keep. kept_ms: what is measured there is within the limit. unreached: charging points that
    could not be told within a minute, and keep to what they fall back to by themselves.
    """

    number: int
    received_at: datetime
    source: str
    direction: Direction
    sender: str
    what: str
    active: bool | None
    value_w: float | None
    duration_s: float | None
    accepted: bool
    why: str
    state: str
    decided_ms: float | None = None
    answered_ms: float | None = None
    told_ms: float | None = None
    kept_ms: float | None = None
    unreached: tuple[str, ...] = ()


class GridService(Protocol):
    async def instructions(self, limit: int = 100) -> tuple[InstructionRow, ...]:
        """What was written to us, over restarts too, the newest first."""
        ...

    def latest(self) -> tuple[InstructionRow, ...]:
        """The last ones since the start, the newest first; cheap."""
        ...
