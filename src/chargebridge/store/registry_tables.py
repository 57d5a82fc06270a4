"""The public-key registry's log and its signed heads, whose rows are only ever added (whoever changes one is found by the tree above them), and
which confirmations have been delivered."""

from sqlalchemy import Column, Integer, LargeBinary, String, Table

from chargebridge.store.tables import Moment, metadata

registry_event = Table(
    "registry_event",
    metadata,
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
    Column("leaf", LargeBinary, nullable=False),
)

registry_head = Table(
    "registry_head",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("size", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)

registry_confirmed = Table(
    "registry_confirmed",
    metadata,
    Column("entry", String(32), primary_key=True),
    Column("at", Moment, nullable=False),
)
