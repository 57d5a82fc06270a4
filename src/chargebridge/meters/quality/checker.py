"""All checks of one meter, what stands open of it, and the figures of its day."""

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from chargebridge.meters.quality.clock import ClockCheck
from chargebridge.meters.quality.energy import EnergyCheck, RepeatedHourCheck
from chargebridge.meters.quality.phases import PhaseCheck, VoltageCheck
from chargebridge.meters.quality.registers import RegisterCheck
from chargebridge.meters.quality.rhythm import GapCheck, RepeatCheck, Rhythm
from chargebridge.meters.quality.verdict import Standing, Verdict
from chargebridge.model.finding import DayFigures, Finding, FindingKind
from chargebridge.model.reading import Reading

UTC_ZONE = ZoneInfo("UTC")
_ANEW = frozenset({FindingKind.REGISTER_FELL, FindingKind.REGISTER_RESET, FindingKind.REGISTER_COARSE, FindingKind.METER_EXCHANGED})
"""After these the register has nothing to do with what it was before."""
_BACK_S = 1.0
_MOST_DIGITS = 15
_DELAY_BOUND_S = 3600.0


class MeterChecker:
    """Pure: time comes with the readings. ``feed`` and ``fault`` return the findings that were opened or cleared by it.

    zone: in which a day of figures begins. live: the readings bear the time at which they really came; False for a capture, of whose
    reception nothing is known. standing: what stood open when it was last looked at.
    """

    def __init__(self, meter: str, zone: ZoneInfo = UTC_ZONE, *, live: bool = True, standing: Iterable[Finding] = ()) -> None:
        self.meter = meter
        self._zone = zone
        self._live = live
        self._standing = Standing(standing)
        self._received_at: datetime | None = None
        self._day = _Day(date.min)
        self.yesterday: DayFigures | None = None
        """The figures of the last day that is over."""
        self._start()

    def _start(self) -> None:
        self._rhythm = Rhythm()
        self._repeats = RepeatCheck(self._rhythm)
        self._gaps = GapCheck(self._rhythm)
        self._registers = RegisterCheck()
        self._energy = EnergyCheck()
        self._others = (ClockCheck(judged=self._live), RepeatedHourCheck(), PhaseCheck(), VoltageCheck())

    @property
    def open(self) -> tuple[Finding, ...]:
        """What stands open now."""
        return self._standing.findings

    def feed(self, reading: Reading) -> list[Finding]:
        """Take in the next reading."""
        reading = _usable(reading)
        before, self._received_at = self._received_at, reading.received_at
        if before is not None and (reading.received_at - before).total_seconds() < -_BACK_S:
            self._start()  # our own clock was set back: spans across that moment mean nothing
        self._turn(reading.received_at)
        self._rhythm.feed(reading)
        verdicts: list[Verdict] = [*self._gaps.feed(reading), *self._repeats.feed(reading)]
        fallen = list(self._registers.feed(reading))
        if any(isinstance(v, Finding) and v.kind in _ANEW for v in fallen):
            self._energy = EnergyCheck()
        verdicts += fallen
        verdicts += self._energy.feed(reading)
        for check in self._others:
            verdicts += check.feed(reading)
        self._day.hear(reading, self._rhythm, live=self._live)
        self._day.duplicates += sum(isinstance(v, Finding) and v.kind is FindingKind.DUPLICATE for v in verdicts)
        return self.judge(verdicts, reading.received_at)

    def judge(self, verdicts: Iterable[Verdict], now: datetime) -> list[Finding]:
        """Take in what a check has said, also one that looks at several meters."""
        changed = [change for verdict in verdicts if (change := self._standing.take(verdict, now)) is not None]
        changed += self._standing.calm(now)
        self._day.found.update(change.kind.value for change in changed if change.cleared_at is None)
        return changed

    def fault(self, kind: str, now: datetime) -> None:
        """A telegram that could not be used, or a link that broke."""
        self._turn(now)
        self._day.faults[kind] += 1

    def today(self) -> DayFigures:
        """The figures of the running day."""
        return self._day.figures(self.meter, self._rhythm.interval_s)

    def _turn(self, now: datetime) -> None:
        day = now.astimezone(self._zone).date()
        if day == self._day.day:
            return
        if self._day.day != date.min:
            self.yesterday = self.today()
        self._day = _Day(day)


def _usable(reading: Reading) -> Reading:
    """Without registers that are no number, or greater than any meter shows."""
    energies = (reading.energy_import_wh, reading.energy_export_wh)
    imported, exported = (e if e is not None and e.is_finite() and e.adjusted() <= _MOST_DIGITS else None for e in energies)
    return reading if (imported, exported) == energies else replace(reading, energy_import_wh=imported, energy_export_wh=exported)


class _Day:
    def __init__(self, day: date) -> None:
        self.day = day
        self.telegrams = self.missing = self.duplicates = 0
        self.faults: Counter[str] = Counter()
        self.found: Counter[str] = Counter()
        self._delays: Counter[float] = Counter()

    def hear(self, reading: Reading, rhythm: Rhythm, *, live: bool) -> None:
        self.telegrams += 1
        self.missing += rhythm.missing
        if live and reading.measured_at is not None and reading.fresh_at is None:
            delay = (reading.received_at - reading.measured_at).total_seconds()
            self._delays[round(min(_DELAY_BOUND_S, max(-_DELAY_BOUND_S, delay)), 1)] += 1

    def figures(self, meter: str, interval_s: float | None) -> DayFigures:
        expected = self.telegrams + self.missing
        damaged = sum(count for kind, count in self.faults.items() if kind != "link")
        frames = self.telegrams + damaged
        return DayFigures(
            meter=meter,
            day=self.day,
            telegrams=self.telegrams,
            missing=self.missing,
            duplicates=self.duplicates,
            faults=dict(self.faults),
            interval_s=interval_s,
            completeness=round(self.telegrams / expected, 5) if interval_s is not None and expected else None,
            fault_rate=round(damaged / frames, 5) if frames else None,
            delay_p50_s=_share(self._delays, 0.50),
            delay_p95_s=_share(self._delays, 0.95),
            clock_offset_s=min(self._delays, default=None),
            found=dict(self.found),
        )


def _share(delays: Counter[float], share: float) -> float | None:
    """The delay that so large a share of the telegrams did not exceed."""
    left = share * delays.total()
    for delay in sorted(delays):
        left -= delays[delay]
        if left <= 0:
            return delay
    return None
