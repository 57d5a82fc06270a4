"""What was found of each session's signed values. The values themselves stay in ``signed_value``, byte for byte."""

from sqlalchemy import Column, Index, Integer, String, Table, Text

from chargebridge.store.tables import Moment, metadata

session_proof = Table(
    "session_proof",
    metadata,
    Column("session", Integer, primary_key=True, autoincrement=False),
    Column("id", String(32), nullable=False),
    Column("evse", Text, nullable=False),
    Column("state", String(12), nullable=False),
    Column("code", String(32), nullable=False),
    Column("reason", Text, nullable=False),
    Column("judged_at", Moment),
    Column("counted", Text, nullable=False),
    Column("digest", String(64)),
    Column("entry", Text),
    Column("key", String(64)),
    Column("first_page", Integer),
    Column("last_page", Integer),
    Index("session_proof_id", "id", unique=True),
    Index("session_proof_state", "state"),
    Index("session_proof_pages", "key", "last_page"),
)
