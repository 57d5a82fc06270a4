"""The tables of what charging costs: what holds for a transaction, limits for those to come, prepaid accounts, payments. Amounts are decimal text."""

from sqlalchemy import Boolean, Column, Float, Index, Integer, String, Table, Text, UniqueConstraint, true

from chargebridge.store.tables import Moment, metadata

transaction_terms = Table(
    "transaction_terms",
    metadata,
    Column("station", String(48), primary_key=True),
    Column("transaction", Text, primary_key=True),
    Column("tariff", Text),
    Column("wanted", Text, nullable=False),
    Column("sent", Text, nullable=False),
    Column("told", Text, nullable=False),
    Column("charging_s", Float, nullable=False),
    Column("idle_s", Float, nullable=False),
    Column("charging", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    Column("cost", Text),
    Column("their_cost", Text),
    Column("currency", String(3), nullable=False),
    Column("message", Text),
    Column("token", Text, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("ended_at", Moment),
    Column("billable", Boolean, nullable=False, server_default=true()),
)

start_limit = Table(
    "start_limit",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("station", String(48), nullable=False),
    Column("token", Text, nullable=False),
    Column("wanted", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("transaction", Text),
    Index("start_limit_of", "station", "transaction"),
    sqlite_autoincrement=True,
)

account_entry = Table(
    "account_entry",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("token", Text, nullable=False),
    Column("amount", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("note", Text, nullable=False),
    Column("key", Text, nullable=False),
    UniqueConstraint("token", "key", name="one_entry_once"),
    sqlite_autoincrement=True,
)

payment = Table(
    "payment",
    metadata,
    Column("reference", Text, primary_key=True),
    Column("station", String(48), nullable=False),
    Column("evse", Integer, nullable=False),
    Column("origin", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("authorised", Text),
    Column("amount", Text),
    Column("currency", String(3), nullable=False),
    Column("transaction", Text),
    Column("receipt", Text, nullable=False),
    Column("receipt_url", Text),
    Column("detail", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Index("payment_state", "state"),
    Index("payment_receipt", "receipt"),
    Index("payment_of", "station", "transaction"),
)
