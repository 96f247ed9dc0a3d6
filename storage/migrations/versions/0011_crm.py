"""What the CRM said"""

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled in as its feature lands."""


def downgrade() -> None:
    """Undoes ``upgrade``."""
