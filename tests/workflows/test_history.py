"""What a touch costs in history: months of them must stay cheap to keep, to replay and to read."""

from collections import Counter

from temporalio.api.enums.v1 import EventType
from temporalio.testing import WorkflowEnvironment

from domain.words import Ending
from storage.database import Database
from tests.workflows.long_track import long_track
from tests.workflows.running import running_worker

TOUCHES = 20
MOST_EVENTS = 13
MOST_BYTES = 2500


async def test_a_touch_costs_thirteen_events_and_two_and_a_half_kilobytes(
    time_skipping: WorkflowEnvironment, database: Database
):
    async with running_worker(time_skipping, database, long_track(TOUCHES)) as running:
        lead = await running.enrol()
        end = await lead.ends()
        assert (end.ending, len(running.mail.sent)) == (Ending.LENGTH_LIMIT, TOUCHES)
        history = await lead.journey.fetch_history()
    # From the timer of the second touch to the timer of the last but one: whole rounds, without beginning and end.
    fired = [
        number for number, event in enumerate(history.events) if event.event_type == EventType.EVENT_TYPE_TIMER_FIRED
    ]
    events = history.events[fired[1] : fired[TOUCHES - 1]]
    rounds = TOUCHES - 2
    kinds = Counter(EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in events)
    assert len(events) / rounds <= MOST_EVENTS, kinds
    assert sum(event.ByteSize() for event in events) / rounds <= MOST_BYTES, kinds
