"""Leads that were merged into others, those that may be one, and addresses in one spelling"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from domain.addresses import PROVIDERS, ascii_domain, mailbox, normalised

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_MOST = 1000
#: More bytes than characters: an address that may have had another spelling.
_INTERNATIONAL = "octet_length({0}) <> char_length({0})"


def upgrade() -> None:
    op.add_column("lead", sa.Column("mailbox", sa.Text(), nullable=True))
    op.add_column("lead", sa.Column("merged_into", sa.Text(), nullable=True))
    op.create_foreign_key("lead_merged_into_fkey", "lead", "lead", ["merged_into"], ["id"])
    _tables()
    _one_spelling()
    _mailboxes()
    op.create_index("lead_mailbox", "lead", ["mailbox"], postgresql_where=sa.text("mailbox is not null"))
    op.create_index("lead_merged", "lead", ["merged_into"], postgresql_where=sa.text("merged_into is not null"))


def _tables() -> None:
    op.create_table(
        "lead_merge",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("survivor", sa.Text(), nullable=False),
        sa.Column("merged", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("behaviour_ids", ARRAY(sa.BigInteger()), server_default="{}", nullable=False),
        sa.Column("positions", ARRAY(sa.BigInteger()), server_default="{}", nullable=False),
        sa.Column("kept", JSONB(), server_default="{}", nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["survivor"], ["lead.id"]),
        sa.ForeignKeyConstraint(["merged"], ["lead.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_lead_merge_survivor"), "lead_merge", ["survivor"], unique=False)
    op.create_index(
        "lead_merge_in_force", "lead_merge", ["merged"], unique=True, postgresql_where=sa.text("undone_at is null")
    )
    op.create_table(
        "same_person",
        sa.Column("one", sa.Text(), nullable=False),
        sa.Column("other", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("denied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("denied_by", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["one"], ["lead.id"]),
        sa.ForeignKeyConstraint(["other"], ["lead.id"]),
        sa.PrimaryKeyConstraint("one", "other"),
    )
    op.create_index(op.f("ix_same_person_other"), "same_person", ["other"], unique=False)


def _one_spelling() -> None:
    """International domains were kept as they came: what exists in both spellings stays, and may be merged by hand."""
    for table, column, key, spelling in (
        ("lead", "email", "id", normalised),
        ("account", "domain", "id", ascii_domain),
        ("suppression", "email", "email", normalised),
    ):
        free = f"not exists (select from {table} x where x.{column} = :value)"
        change = sa.text(f"update {table} set {column} = :value where {key} = :key and {free}")  # noqa: S608
        international = _INTERNATIONAL.format(column)
        found = sa.text(f"select {key}, {column} from {table} where {international}")  # noqa: S608
        for row_key, value in op.get_bind().execute(found).fetchall():
            op.get_bind().execute(change, {"key": row_key, "value": spelling(value)})


def _mailboxes() -> None:
    """Only addresses at the providers whose rule is known have one."""
    found = sa.text(
        "select id, email from lead where substring(email from '[^@]*$') = any(:providers) and mailbox is null"
        " order by id limit :most"
    )
    change = sa.text(
        "update lead set mailbox = coalesce(new.mailbox, lead.email)"
        " from unnest(cast(:ids as text[]), cast(:mailboxes as text[])) as new (id, mailbox) where lead.id = new.id"
    )
    while rows := op.get_bind().execute(found, {"providers": list(PROVIDERS), "most": _MOST}).fetchall():
        values = {"ids": [row.id for row in rows], "mailboxes": [mailbox(row.email) for row in rows]}
        op.get_bind().execute(change, values)


def downgrade() -> None:
    op.drop_table("same_person")
    op.drop_table("lead_merge")
    op.drop_column("lead", "merged_into")
    op.drop_column("lead", "mailbox")
