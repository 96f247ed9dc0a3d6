"""Wakes waiting to be told to journeys. Any number of relays lease them; a wake nobody finished comes back by itself.

Urgent ones go before, and sources take turns (``storage.wakes_sql``).

Lease times are wall-clock, by the database's clock.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from domain.playbook.models import ReEntry
from storage import wakes_sql
from storage.database import Connection, Database
from storage.enrolment import enrol, may_return
from storage.permission import forbidden


class JourneyInfo(BaseModel):
    """A lead's latest journey as the relay needs it. ``cursor`` is where its first decision starts in the inbox."""

    model_config = ConfigDict(frozen=True)

    cycle: int
    playbook_name: str
    playbook_hash: str
    started_at: datetime
    cursor: int
    decision_number: int = 0
    ended_at: datetime | None = None
    ending: str = ""

    @property
    def ended(self) -> bool:
        return self.ended_at is not None


class LeasedWake(BaseModel):
    """A wake that is this relay's for the time of the lease.

    ``state`` is the state of the last decision in force (as ``JourneyState`` writes it), None before the first.
    ``journey`` is None for a lead that was never enrolled. ``turn`` is its source's turn it was taken in, below zero of
    an urgent one, which takes none; ``next_turn`` is when its source comes next. ``waited`` is how many seconds it had
    waited when it was leased; ``trace`` which trace asked for it (``domain.trace``), "" when none.
    """

    model_config = ConfigDict(frozen=True)

    lead: str
    types: tuple[str, ...]
    version: int
    attempts: int
    source: str = ""
    turn: float = -1
    next_turn: float | None = None
    waited: float = 0.0
    trace: str = ""
    journey: JourneyInfo | None = None
    state: dict[str, Any] | None = None


#: A lead that may come back: its last journey, that playbook's rule today, and what it did since by itself.
_RETURNING = """
select j.*, /* forbidden */ is not null as suppressed, p.document::jsonb -> 're_entry' as re_entry,
    exists (
        select from behaviour b where b.lead_id = j.lead_id and b.position > j.cursor and b.trusted
        and b.kind in ('track', 'page') and b.occurred_at >= j.ended_at
    ) as active
from lead join journey j on j.lead_id = lead.id
join playbook_active a on a.name = j.playbook_name
join playbook_version p on p.hash = a.hash
where lead.id = $1 order by j.cycle desc limit 1
""".replace("/* forbidden */", forbidden("lead"))
_JOURNEY = "select * from journey where lead_id = $1 order by cycle desc limit 1"


async def lease(
    db: Database,
    limit: int,
    lease_seconds: float,
    *,
    most: int | None = None,
    turns: Mapping[str, float] | None = None,
    turn: float = 0.0,
    share: int | None = None,
    undecided: Mapping[str, int] | None = None,
) -> list[LeasedWake]:
    """Take up to ``limit`` wakes, at most ``most`` of them not urgent. The lease is committed when this returns.

    Urgent ones come first, oldest first. Of the others each source takes its turn: ``turns`` are those that sources
    come next in, ``turn`` is that of any other. ``share``: how many journeys one source may keep undecided;
    ``undecided``: how many it does.
    """
    given, held = turns or {}, undecided or {}
    rows = await db.pool.fetch(
        wakes_sql.LEASE,
        limit,
        limit if most is None else max(0, min(limit, most)),
        lease_seconds,
        list(given),
        list(given.values()),
        turn,
        limit if share is None else share,
        list(held),
        list(held.values()),
    )
    return [_leased(dict(row)) for row in rows]


async def decided(db: Database, told: Sequence[tuple[str, int, int]]) -> list[str]:
    """The leads of those, (lead, cycle, decision number), whose journey has decided since, or has ended."""
    columns = [lead for lead, _, _ in told], [cycle for _, cycle, _ in told], [number for _, _, number in told]
    return [row["lead_id"] for row in await db.pool.fetch(wakes_sql.DECIDED, *columns)]


async def done(db: Database, lead: str, version: int) -> None:
    """The journey was told: forget the wake, unless more has happened meanwhile, which then is a new one."""
    await done_many(db, [(lead, version)])


async def done_many(db: Database, told: Sequence[tuple[str, int]]) -> int:
    """As ``done``, for (lead, version) pairs; returns how many are new ones."""
    anew: int = await db.pool.fetchval(wakes_sql.DONE, [lead for lead, _ in told], [version for _, version in told])
    return anew


async def failed(db: Database, lead: str, version: int, delay: float) -> None:
    """The journey could not be told: try again in ``delay`` seconds, or at once when more has happened."""
    await db.pool.execute(wakes_sql.FAILED, lead, version, delay)


async def reenter(db: Database, lead: str, now: datetime) -> JourneyInfo | None:
    """Begin the next cycle of a lead whose journey has ended, if its playbook allows and the lead did something itself.

    Returns the journey begun, None when the wake is to be dropped. What reached the inbox after the end is the new
    journey's to consider.
    """
    async with db.pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(_RETURNING, lead)
        if row is None or not row["active"] or not may_return(row, ReEntry.model_validate(row["re_entry"]), now):
            return None
        await enrol(connection, [lead], row["playbook_name"], now)
        return await latest(connection, lead)


async def latest(connection: Connection, lead: str) -> JourneyInfo | None:
    """The lead's latest journey."""
    row = await connection.fetchrow(_JOURNEY, lead)
    return JourneyInfo.model_validate(dict(row)) if row else None


async def lagging(db: Database, before: datetime, limit: int = 500) -> list[str]:
    """The safety net: wake journeys that have not considered (or begun) what reached them before ``before``.

    Give deployment time a minute ago; whoever runs this finds nothing while all is well. Returns the leads woken.
    """
    return [row["lead_id"] for row in await db.pool.fetch(wakes_sql.LAGGING, before, limit)]


async def overdue(db: Database, before: datetime, limit: int = 5000) -> list[str]:
    """The safety net beneath timers: wake journeys that should have woken by themselves before ``before``."""
    return [row["lead_id"] for row in await db.pool.fetch(wakes_sql.OVERDUE, before, limit)]


async def waiting(db: Database) -> tuple[int, float]:
    """How many wakes wait, and for how many seconds the oldest has."""
    row = await db.pool.fetchrow(
        "select count(*) as number, coalesce(extract(epoch from now() - min(created_real_at)), 0)::float8 as age"
        " from pending_wake"
    )
    return row["number"], row["age"]


def _leased(row: dict[str, Any]) -> LeasedWake:
    journey = JourneyInfo.model_validate(row) if row["cycle"] is not None else None
    return LeasedWake(
        lead=row["lead"],
        types=tuple(row["types"]),
        version=row["version"],
        attempts=row["attempts"],
        source=row["source"],
        turn=row["turn"],
        next_turn=row["next_turn"],
        waited=row["waited"],
        trace=row["trace"] or "",
        journey=journey,
        state=row["state"],
    )
