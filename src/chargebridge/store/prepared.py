"""Statements that every message needs: worded once by SQLAlchemy, then run by the driver itself.

What SQLAlchemy does around the execution of a statement costs several times what SQLite takes to run it (benchmarks/ocpp_messages.py).
"""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ClauseElement, Connection, Table
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine

Spell = Callable[[Any], Any] | None
"""Between Python's value and the driver's; None: they are the same."""


class Prepared:
    """A statement and its forms: one for each set of names that values are given for, as an UPDATE sets only those."""

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._forms: dict[tuple[str, ...], tuple[str, list[tuple[str, Spell]]]] = {}

    def run(self, c: Connection, values: Mapping[str, Any]) -> Any:
        """Returns the driver's cursor. Raises the driver's errors."""
        names = tuple(values)
        form = self._forms.get(names) or self._word(names, c.dialect)
        cursor = c.connection.cursor()
        cursor.execute(form[0], [values[name] if spell is None else spell(values[name]) for name, spell in form[1]])
        return cursor

    def _word(self, names: tuple[str, ...], dialect: Dialect) -> tuple[str, list[tuple[str, Spell]]]:
        worded: Any = self._statement.compile(dialect=dialect, column_keys=list(names))
        kinds = {name: worded.binds[name].type.dialect_impl(dialect) for name in worded.positiontup}
        form = self._forms[names] = (worded.string, [(name, kinds[name].bind_processor(dialect)) for name in worded.positiontup])
        return form


class PreparedRow(Prepared):
    """A SELECT of a whole table's columns, for one row of it."""

    def __init__(self, table: Table, statement: ClauseElement) -> None:
        super().__init__(statement)
        self._columns = [(column.name, column.type) for column in table.columns]
        self._spells: list[tuple[str, Spell]] = []

    def first(self, c: Connection, values: Mapping[str, Any]) -> dict[str, Any] | None:
        """The first row by the names of its columns."""
        cursor = self.run(c, values)
        row = cursor.fetchone()
        cursor.close()
        if row is None:
            return None
        if not self._spells:
            self._spells = [(name, _reader(kind, c.dialect)) for name, kind in self._columns]
        return {name: value if spell is None else spell(value) for (name, spell), value in zip(self._spells, row, strict=True)}


def _reader(kind: TypeEngine[Any], dialect: Dialect) -> Spell:
    return kind.dialect_impl(dialect).result_processor(dialect, None)
