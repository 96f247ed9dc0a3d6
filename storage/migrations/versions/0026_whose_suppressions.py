"""What was said of an address before it was a lead's holds for that lead"""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

#: A few at a time, each by themselves: whoever writes to the list waits for a moment at most.
_FEW = """
with few as (
    select s.email, lead.id from suppression s join lead on lead.email = s.email
    where s.lead_id is null order by s.email limit 500 for update of s
)
update suppression set lead_id = few.id from few where suppression.email = few.email
"""


def upgrade() -> None:
    with op.get_context().autocommit_block():
        while op.get_bind().exec_driver_sql(_FEW).rowcount > 0:
            pass


def downgrade() -> None:
    """Whose an entry is stays: nothing before this reads it otherwise."""
