"""The meter's clock against ours: how far it is off, whether it jumps, and whether it is a whole hour wrong.

A telegram is never received before it was made, so the least delay of a while is the meter's clock behind ours, whatever the network does.
"""

from collections.abc import Iterator
from datetime import datetime

from chargebridge.meters.quality.verdict import Fine, Verdict
from chargebridge.model.finding import Finding, FindingKind, Severity
from chargebridge.model.reading import Reading

LIMIT_S = 10.0
"""What a meter's clock may be off, reference for meter clouds: at most 10 s to NTP."""
SELDOM_S = 300.0
SELDOM_LIMIT_S = 120.0
"""Values that come seldom bear the time of their capture, not of their telegram: the Norwegian hour is told 10 s after it has passed."""
WINDOW_S, LEAST = 60.0, 5
HOUR_S, HALF_S = 3600.0, 1800.0
_BACK_S = 2.0


class ClockCheck:
    """``judged``: our time of reception is real. In a capture it is made from the meter's own clock, and only a clock that goes back shows."""

    def __init__(self, *, judged: bool) -> None:
        self._judged = judged
        self._told: datetime | None = None
        self._received: datetime | None = None
        self._since: datetime | None = None
        self._count = 0
        self._least = float("inf")
        self._seldom = False
        self._floor: float | None = None

    def feed(self, reading: Reading) -> Iterator[Verdict]:
        told, before = reading.measured_at, self._told
        if told is None or told == before:
            return
        self._told = told
        if before is not None and (told - before).total_seconds() < -_BACK_S:
            yield _jump(reading, (told - before).total_seconds())
            self._open_window(reading)
            self._floor = None
        if not self._judged:
            return
        if self._received is not None:
            self._seldom = (reading.received_at - self._received).total_seconds() >= SELDOM_S
        self._received = reading.received_at
        if self._since is None:
            self._open_window(reading)
        assert self._since is not None
        self._count += 1
        self._least = min(self._least, (reading.received_at - told).total_seconds())
        if self._seldom or (self._count >= LEAST and (reading.received_at - self._since).total_seconds() >= WINDOW_S):
            yield from self._close_window(reading, self._since)

    def _open_window(self, reading: Reading) -> None:
        self._since, self._count, self._least = reading.received_at, 0, float("inf")

    def _close_window(self, reading: Reading, since: datetime) -> Iterator[Verdict]:
        behind, floor = self._least, self._floor
        self._floor = behind
        self._open_window(reading)
        limit = SELDOM_LIMIT_S if self._seldom else LIMIT_S
        if floor is not None and abs(behind - floor) > limit:
            yield _jump(reading, floor - behind)
        if abs(behind) <= limit:
            yield Fine(FindingKind.CLOCK_OFFSET)
            yield Fine(FindingKind.CLOCK_HOUR)
            return
        halves = round(behind / HALF_S)
        whole = halves != 0 and abs(behind - halves * HALF_S) <= max(limit, 60.0) and abs(behind) <= 14 * HOUR_S
        kind, other = (FindingKind.CLOCK_HOUR, FindingKind.CLOCK_OFFSET)[:: 1 if whole else -1]
        yield Fine(other)
        way = "behind" if behind > 0 else "ahead of"
        if whole:
            text = f"its clock is {abs(halves) / 2:g} h {way} ours: the time zone or the mark of daylight saving time is wrong"
            cure = (
                "nothing is decided by it; set clock_offset in its address if the telegrams state no offset, else tell the meter's operator"
            )
        else:
            text = f"its clock is {abs(behind):.0f} s {way} ours"
            cure = "see that this machine keeps its time by NTP; if it does, tell the meter's operator"
        yield Finding(
            meter=reading.meter,
            kind=kind,
            severity=Severity.INFO if whole else Severity.WARNING,
            at=reading.received_at,
            since=since,
            until=reading.received_at,
            text=text,
            cure=cure,
            figures={"behind_s": round(behind, 1)},
        )


def _jump(reading: Reading, forward_s: float) -> Finding:
    way = "forward" if forward_s > 0 else "back"
    return Finding(
        meter=reading.meter,
        kind=FindingKind.CLOCK_JUMP,
        severity=Severity.INFO,
        at=reading.received_at,
        since=reading.received_at,
        until=reading.received_at,
        text=f"its clock jumped {way} by {abs(forward_s):.0f} s against ours",
        cure="once is no harm: clocks are set; if it comes again, see that this machine keeps its time by NTP, else tell the meter's operator",
        figures={"forward_s": round(forward_s, 1)},
    )
