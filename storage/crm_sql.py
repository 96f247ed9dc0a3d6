"""The statements of ``storage.crm``."""

CHANGED = """
insert into crm_news (vendor, record, crm_id, told_real_at) values ($1, $2, $3, $4)
on conflict (vendor, record, crm_id) do update set version = crm_news.version + 1
"""
WAITS = "select exists (select from crm_news where vendor = $1)"
UNSEEN_LONG = """
select not exists (
    select from crm_cursor where vendor = $1 and stream = 'contact' and read_real_at > now() - $2::interval
)
"""
WAITING = "select crm_id, version from crm_news where vendor = $1 and record = $2 order by told_real_at limit $3"
#: Told again while it was read: it stays.
DONE = """
delete from crm_news n using unnest($3::text[], $4::int[]) as read (crm_id, version)
where n.vendor = $1 and n.record = $2 and n.crm_id = read.crm_id and n.version = read.version
"""
READ_UPTO = """
insert into crm_cursor (vendor, stream, cursor, read_real_at) values ($1, $2, $3, case when $4 then now() end)
on conflict (vendor, stream) do update set cursor = excluded.cursor,
    read_real_at = coalesce(excluded.read_real_at, crm_cursor.read_real_at)
"""
SELLERS = """
with told as (select * from unnest($2::text[], $3::text[], $4::text[]) as told (id, email, name)),
gone as (delete from crm_seller s where s.vendor = $1 and s.id <> all($2))
insert into crm_seller (vendor, id, email, name) select $1, id, email, name from told
on conflict (vendor, id) do update set email = excluded.email, name = excluded.name
"""
OWNERS = "select id, email, name from crm_seller where vendor = $1"
HANDOFFS = """
select h.id, t.vendor_id from handoff h join touch t on t.key = h.touch_key
where h.status = 'open' and t.status = 'sent' and t.vendor_id = any($1)
"""
PLAYBOOKS = """
select v.hash from playbook_active a join playbook_version v on v.hash = a.hash
order by a.is_default desc, a.name
"""
#: Contacts that we know, page by page.
KNOWN = """
select crm_id from lead where crm_id <> '' and crm_id > $1 and merged_into is null
    and not exists (select from erasure e where e.lead_id = lead.id)
order by crm_id limit $2
"""
#: A contact that takes the place of one that is gone has no status of ours.
FORGET = """
with gone as (update lead set crm_id = '' where crm_id <> '' and crm_id = any($1) returning id)
update crm_record c set seen = c.seen - 'lead_status' from gone where c.lead_id = gone.id
"""
WHOSE = """
with told as (
    select distinct on (coalesce(own.id, named.id)) coalesce(own.id, named.id) as id, t.contact
    from unnest($1::text[], $2::text[], $3::text[]) as t (contact, lead, email)
    left join lead own on own.crm_id = t.contact
    left join lateral (
        select n.id from lead n where own.id is null and n.crm_id = '' and n.merged_into is null
            and (n.id = t.lead or t.email <> '' and n.email = t.email) order by n.id = t.lead desc limit 1
    ) as named on true
    where coalesce(own.id, named.id) is not null order by coalesce(own.id, named.id), t.contact
)
select l.id, told.contact, l.fields, l.owner, coalesce(c.seen, '{}') as seen, c.desired ->> 'lead_status' as wanted,
    now() as now
from told join lead l on l.id = told.id left join crm_record c on c.lead_id = l.id
where l.merged_into is null and not exists (select from erasure e where e.lead_id = l.id)
order by l.id for no key update of l
"""
#: In the order of locks of decisions: the lead's row is held, the record's comes after.
TAKE = """
with told as (
    select * from unnest($1::text[], $2::text[], $3::jsonb[], $4::text[], $5::jsonb[])
        as told (lead, crm_id, take, owner, seen)
),
remembered as (
    insert into crm_record (lead_id, desired, version, pushed_version, changed_at, seen)
    select lead, '{}', 1, 1, $6, seen from told where seen <> '{}' order by lead
    on conflict (lead_id) do update set seen = crm_record.seen || excluded.seen
)
update lead l set fields = l.fields || told.take, owner = coalesce(told.owner, l.owner), crm_id = told.crm_id,
    updated_at = $6
from told where l.id = told.lead and (told.take <> '{}' or told.owner is not null or l.crm_id <> told.crm_id)
"""
#: What was not known of an opportunity and its lead; of a merged lead, its survivor. That one was closed before the
#: lead came is no news.
OPPORTUNITIES = """
with told as (
    select distinct on (t.id, l.id) t.id, l.id as lead_id, l.account_id, t.outcome, t.at, l.created_at
    from unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[]) as t (id, contact, outcome, at)
    join lead m on m.crm_id = t.contact and m.crm_id <> '' join lead l on l.id = coalesce(m.merged_into, m.id)
    where not exists (select from erasure e where e.lead_id in (l.id, m.id)) order by t.id, l.id
),
locked as materialized (
    select l.id from lead l where l.id in (select lead_id from told) order by l.id for no key update
),
kept as (
    insert into crm_deal (vendor, id, lead_id, outcome, at)
    select $1, told.id, told.lead_id, told.outcome, $6 from told join locked on locked.id = told.lead_id
    order by told.lead_id, told.id
    on conflict (vendor, id, lead_id) do update set outcome = excluded.outcome, at = excluded.at
        where crm_deal.outcome <> excluded.outcome
    returning id, lead_id, outcome
)
select kept.id, kept.lead_id, kept.outcome, told.account_id,
    kept.outcome = 'opportunity_opened' or told.at >= told.created_at or exists (
        select from crm_deal d where d.vendor = $1 and d.id = kept.id and d.lead_id = kept.lead_id
    ) as news
from kept join told on told.id = kept.id and told.lead_id = kept.lead_id order by kept.lead_id, kept.id
"""
#: An account's opportunity is open as long as one of its leads has one that is.
ACCOUNTS = """
update account a set opportunity_opened_at = case when o.open then coalesce(a.opportunity_opened_at, $2) end
from (
    select x.id, exists (
        select from crm_deal d join lead l on l.id = d.lead_id
        where l.account_id = x.id and d.outcome = 'opportunity_opened'
    ) as open
    from account x where x.id = any($1) order by x.id for update
) as o
where a.id = o.id and o.open is distinct from (a.opportunity_opened_at is not null)
"""
SIBLINGS = """
select id, account_id from lead where account_id = any($1) and merged_into is null
    and not exists (select from erasure e where e.lead_id = lead.id)
order by id for no key update
"""
#: What we have of the leads of these contacts, to be compared.
HELD = """
select l.id, l.crm_id, l.fields, coalesce(c.desired, '{}') as desired, coalesce(c.seen, '{}') as seen
from lead l left join crm_record c on c.lead_id = l.id where l.crm_id = any($1) and l.crm_id <> ''
"""
PUSH_ALL = """
update crm_record c set version = c.version + 1, refusals = 0, retry_real_at = null
from lead l where l.id = c.lead_id and l.email is not null and l.merged_into is null and c.desired <> '{}'
    and not exists (select from erasure e where e.lead_id = l.id)
"""
