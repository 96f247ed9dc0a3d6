"""What operators did: who, when, to what and why. Kept for good; nothing personal in it but the words of a reason."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from storage.database import Connection, Database
from storage.statement import Statement

_NOTE = "insert into operator_action (at, by, action, subject, detail, operation_id) values ($1, $2, $3, $4, $5, $6)"
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
where message_id = any($4) group by lead_id order by lead_id
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


async def note(
    connection: Connection,
    by: str,
    action: str,
    subject: str,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
    operation: str = "",
) -> None:
    """Keep what somebody did, in the transaction in which it is done.

    ``by`` is the name of a key or of a user, ``action`` a word such as ``pause`` or ``key_revoked``, ``subject`` the
    opaque id of what it was done to. ``detail`` holds ids and words of our own; under ``reason``, and only there, what
    the operator wrote.
    """
    await connection.execute(_NOTE, now, by, action, subject, dict(detail or {}), operation)


async def note_command(
    connection: Connection, by: str, action: str, lead: str, now: datetime, command: str, reason: str = ""
) -> None:
    """Keep that a journey was commanded, once for each id of a ``command``."""
    detail = {"command": command} | ({"reason": reason} if reason else {})
    await connection.execute(_NOTE_COMMAND, now, by, action, lead, detail)


async def note_events(connection: Connection, by: str, action: str, message_ids: Sequence[str], now: datetime) -> None:
    """Keep what was done to events, for each lead whose they are."""
    await connection.execute(_NOTE_EVENTS, now, by, action, list(message_ids))


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
