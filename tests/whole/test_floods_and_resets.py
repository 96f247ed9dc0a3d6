"""Too much at once, and all over again."""

import asyncio
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest

from tests.whole.processes import eventually
from tests.whole.stack import Stack, whole_stack
from tests.whole.story import at_any_hour
from workflows.messages import workflow_id

ADA = "ada@acme.example"
_FLOOD, _AT_ONCE = 2000, 20
_FEW = 20


async def test_a_flood_of_behaviour_wakes_seldom_and_is_considered_whole(stack: Stack):
    stack.start_worker()
    await stack.start_api()
    lead = (await stack.api.post("/v1/leads", json={"email": ADA, "anonymous_ids": ["visitor-1"]})).json()["id"]
    await stack.mail_arrives(ADA)
    before = await _signals(stack, lead)
    gate = asyncio.Semaphore(_AT_ONCE)
    await asyncio.gather(*(_visit(stack, number, gate) for number in range(_FLOOD)))
    query = "select cursor = $2 from journey where lead_id = $1"
    await stack.until(query, lead, _FLOOD, otherwise="some behaviour was never considered")
    await stack.until("select count(*) = 0 from pending_wake", otherwise="a wake is left")
    assert await _signals(stack, lead) - before <= _FEW
    woken = await stack.database.pool.fetchval("select count(*) from decision where cause = 'behaviour'")
    assert 1 <= woken <= _FEW, "decisions count also where the journey continued as new"
    assert await stack.database.pool.fetchval("select count(*) from behaviour where lead_id = $1", lead) == _FLOOD
    assert len(await stack.mails(ADA)) == 1


async def test_deciding_again_after_a_reset_sends_no_second_message(database_url: str, tmp_path: Path):
    """A mail every two real seconds. The reset takes the journey back to before the first one was decided."""
    playbook = at_any_hour(gap=timedelta(hours=2))
    async with whole_stack(database_url, tmp_path, playbook, scale=3600.0) as stack:
        stack.start_worker()
        lead = await stack.enrol()
        await stack.mail_arrives(ADA, 2)
        first_run = (await (await stack.journey(lead)).describe()).run_id
        await _reset_to_the_start(stack, lead)

        async def goes_on() -> bool:
            described = await (await stack.journey(lead)).describe()
            return described.run_id != first_run and len(await stack.mails(ADA)) >= 3

        await eventually(goes_on, "the journey that was reset never went on")
        again = "select max(revision) > 1 from decision where lead_id = $1"
        await stack.until(again, lead, otherwise="nothing was decided again")
        subjects = Counter(mail["subject"] for mail in await stack.mails(ADA))
        assert max(subjects.values()) == 1, subjects
        assert await stack.repeated() == 0


async def _visit(stack: Stack, number: int, gate: asyncio.Semaphore) -> None:
    """One of many, each in a request of its own."""
    page = {"anonymousId": "visitor-1", "messageId": f"m-{number}", "properties": {"path": f"/blog/{number}"}}
    async with gate:
        answer = await stack.api.post("/v1/page", json=page)
    assert answer.json()["accepted"] == 1, answer.text


async def _events(stack: Stack, lead: str, kind: EventType.ValueType) -> list[Any]:
    history = await (await stack.journey(lead)).fetch_history()
    return [event for event in history.events if event.event_type == kind]


async def _signals(stack: Stack, lead: str) -> int:
    return len(await _events(stack, lead, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED))


async def _reset_to_the_start(stack: Stack, lead: str) -> None:
    """To the workflow task in which the first decision was made."""
    marker = (await _events(stack, lead, EventType.EVENT_TYPE_MARKER_RECORDED))[0]
    client = await stack.client()
    await client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=workflow_id(lead)),
            reason="today's rules decide again",
            workflow_task_finish_event_id=marker.marker_recorded_event_attributes.workflow_task_completed_event_id,
            request_id=f"reset-{lead}",
        )
    )
