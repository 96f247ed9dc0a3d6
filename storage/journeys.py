"""``ports.Journeys`` on PostgreSQL: the two round trips of a wake, and further ones for commands."""

from collections.abc import Sequence
from datetime import datetime

from domain.decision import Decision
from domain.facts import Facts
from domain.state import JourneyState
from storage.database import Database
from storage.gather import gather
from storage.record import record
from storage.rewinding import recorded

#: A decision that was made again, without the command that it was first made with, has not considered it.
_CONSIDERED = """
select distinct reason -> 'evidence' ->> 'command' as command
from (
    select distinct on (number) number, reasons from decision where lead_id = $1 and cycle = $2 and number <= $3
    order by number, revision desc
) as made, jsonb_array_elements(reasons) as reason
where reason -> 'evidence' ->> 'command' = any($4::text[])
"""


class PgJourneys:
    """Facts in, decisions out."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def gather(self, state: JourneyState, now: datetime) -> Facts:
        return await gather(self._db.pool, state, now)

    async def recorded(self, state: JourneyState, number: int) -> JourneyState | None:
        return await recorded(self._db.pool, state.lead, state.cycle, number)

    async def considered(self, state: JourneyState, commands: Sequence[str]) -> frozenset[str]:
        rows = await self._db.pool.fetch(_CONSIDERED, state.lead, state.cycle, state.number, list(commands))
        return frozenset(row["command"] for row in rows)

    async def record(
        self, previous: JourneyState, decision: Decision, cause: str, wake_types: Sequence[str], run: str = ""
    ) -> None:
        if (previous.lead, previous.cycle) != (decision.state.lead, decision.state.cycle):
            raise ValueError("a decision belongs to the journey it was made for")
        await record(self._db, decision, cause, wake_types, run)
