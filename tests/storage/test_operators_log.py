"""What an operator does and the line that tells it are one: where the line can't be written, nothing is done."""

from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from storage import duplicates, erasure, keys, leads, mail, operators_log, parked, retractions, tombstones
from storage.database import Database
from storage.inbox import accept
from storage.leads import LeadInput
from tests.storage.samples import NOW, applied, enrolled, event

_EVERYTHING = """
select format('select %L, md5(coalesce(string_agg(x::text, chr(10) order by x::text), %L)) from %I x', tablename, '',
    tablename) as query from pg_tables where schemaname = 'public' order by 1
"""


async def test_nothing_is_done_that_the_log_can_not_tell(database: Database):
    for act in await _acts(database):
        before = await _everything(database)
        with pytest.raises(asyncpg.PostgresError, match="no line"):
            await act()
        assert await _everything(database) == before


async def _acts(db: Database) -> list[Callable[[], Awaitable[object]]]:
    """What operators do in a transaction of its own; and from now on no line can be written."""
    await applied(db)
    ann, gone = await enrolled(db), await enrolled(db, "gone@acme.example")
    other = (await leads.upsert(db, LeadInput(email="ada@acme.example"), NOW, enrol=False)).lead_id
    await erasure.erase(db, gone, "test", NOW)
    await mail.pause(db, "paused.example", "test", "a test", NOW)
    await accept(db, [event("m-1", lead_id=ann)], NOW)
    touch = (
        "insert into touch (key, lead_id, cycle, decision_number, step, channel, playbook_hash, status, planned_at)"
        " values ('lost', $1, 1, 1, 'lost', 'email', 'hash', 'unknown', $2)"
    )
    await db.pool.execute(touch, ann, NOW)
    await db.pool.execute(
        "create function refuse() returns trigger as $$ begin raise exception 'no line'; end $$ language plpgsql"
    )
    await db.pool.execute("create trigger no_line before insert on operator_action execute function refuse()")

    async def key() -> None:
        async with operators_log.noted(db, "ann", "key_made", "site", NOW) as connection:
            await keys.create_on(connection, "site", ["read"])

    return [
        key,
        lambda: mail.pause(db, "mail.example", "ann", "a test", NOW),
        lambda: mail.resume(db, "paused.example", "ann", NOW),
        lambda: erasure.erase(db, ann, "ann", NOW),
        lambda: tombstones.remove(db, "gone@acme.example", "ann", NOW),
        lambda: duplicates.deny(db, ann, other, "ann", NOW),
        lambda: retractions.retract(db, ["m-1"], "ann", "a test", NOW),
        lambda: parked.resolve(db, "lost", "ann", NOW, sent=True),
    ]


async def _everything(db: Database) -> dict[str, str]:
    """Each table with a digest of all that is in it."""
    queries = [row["query"] for row in await db.pool.fetch(_EVERYTHING)]
    # By name: PostgreSQL may read the parts of a union side by side, and then gives them in any order.
    return dict(await db.pool.fetch(" union all ".join(queries)))
