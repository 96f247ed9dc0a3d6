"""The statements of ``storage.standing``."""

from storage.permission import ON_KNOWN

STAND = """
select j.decision_number as number, coalesce(next.run, '') as next_run,
    coalesce(next.cause ^@ 'command', false) as commanded, (
        select d.state from decision d where d.lead_id = j.lead_id and d.cycle = j.cycle and not d.superseded
        order by d.number desc, d.revision desc limit 1
    ) as state
from journey j left join lateral (
    select d.run, d.cause from decision d
    where d.lead_id = j.lead_id and d.cycle = j.cycle and d.number = $3 and not d.superseded
    order by d.revision desc limit 1
) as next on true
where j.lead_id = $1 and j.cycle = $2
"""
HOLD = "select id, email, account_id, inbox_position from lead where id = $1 for no key update"
JOURNEY = """
select j.decision_number, j.cursor, (
        select d.state from decision d where d.lead_id = j.lead_id and d.cycle = j.cycle and not d.superseded
        order by d.number desc, d.revision desc limit 1
    ) as state
from journey j where j.lead_id = $1 and j.cycle = $2 for update
"""
BEGIN = """
insert into journey (lead_id, cycle, playbook_name, playbook_hash, started_at)
values ($1, $2, coalesce((select name from playbook_version where hash = $3), ''), $3, $4)
"""
BEHAVIOUR = """
select position, received_at from behaviour where lead_id = $1 and position > $2 order by position limit 10000
"""
DECISION = """
insert into decision (
    lead_id, cycle, number, revision, at, cause, wake_types, title, state, reasons, next_wake_at, next_wake_cause, run
)
select $1::text, $2::int, $3::int, 1 + coalesce((
        select max(revision) from decision where lead_id = $1 and cycle = $2 and number = $3
    ), 0), $4::timestamptz, 'restored', '{}', $5::text, $6::jsonb, $7::jsonb, $8::timestamptz, $9::text, $10::text
"""
STANDS = """
update journey set decision_number = $3, status = $4, phase = $5, stage = $6, segment = $7, cursor = $8,
    next_wake_at = $9, next_wake_cause = $10, next_touch_at = null, title = $11, paused_since = $12,
    decided_at = $13::timestamptz,
    ending = $14::text, ending_reason = $15, playbook_hash = $16,
    ended_at = case when $14 = '' then null else $13::timestamptz end,
    playbook_name = coalesce((select name from playbook_version where hash = $16), playbook_name)
where lead_id = $1 and cycle = $2
"""
HANDOFF = """
insert into handoff as h (
    id, lead_id, cycle, decision_number, status, reason, opened_at, sla_at, resolved_at, resolved_number
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
on conflict (id) do update set status = excluded.status, resolved_at = excluded.resolved_at,
    resolved_number = excluded.resolved_number
where h.status = 'open'
"""
LEAVE = """
with left_all as (
    update audience_member set desired = false, version = version + 1, changed_at = $2 where lead_id = $1 and desired
)
update crm_record set desired = desired || jsonb_build_object('lead_status', $3::text), version = version + 1,
    changed_at = $2
where lead_id = $1 and desired <> '{}'
"""
SUPPRESS = """
insert into suppression (email, reason, source, lead_id, at) values ($1, $2, 'journey', $3, $4)
/* on known */
""".replace("/* on known */", ON_KNOWN)
#: That something was sent outweighs whatever else the ledger says; that it may be on its way, only that it waits. What
#: became of an earlier plan says nothing of one that a later decision made.
#: Gives 1 when a row was written, else null.
TOUCH = """
with written as (
    insert into touch (
        key, lead_id, account_id, cycle, decision_number, step, channel, asset, note, variant, playbook_hash, status,
        planned_at, claimed_at, sent_at, leased_until, attempts, mail_name
    )
    values (
        $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::text, $13::timestamptz,
        case when $12 in ('sent', 'claimed', 'unknown') then $13::timestamptz end,
        case $12 when 'sent' then $13::timestamptz end, case $12 when 'claimed' then $14::timestamptz end, 1, $15
    )
    on conflict (key) do update set status = excluded.status, sent_at = excluded.sent_at,
        claimed_at = coalesce(touch.claimed_at, excluded.claimed_at), leased_until = excluded.leased_until,
        mail_name = case touch.mail_name when '' then excluded.mail_name else touch.mail_name end, reason = '',
        attempted_to = ''
    where excluded.status = 'sent' and touch.status <> 'sent'
        or touch.decision_number <= excluded.decision_number and (
            excluded.status in ('unknown', 'failed', 'refused', 'withdrawn') and touch.status in ('planned', 'claimed')
            or excluded.status = 'claimed' and touch.status = 'planned'
        )
    returning 1
)
select count(*)::int from written
"""
