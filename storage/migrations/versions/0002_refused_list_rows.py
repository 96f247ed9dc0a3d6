"""Rows of desired state that a vendor refused: how often, at which version, and when they are given out again"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TABLES = ("audience_member", "crm_record")


def upgrade() -> None:
    for table in _TABLES:
        op.add_column(table, sa.Column("refused_version", sa.Integer(), server_default="0", nullable=False))
        op.add_column(table, sa.Column("refusals", sa.Integer(), server_default="0", nullable=False))
        op.add_column(table, sa.Column("retry_real_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for table in _TABLES:
        for column in ("retry_real_at", "refusals", "refused_version"):
            op.drop_column(table, column)
