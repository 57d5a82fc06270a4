"""what waits for foreign back ends, whose transactions are whose, and what back ends were told and have asked

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

from chargebridge.store.tables import Moment

revision = "0006"
down_revision: str | None = "0005"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "forward_outbox",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("backend", sa.String(length=48), nullable=False),
        sa.Column("station", sa.String(length=48), nullable=False),
        sa.Column("key", sa.String(length=36), nullable=False),
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("protocol", sa.String(length=16), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("transaction", sa.Text(), nullable=True),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("done_at", Moment, nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("backend", "station", "key", name="one_message_once"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("forward_outbox", schema=None) as batch_op:
        batch_op.create_index("forward_outbox_waiting", ["backend", "station", "done_at", "number"], unique=False)
    op.create_table(
        "forward_transaction",
        sa.Column("backend", sa.String(length=48), nullable=False),
        sa.Column("station", sa.String(length=48), nullable=False),
        sa.Column("transaction", sa.Text(), nullable=False),
        sa.Column("theirs", sa.Text(), nullable=True),
        sa.Column("owned", sa.Boolean(), nullable=False),
        sa.Column("evse", sa.Integer(), nullable=False),
        sa.Column("started_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("backend", "station", "transaction"),
    )
    with op.batch_alter_table("forward_transaction", schema=None) as batch_op:
        batch_op.create_index("forward_transaction_theirs", ["backend", "station", "theirs"], unique=False)
    op.create_table(
        "forward_vouch",
        sa.Column("station", sa.String(length=48), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("backend", sa.String(length=48), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("station", "token"),
    )
    op.create_table(
        "forward_state",
        sa.Column("station", sa.String(length=48), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("station", "subject"),
    )
    op.create_table(
        "forward_profile",
        sa.Column("backend", sa.String(length=48), nullable=False),
        sa.Column("station", sa.String(length=48), nullable=False),
        sa.Column("evse", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(length=48), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("backend", "station", "evse", "purpose", "level"),
    )
    with op.batch_alter_table("session", schema=None) as batch_op:
        batch_op.add_column(sa.Column("billed_by", sa.String(length=48), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("session", schema=None) as batch_op:
        batch_op.drop_column("billed_by")
    for table in ("forward_profile", "forward_state", "forward_vouch", "forward_transaction", "forward_outbox"):
        op.drop_table(table)
