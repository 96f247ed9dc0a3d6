"""What vendors told us, as it came"""

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled in as its feature lands."""


def downgrade() -> None:
    """Undoes ``upgrade``."""
