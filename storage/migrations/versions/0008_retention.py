"""How long behaviour is kept"""

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled in as its feature lands."""


def downgrade() -> None:
    """Undoes ``upgrade``."""
