"""Advisory locks: taking turns over things that have no row yet.

An event of an unknown visitor and the upsert that makes the visitor known must not pass each other unseen: the one
would be stored as unattached after the other looked for it. Both lock the visitor's name first. Names share
256 locks, so that one transaction holds only so many whatever its size. Who says that two names are one person's waits
for all of these and keeps them out. Order: these locks, then lead rows by id, then accounts; whoever keeps to it can't
deadlock.
"""

from collections.abc import Iterable

from storage.database import Connection

_EXCLUSIVE = """
select case when turn < 0 then pg_advisory_xact_lock_shared(7346202, turn)::text
    else pg_advisory_xact_lock(7346202, turn)::text end
from (select -1 as turn union select hashtext(name) & 255 from unnest($1::text[]) as name order by 1) as turns
"""
_SHARED = _EXCLUSIVE.replace("xact_lock(", "xact_lock_shared(")
_TOGETHER = """
with recursive reach (value) as (
    select unnest($1::text[])
    union
    select alias.value from reach join lateral (
        select user_id as value from alias where previous_id = reach.value
        union all select previous_id from alias where user_id = reach.value
    ) as alias on true
)
select value from reach
"""
_ALL = "select pg_advisory_xact_lock(7346202, -1)"


async def name_them(connection: Connection, names: Iterable[str]) -> None:
    """Hold the names for one who links them to a lead, until the transaction ends."""
    await connection.execute(_EXCLUSIVE, sorted(set(names)))


async def wait_for_names(connection: Connection, names: Iterable[str]) -> None:
    """Wait for whoever is linking these names, and keep others from starting, until the transaction ends."""
    await connection.execute(_SHARED, sorted(set(names)))


async def together(connection: Connection, names: Iterable[str]) -> frozenset[str]:
    """The names and all that were said to be one person's with them, over however many steps (``storage.aliases``).

    Whoever makes one of them known makes all of them known, so who waits for one must wait for all.
    """
    return frozenset(row["value"] for row in await connection.fetch(_TOGETHER, list(names)))


async def keep_names_still(connection: Connection) -> None:
    """Wait for everybody above, and keep them out until the transaction ends: whose names are whose stays as it is."""
    await connection.execute(_ALL)
