"""The tables of what stations tell beyond their transactions: their device model, its monitors, a journal of events, signed meter values."""

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, Text

from chargebridge.store.tables import Moment, metadata

device_variable = Table(
    "device_variable",
    metadata,
    Column("station", String(48), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("attribute", String(8), primary_key=True),
    Column("value", Text),
    Column("readonly", Boolean),
    Column("about", Text, nullable=False),
    Column("told_at", Moment, nullable=False),
)

device_monitor = Table(
    "device_monitor",
    metadata,
    Column("station", String(48), primary_key=True),
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("told_at", Moment, nullable=False),
)

station_event = Table(
    "station_event",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("station", String(48), nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("payload", Text, nullable=False),
    Index("station_event_of", "station", "kind"),
    Index("station_event_at", "received_at"),
    sqlite_autoincrement=True,
)

signed_value = Table(
    "signed_value",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("session", Integer, nullable=False),
    Column("station", String(48), nullable=False),
    Column("at", Moment, nullable=False),
    Column("measurand", Text, nullable=False),
    Column("context", Text, nullable=False),
    Column("method", Text),
    Column("encoding", Text),
    Column("public_key", Text),
    Column("data", Text, nullable=False),
    Index("signed_value_of", "session"),
    sqlite_autoincrement=True,
)
