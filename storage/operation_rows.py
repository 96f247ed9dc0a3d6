"""``domain.operating.Operations`` on PostgreSQL: taken at the operation's rate, settled, closed.

The rate is kept by the database (``next_real_at``), so that it holds across workers, restarts and kills: in a second no
more than a second's worth is given out, and what was not used for longer is not made up for.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from domain.errors import NotFound
from domain.operating import NEVER_ENROLLED, Batch, Fate, Member, OperationRequest, OperationStatus, Outcome, ended
from storage.database import Connection, Database
from storage.enrolment import enrol, wake_running
from storage.permission import forbidden
from storage.wakes import latest

#: How long a lead that was taken is left to whoever took it, and how long one that did not answer is left alone.
_LEASE = timedelta(minutes=1)
_RETRY = timedelta(seconds=2)
#: Times a lead is asked before it has failed: minutes, in which Temporal or a worker may have been away.
MOST_ATTEMPTS = 30

_TAKE = """
with due as (
    select lead_id from operation_lead
    where operation_id = $1 and status = 'waiting' and (retry_real_at is null or retry_real_at <= $3)
    order by place limit $2 for update skip locked
),
taken as (
    update operation_lead o set attempts = attempts + 1, retry_real_at = $4 from due
    where o.operation_id = $1 and o.lead_id = due.lead_id
    returning o.lead_id, o.place, o.given, o.attempts, o.cycle as meant
)
select taken.lead_id as lead, taken.given, taken.attempts > 1 as again, taken.meant, j.cycle,
    coalesce(j.ending, '') as ending
from taken left join lateral (
    select cycle, ending from journey where lead_id = taken.lead_id order by cycle desc limit 1
) j on true order by taken.place
"""
_SETTLE = """
update operation_lead o set
    status = case when f.status = 'waiting' and o.attempts >= $8 then 'failed' else f.status end,
    detail = f.detail, cycle = f.cycle, number_before = f.before, number_after = f.after,
    done_at = case when f.status = 'waiting' and o.attempts < $8 then null else $9::timestamptz end,
    retry_real_at = $10::timestamptz
from unnest($2::text[], $3::text[], $4::text[], $5::int[], $6::int[], $7::int[])
    as f (lead_id, status, detail, cycle, before, after)
where o.operation_id = $1 and o.lead_id = f.lead_id and o.status = 'waiting'
"""
_FINISH = """
update operation set status = 'done', finished_at = $2 where id = $1 and status = 'running'
and not exists (select from operation_lead where operation_id = $1 and status = 'waiting')
"""
#: Superseded or not: it is the one that considered the command. Unless the same decision was made again without it.
_CONSIDERED = """
select distinct on (lead_id) lead_id as lead, cycle, number - 1 as before, number as after from decision d
where lead_id = any($1)
    and reasons @> jsonb_build_array(jsonb_build_object('evidence', jsonb_build_object('command', $2::text)))
    and not exists (
        select from decision later where later.lead_id = d.lead_id and later.cycle = d.cycle
        and later.number = d.number and later.revision > d.revision
    )
order by lead_id, cycle desc, number desc
"""
_STANDING = """
select l.id as lead, j.cycle, j.ended_at, j.ending, j.playbook_name, coalesce(/* forbidden */, '') as suppressed
from lead l left join lateral (select * from journey where lead_id = l.id order by cycle desc limit 1) j on true
where l.id = any($1) order by l.id for no key update of l
""".replace("/* forbidden */", forbidden("l"))


class PgOperations:
    """The rows of operations."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def begin(self, operation: str) -> None:
        await self._db.pool.execute(
            "update operation_lead set retry_real_at = null"
            " where operation_id = $1 and status = 'waiting' and retry_real_at is not null",
            operation,
        )

    async def take(self, operation: str, most: int, real_now: datetime) -> Batch:
        async with self._db.pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow("select * from operation where id = $1 for update", operation)
            if row is None:
                raise NotFound(f"There is no operation {operation}.")
            batch = Batch(status=row["status"], kind=row["kind"], request=OperationRequest(**row["request"]))
            if batch.status is not OperationStatus.RUNNING:
                return batch
            allowed, wait = _allowed(row["rate"], row["next_real_at"], most, real_now)
            members = await _take(connection, operation, allowed, real_now) if allowed else ()
            if members and row["rate"]:
                await _spend(connection, operation, len(members) / row["rate"], row["next_real_at"], real_now)
        return batch.model_copy(update={"members": members, "wait": wait})

    async def settle(self, operation: str, fates: Sequence[Fate], now: datetime, real_now: datetime) -> None:
        await _settle(self._db.pool, operation, fates, now, real_now + _RETRY)

    async def finish(self, operation: str, now: datetime) -> OperationStatus:
        await self._db.pool.execute(_FINISH, operation, now)
        return OperationStatus(await self._db.pool.fetchval("select status from operation where id = $1", operation))

    async def re_enrol(self, operation: str, leads: Sequence[str], now: datetime, *, anyway: bool) -> list[Fate]:
        async with self._db.pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(_STANDING, list(leads))
            able = [row for row in rows if row["ended_at"] and not row["suppressed"]]
            begun: dict[str, int] = {}
            for playbook in sorted({row["playbook_name"] for row in able}):
                those = [row["lead"] for row in able if row["playbook_name"] == playbook]
                begun |= await enrol(connection, those, playbook, now, anyway=anyway)
            fates = [_re_enrolled(row, begun.get(row["lead"])) for row in rows]
            # with the journey itself: whoever takes over from a dead worker would take it for somebody else's
            await _settle(connection, operation, [one for one in fates if one.outcome is Outcome.DONE], now, None)
        return fates

    async def considered(self, leads: Sequence[str], command: str) -> dict[str, Fate]:
        rows = await self._db.pool.fetch(_CONSIDERED, list(leads), command)
        return {row["lead"]: Fate(outcome=Outcome.DONE, **dict(row)) for row in rows}

    async def not_running(self, lead: str) -> Fate:
        async with self._db.pool.acquire() as connection, connection.transaction():
            journey = await latest(connection, lead)
            if journey is None:
                return Fate(lead=lead, outcome=Outcome.REFUSED, detail=NEVER_ENROLLED)
            if journey.ended:
                return Fate(lead=lead, outcome=Outcome.REFUSED, cycle=journey.cycle, detail=ended(journey.ending))
            await wake_running(connection, [lead], "commanded")
        return Fate(lead=lead, outcome=Outcome.WAITING, cycle=journey.cycle, detail="its journey is about to begin")


def _allowed(rate: float, free_at: datetime | None, most: int, real_now: datetime) -> tuple[int, float]:
    """How many may be taken now, and otherwise in how many seconds: never more than a second's worth at once."""
    if not rate:
        return most, 0.0
    wait = (free_at - real_now).total_seconds() if free_at else 0.0
    return (0, wait) if wait > 0 else (max(1, min(most, int(rate))), 0.0)


async def _take(connection: Connection, operation: str, most: int, real_now: datetime) -> tuple[Member, ...]:
    rows = await connection.fetch(_TAKE, operation, most, real_now, real_now + _LEASE)
    return tuple(Member(**dict(row)) for row in rows)


async def _settle(
    connection: Connection, operation: str, fates: Sequence[Fate], now: datetime, retry_at: datetime | None
) -> None:
    names = ("lead", "outcome", "detail", "cycle", "before", "after")
    columns = [[getattr(fate, name) for fate in fates] for name in names]
    await connection.execute(_SETTLE, operation, *columns, MOST_ATTEMPTS, now, retry_at)


async def _spend(
    connection: Connection, operation: str, seconds: float, free_at: datetime | None, real_now: datetime
) -> None:
    since = max(free_at, real_now - timedelta(seconds=1)) if free_at else real_now
    next_at = since + timedelta(seconds=seconds)
    await connection.execute("update operation set next_real_at = $2 where id = $1", operation, next_at)


def _re_enrolled(row: Any, cycle: int | None) -> Fate:
    if cycle is not None:
        return Fate(lead=row["lead"], outcome=Outcome.DONE, cycle=cycle)
    return Fate(lead=row["lead"], outcome=Outcome.REFUSED, cycle=row["cycle"], detail=why_not_again(row))


def why_not_again(row: Any) -> str:
    """Why a lead (``cycle``, ``ended_at``, ``suppressed``) can't begin again."""
    if row["cycle"] is None:
        return NEVER_ENROLLED
    if row["ended_at"] is None:
        return "its journey is running"
    if row["suppressed"]:
        return f"nobody may write to it: {row['suppressed']}"
    return "the playbook's rule of re-entry lets it wait (--anyway)"
