"""What was said of an address before it was a lead's holds for that lead"""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "update suppression set lead_id = lead.id from lead"
        " where lead.email = suppression.email and suppression.lead_id is null"
    )


def downgrade() -> None:
    """Whose an entry is stays: nothing before this reads it otherwise."""
