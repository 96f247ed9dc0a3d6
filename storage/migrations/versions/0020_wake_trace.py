"""The trace that a wake belongs to"""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Null, and without a default: the build before writes none, and no row is rewritten.
    op.execute("alter table pending_wake add column trace text")


def downgrade() -> None:
    op.execute("alter table pending_wake drop column trace")
