"""how stations prove who they are, who asks to be let in, and the certificates that stations were given

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

from chargebridge.store.tables import Moment

revision = "0003"
down_revision: str | None = "0002"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "station_security",
        sa.Column("station", sa.String(length=48), nullable=False),
        sa.Column("profile", sa.Integer(), nullable=True),
        sa.Column("upgrade_to", sa.Integer(), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("next_hashes", sa.Text(), nullable=False),
        sa.Column("changed_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("station"),
    )
    op.create_table(
        "station_applicant",
        sa.Column("station", sa.String(length=48), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("remote", sa.Text(), nullable=False),
        sa.Column("profile", sa.Integer(), nullable=False),
        sa.Column("vendor", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("serial", sa.Text(), nullable=True),
        sa.Column("protocol", sa.String(length=16), nullable=False),
        sa.Column("first_at", Moment, nullable=False),
        sa.Column("last_at", Moment, nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("decided_at", Moment, nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("station"),
    )
    with op.batch_alter_table("station_applicant", schema=None) as batch_op:
        batch_op.create_index("station_applicant_state", ["state", "last_at"], unique=False)
    op.create_table(
        "station_certificate",
        sa.Column("serial", sa.String(length=48), nullable=False),
        sa.Column("station", sa.String(length=48), nullable=False),
        sa.Column("issued_at", Moment, nullable=False),
        sa.Column("expires_at", Moment, nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("answered_at", Moment, nullable=True),
        sa.PrimaryKeyConstraint("serial"),
    )
    with op.batch_alter_table("station_certificate", schema=None) as batch_op:
        batch_op.create_index("station_certificate_of", ["station", "issued_at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("station_certificate", schema=None) as batch_op:
        batch_op.drop_index("station_certificate_of")
    op.drop_table("station_certificate")
    with op.batch_alter_table("station_applicant", schema=None) as batch_op:
        batch_op.drop_index("station_applicant_state")
    op.drop_table("station_applicant")
    op.drop_table("station_security")
