"""The tables of operating stations: their messages, the commands given to them, firmware campaigns, and stations taken in from files."""

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, Text

from chargebridge.store.tables import Moment, metadata

station_message = Table(
    "station_message",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("station", String(48), nullable=False),
    Column("at", Moment, nullable=False),
    Column("outgoing", Boolean, nullable=False),
    Column("kind", Integer, nullable=False),
    Column("action", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("protocol", String(16), nullable=False),
    Column("size", Integer, nullable=False),
    Column("error", Text),
    Column("frame", Text, nullable=False),
    Index("station_message_of", "station"),
    Index("station_message_like", "station", "action"),
    sqlite_autoincrement=True,
)

station_command = Table(
    "station_command",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("station", String(48), nullable=False),
    Column("name", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("asked_at", Moment, nullable=False),
    Column("by", Text, nullable=False),
    Column("outcome", Text),
    Column("detail", Text, nullable=False),
    Column("response", Text),
    Column("answered_at", Moment),
    Index("station_command_of", "station"),
    sqlite_autoincrement=True,
)

firmware_campaign = Table(
    "firmware_campaign",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("created_at", Moment, nullable=False),
    Column("by", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("note", Text, nullable=False),
    Column("payload", Text, nullable=False),
    sqlite_autoincrement=True,
)

campaign_station = Table(
    "campaign_station",
    metadata,
    Column("campaign", Integer, primary_key=True),
    Column("station", String(48), primary_key=True),
    Column("place", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("detail", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("firmware_before", Text),
    Column("changed_at", Moment, nullable=False),
)

added_station = Table(
    "added_station",
    metadata,
    Column("station", String(48), primary_key=True),
    Column("added_at", Moment, nullable=False),
    Column("by", Text, nullable=False),
    Column("payload", Text, nullable=False),
)
