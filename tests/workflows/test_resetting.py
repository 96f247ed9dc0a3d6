"""A reset to before a decision: what it finds, what it refuses, what stays as it was (``runtime.resetting``)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from domain.errors import Refused
from domain.ports import OutboundTouch, Receipt
from domain.words import Channel, CommandKind, Ending
from runtime import resetting
from runtime.resetting import Batch, Plan, Resetting
from runtime.running import look
from storage.database import Database
from tests.workflows.running import Lead, Recorder, Running, eventually
from tests.workflows.test_continue_as_new import LARGE, SMALL, THREE_DAYS_A_SECOND, running_with

BATCH = Batch("test", "tester", "a wrong rule")


class Gate(Recorder):
    """A channel whose vendor is slow: from ``closed`` on it takes nothing until ``open`` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.closed, self.open = False, asyncio.Event()

    async def send(self, touch: OutboundTouch) -> Receipt:
        self.calls += 1
        if self.closed:
            await self.open.wait()
        self.sent.append(touch)
        return Receipt(vendor="recorder", vendor_id=touch.key)


@pytest_asyncio.fixture
async def hurried(database: Database) -> AsyncIterator[Running]:
    """Journeys that continue as new after every few decisions; twenty touches, one a second."""
    async with running_with(SMALL, database, touches=20, scale=THREE_DAYS_A_SECOND) as running:
        yield running


async def plan(lead: Lead, number: int, batch: Batch = BATCH) -> Plan:
    standing = await resetting.latest(lead.running.database, lead.id)
    return await Resetting(lead.running.environment.client, lead.running.database).plan(standing, number, batch)


async def reset(lead: Lead, number: int) -> Plan:
    """Reset, and wait until the decision has been made again."""
    planned = await plan(lead, number)
    await Resetting(lead.running.environment.client, lead.running.database).reset(
        planned, BATCH, await lead.running.now()
    )
    query = "select count(*) > 0 from decision where lead_id = $1 and number = $2 and revision > 1 and not superseded"

    async def again() -> bool:
        return bool(await lead.running.database.pool.fetchval(query, lead.id, planned.number))

    await eventually(again, "nothing was decided again")
    return planned


async def test_a_journey_is_reset_across_runs_while_a_touch_is_leaving(hurried: Running):
    gate = hurried.channels[Channel.EMAIL] = Gate()
    hurried.parts.vendors.channels[Channel.EMAIL] = gate  # type: ignore[index]  # a dictionary of this test
    lead = await hurried.enrol()
    await eventually(lambda: _true(len(gate.sent) >= 4), "no touch was sent")
    gate.closed = True
    calls = gate.calls
    await eventually(lambda: _true(gate.calls > calls), "no touch is leaving")
    leaving = await hurried.database.pool.fetchval("select key from touch where status = 'claimed'")

    planned = await reset(lead, 2)
    assert planned.run_id != (await lead.journey.describe()).run_id
    assert leaving in [touch.key for touch in planned.consequences.touches if touch.status == "claimed"]
    assert (await lead.state()).number < planned.standing.decision_number, "it was long past that decision"
    gate.open.set()
    await eventually(lambda: _sent(hurried, leaving), "the touch that was leaving is lost")
    await lead.command(CommandKind.END)
    assert (await lead.journey.result()).ending is Ending.OPERATOR
    assert len(gate.keys) == len(set(gate.keys))
    assert (await plan(lead, 1)).done, "what a batch has reset, it knows"
    assert not (await plan(lead, 1, Batch("another", "tester"))).done


async def test_a_paused_journey_stays_paused_and_an_ended_one_is_in_flight_again(database: Database):
    async with running_with(SMALL, database, touches=3) as running:
        lead = await running.enrol()
        for number in range(3):
            await lead.does("page", f"/blog/{number}")
        await lead.command(CommandKind.PAUSE)
        await lead.does("page", "/blog/4")
        assert (await reset(lead, 2)).keeps_pause
        state = await lead.state()
        assert (state.number, state.cursor, state.paused_since is not None) == (2, 4, True)

        await lead.command(CommandKind.RESUME)
        await lead.command(CommandKind.END)
        await lead.journey.result()
        await reset(lead, 3)
        state = await lead.state()
        assert (state.ended, (await lead.row())["ended_at"]) == (False, None)
        assert state.paused_since, "decision 2 had paused it"
        log = await database.pool.fetch(
            "select action, subject, by, detail ->> 'reason' as reason from operator_action where action = 'reset'"
        )
        assert [tuple(row) for row in log] == [("reset", lead.id, "tester", "a wrong rule")] * 2

        with pytest.raises(Refused, match="has no decision 99: it has 1 to"):
            await plan(lead, 99)
        await lead.command(CommandKind.END)
        await lead.journey.result()
        planned = await plan(lead, 3)
        again = (
            "insert into journey (lead_id, cycle, playbook_name, playbook_hash, started_at)"
            " select lead_id, 2, playbook_name, playbook_hash, $1 from journey"
        )
        await database.pool.execute(again, NOW)
        with pytest.raises(Refused, match="has begun journey 2 since"):
            await Resetting(running.environment.client, database).reset(planned, BATCH, NOW)


async def test_a_journey_that_could_not_decide_for_seconds_is_read_and_reset_like_any_other(database: Database):
    """Of such a failure its history has a marker without a result (``runtime.markers``)."""
    async with running_with(LARGE, database, touches=3) as running:
        lead = await running.enrol()
        await database.pool.execute("alter table decision add constraint away check (false) not valid")
        visit = asyncio.create_task(lead.does("page", "/blog/1"))
        await eventually(lambda: _failed_to_decide(lead), "no failure is in the history")
        found = await look(running.environment.client, lead.id)
        assert found is not None
        assert (found.readable, found.number) == (True, 1)

        await database.pool.execute("alter table decision drop constraint away")
        assert (await visit).number == 2
        assert (await reset(lead, 2)).number == 2
        await lead.command(CommandKind.END)
        assert (await lead.journey.result()).ending is Ending.OPERATOR


NOW = datetime.now(UTC)


async def _true(holds: bool) -> bool:
    return holds


async def _failed_to_decide(lead: Lead) -> bool:
    history = await lead.journey.fetch_history()
    return any(event.marker_recorded_event_attributes.HasField("failure") for event in history.events)


async def _sent(running: Running, key: str) -> bool:
    found: bool = await running.database.pool.fetchval("select status = 'sent' from touch where key = $1", key)
    return found
