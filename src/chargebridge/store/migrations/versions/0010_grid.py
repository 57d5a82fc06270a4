"""what was written to us by whoever limits the site from outside, and what became of it

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

from chargebridge.store.tables import Moment

revision = "0010"
down_revision: str | None = "0009"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "grid_instruction",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("received_at", Moment, nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("direction", sa.String(length=16), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("what", sa.String(length=32), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=True),
        sa.Column("value_w", sa.Float(), nullable=True),
        sa.Column("duration_s", sa.Float(), nullable=True),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("decided_ms", sa.Float(), nullable=True),
        sa.Column("answered_ms", sa.Float(), nullable=True),
        sa.Column("told_ms", sa.Float(), nullable=True),
        sa.Column("kept_ms", sa.Float(), nullable=True),
        sa.Column("unreached", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("grid_instruction")
