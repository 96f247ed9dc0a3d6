"""Sending identities, warm-up, replies, and topics that a lead does not want"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in ("mail_name", "sender", "sending_domain", "fate"):
        op.add_column("touch", sa.Column(column, sa.Text(), server_default="", nullable=False))
    op.create_index(
        "touch_sending", "touch", ["sending_domain", "claimed_at"], postgresql_where=sa.text("sending_domain <> ''")
    )
    op.create_index("touch_mail", "touch", ["mail_name"], postgresql_where=sa.text("mail_name <> ''"))
    op.add_column(
        "preference",
        sa.Column("declined_topics", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'::text[]"), nullable=False),
    )
    op.add_column("lead", sa.Column("away_until", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "mail_identity",
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=True),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("claimed_today", sa.Integer(), server_default="0", nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_why", sa.Text(), server_default="", nullable=False),
        sa.Column("judged_from", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("domain"),
    )
    op.create_table(
        "mail_minute",
        sa.Column("sending", sa.Text(), nullable=False),
        sa.Column("receiving", sa.Text(), nullable=False),
        sa.Column("minute_real_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("sending", "receiving"),
    )


def downgrade() -> None:
    op.drop_table("mail_minute")
    op.drop_table("mail_identity")
    op.drop_column("preference", "declined_topics")
    op.drop_column("lead", "away_until")
    op.drop_index("touch_mail", "touch")
    op.drop_index("touch_sending", "touch")
    for column in ("fate", "sending_domain", "sender", "mail_name"):
        op.drop_column("touch", column)
