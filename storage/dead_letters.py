"""Events that were acknowledged but can't be understood: kept whole, with why, until someone looks."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from storage.database import Database, json_text
from storage.tables import DeadLetter


async def add(db: Database, source: str, reason: str, body: Any, now: datetime) -> int:
    """Keep one; returns its number. ``body`` is anything JSON can hold."""
    return (await add_many(db, source, [(reason, body)], now))[0]


async def add_many(db: Database, source: str, letters: Sequence[tuple[str, Any]], now: datetime) -> list[int]:
    """Keep some, each ``(reason, body)``, in one statement; returns their numbers in that order."""
    rows = await db.pool.fetch(
        "insert into dead_letter (source, reason, body, received_at)"
        " select $1, reason, body::jsonb, $4 from unnest($2::text[], $3::text[])"
        " with ordinality as letter (reason, body, ord) order by ord returning id",
        source,
        [reason for reason, _ in letters],
        [json_text(body if isinstance(body, dict) else {"body": body}) for _, body in letters],
        now,
    )
    return [row["id"] for row in rows]


async def newest(db: Database, limit: int = 50) -> tuple[list[DeadLetter], int]:
    """The newest ones and how many there are."""
    rows = await db.pool.fetch("select * from dead_letter order by id desc limit $1", limit)
    total: int = await db.pool.fetchval("select count(*) from dead_letter")
    return [DeadLetter(**dict(row)) for row in rows], total
