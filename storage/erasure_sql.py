"""What erasing a person removes from each table. ``$1`` is the lead; ids, times and counts of a nobody are left."""

from storage.named import LETTERS, REQUESTS

#: In the order in which everybody locks (``storage.turns``): a decision that is being written is waited for.
LOCKS = (
    "select from journey where lead_id = $1 order by cycle for update",
    "select from touch where lead_id = $1 order by key for update",
    "select from lead where id = $1 for update",
)
NAMES = """
select 'email' as kind, email as value from lead where id = $1 and email is not null
union select 'user_id', external_id from lead where id = $1 and external_id is not null
union select kind, value from identity where lead_id = $1
-- an address they had and refused mail to, unless it is somebody else's now: with the entry gone, it bars them
union select 'email', email from suppression s
where lead_id = $1 and not exists (select from lead l where l.email = s.email and l.id <> $1)
"""
#: What still needs the address, or the CRM's id of the contact, of somebody erased.
WAITING = """
select 'audience ' || m.audience as what from audience_member m
where m.lead_id = $1 and m.spread_version < m.version and not exists (
    select from network_member n
    where (n.audience, n.lead_id) = (m.audience, m.lead_id) and n.pushed_version < n.version
)
union
select 'audience ' || n.audience || ' at ' || n.network from network_member n join erasure e using (lead_id)
where n.lead_id = $1 and (n.known_as <> '' or n.pushed_version < n.version and e.email is not null)
union all
select 'crm' from crm_record c join lead l on l.id = c.lead_id
where c.lead_id = $1 and c.pushed_version < c.version and l.crm_id <> ''
union all
select 'journey' from (select from journey where lead_id = $1 and ended_at is null limit 1) as running
order by what
"""

_DECISION = """
update decision set title = 'erased', cause = 'erased', wake_types = '{}', scores = '{}', commands = '{}',
    reasons = '[]', rejected = '[]', forward = '{}', next_wake_cause = '',
    state = jsonb_set(
        jsonb_set(jsonb_set(state, '{ending_reason}', '""'), '{rejections}', '[]'), '{handoff,reason}', '""'
    )
where lead_id = $1 and title <> 'erased'
"""
#: A sender's message id stays, so that a retry counts once, unless it names the person.
_BEHAVIOUR = """
update behaviour b set name = case when kind in ('delivery', 'crm') then name else 'erased' end, properties = '{}',
    user_id = null, anonymous_id = null,
    message_id = case
        when exists (select from unnest($2::text[]) as name where position(lower(name) in lower(b.message_id)) > 0)
        then 'erased:' || b.id else message_id
    end
where lead_id = $1 and (properties <> '{}' or user_id is not null or anonymous_id is not null
    or name <> 'erased' and kind not in ('delivery', 'crm'))
"""
#: What was said of an address holds for whoever has it now.
_HAND_OVER = """
update suppression s set lead_id = l.id from lead l
where s.lead_id = $1 and l.email = s.email and l.id <> $1 and l.email <> all($2::text[])
"""
#: What is kept raw and names the person, with what finds their names (``storage.named``) as argument.
REMOVE_RAW = (f"delete {LETTERS}", f"delete {REQUESTS}")
#: With the lead's names as argument.
REMOVE_NAMES = ("delete from alias where previous_id = any($1) or user_id = any($1)",)
#: With the lead and its names as arguments.
REMOVE_NAMED = (_BEHAVIOUR, _HAND_OVER, "delete from suppression where lead_id = $1 or email = any($2)")
#: With the lead alone.
REMOVE = (
    """
    update lead set external_id = null, email = null, fields = '{}', country = '', timezone = '', source = '',
        owner = '', account_id = null, away_until = null
    where id = $1
    """,
    "delete from identity where lead_id = $1",
    "delete from answer where lead_id = $1",
    "delete from consent where lead_id = $1",
    "delete from consent_word where lead_id = $1",
    "delete from preference where lead_id = $1",
    _DECISION,
    "update journey set title = 'erased', forward = '{}', next_wake_cause = '', ending_reason = '' where lead_id = $1",
    """
    update touch set note = '', vendor_id = '', attempted_to = '',
        status = case status when 'planned' then 'withdrawn' else status end,
        reason = case when status in ('planned', 'claimed') then 'erased' when status = 'sent' then '' else reason end
    where lead_id = $1
    """,
    """
    update handoff set brief = '{}', reason = 'erased', outcome_reason = '',
        status = case status when 'open' then 'withdrawn' else status end
    where lead_id = $1
    """,
    "update pending_wake set types = '{erased}' where lead_id = $1",
    "update audience_member set desired = false, version = version + 1 where lead_id = $1 and desired",
    """
    update crm_record c set version = version + 1, desired = blank.fields
    from (
        select coalesce(jsonb_object_agg(field, ''), '{}') as fields
        from crm_record, jsonb_object_keys(desired) as field where lead_id = $1
    ) as blank
    where c.lead_id = $1 and c.desired <> blank.fields
    """,
    # A contact that only the CRM told us of is to go there, too.
    """
    insert into crm_record (lead_id, desired, changed_at)
    select id, '{}', updated_at from lead where id = $1 and crm_id <> '' on conflict (lead_id) do nothing
    """,
    "update crm_record set seen = '{}' where lead_id = $1 and seen <> '{}'",
    "delete from crm_deal where lead_id = $1",
    # What an operator wrote of somebody stays only where many were meant.
    """
    update operation o set reason = '' from operation_lead l
    where l.lead_id = $1 and o.id = l.operation_id and o.selection = ''
    """,
    """
    update operator_action a set detail = a.detail - 'reason' where a.subject = $1 or a.operation_id in (
        select o.id from operation o join operation_lead l on l.operation_id = o.id
        where l.lead_id = $1 and o.selection = ''
    )
    """,
)
#: ``$1`` is the company they belonged to.
FORGET_COMPANY = (
    "delete from account_identity where account_id = $1 and not exists (select from lead where account_id = $1)",
    "delete from account where id = $1 and not exists (select from lead where account_id = $1)",
)
#: A network removes somebody by the key that it was told: only who it was told none of needs the address.
FORGET_ADDRESS = """
update erasure set email = null where lead_id = $1 and email is not null and not exists (
    select from audience_member where lead_id = $1 and spread_version < version
) and not exists (
    select from network_member where lead_id = $1 and known_as = '' and pushed_version < version
)
"""
UNFINISHED = """
select lead_id from erasure e where finished_at is null and not (
    email is null and exists (select from network_member n where n.lead_id = e.lead_id and n.request <> '')
)
order by at, lead_id limit $1
"""
#: Once nothing waits any more.
FINISH = (
    "delete from audience_member where lead_id = $1",
    "delete from crm_record where lead_id = $1",
    "update lead set crm_id = '' where id = $1",
)
