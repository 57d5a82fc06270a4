"""first tables

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

from chargebridge.store.tables import Moment

revision = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "decision",
        sa.Column("at", Moment, nullable=False),
        sa.Column("topology", sa.String(length=64), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.Column("decision", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("at"),
    )
    op.create_table(
        "happening",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    with op.batch_alter_table("happening", schema=None) as batch_op:
        batch_op.create_index("happening_at", ["at"], unique=False)

    op.create_table(
        "limit_entry",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("received_at", Moment, nullable=False),
        sa.Column("withdrawn_at", Moment, nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    with op.batch_alter_table("limit_entry", schema=None) as batch_op:
        batch_op.create_index("limit_entry_id", ["id"], unique=False)

    op.create_table(
        "reading",
        sa.Column("meter", sa.Text(), nullable=False),
        sa.Column("received_at", Moment, nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("meter", "received_at"),
    )
    op.create_table(
        "sample",
        sa.Column("at", Moment, nullable=False),
        sa.Column("grid_w", sa.Float(), nullable=True),
        sa.Column("pv_w", sa.Float(), nullable=True),
        sa.Column("battery_w", sa.Float(), nullable=True),
        sa.Column("house_w", sa.Float(), nullable=True),
        sa.Column("cars_w", sa.Float(), nullable=False),
        sa.Column("limit_w", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("at"),
    )
    op.create_table(
        "session",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("point", sa.Text(), nullable=False),
        sa.Column("station", sa.String(length=48), nullable=False),
        sa.Column("evse", sa.Integer(), nullable=False),
        sa.Column("transaction", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("authorised", sa.Boolean(), nullable=False),
        sa.Column("started_at", Moment, nullable=False),
        sa.Column("meter_start_wh", sa.Integer(), nullable=True),
        sa.Column("energy_wh", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=True),
        sa.Column("updated_at", Moment, nullable=True),
        sa.Column("ended_at", Moment, nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("preference", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("station", "transaction", name="one_session_a_transaction"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("session", schema=None) as batch_op:
        batch_op.create_index("session_open", ["ended_at"], unique=False)

    op.create_table(
        "setting",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "station",
        sa.Column("identity", sa.String(length=48), nullable=False),
        sa.Column("protocol", sa.String(length=16), nullable=False),
        sa.Column("vendor", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("serial", sa.Text(), nullable=True),
        sa.Column("firmware", sa.Text(), nullable=True),
        sa.Column("booted_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("identity"),
    )
    op.create_table(
        "topology",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("first_used_at", Moment, nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "transaction_event",
        sa.Column("station", sa.String(length=48), nullable=False),
        sa.Column("replay_key", sa.Text(), nullable=False),
        sa.Column("received_at", Moment, nullable=False),
        sa.Column("session", sa.Integer(), nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("station", "replay_key"),
    )


def downgrade() -> None:
    op.drop_table("transaction_event")
    op.drop_table("topology")
    op.drop_table("station")
    op.drop_table("setting")
    with op.batch_alter_table("session", schema=None) as batch_op:
        batch_op.drop_index("session_open")

    op.drop_table("session")
    op.drop_table("sample")
    op.drop_table("reading")
    with op.batch_alter_table("limit_entry", schema=None) as batch_op:
        batch_op.drop_index("limit_entry_id")

    op.drop_table("limit_entry")
    with op.batch_alter_table("happening", schema=None) as batch_op:
        batch_op.drop_index("happening_at")

    op.drop_table("happening")
    op.drop_table("decision")
