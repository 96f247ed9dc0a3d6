"""The variant of an experiment that a touch is, as experiment:variant"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("touch", sa.Column("variant", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("touch", "variant")
