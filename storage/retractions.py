"""Taking behaviour back: it is kept and shown, and counts no more from the next decision on. And giving it back.

What was retracted is marked, and the retraction itself goes into the lead's inbox as an event of its own: so the
journey wakes, considers it once and in order, and says so among its reasons.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from domain.facts import RESTORED, RETRACTION
from storage import inbox
from storage.database import Connection, Database
from storage.inbox import NewBehaviour
from storage.operators_log import note_events
from storage.permission import suppress_leads

#: Name of the event that a retraction is; told to journeys.
RETRACTED = "behaviour retracted"
#: Where the reason is, among the properties of what is not counted: ``reason``, and ``retracted_at`` if it once was.
NOT_COUNTED = "not_counted"
#: The reason of those who give none.
BY_HAND = "retracted by hand"
RESTORED_BY_HAND = "restored by hand"

_LOCK = """
select from lead where id in (select lead_id from behaviour where message_id = any($1)) order by id for no key update
"""
#: How often it was restored. Who sent it may have called a property of theirs the same, and put anything there.
_TIMES = "substring(properties #>> '{restored,times}' from '^[0-9]{1,6}$')::int"
_RETRACT = """
update behaviour set trusted = false, properties = properties || jsonb_build_object(
    'not_counted', jsonb_build_object('reason', $2::text, 'retracted_at', $3::timestamptz)
)
where message_id = any($1) and trusted and kind <> $4
returning message_id, sender, lead_id, kind, name, /* times */ as times
""".replace("/* times */", _TIMES)
_RESTORE = """
update behaviour set trusted = true, properties = (properties - 'not_counted') || jsonb_build_object(
    'restored', jsonb_build_object(
        'reason', $2::text, 'at', $3::timestamptz,
        'times', coalesce(/* times */, 0) + 1
    )
)
where message_id = any($1) and not trusted and purged_at is null and kind <> $4
returning message_id, sender, lead_id, kind, name, /* times */ as times
""".replace("/* times */", _TIMES)
_STANDING = """
select message_id, purged_at is not null as purged from behaviour where message_id = any($1) and kind <> $2
"""
_FORBIDDING = """
select lead_id, name from behaviour
where message_id = any($1) and kind = 'delivery' and name = any($2) and lead_id is not null
"""


def why_not_counted(properties: Mapping[str, Any]) -> str:
    """The reason that stands with an event that is not counted."""
    noted = properties.get(NOT_COUNTED)
    return str(noted.get("reason", "not trusted")) if isinstance(noted, Mapping) else "not trusted"


class Outcome(StrEnum):
    """What became of asking to retract an event, or to restore one."""

    RETRACTED = "retracted"
    NOT_COUNTED = "not_counted"  # before already
    RESTORED = "restored"
    COUNTED = "counted"  # before already
    PURGED = "purged"  # kept no longer: there is nothing to restore
    UNKNOWN = "unknown"


async def retract(db: Database, message_ids: Sequence[str], by: str, reason: str, now: datetime) -> dict[str, Outcome]:
    """Retract events by their message ids, all or none; twice is once. ``now`` is deployment time.

    The operators' log keeps how many of whom, and who did it (``by``, an opaque actor).

    A retraction can't be retracted (it is unknown here), and lifts no suppression.
    """
    async with db.pool.acquire() as connection, connection.transaction():
        done = await retract_on(connection, message_ids, reason, now)
        await note_events(connection, by, "events_retracted", sorted(done), now)
        known = await _known(connection, message_ids)
    return {
        each: Outcome.RETRACTED if each in done else Outcome.NOT_COUNTED if each in known else Outcome.UNKNOWN
        for each in dict.fromkeys(message_ids)
    }


async def retract_on(connection: Connection, message_ids: Sequence[str], reason: str, now: datetime) -> set[str]:
    """As ``retract``, in a transaction of the caller's; returns those retracted now."""
    return await _change(connection, _RETRACT, message_ids, reason, RETRACTED, now)


async def restore(db: Database, message_ids: Sequence[str], by: str, reason: str, now: datetime) -> dict[str, Outcome]:
    """Let events count after all that were retracted, or were never counted; twice is once.

    The next decision scores with them; being no news, they fire no trigger. What they forbid (a complaint that was
    taken for a machine's) holds at once. The operators' log keeps it as well.
    """
    async with db.pool.acquire() as connection, connection.transaction():
        done = await _change(connection, _RESTORE, message_ids, reason, RESTORED, now)
        known = await _known(connection, message_ids)
        await _suppress(connection, done, now)
        await note_events(connection, by, "events_restored", sorted(done), now)
    return {
        each: Outcome.RESTORED if each in done else known.get(each, Outcome.UNKNOWN)
        for each in dict.fromkeys(message_ids)
    }


async def _change(
    connection: Connection, statement: str, message_ids: Sequence[str], reason: str, name: str, now: datetime
) -> set[str]:
    ids = list(message_ids)
    await connection.execute(_LOCK, ids)
    rows = await connection.fetch(statement, ids, reason, now, RETRACTION)
    told = [_event(row, reason, name, now) for row in rows if row["lead_id"] is not None]
    if told:
        await inbox.accept_on(connection, told, now)
    return {row["message_id"] for row in rows}


async def _known(connection: Connection, message_ids: Sequence[str]) -> dict[str, Outcome]:
    rows = await connection.fetch(_STANDING, list(message_ids), RETRACTION)
    return {row["message_id"]: Outcome.PURGED if row["purged"] else Outcome.COUNTED for row in rows}


async def _suppress(connection: Connection, message_ids: Collection[str], now: datetime) -> None:
    rows = await connection.fetch(_FORBIDDING, list(message_ids), list(inbox.SUPPRESSING))
    if rows:
        reasons = {row["lead_id"]: inbox.SUPPRESSING[row["name"]] for row in rows}
        await suppress_leads(connection, reasons, "delivery", now)


def _event(row: Any, reason: str, name: str, now: datetime) -> NewBehaviour:
    """The retraction itself, or what undoes it. Of the same event there may be several."""
    times, whose = row["times"] and f":{row['times']}", row["sender"] and f"{row['sender']}/"
    return NewBehaviour(
        message_id=f"{'retracted' if name == RETRACTED else 'restored'}:{whose}{row['message_id']}{times or ''}",
        kind=RETRACTION,
        name=name,
        properties={"message_id": row["message_id"], "event": f"{row['kind']} {row['name']}", "reason": reason},
        occurred_at=now,
        lead_id=row["lead_id"],
    )
