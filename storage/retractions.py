"""Taking behaviour back: it is kept and shown, and counts no more from the next decision on. And giving it back.

Message ids are their senders': an id that several have sent names an event only together with its sender.

What was retracted is marked, and the retraction itself goes into the lead's inbox as an event of its own: so the
journey wakes, considers it once and in order, and says so among its reasons.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from domain.errors import Refused
from domain.facts import RESTORED, RETRACTION
from storage import inbox
from storage.database import Connection, Database
from storage.inbox import NewBehaviour
from storage.operators_log import note_events
from storage.permission import one_reason, suppress_leads

#: Name of the event that a retraction is; told to journeys.
RETRACTED = "behaviour retracted"
#: Where the reason is, among the properties of what is not counted: ``reason``, and ``retracted_at`` if it once was.
NOT_COUNTED = "not_counted"
#: The reason of those who give none.
BY_HAND = "retracted by hand"
RESTORED_BY_HAND = "restored by hand"

#: Events are named by their message ids and, in the same order, their senders. The first part is what an index finds.
_EVENTS = "message_id = any($1) and (message_id, sender) in (select * from unnest($1::text[], $2::text[]))"
_LOCK = """
select from lead where id in (select lead_id from behaviour where /* events */) order by id for no key update
""".replace("/* events */", _EVENTS)
_SENDERS = """
select message_id, array_agg(sender order by sender) as senders from behaviour
where message_id = any($1) and kind <> $2 and ($3::text is null or sender = $3) group by message_id order by message_id
"""
#: How often it was restored. Who sent it may have called a property of theirs the same, and put anything there.
_TIMES = "substring(properties #>> '{restored,times}' from '^[0-9]{1,6}$')::int"
_RETRACT = """
update behaviour set trusted = false, properties = properties || jsonb_build_object(
    'not_counted', jsonb_build_object('reason', $3::text, 'retracted_at', $4::timestamptz)
)
where /* events */ and trusted and kind <> $5
returning message_id, sender, lead_id, kind, name, /* times */ as times
""".replace("/* times */", _TIMES).replace("/* events */", _EVENTS)
_RESTORE = """
update behaviour set trusted = true, properties = (properties - 'not_counted') || jsonb_build_object(
    'restored', jsonb_build_object(
        'reason', $3::text, 'at', $4::timestamptz,
        'times', coalesce(/* times */, 0) + 1
    )
)
where /* events */ and not trusted and purged_at is null and kind <> $5
returning message_id, sender, lead_id, kind, name, /* times */ as times
""".replace("/* times */", _TIMES).replace("/* events */", _EVENTS)
_STANDING = """
select message_id, purged_at is not null as purged from behaviour where /* events */ and kind <> $3
""".replace("/* events */", _EVENTS)
_FORBIDDING = """
select lead_id, name from behaviour
where /* events */ and kind = 'delivery' and name = any($3) and lead_id is not null
""".replace("/* events */", _EVENTS)


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


async def retract(
    db: Database, message_ids: Sequence[str], by: str, reason: str, now: datetime, sender: str | None = None
) -> dict[str, Outcome]:
    """Retract events by their message ids, all or none; twice is once. ``now`` is deployment time.

    ``sender`` is whose ids they are (``Behaviour.sender``): a key's name, "" for Tendril's own and what was imported as
    history. Raises ``Refused`` where it is None and an id is several senders'. The operators' log keeps how many of
    whom, and who did it (``by``, an opaque actor).

    A retraction can't be retracted (it is unknown here), and lifts no suppression.
    """
    async with db.pool.acquire() as connection, connection.transaction():
        events = await _named(connection, message_ids, sender)
        done = await _change(connection, _RETRACT, events, reason, RETRACTED, now)
        await note_events(connection, by, "events_retracted", {each: events[each] for each in done}, now)
        known = await _known(connection, events)
    return {
        each: Outcome.RETRACTED if each in done else Outcome.NOT_COUNTED if each in known else Outcome.UNKNOWN
        for each in dict.fromkeys(message_ids)
    }


async def retract_on(connection: Connection, message_ids: Sequence[str], reason: str, now: datetime) -> None:
    """As ``retract``, in a transaction of the caller's, of Tendril's own events: links followed, mail opened."""
    await _change(connection, _RETRACT, dict.fromkeys(message_ids, ""), reason, RETRACTED, now)


async def restore(
    db: Database, message_ids: Sequence[str], by: str, reason: str, now: datetime, sender: str | None = None
) -> dict[str, Outcome]:
    """Let events count after all that were retracted, or were never counted; twice is once. ``sender`` as ``retract``.

    The next decision scores with them; being no news, they fire no trigger. What they forbid (a complaint that was
    taken for a machine's) holds at once. The operators' log keeps it as well.
    """
    async with db.pool.acquire() as connection, connection.transaction():
        events = await _named(connection, message_ids, sender)
        done = await _change(connection, _RESTORE, events, reason, RESTORED, now)
        known = await _known(connection, events)
        restored = {each: events[each] for each in done}
        await _suppress(connection, restored, now)
        await note_events(connection, by, "events_restored", restored, now)
    return {
        each: Outcome.RESTORED if each in done else known.get(each, Outcome.UNKNOWN)
        for each in dict.fromkeys(message_ids)
    }


async def _named(connection: Connection, message_ids: Sequence[str], sender: str | None) -> dict[str, str]:
    """Message id → sender, of the events there are. Raises ``Refused`` where an id is several senders'."""
    rows = await connection.fetch(_SENDERS, list(message_ids), RETRACTION, sender)
    for row in rows:
        if len(row["senders"]) > 1:
            senders = ", ".join(f"“{each}”" if each else "Tendril itself" for each in row["senders"])
            raise Refused(
                f"{row['message_id']} is the message id of {len(row['senders'])} events, of {senders}.",
                "Say whose is meant: --sender NAME (in the API: sender), empty for Tendril itself.",
            )
    return {row["message_id"]: row["senders"][0] for row in rows}


async def _change(
    connection: Connection, statement: str, events: Mapping[str, str], reason: str, name: str, now: datetime
) -> set[str]:
    ids, senders = list(events), list(events.values())
    await connection.execute(_LOCK, ids, senders)
    rows = await connection.fetch(statement, ids, senders, reason, now, RETRACTION)
    told = [_event(row, reason, name, now) for row in rows if row["lead_id"] is not None]
    if told:
        await inbox.accept_on(connection, told, now)
    return {row["message_id"] for row in rows}


async def _known(connection: Connection, events: Mapping[str, str]) -> dict[str, Outcome]:
    rows = await connection.fetch(_STANDING, list(events), list(events.values()), RETRACTION)
    return {row["message_id"]: Outcome.PURGED if row["purged"] else Outcome.COUNTED for row in rows}


async def _suppress(connection: Connection, events: Mapping[str, str], now: datetime) -> None:
    rows = await connection.fetch(_FORBIDDING, list(events), list(events.values()), list(inbox.SUPPRESSING))
    if rows:
        reasons = one_reason((row["lead_id"], inbox.SUPPRESSING[row["name"]]) for row in rows)
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
