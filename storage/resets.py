"""What a reset to before a decision takes back, what stays, and the journey's row while it happens.

The reset itself is Temporal's (``runtime.resetting``); the decision that is then made again rewinds everything in here
(``storage.record_sql.REWIND``).
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from domain.errors import Refused
from domain.state import JourneyState
from storage.database import Connection, Database

_STANDING = """
select l.id as lead, coalesce(l.merged_into, '') as merged_into, j.cycle, j.decision_number, j.playbook_name,
    j.ended_at, j.ending, j.paused_since, coalesce(a.hash, '') as active
from lead l join journey j on j.lead_id = l.id left join playbook_active a on a.name = j.playbook_name
where l.id = any($1) order by j.cycle
"""
#: The first decision in force made at or after a time, or by a version of the playbook; whichever is given.
_FIRST = """
select d.lead_id, d.cycle, min(d.number) as number from decision d
where d.lead_id = any($1) and not d.superseded and ($2::timestamptz is null or d.at >= $2)
    and ($3 = '' or starts_with(d.state ->> 'playbook', $3))
group by d.lead_id, d.cycle
"""
#: A reset goes back in the history, where a rewind has taken nothing away: the decision before may be superseded.
_BEFORE = """
select title, state from decision where lead_id = $1 and cycle = $2 and number = $3 - 1 order by revision desc limit 1
"""
_AGAIN = """
select number, at, cause, title from decision
where lead_id = $1 and cycle = $2 and number >= $3 and not superseded order by number
"""
#: Which version decides again (``domain.core.decide.version_in_force``). Before the first decision: its own.
_VERSION = """
select coalesce(v.followed_by, v.hash) from decision d join playbook_version v on v.hash = d.state ->> 'playbook'
where d.lead_id = $1 and d.cycle = $2 and d.number = greatest($3 - 1, 1) order by d.superseded, d.revision desc limit 1
"""
_TOUCHES = """
select key, step, channel, asset, status, coalesce(sent_at, claimed_at, planned_at) as at from touch
where lead_id = $1 and cycle = $2 and decision_number >= $3 and status in ('planned', 'claimed', 'sent', 'unknown')
order by at, key
"""
_HANDOFFS = """
select id, status, decision_number from handoff
where lead_id = $1 and cycle = $2 and (decision_number >= $3 or resolved_number >= $3) order by opened_at
"""
_SUMMARY = """
with asked as (select * from unnest($1::text[], $2::int[], $3::int[]) as asked (lead_id, cycle, number))
select count(*) as journeys, count(j.ended_at) as ended, count(j.paused_since) as paused,
    sum(j.decision_number - asked.number + 1)::int as decisions,
    sum(t.sent)::int as sent, sum(t.leaving)::int as leaving, sum(t.planned)::int as planned,
    sum((
        select count(*) from handoff h where h.lead_id = asked.lead_id and h.cycle = asked.cycle
        and h.decision_number >= asked.number and h.status <> 'withdrawn'
    ))::int as handoffs
from asked join journey j using (lead_id, cycle)
cross join lateral (
    select count(*) filter (where status = 'sent') as sent, count(*) filter (where status = 'planned') as planned,
        count(*) filter (where status in ('claimed', 'unknown')) as leaving
    from touch where lead_id = asked.lead_id and cycle = asked.cycle and decision_number >= asked.number
) as t
"""


class Standing(BaseModel):
    """A journey before a reset. ``active`` is the version of its playbook that is in force for new journeys."""

    model_config = ConfigDict(frozen=True)

    lead: str
    merged_into: str
    cycle: int
    decision_number: int
    playbook_name: str
    ended_at: datetime | None
    ending: str
    paused_since: datetime | None
    active: str


class Again(BaseModel):
    """A decision in force that will be superseded."""

    model_config = ConfigDict(frozen=True)

    number: int
    at: datetime
    cause: str
    title: str

    @property
    def commands(self) -> list[str]:
        """The operators' commands that it obeyed."""
        kinds = self.cause.removeprefix("command: ")
        return kinds.split(", ") if kinds != self.cause else []


class TouchSoFar(BaseModel):
    """A touch that a superseded decision planned. What is sent (or may be) is recognised by its key."""

    model_config = ConfigDict(frozen=True)

    key: str
    step: str
    channel: str
    asset: str
    status: str
    at: datetime


class HandoffSoFar(BaseModel):
    """A handoff that superseded decisions opened (``decision_number``), or only resolved."""

    model_config = ConfigDict(frozen=True)

    id: str
    status: str
    decision_number: int


class Consequences(BaseModel):
    """What deciding again from a number touches. ``state`` is what the journey goes back to; None: to its beginning.

    ``version`` of the playbook decides: what the one that the journey goes back to is followed by, or that itself.
    """

    model_config = ConfigDict(frozen=True)

    state: JourneyState | None
    title: str
    version: str
    again: list[Again]
    touches: list[TouchSoFar]
    handoffs: list[HandoffSoFar]


async def standings(db: Database, leads: Sequence[str]) -> dict[str, list[Standing]]:
    """The journeys of leads, oldest cycle first; leads without any are absent."""
    found: dict[str, list[Standing]] = {}
    for row in await db.pool.fetch(_STANDING, list(leads)):
        found.setdefault(row["lead"], []).append(Standing.model_validate(dict(row)))
    return found


async def first_decisions(
    db: Database, leads: Sequence[str], *, at: datetime | None = None, rules: str = ""
) -> dict[tuple[str, int], int]:
    """(Lead, cycle) → number of the first decision in force made at or after ``at``, by a version that begins so."""
    rows = await db.pool.fetch(_FIRST, list(leads), at, rules)
    return {(row["lead_id"], row["cycle"]): row["number"] for row in rows}


async def consequences(db: Database, lead: str, cycle: int, number: int) -> Consequences:
    """What deciding again from decision ``number`` on takes back and what it will recognise."""
    before = await db.pool.fetchrow(_BEFORE, lead, cycle, number)
    return Consequences(
        state=JourneyState.model_validate(before["state"]) if before else None,
        title=before["title"] if before else "",
        version=await db.pool.fetchval(_VERSION, lead, cycle, number) or "",
        again=[Again.model_validate(dict(row)) for row in await db.pool.fetch(_AGAIN, lead, cycle, number)],
        touches=[TouchSoFar.model_validate(dict(row)) for row in await db.pool.fetch(_TOUCHES, lead, cycle, number)],
        handoffs=[
            HandoffSoFar.model_validate(dict(row)) for row in await db.pool.fetch(_HANDOFFS, lead, cycle, number)
        ],
    )


async def summary(db: Database, points: Sequence[tuple[str, int, int]]) -> dict[str, int]:
    """Of resets of (lead, cycle, number): how many ``journeys``, how many of them ``ended`` or are ``paused``, how many
    ``decisions`` are superseded, ``handoffs`` withdrawn, touches ``sent``, ``leaving`` just now and still ``planned``.
    """
    columns = [[point[place] for point in points] for place in range(3)]
    row = await db.pool.fetchrow(_SUMMARY, *columns)
    return {name: value or 0 for name, value in row.items()}


@asynccontextmanager
async def reopening(db: Database, lead: str, cycle: int) -> AsyncIterator[Connection]:
    """Hold the lead while its workflow is reset; once that is done, an ended journey's row is in flight again.

    Until the decision is made again nothing else would say so, and whoever looked meanwhile (a form, a wake) could
    begin the next cycle. The decision may be made again before this ends: it then waits for the row, and never for the
    lead (``no key``), which this holds. Raises ``Refused`` when the next cycle has begun.
    """
    async with db.pool.acquire() as connection, connection.transaction():
        await connection.execute("select from lead where id = $1 for no key update", lead)
        latest = await connection.fetchval("select max(cycle) from journey where lead_id = $1", lead)
        if latest != cycle:
            raise Refused(f"{lead} has begun journey {latest} since: journey {cycle} stays as it ended.")
        await connection.execute(
            "update journey set ended_at = null, ending = '', ending_reason = ''"
            " where lead_id = $1 and cycle = $2 and ended_at is not null",
            lead,
            cycle,
        )
        yield connection
