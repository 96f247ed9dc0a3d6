"""Operations over many journeys, and the operators' log"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_NO_JSON = sa.text("'{}'::jsonb")


def upgrade() -> None:
    op.create_table(
        "operation",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("request", postgresql.JSONB(), server_default=_NO_JSON, nullable=False),
        sa.Column("selection", sa.Text(), server_default="", nullable=False),
        sa.Column("rate", sa.Float(), server_default="0.0", nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("status", sa.Text(), server_default="running", nullable=False),
        sa.Column("total", sa.Integer(), server_default="0", nullable=False),
        sa.Column("undoes", sa.Text(), server_default="", nullable=False),
        sa.Column("next_real_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("operation_running", "operation", ["id"], postgresql_where=sa.text("status = 'running'"))
    op.create_index("operation_created", "operation", ["created_at"])
    op.create_table(
        "operation_lead",
        sa.Column("operation_id", sa.Text(), nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.Column("given", postgresql.JSONB(), server_default=_NO_JSON, nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=True),
        sa.Column("number_before", sa.Integer(), nullable=True),
        sa.Column("number_after", sa.Integer(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("retry_real_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"]),
        sa.ForeignKeyConstraint(["operation_id"], ["operation.id"]),
        sa.PrimaryKeyConstraint("operation_id", "lead_id"),
    )
    waiting = sa.text("status = 'waiting'")
    op.create_index("operation_lead_waiting", "operation_lead", ["operation_id", "place"], postgresql_where=waiting)
    op.create_index("operation_lead_lead", "operation_lead", ["lead_id"])
    op.create_table(
        "operator_action",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), server_default="", nullable=False),
        sa.Column("detail", postgresql.JSONB(), server_default=_NO_JSON, nullable=False),
        sa.Column("operation_id", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("operator_action_subject", "operator_action", ["subject"])
    op.create_index("operator_action_at", "operator_action", ["at", "id"])


def downgrade() -> None:
    op.drop_table("operator_action")
    op.drop_table("operation_lead")
    op.drop_table("operation")
