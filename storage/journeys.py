"""``ports.Journeys`` on PostgreSQL: the two round trips of a wake."""

from collections.abc import Sequence
from datetime import datetime

from domain.decision import Decision
from domain.facts import Facts
from domain.state import JourneyState
from storage.database import Database
from storage.gather import gather
from storage.record import record


class PgJourneys:
    """Facts in, decisions out."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def gather(self, state: JourneyState, now: datetime) -> Facts:
        return await gather(self._db.pool, state, now)

    async def record(self, previous: JourneyState, decision: Decision, cause: str, wake_types: Sequence[str]) -> None:
        if (previous.lead, previous.cycle) != (decision.state.lead, decision.state.cycle):
            raise ValueError("a decision belongs to the journey it was made for")
        await record(self._db, decision, cause, wake_types)
