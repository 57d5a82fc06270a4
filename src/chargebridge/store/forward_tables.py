"""Tables of forwarding: what waits for foreign back ends, and what must be remembered of them (`stations/ocpp/forward`)."""

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, Text, UniqueConstraint

from chargebridge.store.tables import Moment, metadata

forward_outbox = Table(
    "forward_outbox",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("backend", String(48), nullable=False),
    Column("station", String(48), nullable=False),
    Column("key", String(36), nullable=False),
    Column("message_id", String(36), nullable=False),
    Column("protocol", String(16), nullable=False),
    Column("action", String(64), nullable=False),
    Column("payload", Text, nullable=False),
    Column("transaction", Text),
    Column("held", Boolean, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("done_at", Moment),
    Column("outcome", Text),
    UniqueConstraint("backend", "station", "key", name="one_message_once"),
    Index("forward_outbox_waiting", "backend", "station", "done_at", "number"),
    sqlite_autoincrement=True,
)

forward_transaction = Table(
    "forward_transaction",
    metadata,
    Column("backend", String(48), primary_key=True),
    Column("station", String(48), primary_key=True),
    Column("transaction", Text, primary_key=True),
    Column("theirs", Text),
    Column("owned", Boolean, nullable=False),
    Column("evse", Integer, nullable=False),
    Column("started_at", Moment, nullable=False),
    Index("forward_transaction_theirs", "backend", "station", "theirs"),
)

forward_vouch = Table(
    "forward_vouch",
    metadata,
    Column("station", String(48), primary_key=True),
    Column("token", Text, primary_key=True),
    Column("backend", String(48), nullable=False),
    Column("at", Moment, nullable=False),
)

forward_state = Table(
    "forward_state",
    metadata,
    Column("station", String(48), primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("payload", Text, nullable=False),
    Column("at", Moment, nullable=False),
)

forward_profile = Table(
    "forward_profile",
    metadata,
    Column("backend", String(48), primary_key=True),
    Column("station", String(48), primary_key=True),
    Column("evse", Integer, primary_key=True),
    Column("purpose", String(48), primary_key=True),
    Column("level", Integer, primary_key=True),
    Column("id", Integer, nullable=False),
    Column("payload", Text, nullable=False),
)
