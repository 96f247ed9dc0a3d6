"""Leads that were merged into others"""

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled in as its feature lands."""


def downgrade() -> None:
    """Undoes ``upgrade``."""
