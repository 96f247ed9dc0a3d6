"""Too much at once."""

import asyncio
from typing import Any

from temporalio.api.enums.v1 import EventType

from tests.whole.stack import Stack

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
