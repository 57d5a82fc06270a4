"""Prices and CO2 over time from a table that people keep in a spreadsheet."""

import csv
from bisect import bisect_right
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from chargebridge.model.errors import ModelError

NEEDED = ("at", "import_per_kwh")
KNOWN = (*NEEDED, "export_per_kwh", "co2_g_per_kwh")


class PriceFileError(ModelError):
    """A table that cannot be read as prices."""


class PriceSeries(Struct, frozen=True, kw_only=True):
    """One value for each step; None for a column that the table does not have."""

    import_per_kwh: tuple[float, ...]
    export_per_kwh: tuple[float, ...] | None = None
    co2_g_per_kwh: tuple[float, ...] | None = None


def read_prices(text: str, starts_at: datetime, step_s: float, steps: int) -> PriceSeries:
    """Columns at (ISO 8601, UTC where no offset is said), import_per_kwh, and if known export_per_kwh, co2_g_per_kwh. A row holds until the next;
    the last one too. Raises PriceFileError, also when the table begins after the first step.
    """
    reader = csv.DictReader(text.lstrip("\ufeff").splitlines())
    names = reader.fieldnames or []
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise PriceFileError("price table", f"has no column {missing[0]}", f"name the columns in its first line: {', '.join(KNOWN)}")
    times: list[datetime] = []
    columns: dict[str, list[float]] = {name: [] for name in KNOWN[1:] if name in names}
    for number, row in enumerate(reader, 2):
        try:
            at = datetime.fromisoformat(row["at"])
            values = {name: float(row[name]) for name in columns}
        except (TypeError, ValueError) as error:
            raise PriceFileError(
                f"price table, line {number}", f"cannot be read ({error})", "write a time and numbers with a point"
            ) from None
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        if any(value != value or abs(value) == float("inf") for value in values.values()):
            raise PriceFileError(f"price table, line {number}", "a value that is no number", "leave the line out")
        if times and at <= times[-1]:
            raise PriceFileError(f"price table, line {number}", "is not later than the one before", "sort the lines by time")
        times.append(at)
        for name, value in values.items():
            columns[name].append(value)
    if not times or times[0] > starts_at:
        begins = f"begins at {times[0]:%Y-%m-%d %H:%M}" if times else "is empty"
        raise PriceFileError("price table", f"{begins}, and the replay at {starts_at:%Y-%m-%d %H:%M}", "give prices from there on")
    rows = [bisect_right(times, starts_at + timedelta(seconds=step * step_s)) - 1 for step in range(steps)]
    found = {name: tuple(values[row] for row in rows) for name, values in columns.items()}
    return PriceSeries(**found)
