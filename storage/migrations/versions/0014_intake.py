"""Dead letters told apart, and room for what is updated with every event"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

#: Each event moves its lead on and wakes its journey. With room in its page a row stays where its indexes expect it.
_ROOM = {"lead": 85, "pending_wake": 70}


def upgrade() -> None:
    op.add_column("dead_letter", sa.Column("digest", sa.Text(), nullable=True))
    op.create_unique_constraint("dead_letter_digest_key", "dead_letter", ["digest"])
    for table, percent in _ROOM.items():
        op.execute(f"alter table {table} set (fillfactor = {percent})")


def downgrade() -> None:
    for table in _ROOM:
        op.execute(f"alter table {table} reset (fillfactor)")
    op.drop_constraint("dead_letter_digest_key", "dead_letter")
    op.drop_column("dead_letter", "digest")
