"""what charging costs: terms of transactions, limits for those to come, prepaid accounts, payments

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

from chargebridge.store.tables import Moment

revision = "0007"
down_revision: str | None = "0006"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "transaction_terms",
        sa.Column("station", sa.String(length=48), nullable=False),
        sa.Column("transaction", sa.Text(), nullable=False),
        sa.Column("tariff", sa.Text(), nullable=True),
        sa.Column("wanted", sa.Text(), nullable=False),
        sa.Column("sent", sa.Text(), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.Column("charging_s", sa.Float(), nullable=False),
        sa.Column("idle_s", sa.Float(), nullable=False),
        sa.Column("charging", sa.Integer(), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("cost", sa.Text(), nullable=True),
        sa.Column("their_cost", sa.Text(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("ended_at", Moment, nullable=True),
        sa.PrimaryKeyConstraint("station", "transaction"),
    )
    op.create_table(
        "start_limit",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("station", sa.String(length=48), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("wanted", sa.Text(), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("transaction", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("start_limit", schema=None) as batch_op:
        batch_op.create_index("start_limit_of", ["station", "transaction"], unique=False)
    op.create_table(
        "account_entry",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("amount", sa.Text(), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("token", "key", name="one_entry_once"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "payment",
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("station", sa.String(length=48), nullable=False),
        sa.Column("evse", sa.Integer(), nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("authorised", sa.Text(), nullable=True),
        sa.Column("amount", sa.Text(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("transaction", sa.Text(), nullable=True),
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.Column("receipt_url", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("changed_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("reference"),
    )
    with op.batch_alter_table("payment", schema=None) as batch_op:
        batch_op.create_index("payment_state", ["state"], unique=False)
        batch_op.create_index("payment_receipt", ["receipt"], unique=False)
        batch_op.create_index("payment_of", ["station", "transaction"], unique=False)


def downgrade() -> None:
    for table in ("payment", "account_entry", "start_limit", "transaction_terms"):
        op.drop_table(table)
