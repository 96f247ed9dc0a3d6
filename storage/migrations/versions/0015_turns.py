"""Wakes take turns, and each sender has message ids of its own"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("behaviour", sa.Column("sender", sa.Text(), server_default="", nullable=False))
    op.create_unique_constraint("behaviour_message_id_sender_key", "behaviour", ["message_id", "sender"])
    op.drop_constraint("behaviour_message_id_key", "behaviour")
    op.add_column("pending_wake", sa.Column("source", sa.Text(), server_default="", nullable=False))
    op.add_column("pending_wake", sa.Column("urgent", sa.Boolean(), server_default="false", nullable=False))
    op.create_index("pending_wake_urgent", "pending_wake", ["created_real_at"], postgresql_where=sa.text("urgent"))
    op.create_index("pending_wake_turns", "pending_wake", ["source", "created_real_at"])


def downgrade() -> None:
    op.drop_index("pending_wake_turns", "pending_wake")
    op.drop_index("pending_wake_urgent", "pending_wake")
    op.drop_column("pending_wake", "urgent")
    op.drop_column("pending_wake", "source")
    op.create_unique_constraint("behaviour_message_id_key", "behaviour", ["message_id"])
    op.drop_constraint("behaviour_message_id_sender_key", "behaviour")
    op.drop_column("behaviour", "sender")
