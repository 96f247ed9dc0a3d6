"""Taking behaviour back: it is kept and shown, and counts no more from the next decision on.

What was retracted is marked, and the retraction itself goes into the lead's inbox as an event of its own: so the
journey wakes, considers it once and in order, and says so among its reasons.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from domain.facts import RETRACTION
from storage import inbox
from storage.database import Connection, Database
from storage.inbox import NewBehaviour

#: Name of the event that a retraction is; told to journeys.
RETRACTED = "behaviour retracted"
#: Where the reason is, among the properties of what is not counted: ``reason``, and ``retracted_at`` if it once was.
NOT_COUNTED = "not_counted"
#: The reason of those who give none.
BY_HAND = "retracted by hand"

_LOCK = "select from lead where id in (select lead_id from behaviour where message_id = any($1)) order by id for update"
_RETRACT = """
update behaviour set trusted = false, properties = properties || jsonb_build_object(
    'not_counted', jsonb_build_object('reason', $2::text, 'retracted_at', $3::timestamptz)
)
where message_id = any($1) and trusted and kind <> $4 returning message_id, lead_id, kind, name
"""


def why_not_counted(properties: Mapping[str, Any]) -> str:
    """The reason that stands with an event that is not counted."""
    return str(properties.get(NOT_COUNTED, {}).get("reason", "not trusted"))


class Outcome(StrEnum):
    """What became of asking to retract an event."""

    RETRACTED = "retracted"
    NOT_COUNTED = "not_counted"  # before already
    UNKNOWN = "unknown"


async def retract(db: Database, message_ids: Sequence[str], reason: str, now: datetime) -> dict[str, Outcome]:
    """Retract events by their message ids, all or none; twice is once. ``now`` is deployment time.

    A retraction can't be retracted (it is unknown here), and lifts no suppression.
    """
    async with db.pool.acquire() as connection, connection.transaction():
        done = await retract_on(connection, message_ids, reason, now)
        rows = await connection.fetch(
            "select message_id from behaviour where message_id = any($1) and kind <> $2", list(message_ids), RETRACTION
        )
    known = {row["message_id"] for row in rows}
    return {
        each: Outcome.RETRACTED if each in done else Outcome.NOT_COUNTED if each in known else Outcome.UNKNOWN
        for each in dict.fromkeys(message_ids)
    }


async def retract_on(connection: Connection, message_ids: Sequence[str], reason: str, now: datetime) -> set[str]:
    """As ``retract``, in a transaction of the caller's; returns those retracted now."""
    ids = list(message_ids)
    await connection.execute(_LOCK, ids)
    rows = await connection.fetch(_RETRACT, ids, reason, now, RETRACTION)
    told = [_event(row, reason, now) for row in rows if row["lead_id"] is not None]
    if told:
        await inbox.accept_on(connection, told, now)
    return {row["message_id"] for row in rows}


def _event(row: Any, reason: str, now: datetime) -> NewBehaviour:
    return NewBehaviour(
        message_id=f"retracted:{row['message_id']}",
        kind=RETRACTION,
        name=RETRACTED,
        properties={"message_id": row["message_id"], "event": f"{row['kind']} {row['name']}", "reason": reason},
        occurred_at=now,
        lead_id=row["lead_id"],
    )
