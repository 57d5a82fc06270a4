"""The tables. Times are aware UTC, stored as ISO 8601 text so that they sort and can be read; energies are whole Wh."""

from datetime import UTC, datetime

from sqlalchemy import Boolean, Column, Dialect, Float, Index, Integer, LargeBinary, MetaData, String, Table, Text, UniqueConstraint
from sqlalchemy.types import TypeDecorator

metadata = MetaData()


class Moment(TypeDecorator[datetime]):
    """An aware UTC time as ``2026-01-31T12:00:00.000000Z``; refuses naive ones."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive time {value}")
        return value.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


station = Table(
    "station",
    metadata,
    Column("identity", String(48), primary_key=True),
    Column("protocol", String(16), nullable=False),
    Column("vendor", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("serial", Text),
    Column("firmware", Text),
    Column("booted_at", Moment, nullable=False),
)

session = Table(
    "session",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("point", Text, nullable=False),
    Column("station", String(48), nullable=False),
    Column("evse", Integer, nullable=False),
    Column("transaction", Text, nullable=False),
    Column("token", Text, nullable=False),
    Column("authorised", Boolean, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("meter_start_wh", Integer),
    Column("energy_wh", Integer, nullable=False),
    Column("sequence", Integer),
    Column("updated_at", Moment),
    Column("ended_at", Moment),
    Column("end_reason", Text),
    Column("preference", Text, nullable=False),
    Column("billed_by", String(48)),
    UniqueConstraint("station", "transaction", name="one_session_a_transaction"),
    Index("session_open", "ended_at"),
    sqlite_autoincrement=True,
)

transaction_event = Table(
    "transaction_event",
    metadata,
    Column("station", String(48), primary_key=True),
    Column("replay_key", Text, primary_key=True),
    Column("received_at", Moment, nullable=False),
    Column("session", Integer),
    Column("payload", Text, nullable=False),
)

limit_entry = Table(
    "limit_entry",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("withdrawn_at", Moment),
    Column("by", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Index("limit_entry_id", "id"),
)

reading = Table(
    "reading",
    metadata,
    Column("meter", Text, primary_key=True),
    Column("received_at", Moment, primary_key=True),
    Column("payload", Text, nullable=False),
)

topology = Table(
    "topology",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("first_used_at", Moment, nullable=False),
    Column("payload", Text, nullable=False),
)

decision = Table(
    "decision",
    metadata,
    Column("at", Moment, primary_key=True),
    Column("topology", String(64), nullable=False),
    Column("state", LargeBinary, nullable=False),
    Column("decision", LargeBinary, nullable=False),
)

sample = Table(
    "sample",
    metadata,
    Column("at", Moment, primary_key=True),
    Column("grid_w", Float),
    Column("pv_w", Float),
    Column("battery_w", Float),
    Column("house_w", Float),
    Column("cars_w", Float, nullable=False),
    Column("limit_w", Float),
)

happening = Table(
    "happening",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("at", Moment, nullable=False),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Index("happening_at", "at"),
)

setting = Table(
    "setting",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

finding = Table(
    "finding",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("meter", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("cleared_at", Moment),
    Column("payload", Text, nullable=False),
    Index("finding_of", "meter", "kind", "cleared_at"),
)

meter_day = Table(
    "meter_day",
    metadata,
    Column("meter", Text, primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("payload", Text, nullable=False),
)

station_security = Table(
    "station_security",
    metadata,
    Column("station", String(48), primary_key=True),
    Column("profile", Integer),
    Column("upgrade_to", Integer),
    Column("password_hash", Text),
    Column("next_hashes", Text, nullable=False),
    Column("changed_at", Moment, nullable=False),
)

station_applicant = Table(
    "station_applicant",
    metadata,
    Column("station", String(48), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("remote", Text, nullable=False),
    Column("profile", Integer, nullable=False),
    Column("vendor", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("serial", Text),
    Column("protocol", String(16), nullable=False),
    Column("first_at", Moment, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("times", Integer, nullable=False),
    Column("decided_at", Moment),
    Column("decided_by", Text),
    Index("station_applicant_state", "state", "last_at"),
)

station_certificate = Table(
    "station_certificate",
    metadata,
    Column("serial", String(48), primary_key=True),
    Column("station", String(48), nullable=False),
    Column("issued_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("outcome", String(16)),
    Column("detail", Text, nullable=False),
    Column("answered_at", Moment),
    Index("station_certificate_of", "station", "issued_at"),
)
