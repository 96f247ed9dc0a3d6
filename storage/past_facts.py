"""What was known of a lead at one moment: behaviour with its trust, the ledger, permission. Never what came later.

Most of it is exact, by the times that rows keep: behaviour by when it came and to whom it belonged then; trust by the
retractions that had come; the ledger by the decisions that planned and withdrew, and the times of claims and sends.
What rows do not keep (an address before it changed, an entry that was taken off the suppression list) is not made up:
``storage.past`` says so.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from domain.facts import RESTORED, RETRACTION
from domain.words import TouchStatus
from storage.database import Connection
from storage.retractions import NOT_COUNTED

#: Behaviour of a merge that is undone was the survivor's meanwhile; that of one still to come was not yet.
_BEHAVIOURS = """
with own as (
    select b.* from behaviour b
    where b.lead_id = $1 and b.received_at <= $2 and not exists (
        select from lead_merge m
        where m.survivor = $1 and m.at > $2 and m.undone_at is null and b.id = any(m.behaviour_ids)
    )
    and (b.position between 1 and $3 or not exists (
        -- whose it is was found out later
        select from identity i where i.created_at > $2
            and (i.kind = 'anonymous_id' and i.value = b.anonymous_id or i.kind = 'user_id' and i.value = b.user_id)
    ))
    order by b.position desc limit $4
),
elsewhere as (
    select b.* from lead_merge m cross join unnest(m.behaviour_ids) as of (id) join behaviour b on b.id = of.id
    where b.lead_id <> $1 and b.received_at <= $2
        and (m.survivor = $1 and m.at <= $2 and m.undone_at > $2 or m.merged = $1 and m.at > $2 and m.undone_at is null)
)
select id, message_id, position, kind, name, properties, trusted, occurred_at, received_at,
    case when purged_at <= $2 then purged_at end as purged_at, purged_at > $2 as purged_since
from (select * from own union all select * from elsewhere) as b order by position desc limit $4
"""
_RETRACTIONS = """
select properties ->> 'message_id' as message_id, name from behaviour
where lead_id = $1 and kind = $3 and received_at > $2 order by position
"""
#: Every touch that a decision planned by then, with the last plan; the ledger's row says what became of it.
_TOUCHES = """
with planned as (
    select distinct on (sent ->> 'key') sent ->> 'key' as key, d.cycle, d.number, d.at, sent
    from decision d cross join jsonb_array_elements(d.commands -> 'send') as sent
    where d.lead_id = $1 and d.at <= $2 order by sent ->> 'key', d.at desc, d.number desc, d.revision desc
)
select p.key, p.cycle, p.number as decision_number, p.at as planned_at, p.sent ->> 'step' as step,
    p.sent ->> 'channel' as channel, coalesce(p.sent ->> 'asset', '') as asset, coalesce(p.sent ->> 'note', '') as note,
    coalesce(p.sent ->> 'variant', '') as variant, t.status, t.reason, t.sent_at, t.claimed_at, t.vendor, t.vendor_id,
    t.attempts,
    exists (
        select from decision w where w.lead_id = $1 and w.cycle = p.cycle and w.at between p.at and $2
            and w.commands -> 'withdraw' ? p.key
    ) as called_back,
    exists (
        -- a later decision no longer had it among those on their way
        select from decision w where w.lead_id = $1 and w.cycle = p.cycle and w.at > p.at and w.at <= $2
            and w.number > p.number and not coalesce(w.state -> 'in_flight' ? p.key, false)
    ) as settled,
    exists (
        select from decision again
        where again.lead_id = $1 and again.cycle = p.cycle and again.at > p.at and again.at <= $2
            and (again.number <= p.number and again.revision > 1 or (again.commands ->> 'rewound_to')::int < p.number)
    ) as taken_back
from planned p join touch t on t.key = p.key
order by coalesce(least(t.sent_at, $2), p.at) desc, p.key limit $3
"""
_PERMISSION = """
select
    coalesce(
        (select 'erased' from erasure e where e.lead_id = l.id and e.at <= $2),
        (
            select s.reason from suppression s
            where s.email in (l.email, '*@' || substring(l.email from '[^@]*$')) and s.at <= $2
            order by s.email = l.email desc limit 1
        ),
        (
            select s.reason from suppression s
            where s.lead_id = l.id and s.reason <> 'hard_bounced' and s.at <= $2 order by s.at limit 1
        ),
        (
            select s.reason from lead_merge m join lead other on other.id = m.merged
            join suppression s on s.email in (other.email, '*@' || substring(other.email from '[^@]*$'))
            where m.survivor = l.id and m.at <= $2 and (m.undone_at is null or m.undone_at > $2)
                and s.reason <> 'hard_bounced' and s.at <= $2 order by s.at limit 1
        ), ''
    ) as suppressed,
    (select p.at from preference p where p.lead_id = l.id) as preference_at,
    l.updated_at, l.created_at
from lead l where l.id = $1
"""
_CONSENT = """
select channel, granted, basis, source, wording, at from consent_word
where lead_id = $1 and at <= $2 order by id desc limit $3
"""
_HANDOFFS = """
select id, cycle, reason, brief, opened_at, sla_at,
    case when resolved_at <= $2 then status else 'open' end as status,
    case when resolved_at <= $2 then resolved_at end as resolved_at,
    case when resolved_at <= $2 then outcome_reason else '' end as outcome_reason
from handoff where lead_id = $1 and opened_at <= $2 order by opened_at desc, id limit $3
"""
#: Of a link that was followed again: how often and when last.
_LATER = ("times", "last")


async def behaviours(connection: Connection, lead: str, at: datetime, cursor: int, most: int) -> list[dict[str, Any]]:
    """What had come by then, newest first, as ``views.journey_view`` has it. ``cursor``: what had been read."""
    rows = [dict(row) for row in await connection.fetch(_BEHAVIOURS, lead, at, cursor, most)]
    later = defaultdict(list)
    for row in await connection.fetch(_RETRACTIONS, lead, at, RETRACTION):
        later[row["message_id"]].append(row["name"])
    return [_as_known(row, later[row["message_id"]], at) for row in rows]


def _as_known(row: dict[str, Any], later: Sequence[str], at: datetime) -> dict[str, Any]:
    """A behaviour before what was said of it later: the first such word tells what held until then."""
    properties = dict(row["properties"])
    if later:
        row["trusted"] = later[0] != RESTORED
    if later or row["trusted"]:
        properties.pop(NOT_COUNTED, None)
    if later:
        properties.pop("restored", None)
    if "last" in properties and datetime.fromisoformat(properties["last"]) > at:
        properties = {name: value for name, value in properties.items() if name not in _LATER}
    return row | {"properties": properties}


async def touches(connection: Connection, lead: str, at: datetime, most: int) -> list[dict[str, Any]]:
    """The ledger as it stood, newest first. ``status`` is what it was then as far as that can be told."""
    rows = await connection.fetch(_TOUCHES, lead, at, most)
    return [_as_it_stood(dict(row), at) for row in rows]


def _as_it_stood(row: dict[str, Any], at: datetime) -> dict[str, Any]:
    status, reason = _status_then(row, at)
    sent = status == TouchStatus.SENT
    row |= {"status": status, "reason": reason, "sent_at": row["sent_at"] if sent else None}
    if not sent:
        row |= {"vendor": "", "vendor_id": ""}
    return {
        name: value for name, value in row.items() if name not in {"called_back", "settled", "taken_back", "claimed_at"}
    }


def _status_then(row: Mapping[str, Any], at: datetime) -> tuple[str, str]:
    """Status and reason. A refusal has no time of its own: it had come when a later decision knew of it."""
    if row["sent_at"] is not None and row["sent_at"] <= at:
        return TouchStatus.SENT, ""
    if row["status"] == TouchStatus.FAILED and row["claimed_at"] is not None and row["claimed_at"] <= at:
        return TouchStatus.FAILED, row["reason"]
    if row["status"] == TouchStatus.WITHDRAWN and (row["called_back"] or row["taken_back"]):
        return TouchStatus.WITHDRAWN, "decided again" if row["taken_back"] and not row["called_back"] else "called back"
    if row["settled"] and row["status"] in {TouchStatus.REFUSED, TouchStatus.WITHDRAWN, TouchStatus.UNKNOWN}:
        return row["status"], row["reason"]
    if row["claimed_at"] is not None and row["claimed_at"] <= at:
        return TouchStatus.CLAIMED, ""
    return TouchStatus.PLANNED, ""


async def consent(connection: Connection, lead: str, at: datetime, most: int) -> list[dict[str, Any]]:
    """Every word given by then, newest first."""
    return [dict(row) for row in await connection.fetch(_CONSENT, lead, at, most)]


async def handoffs(connection: Connection, lead: str, at: datetime, most: int) -> list[dict[str, Any]]:
    """Handoffs opened by then, with what had become of them."""
    return [dict(row) for row in await connection.fetch(_HANDOFFS, lead, at, most)]


async def permission(connection: Connection, lead: str, at: datetime) -> dict[str, Any]:
    """``suppressed`` as far as the list still has it, and when what is kept only as it is now last changed."""
    return dict(await connection.fetchrow(_PERMISSION, lead, at))


def declined(words: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Channels that the newest word says no to; ``words`` newest first."""
    newest: dict[str, bool] = {}
    for word in words:
        newest.setdefault(word["channel"], word["granted"])
    return frozenset(channel for channel, granted in newest.items() if not granted)
