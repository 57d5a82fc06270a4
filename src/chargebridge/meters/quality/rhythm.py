"""How a meter speaks: its push interval, which nobody tells and which is learned; gaps, telegrams that come twice, and one that comes for ever."""

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from chargebridge.meters.quality.verdict import Fine, Verdict
from chargebridge.model.finding import Finding, FindingKind, Severity
from chargebridge.model.reading import Reading

LEARN = 8
"""So many gaps between telegrams must be known before one of them can be called long."""
_REMEMBER = 33
MISSED = 3.0
"""A gap of more than so many intervals is one; a single telegram that a checksum refused is counted, but is no finding."""
SLACK_S = 5.0
FROZEN_S = 15.0
"""The usual age limit of a meter."""
SAME_S = 1800.0
_TWICE_APART_S = 1.5
"""Meters that speak every second may stamp two telegrams with the same second."""
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class Rhythm:
    """interval_s: between two telegrams, the median of the last ones; None while too few are known. gap_s: before the latest one.

    A gap is the lesser of what our clock and the meter's say: what a network held back is late, not lost; and a clock that jumps is no gap.
    """

    def __init__(self) -> None:
        self._gaps: deque[float] = deque(maxlen=_REMEMBER)
        self._last: Reading | None = None
        self.gap_s: float | None = None
        self.interval_s: float | None = None

    def feed(self, reading: Reading) -> None:
        last, self._last = self._last, reading
        if last is None:
            return
        gap = (reading.received_at - last.received_at).total_seconds()
        if last.measured_at is not None and reading.measured_at is not None:
            told = (reading.measured_at - last.measured_at).total_seconds()
            gap = min(gap, told) if told >= 0 else gap
        self.gap_s = gap
        if gap > 0:
            self._gaps.append(gap)
        if len(self._gaps) >= LEARN:
            self.interval_s = sorted(self._gaps)[len(self._gaps) // 2]

    @property
    def missing(self) -> int:
        """How many telegrams the latest gap lets one miss."""
        if not self.interval_s or self.gap_s is None:
            return 0
        return max(0, round(self.gap_s / self.interval_s) - 1)


class GapCheck:
    """A silence that is long for this meter; told when it speaks again. That it is silent now is seen by the age of its last reading."""

    def __init__(self, rhythm: Rhythm) -> None:
        self._rhythm = rhythm
        self._last: Reading | None = None

    def feed(self, reading: Reading) -> Iterator[Verdict]:
        last, self._last = self._last, reading
        interval, gap = self._rhythm.interval_s, self._rhythm.gap_s
        if last is None or interval is None or gap is None or gap <= max(MISSED * interval, interval + SLACK_S):
            return
        yield Finding(
            meter=reading.meter,
            kind=FindingKind.GAP,
            severity=Severity.INFO,
            at=reading.received_at,
            since=last.received_at,
            until=reading.received_at,
            text=f"nothing was heard of it for {gap:.0f} s; it usually speaks every {interval:.3g} s",
            cure="if this comes often, look at the cable, the adapter and the network between it and this machine",
            figures={"gap_s": gap, "interval_s": interval, "missing": float(self._rhythm.missing)},
        )


class RepeatCheck:
    """Telegrams that come twice, and one that is repeated while the meter's clock stands still.

    Only a telegram with a time can be known to be the same one. One without time whose figures stay exactly the same for half an hour, though power
    flows and voltages are told, is told of as doubtful.
    """

    def __init__(self, rhythm: Rhythm) -> None:
        self._rhythm = rhythm
        self._last: Reading | None = None
        self._first: Reading | None = None
        """The first of the readings that bear the present time of the meter, or the present figures where it tells no time."""
        self._changes = False
        self._repeats = 0

    def feed(self, reading: Reading) -> Iterator[Verdict]:
        last, self._last = self._last, reading
        if last is None or self._first is None:
            self._first = reading
            return
        same = _figures(last) == _figures(reading)
        if reading.measured_at is None:
            if not same:
                self._first = reading
                yield Fine(FindingKind.SAME_FIGURES)
            else:
                yield from self._doubt(reading)
            return
        if reading.measured_at != last.measured_at:
            self._first, self._changes, self._repeats = reading, False, 0
            yield Fine(FindingKind.FROZEN)
            return
        apart = (reading.received_at - last.received_at).total_seconds()
        interval = self._rhythm.interval_s
        self._changes |= not same
        self._repeats += 1
        if same and (apart >= _TWICE_APART_S or (interval is not None and apart < interval / 2)):
            yield _finding(reading, last, FindingKind.DUPLICATE, Severity.INFO, {"apart_s": apart})
        stood = (reading.received_at - self._first.received_at).total_seconds()
        if self._repeats > 1 and stood > max(FROZEN_S, MISSED * (interval or 0.0)):
            severity = Severity.WARNING if self._changes else Severity.ERROR
            yield _finding(reading, self._first, FindingKind.FROZEN, severity, {"stood_s": stood})

    def _doubt(self, reading: Reading) -> Iterator[Verdict]:
        assert self._first is not None
        stood = (reading.received_at - self._first.received_at).total_seconds()
        if stood > SAME_S and reading.power_w and any(reading.voltage_v):
            yield _finding(reading, self._first, FindingKind.SAME_FIGURES, Severity.INFO, {"stood_s": stood})


def _figures(reading: Reading) -> Reading:
    return replace(reading, received_at=reading.measured_at or _NEVER, fresh_at=None)


def _finding(reading: Reading, since: Reading, kind: FindingKind, severity: Severity, figures: dict[str, float]) -> Finding:
    text, cure = _WORDS[kind, severity]
    return Finding(
        meter=reading.meter,
        kind=kind,
        severity=severity,
        at=reading.received_at,
        since=since.received_at,
        until=reading.received_at,
        text=text.format(**figures),
        cure=cure,
        figures=figures,
    )


_RESTART = "switch the gateway or adapter off and on; if only the meter's own display stands still too, call the meter's operator"
_WORDS = {
    (FindingKind.DUPLICATE, Severity.INFO): (
        "the same telegram came twice, {apart_s:.1f} s apart",
        "nothing is counted twice; if it comes often, look whether two programs or gateways forward this meter",
    ),
    (FindingKind.FROZEN, Severity.ERROR): (
        "it has repeated the same telegram for {stood_s:.0f} s and its clock stands still: it hangs and is not believed",
        _RESTART,
    ),
    (FindingKind.FROZEN, Severity.WARNING): (
        "its clock has stood still for {stood_s:.0f} s though its figures change: nobody can tell how old they are, so it is not believed",
        _RESTART,
    ),
    (FindingKind.SAME_FIGURES, Severity.INFO): (
        "it has told exactly the same figures for {stood_s:.0f} s; as its telegrams carry no time, nobody can tell whether it hangs",
        "compare with the meter's display; if it shows other figures, switch the gateway or adapter off and on",
    ),
}
