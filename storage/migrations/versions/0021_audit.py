"""What the audit found, and which run of a journey made each decision"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "audit_run",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("began_real_at", moment, nullable=False),
        sa.Column("ended_real_at", moment, nullable=False),
        *(
            sa.Column(name, sa.Integer(), server_default="0", nullable=False)
            for name in ("leads", "running", "suspects", "repaired", "left")
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "audit_finding",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text(), server_default="", nullable=False) for name in ("lead_id", "detail", "outcome")),
        sa.Column("since_real_at", moment, nullable=True),
        sa.Column("first_real_at", moment, nullable=False),
        sa.Column("last_real_at", moment, nullable=False),
        sa.Column("gone_real_at", moment, nullable=True),
        sa.PrimaryKeyConstraint("kind", "subject"),
    )
    op.create_index("audit_finding_lead", "audit_finding", ["lead_id"])
    op.create_index("audit_finding_gone", "audit_finding", ["gone_real_at"])
    op.add_column("decision", sa.Column("run", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("decision", "run")
    op.drop_table("audit_finding")
    op.drop_table("audit_run")
