"""Events that were acknowledged but can't be understood: kept whole, with why, until someone looks."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from domain.errors import NotFound
from storage.database import Connection, Database, json_text
from storage.tables import DeadLetter


async def add(db: Database, source: str, reason: str, body: Any, now: datetime) -> int:
    """Keep one; returns its number. ``body`` is anything JSON can hold."""
    return (await add_many(db, source, [(reason, body)], now))[0]


async def add_many(db: Database, source: str, letters: Sequence[tuple[str, Any]], now: datetime) -> list[int]:
    """Keep some, each ``(reason, body)``, in one statement; returns their numbers in that order."""
    async with db.pool.acquire() as connection:
        return await add_on(connection, source, letters, now)


async def add_on(connection: Connection, source: str, letters: Sequence[tuple[str, Any]], now: datetime) -> list[int]:
    """As ``add_many``, in a transaction of the caller's."""
    if not letters:
        return []
    rows = await connection.fetch(
        "insert into dead_letter (source, reason, body, received_at)"
        " select $1, reason, body::jsonb, $4 from unnest($2::text[], $3::text[])"
        " with ordinality as letter (reason, body, ord) order by ord returning id",
        source,
        [reason for reason, _ in letters],
        [json_text(body if isinstance(body, dict) else {"body": body}) for _, body in letters],
        now,
    )
    return [row["id"] for row in rows]


async def newest(db: Database, limit: int = 50, before: int | None = None) -> tuple[list[DeadLetter], int]:
    """The newest ones (below the number ``before``, if given), and how many there are in all."""
    rows = await db.pool.fetch(
        "select * from dead_letter where $2::bigint is null or id < $2 order by id desc limit $1", limit, before
    )
    total: int = await db.pool.fetchval("select count(*) from dead_letter")
    return [DeadLetter(**dict(row)) for row in rows], total


async def oldest(db: Database, limit: int, after: int = 0) -> list[DeadLetter]:
    """The oldest ones above the number ``after``."""
    rows = await db.pool.fetch("select * from dead_letter where id > $1 order by id limit $2", after, limit)
    return [DeadLetter(**dict(row)) for row in rows]


async def get(db: Database, number: int) -> DeadLetter:
    """The one of that number. Raises ``NotFound``."""
    row = await db.pool.fetchrow("select * from dead_letter where id = $1", number)
    if row is None:
        raise NotFound(
            f"There is no dead letter {number}.", "`tendril events dead-letters list` shows those there are."
        )
    return DeadLetter(**dict(row))


async def explain(db: Database, number: int, reason: str) -> None:
    """Write why it still can't be understood."""
    await db.pool.execute("update dead_letter set reason = $2 where id = $1", number, reason)


async def drop(db: Database, number: int) -> None:
    """Forget it for good. One that is gone already is fine."""
    await db.pool.execute("delete from dead_letter where id = $1", number)


async def drop_all(db: Database) -> int:
    """Forget all of them; returns how many there were."""
    dropped = await db.pool.execute("delete from dead_letter")
    return int(dropped.removeprefix("DELETE "))
