"""Audiences at several networks: each has its own state of every membership"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

#: What was one network's and is now each network's own.
_MOVED = ("pushed_version", "member", "pushed_at", "error", "refused_version", "refusals", "retry_real_at")
#: An address is changed in many places (profiles, forms, imports, the CRM, merges, erasure). Whoever is on a list is
#: known there by a hash of the address, so each of these places would have to remember the lists: the table does.
_MOVED_ADDRESS = """
create function address_moved() returns trigger language plpgsql as $$
begin
    with held as (
        select network, audience, lead_id from network_member
        where lead_id = new.id and (wanted or known_as <> '') order by network, audience for update
    )
    update network_member m set version = m.version + 1, stale = m.known_as <> '' from held
    where m.network = held.network and m.audience = held.audience and m.lead_id = held.lead_id;
    return null;
end $$
"""
_ON_LEAD = """
create trigger lead_address_moved after update of email on lead
for each row when (old.email is distinct from new.email) execute function address_moved()
"""
#: The only network there was, with the keys that it was told (``adapters.ads.linkedin``).
_LINKEDIN = """
insert into network_member (network, audience, lead_id, wanted, version, pushed_version, held, pushed_at,
    pushed_real_at, error, refused_version, refusals, retry_real_at, known_as)
select 'linkedin', m.audience, m.lead_id, m.desired, m.version, m.pushed_version, m.member, m.pushed_at,
    case when m.pushed_at is not null then now() end, m.error, m.refused_version, m.refusals, m.retry_real_at,
    case when m.member and coalesce(l.email, e.email) is not null
        then encode(sha256(convert_to(lower(btrim(coalesce(l.email, e.email))), 'UTF8')), 'hex') else '' end
from audience_member m join lead l on l.id = m.lead_id left join erasure e on e.lead_id = m.lead_id
"""
_BACK = """
update audience_member a set pushed_version = case when m.pushed_version = m.version then a.version else 0 end,
    member = m.held, pushed_at = m.pushed_at, error = m.error
from network_member m where m.network = 'linkedin' and m.audience = a.audience and m.lead_id = a.lead_id
"""


def upgrade() -> None:
    op.add_column("audience_member", sa.Column("spread_version", sa.Integer(), server_default="0", nullable=False))
    _network_member()
    op.create_table(
        "network_audience",
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="", nullable=False),
        sa.Column("size", sa.Integer(), nullable=True),
        sa.Column("least", sa.Integer(), server_default="0", nullable=False),
        sa.Column("usable", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("problem", sa.Text(), server_default="", nullable=False),
        sa.Column("read_real_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("network", "audience"),
    )
    op.create_table(
        "network_request",
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("asked_real_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("look_real_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("network", "request"),
    )
    op.create_table(
        "network_reach",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rule", sa.dialects.postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute(_LINKEDIN)
    op.drop_index("audience_dirty", "audience_member")
    for column in _MOVED:
        op.drop_column("audience_member", column)
    op.create_index(
        "audience_unspread", "audience_member", ["audience"], postgresql_where=sa.text("spread_version < version")
    )
    op.execute(_MOVED_ADDRESS)
    op.execute(_ON_LEAD)


def _network_member() -> None:
    op.create_table(
        "network_member",
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("wanted", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("pushed_version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("held", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("known_as", sa.Text(), server_default="", nullable=False),
        sa.Column("stale", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("request", sa.Text(), server_default="", nullable=False),
        sa.Column("pushed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pushed_real_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("refused_version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("refusals", sa.Integer(), server_default="0", nullable=False),
        sa.Column("retry_real_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["audience", "lead_id"],
            ["audience_member.audience", "audience_member.lead_id"],
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("network", "audience", "lead_id"),
    )
    for name, columns, where in (
        ("dirty", ["network", "audience", "lead_id"], "pushed_version < version"),
        ("key", ["network", "audience", "known_as"], "known_as <> ''"),
        ("held", ["network", "pushed_real_at"], "held"),
        ("request", ["network", "request"], "request <> ''"),
    ):
        op.create_index(f"network_member_{name}", "network_member", columns, postgresql_where=sa.text(where))
    op.create_index("network_member_lead", "network_member", ["lead_id"])


def downgrade() -> None:
    op.execute("drop trigger lead_address_moved on lead")
    op.execute("drop function address_moved")
    op.drop_index("audience_unspread", "audience_member")
    for column, kind, default in (
        ("pushed_version", sa.Integer(), "0"),
        ("member", sa.Boolean(), "false"),
        ("error", sa.Text(), ""),
        ("refused_version", sa.Integer(), "0"),
        ("refusals", sa.Integer(), "0"),
    ):
        op.add_column("audience_member", sa.Column(column, kind, server_default=default, nullable=False))
    for column in ("pushed_at", "retry_real_at"):
        op.add_column("audience_member", sa.Column(column, sa.DateTime(timezone=True), nullable=True))
    op.execute(_BACK)
    op.create_index(
        "audience_dirty", "audience_member", ["audience"], postgresql_where=sa.text("pushed_version < version")
    )
    for table in ("network_reach", "network_request", "network_audience", "network_member"):
        op.drop_table(table)
    op.drop_column("audience_member", "spread_version")
