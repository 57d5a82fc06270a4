"""Forecasts that were made, with what came of them, and the weather that was told."""

from sqlalchemy import Column, Float, Index, Integer, LargeBinary, String, Table, Text

from chargebridge.store.tables import Moment, metadata

forecast = Table(
    "forecast",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("made_at", Moment, primary_key=True),
    Column("ends_at", Moment, nullable=False),
    Column("method", String(32), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("scored_at", Moment),
    Column("steps", Integer),
    Column("mae", Float),
    Column("pinball", Float),
    Column("coverage", Float),
    Column("width", Float),
    Column("naive_mae", Float),
    Index("forecast_scored", "scored_at"),
)

weather = Table(
    "weather",
    metadata,
    Column("at", Moment, primary_key=True),
    Column("temperature_c", Float),
    Column("irradiance_w_m2", Float),
    Column("cloud", Float),
)

source_state = Table(
    "source_state",
    metadata,
    Column("source", String(16), primary_key=True),
    Column("name", Text, nullable=False),
    Column("fetched_at", Moment),
    Column("asked_at", Moment, nullable=False),
    Column("trouble", Text, nullable=False),
)
