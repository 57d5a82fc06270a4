"""Quarter hours from meter readings: what a register grew by between two of them (TAF 7)."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from chargebridge.model.series import Direction, Interval, Quality, Series
from chargebridge.wire.smgw import Value

_CODES = {Direction.IMPORT: "1-0:1.8.0", Direction.EXPORT: "1-0:2.8.0"}
SLACK = timedelta(seconds=60)
"""PPC takes its readings a second after the quarter hour."""
_QUARTER_S = 900


def intervals(values: Iterable[Value], meter: str, start: datetime, end: datetime, *, resolution_s: int = _QUARTER_S) -> list[Series]:
    """Import and export from ``start`` to ``end``, both aware and on the grid, each if its register is there at all.

    An interval is missing where one of its two readings is missing or called invalid, or where the register went back (a changed meter).
    Raises ``ModelError`` for a resolution that cannot be.
    """
    step = timedelta(seconds=resolution_s)
    count = (end - start) // step
    found = []
    readings = list(values)
    for direction, code in _CODES.items():
        own = [value for value in readings if value.code == code]
        if own:
            register = _on_grid(own, start, step)
            energies = [_grown(register.get(number), register.get(number + 1)) for number in range(count)]
            found.append(
                Series(meter=meter, start=start.astimezone(UTC), resolution_s=resolution_s, values=tuple(energies), direction=direction)
            )
    return found


def _on_grid(values: list[Value], start: datetime, step: timedelta) -> dict[int, Decimal]:
    """Number of the boundary, 0 at ``start``, -> the register there, Wh: of several near one the nearest."""
    nearest: dict[int, tuple[timedelta, Decimal]] = {}
    for value in values:
        if value.at is None or value.value is None or value.unit != "Wh" or value.valid is False:
            continue
        number = round((value.at - start) / step)
        away = abs(value.at - start - number * step)
        if away <= SLACK and (number not in nearest or away < nearest[number][0]):
            nearest[number] = away, value.value
    return {number: register for number, (_, register) in nearest.items()}


def _grown(before: Decimal | None, after: Decimal | None) -> Interval:
    if before is None or after is None or after < before:
        return Interval()
    return Interval(after - before, Quality.MEASURED)
