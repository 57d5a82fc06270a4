"""What was written to us by whoever limits the site from outside, and what became of it."""

from sqlalchemy import Boolean, Column, Float, Integer, String, Table, Text

from chargebridge.store.tables import Moment, metadata

grid_instruction = Table(
    "grid_instruction",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("received_at", Moment, nullable=False),
    Column("source", String(32), nullable=False),
    Column("direction", String(16), nullable=False),
    Column("sender", Text, nullable=False),
    Column("what", String(32), nullable=False),
    Column("active", Boolean),
    Column("value_w", Float),
    Column("duration_s", Float),
    Column("accepted", Boolean, nullable=False),
    Column("why", Text, nullable=False),
    Column("state", String(32), nullable=False),
    Column("decided_ms", Float),
    Column("answered_ms", Float),
    Column("told_ms", Float),
    Column("kept_ms", Float),
    Column("unreached", Text, nullable=False),
    sqlite_autoincrement=True,
)
