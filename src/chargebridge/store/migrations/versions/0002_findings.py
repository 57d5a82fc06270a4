"""findings about meters, and the figures of their days

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

from chargebridge.store.tables import Moment

revision = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "finding",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("meter", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("opened_at", Moment, nullable=False),
        sa.Column("cleared_at", Moment, nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    with op.batch_alter_table("finding", schema=None) as batch_op:
        batch_op.create_index("finding_of", ["meter", "kind", "cleared_at"], unique=False)

    op.create_table(
        "meter_day",
        sa.Column("meter", sa.Text(), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("meter", "day"),
    )


def downgrade() -> None:
    op.drop_table("meter_day")
    with op.batch_alter_table("finding", schema=None) as batch_op:
        batch_op.drop_index("finding_of")

    op.drop_table("finding")
