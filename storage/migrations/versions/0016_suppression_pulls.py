"""How far a mail vendor's list of people it won't write to was read"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "suppression_pull",
        sa.Column("vendor", sa.Text(), nullable=False),
        sa.Column("since_real_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tried_real_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("vendor"),
    )


def downgrade() -> None:
    op.drop_table("suppression_pull")
