"""Decisions as a journey records them, without a worker: what the reading routes and pages show."""

from datetime import UTC, datetime, timedelta

from domain.core.decide import decide
from domain.facts import OperatorCommand
from domain.state import JourneyState
from domain.words import CommandKind
from storage.database import Database
from storage.journeys import PgJourneys
from storage.playbooks import PgPlaybooks
from storage.wakes import latest

DAY = timedelta(days=1)


async def decided(database: Database, lead: str, *, hand_off: bool = False) -> JourneyState:
    """The journey's first decision, and a second one that hands the lead to sales if asked."""
    async with database.pool.acquire() as connection:
        journey = await latest(connection, lead)
    assert journey is not None
    state = JourneyState.begin(lead, journey.cycle, journey.playbook_hash, journey.started_at)
    state = await _decide(database, state, "enrolled", datetime.now(UTC))
    if hand_off:
        command = OperatorCommand(id="c1", kind=CommandKind.HAND_OFF, by="test", reason="asked on the phone")
        state = await _decide(database, state, "command hand_off", datetime.now(UTC), command)
    return state


async def told(database: Database, lead: str, kind: CommandKind) -> None:
    """A decision after :func:`decided` that an operator commands."""
    state = await _last(database, lead)
    command = OperatorCommand(id=f"told {kind}", kind=kind, by="test", reason="other")
    await _decide(database, state, f"command {kind}", datetime.now(UTC), command)


async def _last(database: Database, lead: str) -> JourneyState:
    query = "select state from decision where lead_id = $1 and not superseded order by number desc limit 1"
    return JourneyState.model_validate(await database.pool.fetchval(query, lead))


async def _decide(
    database: Database, state: JourneyState, cause: str, now: datetime, *commands: OperatorCommand
) -> JourneyState:
    journeys = PgJourneys(database)
    playbook = await PgPlaybooks(database).compiled(state.playbook)
    decision = decide(playbook, state, await journeys.gather(state, now), now, commands)
    await journeys.record(state, decision, cause, [])
    return decision.state
