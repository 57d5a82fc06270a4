"""forecasts with what came of them, the weather that was told, and when sources last answered

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

from chargebridge.store.tables import Moment

revision = "0009"
down_revision: str | None = "0008"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "forecast",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("made_at", Moment, nullable=False),
        sa.Column("ends_at", Moment, nullable=False),
        sa.Column("method", sa.String(length=32), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("scored_at", Moment, nullable=True),
        sa.Column("steps", sa.Integer(), nullable=True),
        sa.Column("mae", sa.Float(), nullable=True),
        sa.Column("pinball", sa.Float(), nullable=True),
        sa.Column("coverage", sa.Float(), nullable=True),
        sa.Column("width", sa.Float(), nullable=True),
        sa.Column("naive_mae", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("kind", "made_at"),
    )
    with op.batch_alter_table("forecast", schema=None) as batch_op:
        batch_op.create_index("forecast_scored", ["scored_at"], unique=False)
    op.create_table(
        "weather",
        sa.Column("at", Moment, nullable=False),
        sa.Column("temperature_c", sa.Float(), nullable=True),
        sa.Column("irradiance_w_m2", sa.Float(), nullable=True),
        sa.Column("cloud", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("at"),
    )
    op.create_table(
        "source_state",
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("fetched_at", Moment, nullable=True),
        sa.Column("asked_at", Moment, nullable=False),
        sa.Column("trouble", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("source"),
    )


def downgrade() -> None:
    for table in ("source_state", "weather", "forecast"):
        op.drop_table(table)
