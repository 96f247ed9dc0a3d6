"""What vendors told us, as it came"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "webhook_request",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("vendor", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received_real_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told", sa.Integer(), server_default="0", nullable=False),
        sa.Column("taken", sa.Integer(), server_default="0", nullable=False),
        sa.Column("foreign", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("webhook_request_once", "webhook_request", ["vendor", "digest"], unique=True)
    op.create_index("webhook_request_received", "webhook_request", ["received_real_at"], unique=False)
    op.create_index("touch_vendor_id", "touch", ["vendor_id"], postgresql_where=sa.text("vendor_id <> ''"))


def downgrade() -> None:
    op.drop_index("touch_vendor_id", "touch")
    op.drop_table("webhook_request")
