"""plans that were made, and prices

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

from chargebridge.store.tables import Moment

revision = "0008"
down_revision: str | None = "0007"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "plan",
        sa.Column("made_at", Moment, nullable=False),
        sa.Column("solver", sa.String(length=16), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("cars", sa.Integer(), nullable=False),
        sa.Column("cost", sa.Float(), nullable=False),
        sa.Column("saves", sa.Float(), nullable=True),
        sa.Column("took_s", sa.Float(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("made_at"),
    )
    op.create_table(
        "price",
        sa.Column("starts_at", Moment, nullable=False),
        sa.Column("ends_at", Moment, nullable=False),
        sa.Column("per_kwh", sa.Float(), nullable=False),
        sa.Column("export_per_kwh", sa.Float(), nullable=True),
        sa.Column("co2_g_per_kwh", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("starts_at"),
    )


def downgrade() -> None:
    op.drop_table("price")
    op.drop_table("plan")
