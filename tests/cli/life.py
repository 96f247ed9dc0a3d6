"""Journeys lived in the database without a workflow: gather, decide, record, and every touch arrives."""

from datetime import UTC, datetime, timedelta

from domain.core.decide import decide
from domain.decision import Decision
from domain.state import JourneyState
from storage.database import Database
from storage.journeys import PgJourneys
from tests.fixtures.playbooks import minimal_compiled


async def live(database: Database, lead: str, *, days: int, start: datetime | None = None) -> list[Decision]:
    """Decide from the enrolment on, at every wake of the first ``days``."""
    journeys = PgJourneys(database)
    now = start or datetime.now(UTC)
    state = JourneyState.begin(lead, 1, minimal_compiled().hash, now)
    until = now + timedelta(days=days)
    decisions: list[Decision] = []
    while now <= until and not state.ended:
        decision = decide(minimal_compiled(), state, await journeys.gather(state, now), now)
        await journeys.record(state, decision, "enrolled" if not decisions else "timer", [])
        await database.pool.execute(
            "update touch set status = 'sent', sent_at = $2 where lead_id = $1 and status = 'planned'", lead, now
        )
        decisions.append(decision)
        state = decision.state
        now = decision.next_wake.at if decision.next_wake else until
    return decisions
