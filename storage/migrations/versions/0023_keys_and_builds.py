"""When a key was last used, and which builds still work with this schema"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_key", sa.Column("last_used_real_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "schema_floor",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute("insert into schema_floor (id, revision) values (1, '0016')")


def downgrade() -> None:
    op.drop_table("schema_floor")
    op.drop_column("api_key", "last_used_real_at")
