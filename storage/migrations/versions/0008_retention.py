"""How long behaviour is kept, and every word of consent instead of the newest"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("behaviour", sa.Column("purged_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "retention_rule",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "retention_pass",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("done", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("finished_real_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    # The first round comes a day from now: time to look at `tendril retention run --preview`.
    op.execute("insert into retention_pass (name) values ('*')")
    op.create_table(
        "consent_word",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("granted", sa.Boolean(), nullable=False),
        sa.Column("basis", sa.Text(), server_default="", nullable=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.Column("wording", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("consent_word_lead", "consent_word", ["lead_id", "channel", "id"])
    op.execute(
        "insert into consent_word (lead_id, channel, granted, basis, source, at)"
        " select lead_id, channel, granted, basis, source, at from consent order by at, lead_id, channel"
    )


def downgrade() -> None:
    for table in ("consent_word", "retention_pass", "retention_rule"):
        op.drop_table(table)
    op.drop_column("behaviour", "purged_at")
