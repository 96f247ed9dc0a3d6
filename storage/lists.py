"""Desired state of CRM records (DESIGN decision 5): what differs from what the vendor acknowledged.

Only leads with an address are given out: vendors know people by it. Rows are locked in the order of their keys, as
decisions lock them.

A row that the vendor refuses would be refused again: it is given out after 5 minutes, then 10, up to a day, or as soon
as it changes. So one bad address neither fills every batch nor is forgotten.
"""

from collections.abc import Sequence
from datetime import datetime

from domain.crm_ports import CrmChange
from storage.database import Database

#: Of a merged lead nothing is told: the contact is its survivor's. The contact of somebody erased is removed by the id
#: we know; one that we know no id of is not made. A status that the CRM has of us already is not told again: it would
#: write over what sales has set since, unheard.
_DIRTY_CRM = """
select c.lead_id as lead, coalesce(l.email, '') as email, l.crm_id, c.version,
    case when e.lead_id is null and l.crm_id <> '' and c.seen -> 'lead_status' = c.desired -> 'lead_status'
        then c.desired - 'lead_status' else c.desired end as fields,
    c.seen ->> 'lead_status' as status_seen, e.lead_id is not null as erased, coalesce((
        select j.playbook_hash from journey j where j.lead_id = c.lead_id order by j.cycle desc limit 1
    ), '') as playbook
from crm_record c join lead l on l.id = c.lead_id left join erasure e on e.lead_id = l.id
where c.pushed_version < c.version and (l.merged_into is null or e.lead_id is not null)
    and (l.email is not null or e.lead_id is not null and l.crm_id <> '')
    and (c.refused_version < c.version or c.retry_real_at <= now())
order by coalesce(c.pushed_at, c.changed_at), c.lead_id limit $1
"""
_CRM_PUSHED = """
with pushed as (
    select c.lead_id, told.version, told.crm_id, told.status,
        -- the contact was gone and is another's now, which no status was told of: it stays to be pushed
        told.status = '' and c.seen ? 'lead_status' and told.crm_id <> '' and l.crm_id not in ('', told.crm_id) as bare
    from unnest($1::text[], $2::int[], $3::text[], $5::text[]) as told (lead_id, version, crm_id, status)
    join lead l on l.id = told.lead_id join crm_record c on c.lead_id = told.lead_id
    -- a lead before its record, as whoever reads the CRM locks them
    order by l.id for no key update of l for update of c
),
known as (
    update lead set crm_id = pushed.crm_id from pushed
    where lead.id = pushed.lead_id and pushed.crm_id <> '' and lead.crm_id <> pushed.crm_id
)
update crm_record c set pushed_at = $4, error = '', refusals = 0, retry_real_at = null,
    pushed_version = case when pushed.bare then c.pushed_version else greatest(c.pushed_version, pushed.version) end,
    -- so that what is read back is known to be our own word
    seen = case when pushed.bare then c.seen - 'lead_status' when pushed.status = '' then c.seen
        else c.seen || jsonb_build_object('lead_status', pushed.status) end
from pushed where c.lead_id = pushed.lead_id
"""
_REFUSED = """
    set error = $ERROR, refused_version = told.version, refusals = r.refusals + 1,
    retry_real_at = now() + least(interval '5 minutes' * 2 ^ least(r.refusals, 20), interval '1 day')
"""
_CRM_REFUSED = """
with told as (
    select c.lead_id, told.version
    from unnest($1::text[], $2::int[]) as told (lead_id, version)
    join crm_record c on c.lead_id = told.lead_id order by c.lead_id for update of c
)
update crm_record r /* refused */ from told where r.lead_id = told.lead_id and r.pushed_version < told.version
""".replace("/* refused */", _REFUSED.replace("$ERROR", "$3"))
#: Those in the CRM: in Slack, sellers' answers come by themselves.
_OPEN_TASKS = """
select h.id, t.vendor_id from handoff h join touch t on t.key = h.touch_key
where h.status = 'open' and t.status = 'sent' and t.vendor_id <> '' and t.vendor <> 'slack'
order by h.opened_at, h.id limit $1
"""


class PgLists:
    """``ports.DesiredLists``."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def dirty_crm(self, limit: int) -> list[CrmChange]:
        return [CrmChange(**dict(row)) for row in await self._db.pool.fetch(_DIRTY_CRM, limit)]

    async def crm_pushed(self, changes: Sequence[CrmChange], ids: dict[str, str], now: datetime) -> None:
        """Acknowledge the changes whose lead is in ``ids`` (lead → vendor's id); the others stay to be pushed."""
        taken = [change for change in changes if change.lead in ids]
        await self._db.pool.execute(
            _CRM_PUSHED,
            [change.lead for change in taken],
            [change.version for change in taken],
            [ids[change.lead] for change in taken],
            now,
            ["" if change.erased else str(change.fields.get("lead_status", "")) for change in taken],
        )

    async def crm_refused(self, changes: Sequence[CrmChange], reason: str) -> None:
        """``reason``: the vendor's, in opaque words."""
        leads, versions = [change.lead for change in changes], [change.version for change in changes]
        await self._db.pool.execute(_CRM_REFUSED, leads, versions, reason)

    async def open_handoff_tasks(self, limit: int) -> dict[str, str]:
        return {row["id"]: row["vendor_id"] for row in await self._db.pool.fetch(_OPEN_TASKS, limit)}
