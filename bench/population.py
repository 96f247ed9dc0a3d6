"""A deployment that has run for months, made by SQL: leads, journeys, decisions, touches, behaviour and all the rest.

One lead's life is lived by the real core and the default playbook, and copied to all others; where they stand is then
spread over phases, stages, segments and endings, so that filters find few, some and many.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from authoring.load import load_playbook
from bench.report import Progress
from bench.stack import ROOT
from domain.core.simulate import simulate
from domain.decision import Decision
from domain.facts import Behaviour, Facts, LeadFacts
from domain.playbook.compiled import CompiledPlaybook
from storage import playbooks
from storage.database import Database, json_text

_LIVED = timedelta(days=90)
#: Who came lately has lived as much in less time.
_PACE = "least(1, extract(epoch from now() - created_at) / 7776000)"
_TEMPLATE = "ld_template"
#: Many sit in one phase and stage, some in others, few in the rest.
_LEADS = """
with made as (
    select n, 'ld_bench' || lpad(n::text, 8, '0') as id, $2::timestamptz - n % 120 * interval '1 day'
        - n % 86400 * interval '1 second' as at
    from generate_series(1, $1::int) as n
),
companies as (
    insert into account (id, domain, name, created_at)
    select 'ac_bench' || n, 'company' || n || '.example', 'Company ' || n, $2 from generate_series(0, $1 / 4) as n
)
insert into lead (id, external_id, email, fields, country, source, account_id, inbox_position, created_at, updated_at)
select id, 'b' || n, 'lead' || n || '@company' || n / 4 || '.example',
    jsonb_build_object('role', 'cto', 'employees', n % 900), 'DE', 'webinar', 'ac_bench' || n / 4, $3, at, at
from made
"""
_JOURNEYS = """
insert into journey (
    lead_id, cycle, playbook_name, playbook_hash, status, phase, stage, segment, fit, intent, grade, decision_number,
    cursor, next_wake_at, next_wake_cause, title, forward, started_at, decided_at, ended_at, ending, ending_reason
)
select id, 1, $2, $3,
    case when n % 10 < 6 then 'nurture' when n % 10 < 7 then 'sales_review' when n % 10 < 8 then 're_engaged'
        when n % 10 < 9 then 'sales_accepted' else 'disqualified' end,
    case when n % 10 >= 8 then 'ended' when n % 10 = 6 then 'handoff' when n % 10 = 7 then 're_engagement'
        when n % 997 = 0 then 'cool_down' else 'nurture' end,
    (array['problem_awareness','problem_awareness','research','research','comparison','evaluation',
        'internal_alignment'])[1 + n % 7],
    (array['startup','smb','mid_market','enterprise'])[1 + n % 4], n % 100, n * 7 % 100, 'B', $4, $5,
    case when n % 10 < 8 then $1::timestamptz + n % 400 * interval '1 hour' + interval '10 minutes' end,
    'next touch: a guide', 'Sends a-guide', array['to sales: intent at least 55'], created_at,
    created_at + /* pace */ * interval '80 days',
    case when n % 10 >= 8 then created_at + /* pace */ * interval '60 days' end,
    case when n % 10 = 8 then 'sales_accepted' when n % 10 = 9 then 'disqualified' else '' end, ''
from (select *, substring(id from 9)::int as n from lead) as lead
"""
_DECISIONS = """
insert into decision (
    lead_id, cycle, number, revision, at, cause, wake_types, title, state, scores, commands, reasons, rejected, forward,
    next_wake_at, next_wake_cause
)
select l.id, 1, d.number, 1, l.created_at + /* pace */ * d.after, 'timer', '{}', d.title,
    replace(d.state, 'ld_template', l.id)::jsonb,
    d.scores::jsonb, replace(d.commands, 'ld_template', l.id)::jsonb, d.reasons::jsonb, d.rejected::jsonb, '{}',
    l.created_at + d.after + interval '5 days', 'next touch'
from lead l cross join unnest(
    $1::int[], $2::interval[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[]
) as d (number, after, title, state, scores, commands, reasons, rejected)
"""
_TOUCHES = """
insert into touch (
    key, lead_id, account_id, cycle, decision_number, step, channel, asset, playbook_hash, status, planned_at,
    claimed_at, sent_at, vendor, vendor_id
)
select l.id || '/1/0/' || t.step, l.id, l.account_id, 1, t.number, t.step, t.channel, t.asset, $6, 'sent',
    l.created_at + /* pace */ * t.after, l.created_at + /* pace */ * t.after, l.created_at + /* pace */ * t.after,
    'smtp', 'v' || l.id || t.step
from lead l cross join unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::interval[])
    as t (step, channel, asset, number, after)
order by t.number
"""
#: The $2th of each lead: as in life, what one lead did lies far apart.
_BEHAVIOURS = """
insert into behaviour (message_id, lead_id, position, kind, name, properties, occurred_at, received_at)
select l.id || '-' || n, l.id, n, 'page', '/guides/' || n % 40, '{"title": "A guide", "campaign": "spring"}',
    l.created_at + /* pace */ * n * interval '90 days' / $1::int,
    l.created_at + /* pace */ * n * interval '90 days' / $1::int
from lead l cross join (select $2::int) as of (n)
"""
_REST = (
    """
    insert into handoff (id, lead_id, cycle, decision_number, status, reason, brief, opened_at, sla_at)
    select lead_id || '-1-1', lead_id, 1, 3, case phase when 'handoff' then 'open' else 'accepted' end, 'ready',
        '{"why": "asked"}', started_at + interval '50 days', started_at + interval '52 days'
    from journey where status in ('sales_review', 'sales_accepted')
    """,
    """
    insert into audience_member (audience, lead_id, desired, changed_at)
    select 'retarget', lead_id, ended_at is null, started_at from journey
    """,
    """
    insert into consent_word (lead_id, channel, granted, basis, source, at)
    select id, 'email', true, 'consent', 'form', created_at from lead
    """,
    "insert into consent (lead_id, channel, granted, at) select id, 'email', true, created_at from lead",
    "vacuum analyze",
)


async def populate(db: Database, leads: int, behaviours: int, progress: Progress) -> None:
    """Make ``leads`` leads with ``behaviours`` events among them, as of now."""
    now, playbook = datetime.now(UTC), CompiledPlaybook(load_playbook(ROOT / "playbooks" / "b2b-saas"))
    await playbooks.store(db, playbook.document, now, default=True)
    lived, each = _life(playbook, now), max(math.ceil(behaviours / leads), 1)
    steps: list[tuple[str, tuple[Any, ...]]] = [
        (_LEADS, (leads, now, each)),
        (_JOURNEYS, (now, playbook.document.name, playbook.hash, len(lived), each)),
        *((_DECISIONS, _decisions([one], now)) for one in lived),
        (_TOUCHES, (*_touches(lived, now), playbook.hash)),
        *((_BEHAVIOURS, (each, number)) for number in range(1, each + 1)),
        *((statement, ()) for statement in _REST),
    ]
    for number, (statement, values) in enumerate(steps, 1):
        progress(f"{leads:,} leads with {each} events each: {number} of {len(steps)}")
        await db.pool.execute(statement.replace("/* pace */", _PACE), *values, timeout=3600)


def _life(playbook: CompiledPlaybook, now: datetime) -> list[Decision]:
    """The decisions of one lead who visits now and then."""
    start = now - _LIVED
    visits = [
        Behaviour(position=number, kind="page", name="/guides/1", at=start + number * timedelta(days=11))
        for number in range(1, 8)
    ]
    lead = LeadFacts(
        id=_TEMPLATE, has_email=True, email_domain="company.example", created_at=start, fields={"role": "cto"}
    )
    return list(simulate(playbook, Facts(lead=lead), visits, start, now))


def _decisions(lived: Sequence[Decision], now: datetime) -> tuple[list[Any], ...]:
    """Columns of ``_DECISIONS``: number, time after the beginning, title, and the parts as JSON."""
    parts = [decision.model_dump(mode="json", exclude_defaults=True) for decision in lived]
    commands = [{name: part[name] for name in ("send", "open_handoff", "audiences") if name in part} for part in parts]
    return (
        [decision.state.number for decision in lived],
        [decision.at - (now - _LIVED) for decision in lived],
        [decision.title for decision in lived],
        [json_text(decision.state.model_dump(mode="json")) for decision in lived],
        [json_text(part.get("scores", {})) for part in parts],
        [json_text(part) for part in commands],
        [json_text(part.get("reasons", [])) for part in parts],
        [json_text(part.get("rejected", [])) for part in parts],
    )


def _touches(lived: Sequence[Decision], now: datetime) -> tuple[list[Any], ...]:
    sent = [(decision, touch) for decision in lived for touch in decision.send]
    return (
        [touch.step for _, touch in sent],
        [touch.channel for _, touch in sent],
        [touch.asset for _, touch in sent],
        [decision.state.number for decision, _ in sent],
        [decision.at - (now - _LIVED) for decision, _ in sent],
    )
