"""Which version of a playbook was put in force when, by whom and how"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

#: Until now the document alone said whether its journeys follow the version in force.
_FOLLOW = """
update playbook_version v set followed_by = a.hash from playbook_active a
where a.name = v.name and a.hash <> v.hash and coalesce((v.document::jsonb ->> 'follow')::boolean, true)
"""


def upgrade() -> None:
    op.add_column("playbook_version", sa.Column("followed_by", sa.Text(), nullable=True))
    op.create_foreign_key(None, "playbook_version", "playbook_version", ["followed_by"], ["hash"])
    op.create_table(
        "playbook_change",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("from_hash", sa.Text(), nullable=True),
        sa.Column("to_hash", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("rollback", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("operation_id", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["from_hash"], ["playbook_version.hash"]),
        sa.ForeignKeyConstraint(["to_hash"], ["playbook_version.hash"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("playbook_change_name", "playbook_change", ["name", "id"])
    op.execute(_FOLLOW)


def downgrade() -> None:
    op.drop_table("playbook_change")
    op.drop_column("playbook_version", "followed_by")
