"""How a limit by EEBUS stands, for people."""

from datetime import datetime

from msgspec import Struct


class LimitState(Struct, frozen=True, kw_only=True):
    """use_case: "LPC" or "LPP". state: as LPC 1.0.0 names it; since: when it began. limit_w: what must be kept now, W, 0 or negative for production;
    None: nothing. until: when it ends by itself. guard: the SKI of the Energy Guard whose limit counts. heartbeat_at: its last one. silent_after_s:
    without a heartbeat for so long it is gone. accepted, refused: writes since the start."""

    use_case: str
    state: str
    since: datetime
    limit_w: float | None
    until: datetime | None
    failsafe_w: float
    failsafe_s: float
    nominal_w: float
    guard: str | None
    heartbeat_at: datetime | None
    silent_after_s: float
    accepted: int
    refused: int
