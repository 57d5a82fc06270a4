"""One telegram against itself: the phases against the sum, active against apparent power, voltages against what a grid has."""

from collections.abc import Iterator
from datetime import datetime

from chargebridge.meters.quality.grain import Grain
from chargebridge.meters.quality.verdict import Fine, Verdict
from chargebridge.model.finding import Finding, FindingKind, Severity
from chargebridge.model.phases import NOMINAL_V
from chargebridge.model.reading import Reading

TIMES = 5
"""So many telegrams in a row must show it: some meters renew their figures one after the other."""
SUM_SHARE, SUM_W = 0.02, 20.0
APPARENT_SHARE, APPARENT_W = 0.10, 20.0
"""Active power is never more than apparent power, U times I."""
REACTIVE_W, REACTIVE_TIMES = 500.0, 6.0
"""Above this power no household has six times as much apparent power (power factor 0.17)."""
VOLTAGE_V = (0.9 * NOMINAL_V, 1.1 * NOMINAL_V)
"""EN 50160 clause 4.2.2: 10-minute means within 10 % of nominal."""
VOLTAGE_WINDOW_S = 600.0


class PhaseCheck:
    """Figures that we derived ourselves prove nothing and are left out."""

    def __init__(self) -> None:
        self._power_grain, self._current_grain = Grain(2), Grain(0)
        self._runs: dict[FindingKind, tuple[int, datetime]] = {}

    def feed(self, reading: Reading) -> Iterator[Verdict]:
        power = reading.power_w if "power_w" not in reading.derived else None
        if power is not None:
            self._power_grain.see(power)
        l1, l2, l3 = reading.power_w_phases
        if power is not None and l1 is not None and l2 is not None and l3 is not None:
            yield from self._sum(reading, power, l1 + l2 + l3)
        if not {"current_a", "voltage_v"} & set(reading.derived):
            yield from self._apparent(reading, power)

    def _sum(self, reading: Reading, power: float, summed: float) -> Iterator[Verdict]:
        wrong = abs(summed - power) > SUM_SHARE * max(abs(power), abs(summed)) + SUM_W + 4 * self._power_grain.step
        text = f"its phases sum to {summed:.0f} W, its total says {power:.0f} W"
        cure = "report the meter with a telegram of it: it needs a profile"
        yield from self._told(FindingKind.PHASE_SUM, reading, text, cure, {"sum_w": summed, "total_w": power}, wrong=wrong)

    def _apparent(self, reading: Reading, total: float | None) -> Iterator[Verdict]:
        """Phase by phase where each tells its power, else in sum, if every phase that is wired tells current and voltage."""
        told: list[tuple[float | None, float]] = []
        for p, u, i in zip(reading.power_w_phases, reading.voltage_v, reading.current_a, strict=True):
            if i is not None:
                self._current_grain.see(i)
                if u:
                    told.append((p, abs(u * i)))
        pairs = [(p, va) for p, va in told if p is not None]
        wired = sum(u is not None for u in reading.voltage_v)
        if not pairs and total is not None and len(told) == wired and wired in (1, 3):
            pairs = [(total, sum(va for _, va in told))]
        if not pairs:
            return
        slack = APPARENT_W + self._power_grain.step + self._current_grain.step * NOMINAL_V * (len(told) if len(pairs) == 1 else 1)
        power, apparent = max(pairs, key=lambda pair: _excess(pair[0], pair[1], slack))
        text = f"it tells {abs(power):.0f} W, but its voltage times current are {apparent:.0f} VA"
        cure = "the scale of one of them is wrong: report the meter with a telegram of it"
        figures = {"power_w": power, "apparent_va": apparent}
        yield from self._told(FindingKind.APPARENT_POWER, reading, text, cure, figures, wrong=_excess(power, apparent, slack) > 0)

    def _told(
        self, kind: FindingKind, reading: Reading, text: str, cure: str, figures: dict[str, float], *, wrong: bool
    ) -> Iterator[Verdict]:
        if not wrong:
            self._runs.pop(kind, None)
            yield Fine(kind)
            return
        times, since = self._runs.get(kind, (0, reading.received_at))
        self._runs[kind] = (times + 1, since)
        if times + 1 >= TIMES:
            yield Finding(
                meter=reading.meter,
                kind=kind,
                severity=Severity.WARNING,
                at=reading.received_at,
                since=since,
                until=reading.received_at,
                text=text,
                cure=cure,
                figures={name: round(value, 1) for name, value in figures.items()},
            )


def _excess(power_w: float, apparent_va: float, slack_va: float) -> float:
    """By how much the two contradict each other, above 0 if they do."""
    over = abs(power_w) - apparent_va * (1 + APPARENT_SHARE) - slack_va
    under = apparent_va - slack_va - REACTIVE_TIMES * abs(power_w) if abs(power_w) >= REACTIVE_W else over
    return max(over, under)


class VoltageCheck:
    """Means over ten minutes, phase by phase; 0 V is a phase that is not wired, or one that the meter does not measure."""

    def __init__(self) -> None:
        self._since: datetime | None = None
        self._sums = [0.0, 0.0, 0.0]
        self._counts = [0, 0, 0]

    def feed(self, reading: Reading) -> Iterator[Verdict]:
        if "voltage_v" in reading.derived or not any(reading.voltage_v):
            return
        self._since = self._since or reading.received_at
        for phase, volts in enumerate(reading.voltage_v):
            if volts:
                self._sums[phase] += volts
                self._counts[phase] += 1
        if (reading.received_at - self._since).total_seconds() < VOLTAGE_WINDOW_S:
            return
        since = self._since
        means = {f"l{n + 1}_v": round(s / c, 1) for n, (s, c) in enumerate(zip(self._sums, self._counts, strict=True)) if c}
        self._since, self._sums, self._counts = None, [0.0] * 3, [0] * 3
        low, high = VOLTAGE_V
        worst = max(means.values(), key=lambda v: abs(v - NOMINAL_V))
        if low <= worst <= high:
            yield Fine(FindingKind.VOLTAGE)
            return
        absurd = not 0.5 * NOMINAL_V <= worst <= 2 * NOMINAL_V
        scale = "the scale is wrong: report the meter with a telegram of it"
        grid = f"between {low:.0f} and {high:.0f} V is usual; measure at the socket and tell the grid operator if it is so"
        yield Finding(
            meter=reading.meter,
            kind=FindingKind.VOLTAGE,
            severity=Severity.WARNING,
            at=reading.received_at,
            since=since,
            until=reading.received_at,
            text=f"its voltage was {worst:g} V in the mean of ten minutes",
            cure=scale if absurd else grid,
            figures=means,
        )
