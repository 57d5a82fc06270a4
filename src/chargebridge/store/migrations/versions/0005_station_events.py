"""stations' device models and monitors, a journal of what they tell, signed meter values

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

from chargebridge.store.tables import Moment

revision = "0005"
down_revision: str | None = "0004"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "device_variable",
        sa.Column("station", sa.String(length=48), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("attribute", sa.String(length=8), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("readonly", sa.Boolean(), nullable=True),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("told_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("station", "name", "attribute"),
    )
    op.create_table(
        "device_monitor",
        sa.Column("station", sa.String(length=48), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("told_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("station", "id"),
    )
    op.create_table(
        "station_event",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("station", sa.String(length=48), nullable=False),
        sa.Column("received_at", Moment, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sqlite_autoincrement=True,
    )
    op.create_index("station_event_of", "station_event", ["station", "kind"], unique=False)
    op.create_index("station_event_at", "station_event", ["received_at"], unique=False)
    op.create_table(
        "signed_value",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("session", sa.Integer(), nullable=False),
        sa.Column("station", sa.String(length=48), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("measurand", sa.Text(), nullable=False),
        sa.Column("context", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=True),
        sa.Column("encoding", sa.Text(), nullable=True),
        sa.Column("public_key", sa.Text(), nullable=True),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sqlite_autoincrement=True,
    )
    op.create_index("signed_value_of", "signed_value", ["session"], unique=False)


def downgrade() -> None:
    op.drop_index("signed_value_of", "signed_value")
    op.drop_table("signed_value")
    op.drop_index("station_event_at", "station_event")
    op.drop_index("station_event_of", "station_event")
    op.drop_table("station_event")
    op.drop_table("device_monitor")
    op.drop_table("device_variable")
