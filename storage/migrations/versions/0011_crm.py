"""What the CRM said"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "crm_news",
        sa.Column("vendor", sa.Text(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("crm_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("told_real_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("vendor", "record", "crm_id"),
    )
    op.create_index("crm_news_told", "crm_news", ["vendor", "told_real_at"], unique=False)
    op.create_table(
        "crm_cursor",
        sa.Column("vendor", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text(), server_default="", nullable=False),
        sa.Column("read_real_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("vendor", "stream"),
    )
    op.create_table(
        "crm_seller",
        sa.Column("vendor", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), server_default="", nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("vendor", "id"),
    )
    op.create_table(
        "crm_deal",
        sa.Column("vendor", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"]),
        sa.PrimaryKeyConstraint("vendor", "id", "lead_id"),
    )
    op.create_index("crm_deal_lead", "crm_deal", ["lead_id"], unique=False)
    op.add_column("crm_record", sa.Column("seen", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False))
    op.create_index("lead_crm_id", "lead", ["crm_id"], unique=False, postgresql_where=sa.text("crm_id <> ''"))


def downgrade() -> None:
    op.drop_index("lead_crm_id", "lead")
    op.drop_column("crm_record", "seen")
    op.drop_table("crm_deal")
    op.drop_table("crm_seller")
    op.drop_table("crm_cursor")
    op.drop_table("crm_news")
