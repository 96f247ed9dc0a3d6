"""Whom a vendor speaks of: by the touch, the vendor's id or the mail's name, our id, the CRM's id, or the address."""

from collections.abc import Sequence
from typing import Any

from domain.told import About
from storage.addresses import normalised
from storage.database import Connection

#: By the first thing that is known. Somebody erased is nobody.
_WHOSE = """
select found.lead_id, found.touch, found.handoff, found.sent_at,
    (select email from lead where id = found.lead_id) as email
from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[]) with ordinality
    as about (touch, vendor_id, task, lead, crm_id, email, mail, ord)
left join lateral (
    select lead_id, touch, handoff, sent_at from (
        select 1 as rank, t.lead_id, t.key as touch, h.id as handoff, t.sent_at
        from touch t left join handoff h on h.touch_key = t.key where t.key = about.touch
        union all select 2, t.lead_id, t.key, h.id, t.sent_at
        from touch t left join handoff h on h.touch_key = t.key
        where t.vendor_id = about.vendor_id and t.vendor_id <> '' and t.vendor = $1
        union all select 3, t.lead_id, t.key, h.id, t.sent_at
        from touch t join handoff h on h.touch_key = t.key where t.vendor_id = about.task and t.vendor_id <> ''
        union all select 3, t.lead_id, t.key, h.id, t.sent_at
        from touch t left join handoff h on h.touch_key = t.key where t.mail_name = about.mail and t.mail_name <> ''
        union all select 4, l.id, null, null, null from lead l where l.id = about.lead
        union all select 5, l.id, null, null, null from lead l where about.crm_id <> '' and l.crm_id = about.crm_id
        union all select 6, l.id, null, null, null from lead l where about.email <> '' and l.email = about.email
    ) as ways
    where not exists (select from erasure e where e.lead_id = ways.lead_id) order by rank limit 1
) as found on true
order by about.ord
"""


async def whose_are(connection: Connection, vendor: str, abouts: Sequence[About]) -> list[Any | None]:
    """Of each the row ``lead_id``, ``touch``, ``handoff``, ``sent_at``; None where nobody is known."""
    if not abouts:
        return []
    rows = await connection.fetch(
        _WHOSE,
        vendor,
        [about.touch for about in abouts],
        [about.vendor_id for about in abouts],
        [about.task for about in abouts],
        [about.lead for about in abouts],
        [about.crm_id for about in abouts],
        [normalised(about.email) if about.email else "" for about in abouts],
        [about.mail for about in abouts],
    )
    return [row if row["lead_id"] else None for row in rows]
