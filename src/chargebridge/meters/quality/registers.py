"""Registers only ever grow: what fell, what began anew, what lost its last digits, and whether it is still the same meter."""

from collections.abc import Callable, Iterator
from decimal import Decimal

from chargebridge.meters.quality.verdict import Verdict
from chargebridge.model.finding import Finding, FindingKind, Severity
from chargebridge.model.reading import Reading

_KWH = 1000
_ROLL_OVER = Decimal("0.99")
_RESET = Decimal("0.01")
_FIELDS: tuple[tuple[str, Callable[[Reading], Decimal | None]], ...] = (
    ("import", lambda r: r.energy_import_wh),
    ("export", lambda r: r.energy_export_wh),
)


class RegisterCheck:
    def __init__(self) -> None:
        self._number: str | None = None
        self._known: dict[str, Reading] = {}

    def feed(self, reading: Reading) -> Iterator[Verdict]:
        number, before = reading.meter_number, self._number
        exchanged = number is not None and before is not None and number != before
        self._number = number or before
        if exchanged:
            self._known.clear()
            figures = {name: float(value) for name, of in _FIELDS if (value := of(reading)) is not None}
            text = f"the meter was exchanged: number {before} before, {number} now"
            cure = "nothing to do if it was; else see whether another meter's telegrams come in by this address"
            yield _finding(reading, reading, FindingKind.METER_EXCHANGED, Severity.INFO, text, cure, figures)
        for name, of in _FIELDS:
            value = of(reading)
            if value is None:
                continue
            last = self._known.get(name)
            self._known[name] = reading
            if last is not None and value < (old := of(last) or Decimal(0)):
                yield _fell(reading, last, name, old, value)


def _fell(reading: Reading, last: Reading, name: str, old: Decimal, new: Decimal) -> Finding:
    figures = {"before_wh": float(old), "after_wh": float(new)}
    if old - new < _KWH and not new % _KWH and old % _KWH:
        text = f"its {name} register shows whole kWh only since it showed {old / 1000:.3f} kWh"
        cure = "enter its PIN again and switch the extended data set on (InF), so that it tells power and decimals"
        return _finding(reading, last, FindingKind.REGISTER_COARSE, Severity.INFO, text, cure, figures)
    if new <= old * _RESET:
        rolled = old >= _ROLL_OVER * Decimal(10) ** (old.adjusted() + 1)
        what = "has run over and begins" if rolled else "begins anew"
        text = f"its {name} register {what} at {new / 1000:.3f} kWh; it was at {old / 1000:.3f} kWh"
        cure = "note both figures; if the meter was neither exchanged nor reset, tell the meter's operator"
        return _finding(reading, last, FindingKind.REGISTER_RESET, Severity.WARNING, text, cure, figures)
    text = f"its {name} register fell from {old / 1000:.3f} to {new / 1000:.3f} kWh; registers only ever grow"
    cure = "see whether two meters' telegrams come in by this address; else tell the meter's operator"
    return _finding(reading, last, FindingKind.REGISTER_FELL, Severity.ERROR, text, cure, figures)


def _finding(
    reading: Reading, since: Reading, kind: FindingKind, severity: Severity, text: str, cure: str, figures: dict[str, float]
) -> Finding:
    return Finding(
        meter=reading.meter,
        kind=kind,
        severity=severity,
        at=reading.received_at,
        since=since.received_at,
        until=reading.received_at,
        text=text,
        cure=cure,
        figures=figures,
    )
