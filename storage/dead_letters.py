"""Events that were acknowledged but can't be understood: kept whole, with why, until someone looks."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from domain.errors import NotFound
from storage.database import Connection, Database, json_text
from storage.operators_log import note
from storage.tables import DeadLetter

_TELLING = ("messageId", "timestamp", "originalTimestamp")
#: Characters of a reason. It may quote what was sent, which may be as long as a whole batch.
_LONGEST_REASON = 1000
_ADD = """
insert into dead_letter (source, reason, body, digest, received_at)
select $1, reason, body::jsonb, digest, $5 from unnest($2::text[], $3::text[], $4::text[])
    with ordinality as letter (reason, body, digest, ord) order by ord
on conflict (digest) do update set reason = excluded.reason
returning id
"""
_FORGET = "delete from dead_letter where $1::bigint[] is null or id = any($1) returning id"


async def add(db: Database, source: str, reason: str, body: Any, now: datetime) -> int:
    """Keep one; returns its number. ``body`` is anything JSON can hold."""
    return (await add_many(db, source, [(reason, body)], now))[0]


async def add_many(db: Database, source: str, letters: Sequence[tuple[str, Any]], now: datetime) -> list[int]:
    """Keep some, each ``(reason, body)``, in one statement; returns their numbers in that order.

    One with a ``messageId`` or a time of its own is kept once, however often it is sent.
    """
    async with db.pool.acquire() as connection:
        return await add_on(connection, source, letters, now)


async def add_on(connection: Connection, source: str, letters: Sequence[tuple[str, Any]], now: datetime) -> list[int]:
    """As ``add_many``, in a transaction of the caller's."""
    if not letters:
        return []
    bodies = [body if isinstance(body, dict) else {"body": body} for _, body in letters]
    digests = [_digest(source, body) for body in bodies]
    once = {digest or number: number for number, digest in enumerate(digests)}
    rows = await connection.fetch(
        _ADD,
        source,
        [worded(letters[number][0]) for number in once.values()],
        [json_text(bodies[number]) for number in once.values()],
        [digests[number] for number in once.values()],
        now,
    )
    kept = dict(zip(once, (row["id"] for row in rows), strict=True))
    return [kept[digest or number] for number, digest in enumerate(digests)]


def worded(reason: str) -> str:
    """The reason as it can be kept and shown: cut where nobody would read on, without U+0000 and half characters."""
    text = reason if len(reason) <= _LONGEST_REASON else f"{reason[: _LONGEST_REASON - 1]}…"
    return text.replace("\x00", "\ufffd").encode(errors="replace").decode()


def _digest(source: str, body: Mapping[str, Any]) -> str | None:
    """What tells it from others; its ``sentAt`` does not, for that is another with each attempt."""
    if not any(body.get(name) for name in _TELLING):
        return None
    said = json_text({name: body[name] for name in sorted(body) if name != "sentAt"})
    return hashlib.sha256(f"{source} {said}".encode()).hexdigest()


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
    await db.pool.execute("update dead_letter set reason = $2 where id = $1", number, worded(reason))


async def drop(db: Database, number: int) -> None:
    """Forget it for good. One that is gone already is fine."""
    await db.pool.execute("delete from dead_letter where id = $1", number)


async def forget(db: Database, numbers: Sequence[int] | None, by: str, reason: str, now: datetime) -> int:
    """Forget those of the numbers, or all of them for None, for good; how many. The operators' log keeps who and why.

    Raises ``NotFound`` for a number that is none, and forgets nothing then.
    """
    for number in numbers or ():
        await get(db, number)
    async with db.pool.acquire() as connection, connection.transaction():
        gone = await connection.fetch(_FORGET, numbers)
        subject = str(gone[0]["id"]) if len(gone) == 1 else ""
        detail = {"letters": len(gone)} | ({"reason": reason} if reason else {})
        await note(connection, by, "dead_letters_dropped", subject, now, detail)
    return len(gone)
