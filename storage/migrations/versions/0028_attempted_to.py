"""A claim remembers the address that its attempt writes to"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Claims that are open now know none: the lead's may be another already."""
    op.add_column("touch", sa.Column("attempted_to", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("touch", "attempted_to")
