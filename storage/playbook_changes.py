"""Putting a version in force: one transaction that stores it, points its name to it, says what becomes of journeys in
flight, and is remembered with who did it and why.

Changes of one playbook wait for each other, and who prepared one knows which version it was to replace: if another was
faster, nothing happens. Decisions go on meanwhile: each reads one row that says what its version is followed by.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from domain.errors import Refused
from domain.operating import OperationKind, OperationRequest
from domain.playbook.models import Playbook
from domain.versions import Policy
from storage import operations
from storage.database import Connection, Database
from storage.operators_log import note

#: The system itself: a playbook that comes with a start.
NOBODY = "tendril"
#: A version may be put in force whatever was before it.
ANY = "*"
_KEEP = """
insert into playbook_version (hash, name, document, created_at) values ($1, $2, $3, $4) on conflict (hash) do nothing
"""
_POINT = """
insert into playbook_active (name, hash, applied_at) values ($1, $2, $3)
on conflict (name) do update set hash = excluded.hash, applied_at = excluded.applied_at
"""
_MAKE_DEFAULT = "update playbook_active set is_default = (name = $1) where is_default <> (name = $1)"
_STAYS = "update playbook_version set followed_by = null where hash = $1"
_FOLLOWED = "update playbook_version set followed_by = $2 where hash = $1 or followed_by = $1"
_NOT_TAKEN_BACK = "update playbook_version set followed_by = null where followed_by = $1"
_ALL_FOLLOW = "update playbook_version set followed_by = $2 where name = $1 and hash <> $2"
_FOLLOWS = "select (document::jsonb ->> 'follow')::boolean from playbook_version where hash = $1"
_TO_MOVE = """
select lead_id from journey where playbook_name = $1 and playbook_hash <> $2 and ended_at is null order by lead_id
"""
_MIGRATING = """
select c.operation_id from playbook_change c join operation o on o.id = c.operation_id
where c.name = $1 and o.status in ('running', 'paused') order by c.id
"""
_REMEMBER = """
insert into playbook_change (name, from_hash, to_hash, policy, rollback, by, at, reason, operation_id)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning id
"""
_BEFORE = """
select from_hash from playbook_change where name = $1 and to_hash = $2 and not rollback order by id desc limit 1
"""
_HISTORY = """
select c.*, o.status as operation_status from playbook_change c left join operation o on o.id = c.operation_id
where c.name = $1 order by c.id desc
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be put in force, and how. ``replacing`` is the version it was prepared against (None: there was none,
    ``ANY``: whichever). Without a ``policy``, what the document of the version that is replaced says (``follow``).
    ``rate`` is of a migration, in journeys a real second; 0 for as fast as it goes.
    """

    by: str
    policy: Policy | None = None
    reason: str = ""
    rate: float = 0.0
    default: bool = False
    rollback: bool = False
    replacing: str | None = ANY


@dataclass(frozen=True, slots=True)
class Change:
    """What happened. ``stopped`` are migrations to an earlier version that were still under way."""

    name: str
    from_hash: str | None
    to_hash: str
    policy: Policy
    operation: str = ""
    stopped: tuple[str, ...] = ()


async def put_in_force(db: Database, playbook: Playbook, asked: Asked, now: datetime) -> Change | None:
    """Store the version and put it in force; None when it was in force already.

    Raises ``Refused`` when another version was put in force since the change was prepared.
    """
    async with db.pool.acquire() as connection, connection.transaction():
        await connection.execute("lock table playbook_active in share row exclusive mode")
        content_hash, name = playbook.content_hash(), playbook.name
        before = await connection.fetchval("select hash from playbook_active where name = $1", name)
        _still(name, before, asked.replacing)
        await connection.execute(_KEEP, content_hash, name, playbook.model_dump_json(), now)
        change = await _change(connection, name, before, content_hash, asked, now) if before != content_hash else None
        some = await connection.fetchval("select exists (select from playbook_active where is_default)")
        if asked.default or not some:
            moved = await connection.execute(_MAKE_DEFAULT, name)
            if asked.default and change is None and moved != "UPDATE 0":
                await note(connection, asked.by, "playbook_made_default", name, now)
        return change


async def history(db: Database, name: str) -> list[dict[str, Any]]:
    """Every change of the playbook, the newest first, each with how far its migration is (``operation_status``)."""
    return [dict(row) for row in await db.pool.fetch(_HISTORY, name)]


async def before(db: Database, name: str, content_hash: str) -> str | None:
    """The version that this one replaced when it was applied; None for the first, and where nobody knows."""
    found: str | None = await db.pool.fetchval(_BEFORE, name, content_hash)
    return found


def _still(name: str, before: str | None, replacing: str | None) -> None:
    if replacing not in {ANY, before}:
        raise Refused(
            f"Another version of {name} was put in force meanwhile: {before}.",
            "Nothing was changed. Look at `tendril playbook versions` and at the plan again.",
        )


async def _change(
    connection: Connection, name: str, before: str | None, after: str, asked: Asked, now: datetime
) -> Change:
    policy = asked.policy or await _said_by_document(connection, before or after)
    await connection.execute(_POINT, name, after, now)
    await connection.execute(_STAYS, after)
    await _lead_on(connection, name, before, after, policy)
    if asked.rollback and policy is Policy.PIN:  # nobody goes on to what is taken back
        await connection.execute(_NOT_TAKEN_BACK, before)
    stopped = await _stop_migrations(connection, name, asked.by, now)
    change = Change(name, before, after, policy, stopped=stopped)
    if policy is Policy.MIGRATE:
        change = replace(change, operation=await _migrate(connection, change, asked, now))
    await connection.execute(
        _REMEMBER, name, before, after, policy, asked.rollback, asked.by, now, asked.reason, change.operation
    )
    detail: dict[str, Any] = {"version": after, "replaced": before, "policy": policy}
    detail |= {"default": True} if asked.default else {}
    detail |= {"reason": asked.reason} if asked.reason else {}
    action = "playbook_rolled_back" if asked.rollback else "playbook_applied"
    await note(connection, asked.by, action, name, now, detail, change.operation)
    return change


async def _said_by_document(connection: Connection, content_hash: str) -> Policy:
    return Policy.FOLLOW if await connection.fetchval(_FOLLOWS, content_hash) else Policy.PIN


async def _lead_on(connection: Connection, name: str, before: str | None, after: str, policy: Policy) -> None:
    """What versions are followed by from now on. Under ``MIGRATE`` whoever decides before its turn moves by itself."""
    if policy is Policy.FOLLOW and before is not None:
        await connection.execute(_FOLLOWED, before, after)
    elif policy is Policy.MIGRATE:
        await connection.execute(_ALL_FOLLOW, name, after)


async def _stop_migrations(connection: Connection, name: str, by: str, now: datetime) -> tuple[str, ...]:
    """Nobody is moved to a version that is no longer in force."""
    running = tuple(row["operation_id"] for row in await connection.fetch(_MIGRATING, name))
    for operation in running:
        await operations.cancel_on(connection, operation, by, now)
    return running


async def _migrate(connection: Connection, change: Change, asked: Asked, now: datetime) -> str:
    """Ask for the migration of all who run another version; "" when nobody does."""
    leads = [row["lead_id"] for row in await connection.fetch(_TO_MOVE, change.name, change.to_hash)]
    if not leads:
        return ""
    return await operations.create(
        connection,
        kind=OperationKind.MIGRATE,
        by=asked.by,
        now=now,
        request=OperationRequest(playbook=change.to_hash),
        leads=leads,
        rate=asked.rate,
        reason=asked.reason,
    )
