"""A day of load and sun from a table: ``day.csv`` beside this file, or one of the same columns of your own."""

import csv
from importlib.resources import files
from pathlib import Path

DAY_S = 86400.0


class Profile:
    """Columns over the time of day, repeated every day, linear between its rows (which stand at equal distances, the first at 00:00)."""

    def __init__(self, columns: dict[str, list[float]]) -> None:
        self._columns = columns
        self._step_s = DAY_S / len(next(iter(columns.values())))

    @classmethod
    def read(cls, path: Path | None = None) -> "Profile":
        """Read a CSV with ``#`` comments and a heading; the column ``time`` is for the reader's eye."""
        text = path.read_text() if path else files(__package__).joinpath("day.csv").read_text()
        rows = list(csv.DictReader(line for line in text.splitlines() if line and not line.startswith("#")))
        if not rows:
            raise ValueError(f"{path or 'day.csv'}: no rows; give a heading and rows at equal distances from 00:00")
        return cls({name: [float(row[name]) for row in rows] for name in rows[0] if name != "time"})

    def at(self, column: str, day_s: float) -> float:
        """The value at ``day_s`` seconds after midnight."""
        values = self._columns[column]
        place = (day_s % DAY_S) / self._step_s
        index = int(place)
        here = values[index]
        return here + (values[(index + 1) % len(values)] - here) * (place - index)
