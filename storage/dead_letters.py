"""Events that were acknowledged but can't be understood: kept whole, with why, until someone looks."""

from datetime import datetime
from typing import Any

from storage.database import Database
from storage.tables import DeadLetter


async def add(db: Database, source: str, reason: str, body: Any, now: datetime) -> int:
    """Keep one; returns its number. ``body`` is anything JSON can hold."""
    number: int = await db.pool.fetchval(
        "insert into dead_letter (source, reason, body, received_at) values ($1, $2, $3, $4) returning id",
        source,
        reason,
        body if isinstance(body, dict) else {"body": body},
        now,
    )
    return number


async def newest(db: Database, limit: int = 50) -> tuple[list[DeadLetter], int]:
    """The newest ones and how many there are."""
    rows = await db.pool.fetch("select * from dead_letter order by id desc limit $1", limit)
    total: int = await db.pool.fetchval("select count(*) from dead_letter")
    return [DeadLetter(**dict(row)) for row in rows], total
