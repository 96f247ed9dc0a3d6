"""Journeys in flight of one playbook, as they stand: how many where, and of some of them all that a forecast needs."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.core.outlook import Standing, settled
from domain.state import JourneyState
from storage.database import Database
from storage.gather import gather

_COUNTS = """
select playbook_hash as version, count(*) as journeys from journey
where playbook_name = $1 and ended_at is null group by 1 order by 2 desc, 1
"""
#: Versions that journeys run, those they go on with, and the one in force.
_DOCUMENTS = """
select document from playbook_version where hash in (
    select playbook_hash from journey where playbook_name = $1 and ended_at is null
    union select v.followed_by from journey j join playbook_version v on v.hash = j.playbook_hash
        where j.playbook_name = $1 and j.ended_at is null
    union select hash from playbook_active where name = $1
) order by hash
"""
#: All where there are no more than asked for; else so many, drawn by a hash of the id with the seed.
_SOME = """
select lead_id from journey where playbook_name = $1 and ended_at is null
order by hashtextextended(lead_id, $3), lead_id limit $2
"""
#: Whoever has not decided yet has no state. A pending wake is a decision on its way.
_STANDING = """
select j.lead_id, j.cycle, j.cursor, j.playbook_hash, j.started_at, j.next_wake_at, d.state,
    exists (select from pending_wake w where w.lead_id = j.lead_id) as woken
from journey j left join lateral (
    select state from decision
    where lead_id = j.lead_id and cycle = j.cycle and number = j.decision_number and not superseded
    order by revision desc limit 1
) d on true
where j.lead_id = any($1) and j.ended_at is null
"""


@dataclass(frozen=True, slots=True)
class InFlight:
    """Journeys of one playbook by the version that they run."""

    versions: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.versions.values())


async def in_flight(db: Database, name: str) -> InFlight:
    return InFlight({row["version"]: row["journeys"] for row in await db.pool.fetch(_COUNTS, name)})


async def documents(db: Database, name: str) -> list[str]:
    """The versions that matter to journeys in flight, as JSON."""
    return [row["document"] for row in await db.pool.fetch(_DOCUMENTS, name)]


async def some(db: Database, name: str, most: int, seed: int) -> list[str]:
    """At most so many leads with a journey in flight: the same ones for the same seed."""
    return [row["lead_id"] for row in await db.pool.fetch(_SOME, name, most, seed)]


async def standing(db: Database, leads: Sequence[str], now: datetime) -> AsyncIterator[Standing]:
    """How the journeys of these leads stand. Who has ended meanwhile is left out."""
    async with db.pool.acquire() as connection:
        for row in await connection.fetch(_STANDING, leads):
            if row["state"] is None:
                began = row["started_at"]
                state = JourneyState.begin(row["lead_id"], row["cycle"], row["playbook_hash"], began)
                state = state.model_copy(update={"cursor": row["cursor"]})
            else:
                state = JourneyState.model_validate(row["state"])
            state, facts = settled(state, await gather(connection, state, now))
            unread = any(behaviour.position > state.cursor for behaviour in facts.behaviours)
            due = row["next_wake_at"]
            yield Standing(state, facts, now if due is None or unread or row["woken"] else max(due, now))
