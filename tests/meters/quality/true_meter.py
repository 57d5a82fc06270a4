"""A meter that is right: it measures a load exactly and shows it as real meters do, rounded, late, on the hour, or for one direction only."""

import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from chargebridge.meters.quality import MeterChecker
from chargebridge.model.finding import Finding
from chargebridge.model.reading import MaybePerPhase, Reading

START = datetime(2026, 3, 28, 22, 30, tzinfo=UTC)
"""Two and a half hours before Europe changes to summer time."""
Load = Callable[[float], float]
"""Active power in W at a second."""


class TrueMeter(Struct, frozen=True, kw_only=True):
    """How it shows what it measured.

    interval_s: between telegrams. step_wh, power_step_w: of its figures. register_s: how often it tells its registers, 0 with every telegram. clock:
    it tells the time; clock_seldom: only with its registers. lag_s: how old a register is. delay_s: on the way. means: of the interval.
    """

    interval_s: float = 10.0
    step_wh: int = 1
    power_step_w: float = 1.0
    register_s: float = 0.0
    export: bool = True
    clock: bool = True
    clock_seldom: bool = False
    phases: bool = True
    lag_s: float = 0.0
    delay_s: float = 0.4
    means: bool = False
    energy_wh: float = 12_345_678.0

    def readings(self, load: Load, seconds: float, *, seed: int = 1, start: datetime = START) -> Iterator[Reading]:
        """``load`` may change once in each interval, at any moment of it."""
        rng = random.Random(seed)
        imported, exported, at = self.energy_wh, 1234.0, 0.0
        power, told_hour = load(0.0), -1
        past = deque([(at, imported, exported)])
        while at < seconds:
            nxt, turn = load(at + self.interval_s), rng.random() * self.interval_s
            gain = (power * turn + nxt * (self.interval_s - turn)) / 3600
            one_way = power * nxt >= 0
            up = max(0.0, gain) if one_way else sum(max(0.0, p) * t for p, t in ((power, turn), (nxt, self.interval_s - turn))) / 3600
            imported, exported = imported + up, exported + up - gain
            at, shown = at + self.interval_s, gain * 3600 / self.interval_s if self.means else nxt
            power = nxt
            past.append((at, imported, exported))
            while len(past) > 1 and past[1][0] <= at - self.lag_s:
                past.popleft()
            hour = int(at // self.register_s) if self.register_s else 0
            tells = not self.register_s or hour != told_hour
            told_hour = hour
            yield self._reading(at, shown, *past[0][1:], rng, start, tells=tells)

    def _reading(
        self, at: float, power: float, imported: float, exported: float, rng: random.Random, start: datetime, *, tells: bool
    ) -> Reading:
        made = start + timedelta(seconds=at)
        volts = tuple(round(230 + rng.uniform(-6, 6), 1) for _ in range(3))
        shares = (0.5, 0.2, 0.3)
        parts = tuple(_rounded(power * share, self.power_step_w) for share in shares)
        amps = tuple(round(abs(p) / v / 0.95, 2) for p, v in zip(parts, volts, strict=True))
        none: MaybePerPhase = (None, None, None)
        return Reading(
            meter="m",
            received_at=made + timedelta(seconds=self.delay_s + rng.random() * 0.3),
            measured_at=made.replace(microsecond=0) if self.clock and (tells or not self.clock_seldom) else None,
            meter_number="4711",
            power_w=_rounded(power, self.power_step_w),
            power_w_phases=parts if self.phases else none,  # type: ignore[arg-type]
            current_a=amps if self.phases else none,  # type: ignore[arg-type]
            voltage_v=volts if self.phases else none,  # type: ignore[arg-type]
            energy_import_wh=Decimal(int(imported // self.step_wh) * self.step_wh) if tells else None,
            energy_export_wh=Decimal(int(exported // self.step_wh) * self.step_wh) if tells and self.export else None,
        )


def _rounded(value: float, step: float) -> float:
    return round(value / step) * step


def steps(seed: int, low: float, high: float, every_s: float = 120.0) -> Load:
    """A load that stays for a while and then is another."""
    values = random.Random(seed)
    known = [values.uniform(low, high) for _ in range(10_000)]
    return lambda second: known[int(second // every_s) % len(known)]


def run(readings: Iterable[Reading], checker: MeterChecker | None = None) -> list[Finding]:
    """What was opened, in order."""
    checker = checker or MeterChecker("m")
    return [change for reading in readings for change in checker.feed(reading) if change.cleared_at is None]


def change(readings: Iterable[Reading], after_s: float, how: Callable[[Reading], Reading]) -> Iterator[Reading]:
    """The same readings, from ``after_s`` on with a fault."""
    for reading in readings:
        yield how(reading) if (reading.received_at - START).total_seconds() > after_s else reading


__all__ = ["START", "Load", "TrueMeter", "change", "replace", "run", "steps"]
