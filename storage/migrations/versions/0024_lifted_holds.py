"""How those whom a hold stopped go on once it is lifted, and by when"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("hold", sa.Column("lifting", sa.Text(), server_default="", nullable=False))
    op.add_column("hold", sa.Column("spread_until", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("hold", "spread_until")
    op.drop_column("hold", "lifting")
