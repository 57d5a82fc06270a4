"""How much a car was given since it was plugged in, from whatever the wallbox tells of it.

    SESSION   what the car was charged with since it was plugged in (EVCEM scenario 3): counts from 0, and may begin anew when the box starts again
    METER     the wallbox's own register (MPC scenario 2): counts on for ever; only its growth belongs to the car
    RECKONED  neither is told: power over time

A figure that falls has begun anew, and counts on from what was there. One that then leaps back to where it was had only been told wrongly: nothing
is counted twice. What no cable could have carried since the last figure is not believed.
"""

from datetime import datetime
from enum import StrEnum
from math import isfinite

from msgspec import Struct
from msgspec.structs import replace

JITTER_WH = 20.0
"""A figure that falls by no more than this was rounded another way."""
MOST_WH = 500_000.0
"""In one session; a larger figure is a slip of the unit."""
SLACK = 2.0
SLACK_WH = 50.0
"""What is believed beyond the largest power since the last figure: figures come in steps, and late."""


class Source(StrEnum):
    SESSION = "session"
    METER = "meter"
    RECKONED = "reckoned"


RANK = (Source.RECKONED, Source.METER, Source.SESSION)


class Register(Struct, frozen=True, kw_only=True):
    """total_wh: since the car was plugged in; never falls. told_wh: the newest figure, to which base_wh is added. before: (told_wh, base_wh) from
    before the figure began anew. at: when it was told. power_w: drawn since then, where power is reckoned with."""

    total_wh: float = 0.0
    source: Source | None = None
    told_wh: float = 0.0
    base_wh: float = 0.0
    before: tuple[float, float] | None = None
    at: datetime | None = None

    def read(self, source: Source, told_wh: float, at: datetime, most_w: float) -> "Register":
        """With one more figure. most_w: what the wallbox can give at most. What cannot be believed changes nothing."""
        if not isfinite(told_wh) or told_wh < 0 or (source is Source.SESSION and told_wh > MOST_WH):
            return self
        if self.source is None or self.source is not source:
            return self._begun(source, told_wh, at)
        if told_wh >= self.told_wh - JITTER_WH:
            return self._grown(max(told_wh, self.told_wh), self.base_wh, at, most_w)
        anew = replace(self, before=self.before or (self.told_wh, self.base_wh))
        return anew._grown(told_wh, self.total_wh, at, most_w)

    def anew(self) -> "Register":
        """The same figures, for a session that begins while the car is plugged in."""
        return replace(self, total_wh=0.0, base_wh=self.base_wh - self.total_wh, before=None)

    def reckon(self, power_w: float, at: datetime) -> "Register":
        """With a power that was drawn since the last time; only where no figure of energy was ever told."""
        if self.source not in (None, Source.RECKONED) or not isfinite(power_w):
            return self
        since_s = max(0.0, (at - self.at).total_seconds()) if self.at is not None else 0.0
        more_wh = max(0.0, power_w) * since_s / 3600
        return replace(self, source=Source.RECKONED, total_wh=self.total_wh + more_wh, at=at)

    def _begun(self, source: Source, told_wh: float, at: datetime) -> "Register":
        """A better source takes over what was counted until now; a worse one is not listened to."""
        if self.source is not None and RANK.index(source) < RANK.index(self.source):
            return self
        total = max(self.total_wh, told_wh) if source is Source.SESSION else self.total_wh
        return Register(total_wh=total, source=source, told_wh=told_wh, base_wh=total - told_wh, at=at)

    def _grown(self, told_wh: float, base_wh: float, at: datetime, most_w: float) -> "Register":
        since_s = max(0.0, (at - self.at).total_seconds()) if self.at is not None else 0.0
        most_wh = self.total_wh + most_w * SLACK * since_s / 3600 + SLACK_WH
        before = self.before
        if before is not None and told_wh >= before[0] - JITTER_WH and base_wh != before[1] and base_wh + told_wh > most_wh:
            base_wh, before = before[1], None  # it had not begun anew: the figures between were wrong
        if base_wh + told_wh > most_wh:
            return self
        return replace(self, total_wh=max(self.total_wh, base_wh + told_wh), told_wh=told_wh, base_wh=base_wh, before=before, at=at)
