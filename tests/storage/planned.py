"""Touches that are planned: where tests of the ledger begin."""

from domain.decision import Decision, OpenHandoff, SendTouch
from domain.state import JourneyState
from domain.words import Channel
from storage.database import Database
from storage.journeys import PgJourneys
from tests.storage.samples import NOW


async def plan(db: Database, lead: str, playbook: str, *steps: str, channel: Channel = Channel.EMAIL) -> list[str]:
    """Touches planned by a first decision; their keys."""
    begun = JourneyState.begin(lead, 1, playbook, NOW)
    send = tuple(SendTouch(key=f"{lead}/1/0/{step}", channel=channel, step=step, note="Call") for step in steps)
    handoff = OpenHandoff(id=f"{lead}-1-1", reason="ready", sla_at=NOW, brief={"why": "asked"})
    decision = Decision(
        state=begun.model_copy(update={"number": 1}),
        at=NOW,
        title="Planned",
        send=send,
        open_handoff=handoff if channel is Channel.SDR_TASK else None,
    )
    await PgJourneys(db).record(begun, decision, "timer", [])
    return [touch.key for touch in send]


async def status(db: Database, key: str) -> str:
    return str(await db.pool.fetchval("select status from touch where key = $1", key))


async def expire(db: Database) -> None:
    await db.pool.execute("update touch set leased_until = now() - interval '1 second'")
