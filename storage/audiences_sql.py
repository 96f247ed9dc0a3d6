"""Statements of ``storage.audiences``. Rows are locked by lead, then audience, as decisions lock them."""

#: What the playbooks in force say of their audiences. One that any of them leaves open is open.
PLAYBOOKS = """
select a ->> 'id' as id, max(a ->> 'label') as label,
    bool_or(coalesce(jsonb_array_length(a -> 'networks'), 0) = 0) as everywhere,
    array_agg(a -> 'networks') as networks
from playbook_active p join playbook_version v using (hash),
    jsonb_array_elements(v.document::jsonb -> 'audiences') as a
group by 1 order by 1
"""
RULE = "select rule from network_reach where id = 1 for update"
KEEP_RULE = "insert into network_reach (id, rule) values (1, $1) on conflict (id) do update set rule = excluded.rule"
#: Everything is to be spread anew.
UNSPREAD = """
with every as (select audience, lead_id from audience_member order by lead_id, audience for update)
update audience_member m set spread_version = 0 from every
where m.audience = every.audience and m.lead_id = every.lead_id
"""
#: ``$1`` networks, ``$2`` at most so many, ``$3`` and ``$4``: pairs of an audience that is not for all networks
#: and one that it is for. A row is written for everybody who should be somewhere, and for nobody else.
SPREAD = """
with turned as (
    select audience, lead_id, desired, version from audience_member
    where spread_version < version order by lead_id, audience limit $2 for update
),
reach as (
    select t.audience, t.lead_id, n.network from turned t cross join unnest($1::text[]) as n (network)
    where t.desired and (t.audience <> all($3::text[]) or exists (
        select from unnest($3::text[], $4::text[]) as one (audience, network)
        where one.audience = t.audience and one.network = n.network
    ))
),
joining as (
    insert into network_member (network, audience, lead_id, wanted)
    select network, audience, lead_id, true from reach order by lead_id, audience, network
    on conflict (network, audience, lead_id) do update
        set wanted = true, version = network_member.version + 1
        where not network_member.wanted
),
leaving as (
    update network_member n set wanted = false, version = n.version + 1
    from turned t
    where n.audience = t.audience and n.lead_id = t.lead_id and n.wanted and not exists (
        select from reach r where r.network = n.network and r.audience = n.audience and r.lead_id = n.lead_id
    )
),
done as (
    update audience_member m set spread_version = t.version from turned t
    where m.audience = t.audience and m.lead_id = t.lead_id
)
select count(*) from turned
"""
#: Dirty, given out (not put off by a refusal), and possible: who was never told by a key is told by an address. The
#: address of somebody erased is kept aside until they are removed (``storage.erasure``).
_GIVEN = """
from network_member m join lead l on l.id = m.lead_id left join erasure e on e.lead_id = l.id
where m.pushed_version < m.version and (m.refused_version < m.version or m.retry_real_at <= now())
    and (m.known_as <> '' or coalesce(l.email, e.email) is not null)
"""
_TO_LEAVE = "(not m.wanted or m.stale)"
_TO_JOIN = "(m.wanted and not m.stale and l.email is not null)"
DUE = f"""
select n.network from (select unnest($1::text[]) union select network from network_audience) as n (network)
where exists (select {_GIVEN} and m.network = n.network and ({_TO_LEAVE} or {_TO_JOIN}))
    or exists (select from network_request r where r.network = n.network and r.look_real_at <= now())
    or exists (select from network_audience a where a.network = n.network and a.read_real_at <= now() - $2::interval)
order by n.network
"""  # noqa: S608 - our own words
_LISTS = f"select distinct m.audience {_GIVEN} and m.network = $1 and "
LEAVING_LISTS = f"{_LISTS} {_TO_LEAVE} order by 1"
JOINING_LISTS = f"{_LISTS} {_TO_JOIN} order by 1"
#: ``shared``: somebody else who belongs there is known by the same key; to remove it would remove them. (Said twice of
#: ``o`` that it has a key: its index has only those.)
_PAGE = f"""
select m.network, m.audience, m.lead_id as lead, m.version, m.wanted as member, coalesce(l.email, e.email, '') as email,
    m.known_as, m.stale, m.known_as <> '' and exists (
        select from network_member o where o.network = m.network and o.audience = m.audience
            and o.known_as = m.known_as and o.known_as <> '' and o.lead_id <> m.lead_id and o.wanted and not o.stale
    ) as shared
{_GIVEN} and m.network = $1 and m.audience = $2 and m.lead_id > $3 and
"""  # noqa: S608 - our own words
KNOWN = """
select distinct known_as from network_member
where network = $1 and audience = $2 and known_as = any($3) and known_as <> '' and wanted and not stale
"""
LEAVING = f"{_PAGE} {_TO_LEAVE} order by m.lead_id limit $4"
JOINING = f"{_PAGE} {_TO_JOIN} order by m.lead_id limit $4"
#: What a network said of members: ``$3`` has lead → [version that it was told, key]. It is looked up and not joined:
#: before a list that was just filled has been analysed, the planner takes it to be short, and would compare everybody
#: with everybody.
_TOLD = """
with locked as (
    select lead_id from network_member
    where network = $1 and audience = $2 and lead_id = any(array(select jsonb_object_keys($3::jsonb)))
    order by lead_id for update
)
update network_member m set
"""
_OF_TOLD = "where m.network = $1 and m.audience = $2 and m.lead_id = any(array(select lead_id from locked))"
_VERSION, _KEY = "($3 -> m.lead_id ->> 0)::int", "$3 -> m.lead_id ->> 1"
#: Who changed while they were being told may have another key by now: that is looked into before they join again. A
#: batch that is carried out later may fail yet: until then its refusals count on.
JOINED = f"""
{_TOLD} error = '', refusals = case when $4 = '' then 0 else m.refusals end, retry_real_at = null, held = true,
    known_as = {_KEY}, stale = m.version > {_VERSION}, request = $4, pushed_at = $5, pushed_real_at = now(),
    pushed_version = greatest(m.pushed_version, {_VERSION})
{_OF_TOLD}
"""
LEFT = f"""
{_TOLD} error = '', refusals = 0, retry_real_at = null, held = m.held and {_KEY} <> '', known_as = {_KEY},
    stale = false, request = '', pushed_at = case when m.wanted then m.pushed_at else $4 end,
    pushed_version = case when m.wanted then m.pushed_version else greatest(m.pushed_version, {_VERSION}) end
{_OF_TOLD}
"""
#: The network will remove them, and says later whether it did: until then they may be there, and their key is kept.
REMOVING = f"""
{_TOLD} error = '', retry_real_at = null, known_as = {_KEY}, request = $4,
    pushed_at = case when m.wanted then m.pushed_at else $5 end, pushed_version = greatest(m.pushed_version, {_VERSION})
{_OF_TOLD}
"""
REFUSED = f"""
{_TOLD} error = $4, refused_version = {_VERSION}, refusals = m.refusals + 1,
    retry_real_at = now() + least(interval '5 minutes' * 2 ^ least(m.refusals, 20), interval '1 day')
{_OF_TOLD} and m.pushed_version < {_VERSION}
"""
#: What a network holds for a limited time is told again before that is over, some at a time.
RENEW = """
with old as (
    select audience, lead_id from network_member
    where network = $1 and held and wanted and pushed_version = version and pushed_real_at < now() - $2::interval
    order by pushed_real_at limit $3
),
locked as (
    select m.audience, m.lead_id from network_member m join old using (audience, lead_id)
    where m.network = $1 order by m.lead_id, m.audience for update of m
)
update network_member m set version = m.version + 1 from locked
where m.network = $1 and m.audience = locked.audience and m.lead_id = locked.lead_id
"""
ASKED = """
insert into network_request (network, request, audience, asked_real_at, look_real_at)
values ($1, $2, $3, now(), now() + $4::interval) on conflict do nothing
"""
REQUESTS = """
select request from network_request where network = $1 and look_real_at <= now()
order by look_real_at, request limit 100
"""
#: A network that is slow is asked less and less often.
LOOK_LATER = """
update network_request
set look_real_at = now() + least(greatest(now() - asked_real_at, $3::interval), interval '6 hours')
where network = $1 and request = $2 returning now() - asked_real_at > $4::interval
"""
FORGET_REQUEST = "delete from network_request where network = $1 and request = $2 returning audience"
#: Who was last told in a batch. Who has changed since is told anew anyway. (Said twice that there is one: its index has
#: only those.)
_OF_REQUEST = "m.network = $1 and m.request = $2 and m.request <> '' and m.pushed_version = m.version"
_OUT = "(not m.wanted or m.stale)"
#: In a statement of its own: who is locked needs no joining then, which may compare everybody with everybody.
LOCK_REQUEST = f"select from network_member m where {_OF_REQUEST} order by lead_id, audience for update"
#: Of a batch that failed, everybody (``$4``), or whoever was to be removed, is told again, as who was refused is:
#: later, and later each time.
FAILED = f"""
update network_member m set version = m.version + 1, refused_version = m.version + 1, refusals = m.refusals + 1,
    error = $3, request = '',
    retry_real_at = now() + least(interval '5 minutes' * 2 ^ least(m.refusals, 20), interval '1 day')
where {_OF_REQUEST} and ($4 or {_OUT})
"""  # noqa: S608 - our own words
#: Who was to be removed is no longer there; who moved is to join under the new key.
DONE = f"""
update network_member m set refusals = 0, request = '', held = m.held and not {_OUT}, stale = false,
    known_as = case when {_OUT} then '' else m.known_as end, version = m.version + (m.wanted and m.stale)::int
where {_OF_REQUEST} and ({_OUT} or m.refusals > 0)
"""  # noqa: S608 - our own words
FILLED = """
insert into network_audience (network, audience, read_real_at) values ($1, $2, 'epoch') on conflict do nothing
"""
UNREAD = """
select audience from network_audience where network = $1 and read_real_at <= now() - $2::interval order by 1
"""
PROBLEM = """
insert into network_audience (network, audience, problem, read_real_at) values ($1, $2, $3, now())
on conflict (network, audience) do update set problem = excluded.problem, read_real_at = now()
"""
REFILL = """
with every as (
    select lead_id from network_member where network = $1 and audience = $2 and held order by lead_id for update
)
update network_member m set version = m.version + 1, held = false from every
where m.network = $1 and m.audience = $2 and m.lead_id = every.lead_id
"""
READ = """
insert into network_audience (network, audience, status, size, least, usable, problem, read_real_at)
values ($1, $2, $3, $4, $5, $6, '', now())
on conflict (network, audience) do update set status = excluded.status, size = excluded.size, least = excluded.least,
    usable = excluded.usable, problem = '', read_real_at = now()
"""
