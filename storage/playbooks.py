"""Playbooks by content: stored once under their hash; a name points to the version in force."""

from collections import OrderedDict
from datetime import datetime
from typing import Any

from domain.errors import NotFound
from domain.playbook.compiled import CompiledPlaybook
from domain.playbook.models import Playbook
from storage.database import Connection, Database
from storage.playbook_changes import NOBODY, Asked, put_in_force

#: Compiled versions kept in memory. Journeys in flight run few versions at a time.
_KEPT = 64


async def store(db: Database, playbook: Playbook, now: datetime, *, default: bool = False) -> str:
    """Keep the version and make it the one in force under its name; returns its hash. The same one twice is once.

    Journeys in flight do what the document of the version before said (``follow``). With ``default`` (or when there is
    no default yet) it is also what leads get when no playbook is named.
    """
    await put_in_force(db, playbook, Asked(by=NOBODY, default=default), now)
    return playbook.content_hash()


async def active(db: Database, name: str | None = None) -> tuple[str, str]:
    """Name and hash in force under ``name``, or the default's. Raises ``NotFound``."""
    return await active_on(db.pool, name)


async def active_on(connection: Connection, name: str | None) -> tuple[str, str]:
    """As ``active``, on a connection of the caller's."""
    row = await connection.fetchrow(
        "select name, hash from playbook_active where case when $1::text is null then is_default else name = $1 end",
        name,
    )
    if row is not None:
        return row["name"], row["hash"]
    missing = f"There is no playbook named {name!r}." if name else "No playbook has been applied yet."
    raise NotFound(missing, "Apply one with `tendril playbook apply DIR`.")


async def read(connection: Connection, content_hash: str) -> Playbook:
    """The document of that hash. Raises ``NotFound``."""
    document = await connection.fetchval("select document from playbook_version where hash = $1", content_hash)
    if document is None:
        raise NotFound(f"There is no playbook version {content_hash}.", "Apply the playbook that has it again.")
    return Playbook.model_validate_json(document)


async def in_force(db: Database) -> list[dict[str, Any]]:
    """Every playbook by name: hash in force, whether it is the default, since when, and how many journeys run it."""
    rows = await db.pool.fetch(
        "select a.name, a.hash, a.is_default, a.applied_at, (select count(*) from playbook_version v"
        " where v.name = a.name) as versions, (select count(*) from journey j where j.playbook_name = a.name"
        " and j.ended_at is null) as journeys from playbook_active a order by a.name"
    )
    return [dict(row) for row in rows]


class PgPlaybooks:
    """``ports.Playbooks``: compiled versions, the ones used last kept in memory (a version never changes)."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._kept: OrderedDict[str, CompiledPlaybook] = OrderedDict()

    async def compiled(self, content_hash: str) -> CompiledPlaybook:
        found = self._kept.get(content_hash)
        if found is None:
            found = self._kept[content_hash] = CompiledPlaybook(await read(self._db.pool, content_hash))
        self._kept.move_to_end(content_hash)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return found
