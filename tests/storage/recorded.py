"""Decisions written one after the other."""

from datetime import timedelta
from typing import Any

from domain.decision import Decision, SendTouch
from domain.state import JourneyState
from domain.words import Channel
from storage.database import Database
from storage.journeys import PgJourneys
from tests.storage.samples import NOW


def next_state(state: JourneyState, **changes: Any) -> JourneyState:
    return state.model_copy(update={"number": state.number + 1} | changes)


def decision(state: JourneyState, **parts: Any) -> Decision:
    return Decision(state=state, at=NOW + timedelta(days=state.number), title=f"Decision {state.number}", **parts)


def send(state: JourneyState, step: str = "hello", channel: Channel = Channel.EMAIL) -> SendTouch:
    return SendTouch(key=f"{state.lead}/{state.cycle}/0/{step}", channel=channel, step=step, asset=step)


async def record(db: Database, previous: JourneyState, **parts: Any) -> JourneyState:
    state = next_state(previous, **parts.pop("changes", {}))
    await PgJourneys(db).record(previous, decision(state, **parts), "timer", ["/pricing"])
    return state
