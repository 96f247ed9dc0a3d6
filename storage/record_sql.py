"""The statements that write a decision. ``storage.record`` says when each is used."""

from storage.permission import ON_KNOWN
from storage.statement import Statement

_TYPES = {
    **dict.fromkeys(("at", "wake_at", "touch_at", "paused_since", "sla_at"), "timestamptz"),
    **dict.fromkeys(("number", "base", "cycle", "fit", "intent"), "int"),
    "cursor": "bigint",
    **dict.fromkeys(
        ("forward", "wake_types", "send_keys", "steps", "channels", "assets", "notes", "variants", "withdraw"), "text[]"
    ),
    "audiences": "text[]",
    "members": "bool[]",
    **dict.fromkeys(("state", "scores", "commands", "reasons", "rejected", "brief", "crm"), "jsonb"),
}

#: Writes decision ``number`` where the journey stands at the one before; gives 1 then, else 0 and changes nothing.
#: ``base`` is the decision that it goes on from: the one before, but for a rewind.
WRITE = Statement(
    """
with turn as (
    update journey set status = :status, phase = :phase, stage = :stage, segment = :segment, fit = :fit,
        intent = :intent, grade = :grade, decision_number = :number, cursor = :cursor, next_wake_at = :wake_at,
        next_wake_cause = :wake_cause, next_touch_at = :touch_at, title = :title, forward = :forward,
        paused_since = :paused_since, decided_at = :at, ending = :ending, ending_reason = :ending_reason,
        ended_at = case when :ending = '' then null else :at end, playbook_hash = :playbook,
        playbook_name = coalesce((select name from playbook_version where hash = :playbook), playbook_name)
    where lead_id = :lead and cycle = :cycle and decision_number = :number - 1
    returning lead_id
),
owner as (select lead.id, lead.email, lead.account_id from lead join turn on turn.lead_id = lead.id),
decided as (
    insert into decision (
        lead_id, cycle, number, revision, at, cause, wake_types, title, state, scores, commands, reasons, rejected,
        forward, next_wake_at, next_wake_cause, run
    )
    select id, :cycle, :number, 1 + coalesce((
            select max(revision) from decision where lead_id = :lead and cycle = :cycle and number = :number
        ), 0), :at, :cause, :wake_types, :title, :state, :scores, :commands, :reasons,
        :rejected, :forward, :wake_at, :wake_cause, :run
    from owner
),
planned as (
    insert into touch (
        key, lead_id, account_id, cycle, decision_number, step, channel, asset, note, variant, playbook_hash,
        planned_at
    )
    select plan.key, owner.id, owner.account_id, :cycle, :number, plan.step, plan.channel, plan.asset, plan.note,
        plan.variant, :playbook, :at
    from owner, unnest(:send_keys, :steps, :channels, :assets, :notes, :variants)
        as plan (key, step, channel, asset, note, variant)
    order by plan.key
    on conflict (key) do update set decision_number = excluded.decision_number, account_id = excluded.account_id,
        asset = excluded.asset, note = excluded.note, variant = excluded.variant,
        playbook_hash = excluded.playbook_hash, status = 'planned', planned_at = excluded.planned_at,
        reason = '', claim_id = '', claimed_at = null, leased_until = null
    where touch.status in ('planned', 'refused', 'withdrawn')
),
withdrawn as (
    -- what is claimed may have left already: that it is called back is remembered for when it turns out not to have
    update touch set status = case touch.status when 'claimed' then 'claimed' else 'withdrawn' end,
        reason = coalesce(nullif(:title, ''), 'called back')
    from owner where touch.lead_id = owner.id and touch.status in ('planned', 'claimed')
        and touch.key = any(:withdraw) and touch.key <> all(:send_keys)
),
opened as (
    insert into handoff (id, lead_id, cycle, decision_number, reason, brief, opened_at, sla_at, touch_key)
    select :handoff, id, :cycle, :number, :handoff_reason, :brief, :at, :sla_at, :handoff_touch
    from owner where :handoff <> ''
    on conflict (id) do update set status = 'open', decision_number = excluded.decision_number,
        reason = excluded.reason, brief = excluded.brief, sla_at = excluded.sla_at, touch_key = excluded.touch_key,
        resolved_at = null, resolved_number = null, outcome_reason = ''
    where handoff.status = 'withdrawn'
        or (handoff.status = 'open' and handoff.decision_number > :base)
        or handoff.resolved_number > :base
),
resolved as (
    update handoff set status = :outcome, outcome_reason = :outcome_reason, resolved_at = :at, resolved_number = :number
    from owner where handoff.id = :resolve and handoff.lead_id = owner.id and handoff.status = 'open'
),
suppressed as (
    insert into suppression (email, reason, source, lead_id, at)
    select email, :suppress, 'journey', id, :at from owner where :suppress <> '' and email is not null
    /* on known */
),
listed as (
    insert into audience_member (audience, lead_id, desired, changed_at)
    select want.audience, owner.id, want.desired, :at
    from owner, unnest(:audiences, :members) as want (audience, desired)
    where want.desired
        or exists (select from audience_member m where m.audience = want.audience and m.lead_id = owner.id)
    order by want.audience
    on conflict (audience, lead_id) do update
        set desired = excluded.desired, version = audience_member.version + 1, changed_at = excluded.changed_at
        where audience_member.desired <> excluded.desired
),
left_all as (
    update audience_member m set desired = false, version = m.version + 1, changed_at = :at from owner
    where m.lead_id = owner.id and m.desired and m.audience <> all(:audiences)
),
synced as (
    insert into crm_record (lead_id, desired, changed_at)
    select id, :crm, :at from owner where :crm <> '{}'
    on conflict (lead_id) do update
        set desired = excluded.desired, version = crm_record.version + 1, changed_at = excluded.changed_at
        where crm_record.desired <> excluded.desired
)
select count(*) from turn
""".replace("/* on known */", ON_KNOWN),
    **_TYPES,
)

LOCK = "select decision_number from journey where lead_id = $1 and cycle = $2 for update"

#: Takes back everything from decision ``number`` on that can be taken back; what was claimed or sent stays.
REWIND = Statement(
    """
with superseded as (
    update decision set superseded = true
    where lead_id = :lead and cycle = :cycle and number >= :number and not superseded
),
withdrawn as (
    update touch set status = 'withdrawn', reason = 'decided again'
    where lead_id = :lead and cycle = :cycle and decision_number >= :number and status = 'planned'
        and key <> all(:send_keys)
),
handed_back as (
    update handoff set
        status = case when decision_number >= :number then 'withdrawn' else 'open' end,
        outcome_reason = case when decision_number >= :number then 'decided again' else '' end,
        resolved_at = case when decision_number >= :number then :at end,
        resolved_number = null
    where lead_id = :lead and cycle = :cycle and id <> :handoff
        and (status = 'open' and decision_number >= :number or resolved_number >= :number)
)
update journey set decision_number = :number - 1 where lead_id = :lead and cycle = :cycle
""",
    **_TYPES,
)

#: Leaves in force only what decision ``number`` goes on from: ``base``, what that went on from, and so on.
LINE = Statement(
    """
with recursive line as (
    select :base as number
    union
    select (
        select coalesce((d.commands ->> 'rewound_to')::int, d.number - 1) from decision d
        where d.lead_id = :lead and d.cycle = :cycle and d.number = line.number order by d.revision desc limit 1
    ) from line where line.number > 0
)
update decision d set superseded = not d.superseded
where d.lead_id = :lead and d.cycle = :cycle and d.number < :number and d.superseded = (
    d.number in (select number from line) and d.revision = (
        select max(revision) from decision r where r.lead_id = d.lead_id and r.cycle = d.cycle and r.number = d.number
    )
)
""",
    **_TYPES,
)

#: Opens again what was open after decision ``base`` and was answered behind it: the clock starts anew.
REOPEN = Statement(
    """
update handoff set status = 'open', outcome_reason = '', resolved_at = null, resolved_number = null,
    sla_at = :at + (sla_at - opened_at)
where lead_id = :lead and cycle = :cycle and decision_number <= :base and resolved_number > :base
""",
    **_TYPES,
)
