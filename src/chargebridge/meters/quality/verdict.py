"""What a check says, and what stands open: a finding that is found again and again is one finding until it is cleared."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from chargebridge.model.finding import Finding, FindingKind
from chargebridge.model.reading import Reading

HOUR_S, DAY_S = 3600.0, 86_400.0
CALM_S = {
    FindingKind.GAP: HOUR_S,
    FindingKind.DUPLICATE: HOUR_S,
    FindingKind.CLOCK_JUMP: DAY_S,
    FindingKind.REGISTER_FELL: DAY_S,
    FindingKind.REGISTER_RESET: DAY_S,
    FindingKind.REGISTER_COARSE: DAY_S,
    FindingKind.METER_EXCHANGED: DAY_S,
    FindingKind.INTERVAL_SUM: DAY_S,
    FindingKind.INTERVAL_MISSING: DAY_S,
}
"""What happens in a moment is cleared when it has not happened again for so long; the others when they were looked at and found right."""


class Fine(Struct, frozen=True):
    """It was looked at, and it is right."""

    kind: FindingKind


Verdict = Finding | Fine


class Standing:
    """What stands open of one meter. ``take`` and ``calm`` return what changed: a finding that was opened, or one that was cleared."""

    def __init__(self, standing: Iterable[Finding] = ()) -> None:
        self._open = {finding.kind: finding for finding in standing}

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(self._open.values())

    def take(self, verdict: Verdict, now: datetime) -> Finding | None:
        if isinstance(verdict, Fine):
            return self._clear(verdict.kind, now) if verdict.kind not in CALM_S else None
        known = self._open.get(verdict.kind)
        if known is None:
            self._open[verdict.kind] = verdict
            return verdict
        self._open[verdict.kind] = replace(verdict, at=known.at, since=min(known.since, verdict.since), times=known.times + 1)
        return None

    def calm(self, now: datetime) -> Iterator[Finding]:
        """Clear what has not happened again."""
        for kind, finding in list(self._open.items()):
            if kind in CALM_S and (now - finding.until).total_seconds() > CALM_S[kind] and (cleared := self._clear(kind, now)):
                yield cleared

    def _clear(self, kind: FindingKind, now: datetime) -> Finding | None:
        finding = self._open.pop(kind, None)
        return None if finding is None else replace(finding, cleared_at=now)


def step_s(last: Reading, reading: Reading) -> float:
    """Seconds between two readings: by the meter's clock where both tell it and it goes forward, else by ours."""
    if last.measured_at is not None and reading.measured_at is not None and reading.measured_at >= last.measured_at:
        return (reading.measured_at - last.measured_at).total_seconds()
    return (reading.received_at - last.received_at).total_seconds()
