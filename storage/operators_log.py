"""What operators did: who, when, to what and why. Kept for good; nothing personal in it but the words of a reason."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from storage.database import Connection, Database
from storage.statement import Statement

_NOTE = """
insert into operator_action (at, by, action, subject, detail, operation_id) values ($1, $2, $3, $4, $5, $6) returning id
"""
_COUNT = """
update operator_action set detail = detail || (
    select jsonb_object_agg(name, coalesce((detail ->> name)::int, 0) + number)
    from unnest($2::text[], $3::int[]) as more (name, number)
) where id = $1
"""
_ANSWERED = """
update operator_action set detail = detail - 'answered'
where subject = $1 and action = $2 and detail ->> 'command' = $3 and detail ? 'answered'
"""
_NOT_COMMANDED = """
delete from operator_action
where subject = $1 and action = $2 and detail ->> 'command' = $3 and detail ? 'answered'
"""
#: A command that is sent again with its id is the same one.
_NOTE_COMMAND = """
insert into operator_action (at, by, action, subject, detail)
select $1, $2, $3, $4, $5 where not exists (
    select from operator_action where subject = $4 and action = $3 and detail ->> 'command' = $5::jsonb ->> 'command'
)
"""
_NOTE_EVENTS = """
insert into operator_action (at, by, action, subject, detail)
select $1, $2, $3, coalesce(lead_id, ''), jsonb_build_object('events', count(*)) from behaviour
where message_id = any($4) and (message_id, sender) in (select * from unnest($4::text[], $5::text[]))
group by lead_id order by lead_id
"""
_READ = Statement(
    """
select * from operator_action
where (:lead = '' or subject = :lead or operation_id in (select operation_id from operation_lead where lead_id = :lead))
    and (:by = '' or by = :by) and (:operation = '' or operation_id = :operation)
    and (:since is null or at >= :since) and (:before is null or id < :before)
order by id desc limit :most
""",
    since="timestamptz",
    before="bigint",
    most="int",
)
#: What operators did to one lead, by itself or with others: those operations that did to it what they were to do, and
#: those about it alone that it refused. ``:lead`` and ``:at`` (none later than that, where given) are the reader's.
OF_LEAD = """
select a.id, a.at, a.by, a.action, a.operation_id, concat_ws('; ', nullif(a.detail ->> 'reason', ''),
    case when a.detail ? 'answered' then 'the journey has not answered' end,
    case when o.status in ('refused', 'failed') then o.status || ': ' || o.detail end) as why
from operator_action a left join operation_lead o on o.operation_id = a.operation_id and o.lead_id = a.subject
where a.subject = :lead and (:at is null or a.at <= :at)
union all
select a.id, o.done_at, a.by, a.action, a.operation_id, coalesce(a.detail ->> 'reason', '')
from operation_lead o join operation on operation.id = o.operation_id
join operator_action a on a.subject = o.operation_id and a.action = operation.kind
where o.lead_id = :lead and o.status = 'done' and (:at is null or o.done_at <= :at)
"""
_OF_LEAD = Statement(OF_LEAD + "order by at desc, id desc limit :most", at="timestamptz", most="int")


async def note(
    connection: Connection,
    by: str,
    action: str,
    subject: str,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
    operation: str = "",
) -> int:
    """Keep what somebody did, in the transaction in which it is done; the line's id.

    ``by`` is the name of a key or of a user, ``action`` a word such as ``pause`` or ``key_revoked``, ``subject`` the
    opaque id of what it was done to. ``detail`` holds ids and words of our own; under ``reason``, and only there, what
    the operator wrote.
    """
    line: int = await connection.fetchval(_NOTE, now, by, action, subject, dict(detail or {}), operation)
    return line


@asynccontextmanager
async def noted(
    db: Database, by: str, action: str, subject: str, now: datetime, detail: Mapping[str, Any] | None = None
) -> AsyncIterator[Connection]:
    """A transaction in which something is done and kept in the log, both or neither; the arguments are ``note``'s."""
    async with db.pool.acquire() as connection, connection.transaction():
        yield connection
        await note(connection, by, action, subject, now, detail)


async def count(connection: Connection, line: int, more: Mapping[str, int]) -> None:
    """Add to the numbers in a line's detail, for what is done in many transactions: in each of them."""
    await connection.execute(_COUNT, line, list(more), list(more.values()))


async def note_command(
    connection: Connection, by: str, action: str, lead: str, now: datetime, command: str, reason: str = ""
) -> None:
    """Keep that a journey is commanded, once for each id of a ``command``.

    It stands before the journey hears of it: what follows at once, such as the seller's brief, is told why. Until
    ``answered`` the line says that the journey has not: so it does for good where whoever asked died over it.
    """
    detail = {"command": command, "answered": False} | ({"reason": reason} if reason else {})
    await connection.execute(_NOTE_COMMAND, now, by, action, lead, detail)


async def answered(connection: Connection, action: str, lead: str, command: str) -> None:
    """Keep that the journey has answered the command of this id."""
    await connection.execute(_ANSWERED, lead, action, command)


async def not_commanded(connection: Connection, action: str, lead: str, command: str) -> None:
    """Take back the line of a command that no journey has taken, now or when it was sent before."""
    await connection.execute(_NOT_COMMANDED, lead, action, command)


async def note_events(connection: Connection, by: str, action: str, events: Mapping[str, str], now: datetime) -> None:
    """Keep what was done to events (message id → sender), for each lead whose they are."""
    await connection.execute(_NOTE_EVENTS, now, by, action, list(events), list(events.values()))


async def actions(
    db: Database,
    *,
    lead: str = "",
    by: str = "",
    operation: str = "",
    since: datetime | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """The newest first: ``id``, ``at``, ``by``, ``action``, ``subject``, ``detail``, ``operation_id``.

    Of a ``lead`` also the operations it was part of. The next page is what came ``before`` the last id of this one.
    """
    values = {"lead": lead, "by": by, "operation": operation, "since": since, "before": before, "most": limit}
    return [dict(row) for row in await db.pool.fetch(_READ.sql, *_READ.arguments(values))]


async def done_to(connection: Connection, lead: str, most: int, at: datetime | None = None) -> list[dict[str, Any]]:
    """What operators did to one lead (by ``at``), newest first: ``id``, ``at``, ``by``, ``action``, ``operation_id``,
    ``why``: the reason given, and what the journey said against it.
    """
    values = {"lead": lead, "at": at, "most": most}
    return [dict(row) for row in await connection.fetch(_OF_LEAD.sql, *_OF_LEAD.arguments(values))]
