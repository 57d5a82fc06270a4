"""which confirmations the public-key registry has delivered

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

from chargebridge.store.tables import Moment

revision = "0013"
down_revision: str | None = "0012"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "registry_confirmed",
        sa.Column("entry", sa.String(length=32), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("entry"),
    )


def downgrade() -> None:
    op.drop_table("registry_confirmed")
