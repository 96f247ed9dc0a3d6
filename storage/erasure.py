"""Erasing a person (in the EU: article 17 of the GDPR): at once here, then at the vendors and in Temporal.

What is personal goes in one transaction; the lead's row stays, of nobody, so that touches and decisions still count. A
suppression that is part of the erasure ends the journey. What is kept raw is searched before that, and once more after
it for what came meanwhile: it takes as long as there is much of it, and whoever writes to the suppression list, and
with them every claim, would wait for rows that are held so long.

The address is kept aside until audiences have been told to remove it, the hash that a network knows it by until the
network has. Whoever looks round (``runtime.erasing``) finishes: a decision that was under way may have written
something again, and the journey's history in Temporal goes when the journey has ended.
"""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from domain.errors import NotFound
from storage import merges, tombstones, turns
from storage.database import Connection, Database
from storage.enrolment import wake_running
from storage.erasure_sql import (
    FINISH,
    FORGET_ADDRESS,
    FORGET_COMPANY,
    LOCKS,
    NAMES,
    REMOVE,
    REMOVE_NAMED,
    REMOVE_NAMES,
    REMOVE_RAW,
    UNFINISHED,
    WAITING,
)
from storage.merges_sql import FORGET_MERGES
from storage.named import patterns
from storage.operators_log import note
from storage.tombstones import Name

#: The address that is kept aside, unless it is somebody's again.
_ADDRESS = """
select email from erasure e where lead_id = $1 and not exists (select from lead l where l.email = e.email)
"""


class Erased(BaseModel):
    """How far an erasure has come. ``waiting``: what is still to be told: ``journey``, ``crm``,
    ``audience NAME at NETWORK``.

    ``finished_at`` is None until nothing is left anywhere, Temporal's history included.
    """

    model_config = ConfigDict(frozen=True)

    lead: str
    at: datetime
    finished_at: datetime | None = None
    waiting: tuple[str, ...] = ()


async def erase(db: Database, lead: str, by: str, now: datetime) -> Erased:
    """Remove the person, with every lead that is part of theirs. ``by`` is an opaque actor, kept in the operators'
    log with the lead's id. Again is harmless, and says how far it has come.

    Raises ``NotFound``.
    """
    async with db.pool.acquire() as connection:
        # Names first, in a look of its own: everybody takes their turns before rows (``storage.turns``).
        everyone, names = await _known(connection, lead)
        await _remove_raw(connection, everyone, names)
        async with connection.transaction():
            await turns.name_them(connection, [name.value for name in names])
            everyone, names = await _known(connection, lead)
            erased = [await _erase(connection, each, names, by, now) for each in everyone]
        await _remove_raw(connection, everyone, names)
    return erased[0].model_copy(update={"waiting": tuple(sorted({what for each in erased for what in each.waiting}))})


async def progress(db: Database, lead: str) -> Erased | None:
    """How far the erasure of a lead has come; None when there is none."""
    async with db.pool.acquire() as connection:
        return await _progress(connection, lead)


async def unfinished(db: Database, limit: int) -> list[str]:
    """Leads whose erasure has something left to do, the oldest first. Who only waits for what became of their removal
    (``FORGET_ADDRESS``), for a day maybe, holds none of the others up.
    """
    rows = await db.pool.fetch(UNFINISHED, limit)
    return [row["lead_id"] for row in rows]


async def finish(db: Database, lead: str, now: datetime) -> Erased | None:
    """Remove what was written since, and forget the rest once nobody waits for it. Temporal's history is gone already.

    None when nothing of the lead is being erased.
    """
    async with db.pool.acquire() as connection:
        async with connection.transaction():
            await _lock(connection, lead)
            kept = await connection.fetchval(_ADDRESS, lead)
            erased = await _finish(connection, lead, now)
            forgotten = kept and not await connection.fetchval(_ADDRESS, lead)
        if forgotten:  # the last time that what vendors told since can be found by it
            await _remove_raw(connection, [lead], [Name("email", kept)])
    return erased


async def _finish(connection: Connection, lead: str, now: datetime) -> Erased | None:
    erased = await _progress(connection, lead)
    if erased is None or erased.finished_at is not None:
        return erased
    await _remove(connection, lead, ())
    await connection.execute(FORGET_ADDRESS, lead)
    if not await connection.fetch(WAITING, lead):
        for statement in FINISH:
            await connection.execute(statement, lead)
        await connection.execute("update erasure set email = null, finished_at = $2 where lead_id = $1", lead, now)
    return await _progress(connection, lead)


async def _known(connection: Connection, lead: str) -> tuple[list[str], list[Name]]:
    """Every lead that is the person's, and all that they are known by. Raises ``NotFound``."""
    everyone = await merges.everyone(connection, lead)
    if not await connection.fetchval("select exists (select from lead where id = $1)", lead):
        raise NotFound(f"There is no lead {lead}.", "`tendril leads list --search TEXT` finds leads.")
    rows = [row for each in everyone for row in await connection.fetch(NAMES, each)]
    return everyone, [Name(row["kind"], row["value"]) for row in rows]


async def _erase(connection: Connection, lead: str, names: Sequence[Name], by: str, now: datetime) -> Erased:
    await _lock(connection, lead)
    row = await connection.fetchrow("select email, account_id from lead where id = $1", lead)
    await tombstones.raise_them(connection, [name for name in names if name.kind != "anonymous_id"], now)
    if await _progress(connection, lead) is None:
        await note(connection, by, "lead_erased", lead, now)
    await connection.execute(
        "insert into erasure (lead_id, by, at, email) values ($1, $2, $3, $4) on conflict (lead_id) do update"
        " set email = coalesce(excluded.email, erasure.email),"
        " finished_at = case when excluded.email is null then erasure.finished_at end",
        lead,
        by,
        now,
        row["email"],
    )
    await wake_running(connection, [lead], "erased")
    await _remove(connection, lead, [name.value for name in names])
    await _forget_company(connection, row["account_id"])
    erased = await _progress(connection, lead)
    assert erased is not None  # noqa: S101 - written a moment ago
    return erased


async def _lock(connection: Connection, lead: str) -> None:
    for statement in LOCKS:
        await connection.execute(statement, lead)


async def _remove_raw(connection: Connection, leads: Sequence[str], names: Sequence[Name]) -> None:
    """In a transaction for each table, in which nothing else is held."""
    for statement in REMOVE_RAW:
        await connection.execute(statement, patterns([*leads, *(name.value for name in names)]))


async def _remove(connection: Connection, lead: str, names: Sequence[str]) -> None:
    for statement in REMOVE_NAMES:
        await connection.execute(statement, names)
    for statement in REMOVE_NAMED:
        await connection.execute(statement, lead, names)
    for statement in (*REMOVE, *FORGET_MERGES):
        await connection.execute(statement, lead)


async def _forget_company(connection: Connection, account: str | None) -> None:
    """A company that only they belonged to may be they themselves. The lock waits for whoever is joining it."""
    await connection.execute("select from account where id = $1 for update", account)
    for statement in FORGET_COMPANY:
        await connection.execute(statement, account)


async def _progress(connection: Connection, lead: str) -> Erased | None:
    row = await connection.fetchrow("select at, finished_at from erasure where lead_id = $1", lead)
    if row is None:
        return None
    waiting = tuple(one["what"] for one in await connection.fetch(WAITING, lead))
    return Erased(lead=lead, at=row["at"], finished_at=row["finished_at"], waiting=waiting)
