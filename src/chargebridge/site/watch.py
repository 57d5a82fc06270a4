"""What is odd about the site's meters: every reading is checked, what is found is shown, told and kept. Decisions do not wait for it."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from functools import partial
from zoneinfo import ZoneInfo

import structlog

from chargebridge.meters.quality import Comparison, MeterChecker
from chargebridge.model.circuit import Battery, Circuit, Generator, Load, Topology
from chargebridge.model.finding import Finding, Severity
from chargebridge.model.reading import MeterFault, Reading
from chargebridge.site import findings
from chargebridge.site.view import MeterState
from chargebridge.store import Database

_GRAVITY = (Severity.ERROR, Severity.WARNING, Severity.INFO)
log = structlog.get_logger(__name__)


class MeterWatch:
    """tell: writes a line into the event log (kind, text, subject)."""

    def __init__(self, topology: Topology, meters: Iterable[str], database: Database, tell: Callable[[str, str, str], None]) -> None:
        self._zone = ZoneInfo(topology.timezone)
        self._places = places(topology)
        self._comparisons = tuple(comparisons(topology))
        self._database, self._tell = database, tell
        self._seen: dict[str, _Seen] = {name: _Seen(MeterChecker(name, self._zone)) for name in meters}

    def remember(self, standing: Iterable[Finding]) -> None:
        """What stood open when the site ended stands open until it is looked at again."""
        by_meter: dict[str, list[Finding]] = {}
        for finding in standing:
            by_meter.setdefault(finding.meter, []).append(finding)
        for meter, kept in by_meter.items():
            if meter in self._seen:
                self._seen[meter].checker = MeterChecker(meter, self._zone, standing=kept)

    def read(self, reading: Reading) -> None:
        """Check a reading. A check that fails costs its own knowledge, never the reading."""
        seen = self._of(reading.meter)
        seen.last = reading
        seen.telegrams += 1
        try:
            changes = seen.checker.feed(reading)
            for comparison in self._comparisons:
                if verdicts := list(comparison.feed(reading)):
                    changes += self._of(comparison.main).checker.judge(verdicts, reading.received_at)
        except Exception:
            log.exception("a reading could not be checked", meter=reading.meter)
            seen.checker = MeterChecker(reading.meter, self._zone, standing=seen.checker.open)
            return
        for change in changes:
            self._changed(change)
        self._keep_day(seen)

    def fault(self, fault: MeterFault) -> None:
        """A telegram that could not be used, or a link that broke."""
        seen = self._of(fault.meter)
        seen.faults[fault.kind] += 1
        seen.checker.fault(fault.kind, fault.at)
        self._keep_day(seen)

    def states(self) -> tuple[MeterState, ...]:
        """Every meter, with what stands open, gravest first."""
        return tuple(self._state(name, seen) for name, seen in self._seen.items())

    def _state(self, name: str, seen: "_Seen") -> MeterState:
        checker = seen.checker
        return MeterState(
            id=name,
            place=self._places.get(name, ""),
            heard_at=None if seen.last is None else seen.last.heard_at,
            today=checker.today(),
            yesterday=checker.yesterday,
            findings=tuple(sorted(checker.open, key=lambda f: _GRAVITY.index(f.severity))),
            telegrams=seen.telegrams,
            faults=dict(seen.faults),
            found=dict(seen.found),
        )

    def _of(self, meter: str) -> "_Seen":
        if meter not in self._seen:
            self._seen[meter] = _Seen(MeterChecker(meter, self._zone))
        return self._seen[meter]

    def _changed(self, change: Finding) -> None:
        self._database.write_soon(partial(findings.keep, value=change))
        if change.cleared_at is not None:
            return
        self._of(change.meter).found[change.kind.value] += 1
        if change.severity is not Severity.INFO:
            self._tell("meter", f"{change.meter}: {change.text}; {change.cure}", change.meter)

    def _keep_day(self, seen: "_Seen") -> None:
        over = seen.checker.yesterday
        if over is None or over.day == seen.kept:
            return
        seen.kept = over.day
        self._database.write_soon(partial(findings.keep_day, value=over))


class _Seen:
    """One meter since the start: its checker, its last reading, and counters that only grow."""

    def __init__(self, checker: MeterChecker) -> None:
        self.checker = checker
        self.last: Reading | None = None
        self.kept: date | None = None
        self.telegrams = 0
        self.faults: Counter[str] = Counter()
        self.found: Counter[str] = Counter()


def places(topology: Topology) -> dict[str, str]:
    """What each meter measures, in the names that the owner gave."""
    items: tuple[Circuit | Generator | Battery | Load, ...] = (
        *topology.circuits,
        *topology.generators,
        *topology.batteries,
        *topology.loads,
    )
    found: dict[str, list[str]] = {}
    for item in items:
        if item.meter is not None:
            found.setdefault(item.meter, []).append(item.name)
    return {meter: ", ".join(names) for meter, names in found.items()}


def comparisons(topology: Topology) -> Iterator[Comparison]:
    """Each metered circuit against the meters right below it; where something that generates hangs there without a meter, nothing can be said."""
    for circuit in topology.circuits:
        parts = None if circuit.meter is None else _below(topology, circuit.id)
        if circuit.meter is not None and parts and circuit.meter not in parts:
            yield Comparison(circuit.meter, tuple(dict.fromkeys(parts)))


def _below(topology: Topology, circuit: str) -> list[str] | None:
    """The meters between which and the circuit's own there is no other; None if a generator or battery has none."""
    plants: tuple[Generator | Battery, ...] = (*topology.generators, *topology.batteries)
    found: list[str] = []
    for plant in plants:
        if plant.circuit == circuit:
            if plant.meter is None:
                return None
            found.append(plant.meter)
    found += [load.meter for load in topology.loads if load.circuit == circuit and load.meter is not None]
    for child in topology.circuits:
        if child.parent != circuit:
            continue
        below = [child.meter] if child.meter is not None else _below(topology, child.id)
        if below is None:
            return None
        found += below
    return found
