"""Holds: from the commit of one on, no touch of its scope leaves until it is lifted (C33).

A claim takes the turn ``ASK`` and then looks; whoever places a hold takes ``PLACE``. So a claim either was committed
before the hold (that touch is on its way) or sees it. Lifting takes no turn: a claim that misses it waits a little.
"""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from domain.errors import NotFound, Refused
from domain.words import Channel, ResumePolicy
from storage.database import Connection, Database
from storage.operators_log import note

#: The scope of a hold on every touch there is.
EVERYTHING = "everything"
#: Taken by a transaction that places a hold, until it commits.
PLACE = "select pg_advisory_xact_lock(7346205)"
#: Taken by a claim before it looks for holds: a call, to be put among the columns of a query.
ASK = "pg_advisory_xact_lock_shared(7346205)"
_KINDS = ("playbook", "channel")
_LIFT = """
update hold set lifted_at = $3, lifted_by = $2, lifting = $4, spread_until = $5
where scope = $1 and lifted_at is null returning *
"""


class Hold(BaseModel):
    """A hold, in force while ``lifted_at`` is None. Times are on the deployment's clock."""

    model_config = ConfigDict(frozen=True)

    id: int
    scope: str
    since: datetime
    by: str
    reason: str = ""
    lifted_at: datetime | None = None
    lifted_by: str = ""
    lifting: str = ""
    spread_until: datetime | None = None


async def place(db: Database, scope: str, by: str, reason: str, now: datetime) -> Hold:
    """Hold ``everything``, ``playbook:<name>`` or ``channel:<name>`` from now on; it stands in the operators' log.

    Raises ``Refused`` for another scope or one that is held already, ``NotFound`` for a playbook that nobody knows.
    """
    async with db.pool.acquire() as connection, connection.transaction():
        await _check(connection, scope)
        await connection.execute(PLACE)
        row = await connection.fetchrow(
            "insert into hold (scope, since, by, reason) values ($1, $2, $3, $4) on conflict do nothing returning *",
            scope,
            now,
            by,
            reason,
        )
        if row is not None:
            await note(connection, by, "hold_placed", scope, now, {"reason": reason} if reason else {})
    if row is None:
        raise Refused(f"{scope} is held already.", "Lift that hold first, or leave it as it is.")
    return Hold.model_validate(dict(row))


async def lift(db: Database, scope: str, by: str, now: datetime) -> Hold:
    """End the hold on the scope and return it. Raises ``NotFound`` when nothing holds it.

    Journeys whose touches it held go on by themselves within a day; ``resume`` with ``since`` lets them sooner.
    """
    return await lift_on(db.pool, scope, by, now)


async def lift_on(
    connection: Connection,
    scope: str,
    by: str,
    now: datetime,
    policy: ResumePolicy = ResumePolicy.SHIFT,
    spread_until: datetime | None = None,
) -> Hold:
    """As ``lift``, on a connection of the caller's. Whom it stopped goes on by ``policy``: those who are told to by a
    ``resume`` with ``since`` then, and nobody by themselves before ``spread_until``.
    """
    row = await connection.fetchrow(_LIFT, scope, by, now, policy.value, spread_until)
    if row is None:
        raise NotFound(f"There is no hold on {scope}.", "List the holds in force: they are named by scope.")
    return Hold.model_validate(dict(row))


async def began(connection: Connection, scope: str) -> datetime:
    """When the hold began that was the last to be lifted of that scope: what ``resume`` takes as ``since``.

    Raises ``Refused`` while the scope is held, ``NotFound`` where it never was.
    """
    newest = "select since, lifted_at from hold where scope = $1 order by id desc limit 1"
    row = await connection.fetchrow(newest, scope)
    if row is None:
        raise NotFound(f"There was no hold on {scope}.", "`tendril hold list --past` names those there were.")
    if row["lifted_at"] is None:
        raise Refused(f"{scope} is held.", f"Lift the hold: tendril hold lift {scope}")
    since: datetime = row["since"]
    return since


async def listed(db: Database, *, lifted: bool = False) -> list[Hold]:
    """Holds in force, the newest first; with ``lifted`` also those of the past."""
    rows = await db.pool.fetch("select * from hold where lifted_at is null or $1 order by id desc", lifted)
    return [Hold.model_validate(dict(row)) for row in rows]


async def _check(connection: Connection, scope: str) -> None:
    """Raise unless the scope is one that could ever hold something back."""
    kind, _, name = scope.partition(":")
    if scope == EVERYTHING:
        return
    if kind not in _KINDS or not name:
        raise Refused(f"{scope!r} can't be held.", "Hold everything, playbook:NAME or channel:NAME.")
    if kind == "channel" and name not in set(Channel):
        raise Refused(f"There is no channel {name!r}.", f"Channels are {', '.join(Channel)}.")
    known = "select exists (select from playbook_active where name = $1)"
    if kind == "playbook" and not await connection.fetchval(known, name):
        raise NotFound(f"There is no playbook named {name!r}.", "`tendril playbook list` names those there are.")
