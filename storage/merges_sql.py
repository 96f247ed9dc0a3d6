"""The statements of a merge and of its undoing. ``storage.merges`` and ``storage.unmerges`` say when each is used."""

from storage.attach import MOVE_AND_WAKE, PER_SECOND
from storage.history import BEGIN
from storage.permission import ON_KNOWN

#: In the order in which everybody locks (``storage.turns``): a decision or claim that is being written is waited for.
LOCKS = (
    "select from journey where lead_id = any($1) order by lead_id, cycle for update",
    "select from touch where lead_id = any($1) and status in ('planned', 'claimed') order by key for update",
    "select from lead where id = any($1) order by id for update",
)
STANDING = """
select l.id as lead, l.created_at, l.email, l.external_id, l.mailbox, l.merged_into,
    j.phase, j.status, j.cycle, coalesce(j.cursor, 0) as cursor, j.ended_at, e.lead_id is not null as erased
from lead l left join erasure e on e.lead_id = l.id
left join lateral (select * from journey where lead_id = l.id order by cycle desc limit 1) j on true
where l.id = any($1)
"""

#: Gives behaviour of ``$1`` to ``$2``: what a journey of the former has considered (up to position ``$3``, or history)
#: becomes history of the latter, known and no news; the rest comes next in its inbox, as news, and wakes it. ``$4``:
#: ids of the events concerned, null for all.
MOVE = f"""
with mine as materialized (
    select id, name, kind, occurred_at, position as old,
        position > 0 and position > $3 as news,
        {BEGIN} + floor(extract(epoch from occurred_at))::bigint * {PER_SECOND} as floor
    from behaviour where lead_id = $1 and ($4::bigint[] is null or id = any($4))
),
placed as materialized (
    select m.id, m.kind, m.name, m.old, $2::text as lead_id,
        l.inbox_position + row_number() over (order by m.old) as position
    from mine m, lead l where l.id = $2 and m.news
),
behind as materialized (
    select m.id, m.old, coalesce(newest.position, m.floor - 1)
        + row_number() over (partition by m.floor order by m.occurred_at, m.old) as position
    from mine m left join lateral (
        select max(b.position) as position from behaviour b
        where b.lead_id = $2 and b.position >= m.floor and b.position < m.floor + {PER_SECOND}
    ) as newest on true
    where not m.news
),
given as (
    update behaviour b set lead_id = $2, position = new.position
    from (select id, position from placed union all select id, position from behind) as new where b.id = new.id
),
/* move and wake */
select array(select id from mine order by id) as ids, array(select old from mine order by id) as positions,
    (select count(*) from placed) as news, (select count(*) from told)
""".replace("/* move and wake */", MOVE_AND_WAKE)  # noqa: S608 - numbers of our own

#: Nothing further leaves for the merged lead: what is on its way is remembered as called back (``storage.record_sql``).
CALL_BACK = """
update touch set reason = 'merged', status = case status when 'claimed' then 'claimed' else 'withdrawn' end
where lead_id = $1 and status in ('planned', 'claimed') returning 1
"""

IDENTITIES = "update identity set lead_id = $2 where lead_id = $1 returning kind, value"
CRM_IDENTITY = """
insert into identity (kind, value, lead_id, created_at) select 'crm_id', crm_id, $2, $3 from lead
where id = $1 and crm_id <> '' on conflict do nothing
"""
PROFILE = """
select id, external_id, email, mailbox, crm_id, fields, country, timezone, source, owner, account_id, away_until
from lead where id = $1
"""
#: Of a name that only one lead may have, the former owner lets go first.
LET_GO = """
update lead set external_id = case when 'external_id' = any($2) then null else external_id end,
    email = case when 'email' = any($2) then null else email end,
    mailbox = case when 'email' = any($2) then null else mailbox end,
    crm_id = case when 'crm_id' = any($2) then '' else crm_id end
where id = $1
"""
TAKE_UP = """
update lead set external_id = coalesce(nullif($2, ''), external_id), email = coalesce(nullif($3, ''), email),
    mailbox = case when $3 = '' then mailbox else $4 end, crm_id = coalesce(nullif($5, ''), crm_id), updated_at = $6
where id = $1
"""
#: Who is away under either name is away.
FILL = """
update lead l set fields = o.fields || l.fields,
    country = coalesce(nullif(l.country, ''), o.country), timezone = coalesce(nullif(l.timezone, ''), o.timezone),
    source = coalesce(nullif(l.source, ''), o.source), owner = coalesce(nullif(l.owner, ''), o.owner),
    account_id = coalesce(l.account_id, o.account_id), away_until = greatest(l.away_until, o.away_until),
    updated_at = $3
from lead o where l.id = $2 and o.id = $1
"""
#: What the merge filled in goes again where it is still the other's.
EMPTY = """
update lead l set
    fields = l.fields - array(
        select key from jsonb_each(o.fields) as their (key, value)
        where key = any($3::text[]) and l.fields -> key = their.value
    ),
    country = case when 'country' = any($4) and l.country = o.country then '' else l.country end,
    timezone = case when 'timezone' = any($4) and l.timezone = o.timezone then '' else l.timezone end,
    source = case when 'source' = any($4) and l.source = o.source then '' else l.source end,
    owner = case when 'owner' = any($4) and l.owner = o.owner then '' else l.owner end,
    account_id = case when 'account_id' = any($4) and l.account_id = o.account_id then null else l.account_id end,
    updated_at = $5
from lead o where l.id = $2 and o.id = $1
"""

#: The survivor is away until when it was before the merge ($3), or as long as who is part of it still.
AWAY_BACK = """
update lead l set away_until = greatest(
    $3::timestamptz, (select max(m.away_until) from lead m where m.merged_into = l.id)
)
from lead o where l.id = $2 and o.id = $1 and l.away_until = o.away_until
"""

CONSENT = "select channel, granted, basis, source, at::text as at from consent where lead_id = $1 order by channel"
#: A no of either is a no; what only one has said holds.
UNITE_CONSENT = """
insert into consent (lead_id, channel, granted, basis, source, at)
select $2, channel, granted, basis, source, at from consent where lead_id = $1
on conflict (lead_id, channel) do update set granted = excluded.granted, basis = excluded.basis,
    source = excluded.source, at = excluded.at where consent.granted and not excluded.granted
"""
PREFERENCE = """
select paused_until::text as paused_until, least_days, declined_topics, at::text as at
from preference where lead_id = $1
"""
UNITE_PREFERENCE = """
insert into preference as p (lead_id, paused_until, least_days, declined_topics, at)
select $2, paused_until, least_days, declined_topics, at from preference where lead_id = $1
on conflict (lead_id) do update set paused_until = greatest(p.paused_until, excluded.paused_until),
    least_days = greatest(p.least_days, excluded.least_days), at = greatest(p.at, excluded.at),
    declined_topics = array(select distinct unnest(p.declined_topics || excluded.declined_topics) order by 1)
"""
ANSWERS = """
update answer a set lead_id = $2 where lead_id = $1 and not exists (
    select from answer b where b.lead_id = $2 and b.field = a.field
) returning field
"""

#: The lists forget the lead. Where the survivor took over its very address, it takes over the memberships that it has
#: no word of its own about; the rest the vendors are told to remove, which spares an address that another lead's
#: membership keeps there (``storage.audiences``).
HAND_OVER_AUDIENCES = """
update audience_member a set lead_id = $2 where lead_id = $1 and not exists (
    select from audience_member b where b.lead_id = $2 and b.audience = a.audience
)
"""
LEAVE_AUDIENCES = """
update audience_member set desired = false, version = version + 1, changed_at = $2 where lead_id = $1 and desired
"""
TELL_CRM = "update crm_record set version = version + 1, changed_at = $2 where lead_id = $1"

PART_OF = "update lead set merged_into = $2, updated_at = $3 where id = $1 or merged_into = $1"
WRITE = """
insert into lead_merge (survivor, merged, by, why, rule, at, behaviour_ids, positions, kept)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
SETTLED = "delete from same_person where one = $1 and other = $2"

#: The merge of a lead that is in force, with the lead that its survivor is part of today.
IN_FORCE = """
select m.*, coalesce(s.merged_into, s.id) as root from lead_merge m join lead s on s.id = m.survivor
where m.merged = $1 and m.undone_at is null
"""
#: Back to the very places they had. ``$3`` and ``$4``: ids and positions; what an erasure or another undoing took is
#: no longer the survivor's, and stays away.
GIVE_BACK = """
with back as (
    select b.id, old.position, b.position as here from unnest($3::bigint[], $4::bigint[]) as old (id, position)
    join behaviour b on b.id = old.id and b.lead_id = $1
),
given as (update behaviour b set lead_id = $2, position = back.position from back where b.id = back.id)
select count(*) as number, coalesce(max(position) filter (where here <= $5), 0) as considered from back
"""
#: What the survivor's journey has considered is no news to whichever journey the other begins.
CONSIDERED = """
update journey set cursor = greatest(cursor, $2)
where lead_id = $1 and cycle = (select max(cycle) from journey where lead_id = $1)
"""
#: What reached the survivor since under names, or about touches, that are the other's.
SINCE = """
select b.id from behaviour b
where b.lead_id = $1 and b.id <> all($4::bigint[]) and b.received_at >= $3 and (
    b.user_id = any($5::text[]) or b.user_id is null and b.anonymous_id = any($6::text[])
    or b.user_id = $2 or starts_with(b.properties ->> 'touch', $2 || '/')
)
"""
IDENTITIES_BACK = """
update identity i set lead_id = $2 from unnest($3::text[], $4::text[]) as old (kind, value)
where i.lead_id = $1 and i.kind = old.kind and i.value = old.value
"""
CRM_IDENTITY_BACK = """
delete from identity where kind = 'crm_id' and lead_id = $1 and value = (select crm_id from lead where id = $2)
"""
#: The survivor may have been told the other's external id since: it is the other's alone.
USER_ID_BACK = """
delete from identity where kind = 'user_id' and lead_id = $1 and value = (select external_id from lead where id = $2)
"""
ANSWERS_BACK = "update answer set lead_id = $2 where lead_id = $1 and field = any($3::text[])"
AUDIENCES_BACK = """
update audience_member a set lead_id = $2, desired = false, version = version + 1, changed_at = $3
where lead_id = $1 and not exists (select from audience_member b where b.lead_id = $2 and b.audience = a.audience)
"""
#: Consent that is still what the merge made of it becomes what it was before.
CONSENT_BACK = """
with same as (
    select mine.channel, mine.at from consent mine join consent other on other.channel = mine.channel
        and (other.granted, other.basis, other.source, other.at) = (mine.granted, mine.basis, mine.source, mine.at)
    where mine.lead_id = $1 and other.lead_id = $2 and mine.at <= $4
),
before as (
    select * from jsonb_to_recordset($3::jsonb)
        as b (channel text, granted bool, basis text, source text, at timestamptz)
),
gone as (
    delete from consent c using same
    where c.lead_id = $1 and c.channel = same.channel and c.channel not in (select channel from before)
)
update consent c set granted = before.granted, basis = before.basis, source = before.source, at = before.at
from same join before using (channel) where c.lead_id = $1 and c.channel = same.channel
"""
PREFERENCE_GONE = "delete from preference where lead_id = $1"
PREFERENCE_BACK = """
insert into preference (lead_id, paused_until, least_days, declined_topics, at) values ($1, $2, $3, $4, $5)
on conflict (lead_id) do update set paused_until = excluded.paused_until, least_days = excluded.least_days,
    declined_topics = excluded.declined_topics, at = excluded.at
"""
#: What the person refused while both were one, they refused for both.
REFUSED_SINCE = (
    """
    insert into consent (lead_id, channel, granted, basis, source, at)
    select $2, channel, granted, basis, source, at from consent where lead_id = $1 and not granted and at > $3
    on conflict (lead_id, channel) do update set granted = false, basis = excluded.basis, source = excluded.source,
        at = excluded.at
    """,
    """
    insert into suppression (email, reason, source, lead_id, at)
    select theirs.email, entry.reason, entry.source, theirs.id, entry.at
    from lead mine join suppression entry on entry.email = mine.email or entry.lead_id = mine.id, lead theirs
    where mine.id = $1 and theirs.id = $2 and theirs.email is not null and entry.at >= $3
        and entry.reason <> 'hard_bounced'
    order by entry.at limit 1
    /* on known */
    """.replace("/* on known */", ON_KNOWN),
)
#: The lead, and all that were merged into it before, are parts of themselves and of it again.
ON_ITS_OWN = """
with recursive own (id) as (
    select $1::text
    union
    select m.merged from own join lead_merge m on m.survivor = own.id and m.undone_at is null and m.merged <> $1
)
update lead set merged_into = nullif($1, lead.id), updated_at = $2 from own where lead.id = own.id
"""
UNDONE = "update lead_merge set undone_at = $2, undone_by = $3 where id = $1"
#: Nobody suggests again, or unites by itself, what a person has parted.
DENIED = """
insert into same_person (one, other, why, at, denied_at, denied_by) values ($1, $2, $3, $4, $4, $5)
on conflict (one, other) do update set denied_at = excluded.denied_at, denied_by = excluded.denied_by
"""
SENT_SINCE = """
select count(*) from touch
where lead_id = any($1) and status in ('sent', 'unknown') and coalesce(sent_at, claimed_at) >= $2
"""

#: Of somebody erased, that they were merged stays, and with whom; nothing that could be given back.
FORGET_MERGES = (
    "update lead set mailbox = null where id = $1",
    "update lead_merge set kept = '{}', why = 'erased' where survivor = $1 or merged = $1",
    "delete from same_person where one = $1 or other = $1",
)
