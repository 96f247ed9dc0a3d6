"""PostgreSQL, Temporal and SMTP go down and come back: nothing is lost, nothing doubled, and the rest goes on."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.api.enums.v1 import EventType

from domain.words import CommandKind
from runtime.embedded.postgres import EmbeddedPostgres
from storage.migrate import upgrade
from tests.whole.processes import Process, Processes, eventually, kill
from tests.whole.stack import Stack, whole_stack
from tests.whole.story import at_any_hour
from workflows.messages import CommandRequest

#: One stack for the tests of this file, which break it one after another.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("outages")]


@dataclass
class Breakable:
    """A stack with a PostgreSQL of its own."""

    stack: Stack
    postgres: EmbeddedPostgres
    database_server: Process

    async def enrol(self, name: str) -> str:
        """A lead who has had the first mail, and is on the site as a visitor of the same name."""
        lead = await self.stack.enrol(f"{name}@acme.example", anonymous_ids=(name,))
        await self.stack.mail_arrives(name)
        return lead

    async def mails(self, name: str) -> int:
        return len(await self.stack.mails(name))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def breakable() -> AsyncIterator[Breakable]:
    """Not below pytest's own directory: as root PostgreSQL's user must pass through to its data."""
    with tempfile.TemporaryDirectory(prefix="tendril-whole-", ignore_cleanup_errors=True) as directory:
        home = Path(directory)
        postgres, processes = EmbeddedPostgres(home / "postgres"), Processes(home)
        await asyncio.to_thread(postgres.prepare)
        try:
            server = await processes.serve(postgres.program())
            await postgres.create_database()
            await asyncio.to_thread(upgrade, postgres.url())
            async with whole_stack(postgres.url(), home, at_any_hour(), processes=processes) as stack:
                stack.start_worker()
                await stack.start_api()
                yield Breakable(stack, postgres, server)
        finally:
            processes.stop_all()


async def test_postgresql_goes_and_comes_back(breakable: Breakable):
    stack, lead = breakable.stack, await breakable.enrol("ada")
    kill(breakable.database_server)
    refused = await stack.api.post("/v1/page", json=_visit("ada"))
    assert refused.status_code == 503, "nothing is acknowledged that is not kept"
    assert "retry-after" in refused.headers
    skip = asyncio.create_task(_skip_wait(stack, lead))
    await _decides_in_vain(stack, lead)
    assert not skip.done()
    await stack.processes.serve(breakable.postgres.program())
    await skip
    await stack.mail_arrives("ada", 2)

    async def accepted() -> bool:
        return (await stack.api.post("/v1/page", json=_visit("ada"))).is_success

    await eventually(accepted, "the API never came back")
    await stack.until("select cursor >= 1 from journey where lead_id = $1", lead, otherwise="the visit was lost")
    assert await stack.touches(lead) == {"first": "sent", "second": "sent"}
    assert (await breakable.mails("ada"), await stack.repeated()) == (2, 0)


async def test_temporal_goes_and_comes_back(breakable: Breakable):
    stack, lead = breakable.stack, await breakable.enrol("bea")
    kill(stack.temporal)
    assert (await stack.api.post("/v1/page", json=_visit("bea"))).is_success, "behaviour is kept all the same"
    other = (await stack.api.post("/v1/leads", json={"email": "cleo@acme.example"})).json()["id"]
    command = await stack.api.post(f"/v1/leads/{lead}/commands/skip_wait", json={})
    assert command.status_code == 503
    await stack.until("select bool_and(attempts > 0) from pending_wake", otherwise="no wake was tried")
    assert await stack.database.pool.fetchval("select count(*) from pending_wake") == 2
    await stack.processes.serve(stack.temporal_program)
    await stack.mail_arrives("cleo")
    await stack.until("select cursor >= 1 from journey where lead_id = $1", lead, otherwise="the visit was lost")
    await stack.until("select count(*) = 0 from pending_wake", otherwise="a wake is left")
    assert await stack.touches(other) == {"first": "sent"}
    assert await stack.repeated() == 0


async def test_smtp_goes_and_comes_back(breakable: Breakable):
    """Refused for now, again and again. How long does not matter: it is tried for days, every five minutes at least."""
    stack, lead = breakable.stack, await breakable.enrol("dora")
    await stack.fails("smtp", "421", count=10_000)
    other = await stack.enrol("eve@acme.example")
    await stack.until("select attempts >= 3 from touch where lead_id = $1", other, otherwise="mail was given up")
    assert (await stack.touches(other))["first"] in ("planned", "claimed")
    handed_over = await stack.api.post(f"/v1/leads/{lead}/commands/hand_off", json={})
    assert handed_over.is_success, handed_over.text
    task = "select status = 'sent' from touch where lead_id = $1 and channel = 'sdr_task'"
    await stack.until(task, lead, otherwise="mail that is down keeps the seller's task back")
    await _is_tried_for_days(stack, other)
    await stack.fails_no_more()
    await stack.mail_arrives("eve")
    await stack.until("select count(*) = 0 from touch where status <> 'sent'", otherwise="a touch is not sent")
    assert (await breakable.mails("dora"), await breakable.mails("eve"), await stack.repeated()) == (1, 1, 0)


def _visit(visitor: str) -> dict[str, object]:
    return {"anonymousId": visitor, "messageId": f"{visitor}-1", "properties": {"path": "/blog/one"}}


async def _skip_wait(stack: Stack, lead: str) -> None:
    journey = await stack.journey(lead)
    await journey.execute_update(CommandKind.SKIP_WAIT.value, CommandRequest(by="test"))


async def _decides_in_vain(stack: Stack, lead: str) -> None:
    """The worker has the command, and can't decide without its database."""
    journey = await stack.journey(lead)

    async def accepted() -> bool:
        events = (await journey.fetch_history()).events
        return any(event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED for event in events)

    await eventually(accepted, "the journey never took the command")


async def _is_tried_for_days(stack: Stack, lead: str) -> None:
    events = (await (await stack.journey(lead)).fetch_history()).events
    asked = next(e for e in events if e.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
    touch = asked.activity_task_scheduled_event_attributes
    assert touch.schedule_to_close_timeout.ToTimedelta() >= timedelta(days=1)
    assert touch.retry_policy.maximum_interval.ToTimedelta() <= timedelta(minutes=5)
    assert touch.retry_policy.maximum_attempts == 0
