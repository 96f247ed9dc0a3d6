"""PostgreSQL, Temporal and SMTP go down and come back: nothing lost, nothing doubled, and the rest goes on meanwhile."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from subprocess import Popen

import pytest_asyncio
from temporalio.api.enums.v1 import EventType

from domain.words import CommandKind
from runtime.embedded.postgres import EmbeddedPostgres
from storage.migrate import upgrade
from tests.whole.processes import Processes, eventually, kill
from tests.whole.stack import Stack, whole_stack
from tests.whole.story import at_any_hour
from workflows.messages import CommandRequest

ADA, BEA = "ada@acme.example", "bea@other.example"


@dataclass
class Breakable:
    """A stack with a PostgreSQL of its own, and a lead who has had the first mail."""

    stack: Stack
    postgres: EmbeddedPostgres
    database_server: "Popen[bytes]"
    lead: str


@pytest_asyncio.fixture
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
                lead = await stack.enrol(ADA, anonymous_ids=("visitor-1",))
                await stack.mail_arrives(ADA)
                yield Breakable(stack, postgres, server, lead)
        finally:
            processes.stop_all()


async def test_postgresql_goes_and_comes_back(breakable: Breakable):
    stack = breakable.stack
    kill(breakable.database_server)
    refused = await stack.api.post("/v1/page", json=_visit("m-1"))
    assert refused.status_code == 503, "nothing is acknowledged that is not kept"
    assert "retry-after" in refused.headers
    skip = asyncio.create_task(_skip_wait(stack, breakable.lead))
    await _decides_in_vain(stack, breakable.lead)
    assert not skip.done()
    await stack.processes.serve(breakable.postgres.program())
    await skip
    assert (await stack.mail_arrives(ADA, 2))["subject"]

    async def accepted() -> bool:
        return (await stack.api.post("/v1/page", json=_visit("m-1"))).is_success

    await eventually(accepted, "the API never came back")
    await stack.until("select cursor >= 1 from journey", otherwise="the visit was never considered")
    assert await stack.touches(breakable.lead) == {"first": "sent", "second": "sent"}
    assert (len(await stack.mails(ADA)), await stack.repeated()) == (2, 0)


async def test_temporal_goes_and_comes_back(breakable: Breakable):
    stack = breakable.stack
    kill(stack.temporal)
    assert (await stack.api.post("/v1/page", json=_visit("m-1"))).is_success, "behaviour is kept all the same"
    bea = (await stack.api.post("/v1/leads", json={"email": BEA})).json()["id"]
    command = await stack.api.post(f"/v1/leads/{breakable.lead}/commands/skip_wait", json={})
    assert command.status_code == 503
    await stack.until("select bool_and(attempts > 0) from pending_wake", otherwise="no wake was tried")
    assert await stack.database.pool.fetchval("select count(*) from pending_wake") == 2
    await stack.processes.serve(stack.temporal_program)
    await stack.mail_arrives(BEA)
    await stack.until(
        "select cursor >= 1 from journey where lead_id = $1", breakable.lead, otherwise="the visit was lost"
    )
    await stack.until("select count(*) = 0 from pending_wake", otherwise="a wake is left")
    assert await stack.touches(bea) == {"first": "sent"}
    assert await stack.repeated() == 0


async def test_smtp_goes_and_comes_back(breakable: Breakable):
    """Refused for now, again and again. How long does not matter: it is tried for days, every five minutes at least."""
    stack = breakable.stack
    await stack.fails("smtp", "421", count=10_000)
    bea = await stack.enrol(BEA)
    await stack.until("select attempts >= 3 from touch where lead_id = $1", bea, otherwise="mail was not tried again")
    assert (await stack.touches(bea))["first"] in ("planned", "claimed")
    handed_over = await stack.api.post(f"/v1/leads/{breakable.lead}/commands/hand_off", json={})
    assert handed_over.is_success, handed_over.text
    task = "select status = 'sent' from touch where lead_id = $1 and channel = 'sdr_task'"
    await stack.until(task, breakable.lead, otherwise="mail that is down keeps the seller's task back")
    await _is_tried_for_days(stack, bea)
    await stack.fails_no_more()
    await stack.mail_arrives(BEA)
    await stack.until("select count(*) = 0 from touch where status <> 'sent'", otherwise="a touch is not sent")
    assert (len(await stack.mails(BEA)), len(await stack.mails(ADA)), await stack.repeated()) == (1, 1, 0)


def _visit(message_id: str) -> dict[str, object]:
    return {"anonymousId": "visitor-1", "messageId": message_id, "properties": {"path": "/blog/one"}}


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
