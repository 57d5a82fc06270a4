"""what was found of sessions' signed values, and which transactions may not be billed because of it

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

from chargebridge.store.tables import Moment

revision = "0012"
down_revision: str | None = "0011"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "session_proof",
        sa.Column("session", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("evse", sa.Text(), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("code", sa.String(32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("judged_at", Moment),
        sa.Column("counted", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(64)),
        sa.Column("entry", sa.Text()),
        sa.Column("key", sa.String(64)),
        sa.Column("first_page", sa.Integer()),
        sa.Column("last_page", sa.Integer()),
        sa.PrimaryKeyConstraint("session"),
    )
    op.create_index("session_proof_id", "session_proof", ["id"], unique=True)
    op.create_index("session_proof_state", "session_proof", ["state"], unique=False)
    op.create_index("session_proof_pages", "session_proof", ["key", "last_page"], unique=False)
    op.add_column("transaction_terms", sa.Column("billable", sa.Boolean(), nullable=False, server_default=sa.true()))


def downgrade() -> None:
    with op.batch_alter_table("transaction_terms") as table:
        table.drop_column("billable")
    op.drop_index("session_proof_pages", "session_proof")
    op.drop_index("session_proof_state", "session_proof")
    op.drop_index("session_proof_id", "session_proof")
    op.drop_table("session_proof")
