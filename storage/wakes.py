"""Wakes waiting to be told to journeys. Any number of relays lease them; a wake nobody finished comes back by itself.

Lease times are wall-clock, by the database's clock.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from domain.playbook.models import ReEntry
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
    ended_at: datetime | None = None
    ending: str = ""

    @property
    def ended(self) -> bool:
        return self.ended_at is not None


class LeasedWake(BaseModel):
    """A wake that is this relay's for the time of the lease.

    ``state`` is the state of the last decision in force (as ``JourneyState`` writes it), None before the first.
    ``journey`` is None for a lead that was never enrolled.
    """

    model_config = ConfigDict(frozen=True)

    lead: str
    types: tuple[str, ...]
    version: int
    attempts: int
    journey: JourneyInfo | None = None
    state: dict[str, Any] | None = None


_LEASE = """
with due as (
    select lead_id from pending_wake where leased_until is null or leased_until < now()
    order by created_real_at limit $1 for update skip locked
),
leased as (
    update pending_wake w set leased_until = now() + make_interval(secs => $2), attempts = w.attempts + 1
    from due where w.lead_id = due.lead_id returning w.*
)
select leased.lead_id as lead, leased.types, leased.version, leased.attempts, d.state,
    j.cycle, j.playbook_name, j.playbook_hash, j.started_at, j.cursor, j.ended_at, j.ending
from leased
left join lateral (select * from journey where lead_id = leased.lead_id order by cycle desc limit 1) j on true
left join lateral (
    select state from decision where lead_id = j.lead_id and cycle = j.cycle and not superseded
    order by number desc, revision desc limit 1
) d on true
order by leased.created_real_at
"""
_DONE = """
delete from pending_wake using unnest($1::text[], $2::int[]) as told (lead_id, version)
where pending_wake.lead_id = told.lead_id and pending_wake.version = told.version
"""
_FAILED = """
update pending_wake set leased_until = now() + make_interval(secs => $3) where lead_id = $1 and version = $2
"""
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
_LAGGING = """
insert into pending_wake (lead_id, types)
select j.lead_id, '{caught_up}' from journey j join lead on lead.id = j.lead_id
left join behaviour b on b.lead_id = j.lead_id and b.position = j.cursor + 1
where j.ended_at is null and j.paused_since is null
    and (lead.inbox_position > j.cursor and b.received_at < $1 or j.decision_number = 0 and j.started_at < $1)
    and not exists (select from pending_wake w where w.lead_id = j.lead_id)
order by j.lead_id limit $2
on conflict do nothing returning lead_id
"""
#: Journeys whose time has passed: their timer was lost, or was set before the deployment's clock was made faster.
_OVERDUE = """
insert into pending_wake (lead_id, types)
select lead_id, '{overdue}' from journey j
where ended_at is null and paused_since is null and next_wake_at < $1
    and not exists (select from pending_wake w where w.lead_id = j.lead_id)
order by next_wake_at limit $2
on conflict do nothing returning lead_id
"""
_JOURNEY = "select * from journey where lead_id = $1 order by cycle desc limit 1"


async def lease(db: Database, limit: int, lease_seconds: float) -> list[LeasedWake]:
    """Take up to ``limit`` wakes, oldest first. The lease is committed when this returns."""
    rows = await db.pool.fetch(_LEASE, limit, lease_seconds)
    return [_leased(dict(row)) for row in rows]


async def done(db: Database, lead: str, version: int) -> None:
    """The journey was told: forget the wake unless more has happened meanwhile."""
    await done_many(db, [(lead, version)])


async def done_many(db: Database, told: Sequence[tuple[str, int]]) -> None:
    """As ``done``, for (lead, version) pairs."""
    await db.pool.execute(_DONE, [lead for lead, _ in told], [version for _, version in told])


async def failed(db: Database, lead: str, version: int, delay: float) -> None:
    """The journey could not be told: try again in ``delay`` seconds, or at once when more has happened."""
    await db.pool.execute(_FAILED, lead, version, delay)


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
    return [row["lead_id"] for row in await db.pool.fetch(_LAGGING, before, limit)]


async def overdue(db: Database, before: datetime, limit: int = 5000) -> list[str]:
    """The safety net beneath timers: wake journeys that should have woken by themselves before ``before``."""
    return [row["lead_id"] for row in await db.pool.fetch(_OVERDUE, before, limit)]


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
        journey=journey,
        state=row["state"],
    )
