"""Everything a decision may consider, in one round trip: PostgreSQL writes ``Facts`` as JSON, pydantic reads them."""

from datetime import datetime, timedelta

from domain.errors import NotFound
from domain.facts import ACCOUNT_TOUCHES, MEMORY, MOST_READ, Facts
from domain.state import JourneyState
from storage.database import Connection
from storage.permission import everyone, forbidden
from storage.statement import Statement

#: Most unread behaviour in one decision, oldest first: a flood is read in several, and the cursor passes over nothing.
MOST_UNREAD = 2000
#: How far back the activity of the account's other leads counts.
ACCOUNT_ACTIVITY = timedelta(days=30)
#: How long a lifted hold is remembered: whom it stopped looks again within a day, unless nobody was at work.
LIFTED = timedelta(days=30)

_FACTS = Statement(
    """
select json_build_object(
    'lead', json_build_object(
        'id', l.id, 'fields', jsonb_strip_nulls(l.fields), 'has_email', l.email is not null,
        'email_domain', case when l.email is null then '' else lower(substring(l.email from '[^@]*$')) end,
        'country', l.country, 'timezone', l.timezone, 'source', l.source, 'owner', l.owner,
        'merged_into', coalesce(l.merged_into, ''), 'created_at', l.created_at
    ),
    'account', case when a.id is null then '{}'::json else json_build_object(
        'id', a.id, 'name', a.name, 'domain', coalesce(a.domain, ''),
        'leads', (select count(*) from lead x where x.account_id = a.id and x.merged_into is null),
        'active_leads_30d', (
            select count(*) from lead x cross join lateral (
                -- the limit keeps PostgreSQL from reading everyone's behaviour instead of these few leads'
                select from behaviour b where b.lead_id = x.id and b.trusted and b.kind in ('track', 'page')
                and b.occurred_at > :active and b.occurred_at <= :now limit 1
            ) as active where x.account_id = a.id and x.id <> l.id
        ),
        'open_opportunity', a.opportunity_opened_at is not null,
        'recent_touches', (
            select coalesce(json_agg(json_build_array(t.channel, t.sent_at) order by t.sent_at), '[]') from touch t
            where t.account_id = a.id and t.lead_id <> all(/* person */) and t.status = 'sent'
            and t.channel in ('email', 'direct_mail') and t.sent_at > :touched and t.sent_at <= :now
        )
    ) end,
    'permission', json_build_object(
        'suppressed', coalesce(/* forbidden */, ''),
        'declined', (
            select coalesce(json_agg(c.channel), '[]') from consent c where c.lead_id = l.id and not c.granted
        ),
        'basis', coalesce((
            select c.basis from consent c where c.lead_id = l.id and c.granted order by c.at desc, c.channel limit 1
        ), ''),
        'paused_until', greatest(l.away_until, (select p.paused_until from preference p where p.lead_id = l.id)),
        'least_days', coalesce((select p.least_days from preference p where p.lead_id = l.id), 0),
        'declined_topics', coalesce((select to_json(p.declined_topics) from preference p where p.lead_id = l.id), '[]')
    ),
    'behaviours', (
        select coalesce(json_agg(json_build_object(
            'position', b.position, 'kind', b.kind, 'name', b.name, 'properties', b.properties, 'at', b.occurred_at,
            'trusted', b.trusted
        ) order by b.position), '[]')
        from (
            (
                select * from behaviour b where b.lead_id = l.id and b.position <= :cursor
                and b.occurred_at > :remembered order by b.position desc limit :most_read
            )
            union all
            (
                select * from behaviour b where b.lead_id = l.id and b.position > :cursor
                order by b.position limit :most_unread
            )
        ) as b
    ),
    'more_unread', l.inbox_position > :cursor + :most_unread and exists (
        select from behaviour b where b.lead_id = l.id and b.position > :cursor
        order by b.position offset :most_unread limit 1
    ),
    'touches', (
        select coalesce(json_agg(json_build_object(
            -- what a merged lead was sent, this one was sent: but in none of its own cycles
            'key', t.key, 'cycle', case t.lead_id when l.id then t.cycle else 0 end, 'step', t.step,
            'asset', t.asset, 'channel', t.channel, 'status', t.status, 'at', coalesce(t.sent_at, t.planned_at),
            'note', t.note, 'variant', t.variant, 'number', t.decision_number
        ) order by coalesce(t.sent_at, t.planned_at), t.key), '[]') from touch t where t.lead_id = any(/* person */)
    ),
    'standing', (
        select json_build_object(
            'number', j.decision_number, 'next_run', coalesce(d.run, ''),
            'commanded', coalesce(d.cause ^@ 'command', false)
        )
        from journey j left join lateral (
            select run, cause from decision d
            where d.lead_id = j.lead_id and d.cycle = j.cycle and d.number = :number + 1 and not d.superseded
            order by d.revision desc limit 1
        ) as d on true
        where j.lead_id = l.id and j.cycle = :cycle
    ),
    'holds', (
        select coalesce(json_agg(json_build_object(
            'scope', h.scope, 'since', h.since, 'reason', h.reason,
            'lifting', case when h.lifted_at is not null then coalesce(nullif(h.lifting, ''), 'shift') end,
            'until', coalesce(h.spread_until, h.lifted_at)
        ) order by h.id), '[]')
        from hold h where (
            -- a lifted one concerns whom it stopped: each of them looks again within a day
            h.lifted_at is null
            or h.scope not like 'channel:%' and h.since <= :held and coalesce(h.spread_until, h.lifted_at) > :lifted
            or h.scope like 'channel:%' and h.spread_until > :now and exists (
                select from decision d where d.lead_id = l.id and d.cycle = :cycle and d.number = :number
                    and not d.superseded and d.rejected @> '[{"rule": "hold"}]'
            )
        ) and (
            h.scope = 'everything' or h.scope like 'channel:%'
            or h.scope = 'playbook:' || (select v.name from playbook_version v where v.hash = :playbook)
        )
    ),
    'active_playbook', coalesce((select coalesce(followed_by, hash) from playbook_version where hash = :playbook), '')
)::text
from lead l left join account a on a.id = l.account_id where l.id = :lead
""".replace("/* forbidden */", forbidden("l")).replace("/* person */", everyone("l")),
    cursor="bigint",
    cycle="int",
    number="int",
    most_read="int",
    most_unread="int",
    now="timestamptz",
    remembered="timestamptz",
    touched="timestamptz",
    active="timestamptz",
    held="timestamptz",
    lifted="timestamptz",
)


async def gather(connection: Connection, state: JourneyState, now: datetime) -> Facts:
    """The facts as of ``now``. Raises ``NotFound``.

    Behaviour that has not been considered yet is always among them, however old it is, or ``more_unread`` says that the
    rest follows: the cursor passes only what a decision has read.
    """
    values = {
        "lead": state.lead,
        "cycle": state.cycle,
        "number": state.number,
        "playbook": state.playbook,
        "cursor": state.cursor,
        "now": now,
        "remembered": now - MEMORY,
        "most_read": MOST_READ,
        "most_unread": MOST_UNREAD,
        "touched": now - ACCOUNT_TOUCHES,
        "active": now - ACCOUNT_ACTIVITY,
        "held": state.held_since,
        "lifted": now - LIFTED,
    }
    text = await connection.fetchval(_FACTS.sql, *_FACTS.arguments(values))
    if text is None:
        raise NotFound(f"There is no lead {state.lead}.")
    return Facts.model_validate_json(text)
