"""What is kept on disk of limits from outside: the record of instructions, and what sources want to find again.

Each function runs inside one store write or read.
"""

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from chargebridge.grid.port import Instruction
from chargebridge.model.limit import Direction
from chargebridge.site import ledger
from chargebridge.site.grid.view import InstructionRow
from chargebridge.store.grid_tables import grid_instruction

KEPT = 100_000
"""So many instructions, the newest: at one in five minutes a year's worth, and a flood of them does not fill the disk."""
_MEMORY = "grid "


def keep_instruction(c: Connection, source: str, one: Instruction) -> InstructionRow:
    """Returns it with its number."""
    values = msgspec.structs.asdict(one)
    row = values | {"source": source, "direction": one.direction.value, "unreached": ""}
    (number,) = c.execute(insert(grid_instruction).values(row)).inserted_primary_key or (0,)
    c.execute(delete(grid_instruction).where(grid_instruction.c.number <= number - KEPT))
    return InstructionRow(number=number, source=source, **values)


def note_outcome(c: Connection, row: InstructionRow) -> None:
    """When it was decided, answered, told and kept, as far as that is known."""
    values = {name: getattr(row, name) for name in ("decided_ms", "answered_ms", "told_ms", "kept_ms")}
    c.execute(
        update(grid_instruction).where(grid_instruction.c.number == row.number).values(values | {"unreached": "\n".join(row.unreached)})
    )


def instructions(c: Connection, limit: int) -> tuple[InstructionRow, ...]:
    """The newest first."""
    rows = c.execute(select(grid_instruction).order_by(grid_instruction.c.number.desc()).limit(limit)).mappings()
    return tuple(
        InstructionRow(**{**row, "direction": Direction(row["direction"]), "unreached": tuple(row["unreached"].splitlines())})
        for row in rows
    )


def remember(c: Connection, source: str, name: str, value: str) -> None:
    ledger.set_setting(c, f"{_MEMORY}{source} {name}", value)


def remembered(c: Connection) -> dict[str, dict[str, str]]:
    """By source, by the source's own names."""
    found: dict[str, dict[str, str]] = {}
    for key, value in ledger.settings_under(c, _MEMORY).items():
        source, _, name = key.partition(" ")
        found.setdefault(source, {})[name] = value
    return found
