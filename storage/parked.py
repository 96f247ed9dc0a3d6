"""Touches whose delivery nobody can tell: parked until a person says what became of them."""

from datetime import datetime
from typing import Any

from domain.errors import NotFound, Refused
from storage.database import Connection, Database
from storage.enrolment import wake_running
from storage.operators_log import note

_LIST = """
select key, lead_id, channel, asset, step, reason, claimed_at, attempts from touch where status = 'unknown'
order by claimed_at, key limit $1
"""


async def list_parked(db: Database, limit: int = 100) -> tuple[list[dict[str, Any]], int]:
    """The parked touches, oldest first, and how many there are in all."""
    rows = await db.pool.fetch(_LIST, limit)
    total: int = await db.pool.fetchval("select count(*) from touch where status = 'unknown'")
    return [dict(row) for row in rows], total


async def resolve(db: Database, key: str, by: str, now: datetime, *, sent: bool) -> None:
    """Settle a parked touch as a person found it. Not sent means withdrawn: the journey may plan it again.

    The journey is woken to decide with what is now known; the operators' log keeps ``by``, an opaque actor. Raises
    ``NotFound``, or ``Refused`` when it is not parked.
    """
    async with db.pool.acquire() as connection, connection.transaction():
        lead = await _parked_lead(connection, key)
        await connection.execute(
            "update touch set status = $2, reason = $3, claim_id = '', leased_until = null,"
            " sent_at = case when $2 = 'sent' then coalesce(claimed_at, $4) end where key = $1",
            key,
            "sent" if sent else "withdrawn",
            "a person found that it was sent" if sent else "a person found that it was not sent",
            now,
        )
        await wake_running(connection, [lead], "touch_resolved")
        await note(connection, by, "touch_resolved", lead, now, {"touch": key, "sent": sent})


async def _parked_lead(connection: Connection, key: str) -> str:
    row = await connection.fetchrow("select lead_id, status from touch where key = $1 for update", key)
    if row is None:
        raise NotFound(f"There is no touch {key}.", "`tendril touches unknown` shows those that wait for a person.")
    if row["status"] != "unknown":
        raise Refused(f"Touch {key} is {row['status']}, not unknown.", "Nothing needs to be settled.")
    lead: str = row["lead_id"]
    return lead
