"""A key may have a rate of its own"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_key", sa.Column("rate", sa.Float(), nullable=True))


def downgrade() -> None:
    op.drop_column("api_key", "rate")
