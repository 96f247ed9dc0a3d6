"""Sending identities, warm-up and replies"""

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled in as its feature lands."""


def downgrade() -> None:
    """Undoes ``upgrade``."""
