"""Plans that were made and prices that were told."""

from sqlalchemy import Column, Float, Integer, LargeBinary, String, Table, Text

from chargebridge.store.tables import Moment, metadata

plan = Table(
    "plan",
    metadata,
    Column("made_at", Moment, primary_key=True),
    Column("solver", String(16), nullable=False),
    Column("cause", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("cars", Integer, nullable=False),
    Column("cost", Float, nullable=False),
    Column("saves", Float),
    Column("took_s", Float, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)

price = Table(
    "price",
    metadata,
    Column("starts_at", Moment, primary_key=True),
    Column("ends_at", Moment, nullable=False),
    Column("per_kwh", Float, nullable=False),
    Column("export_per_kwh", Float),
    Column("co2_g_per_kwh", Float),
)
