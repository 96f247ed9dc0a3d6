"""Behaviour is taken back from the command line, and the story shows it."""

from datetime import UTC, datetime

import pytest

from storage import inbox
from storage.database import Database
from storage.inbox import NewBehaviour
from storage.leads import LeadInput, upsert
from tests.cli.life import live
from tests.cli.terminal import Terminal


@pytest.fixture
async def lead(database: Database, playbook: str) -> str:
    """A lead in a journey that looked at prices twice."""
    now = datetime.now(UTC)
    made = (await upsert(database, LeadInput(email="lead1@company1.example"), now, playbook)).lead_id
    visits = [
        NewBehaviour(message_id=each, kind="page", name="/pricing", occurred_at=now, lead_id=made)
        for each in ("m-1", "m-2")
    ]
    await inbox.accept(database, visits, now)
    return made


async def test_what_is_retracted_is_shown_as_not_counted_and_in_the_reasons(
    tendril: Terminal, database: Database, lead: str
):
    answer = await tendril("events", "retract", "m-1", "m-2", "--reason", "a test")
    await live(database, lead, days=1)

    story = (await tendril("journeys", "explain", lead)).out
    assert answer.out == "Retracted: m-1\nRetracted: m-2\n"
    assert "page /pricing (not counted: a test)" in story
    assert "retracted: page /pricing, a test" in story
    assert "because 2 behaviours were retracted and count no more [retracted]" in story


async def test_again_changes_nothing(tendril: Terminal, lead: str):
    await tendril("events", "retract", "m-1")

    again = (await tendril("events", "retract", "m-1", "--json")).json

    assert again == {"events": [{"message_id": "m-1", "outcome": "not_counted"}]}


async def test_an_unknown_id_is_said_and_the_others_are_retracted(tendril: Terminal, lead: str):
    answer = await tendril("events", "retract", "m-1", "nobody", code=1)

    assert answer.out == "Retracted: m-1\nNo such event: nobody\n"


async def test_of_two_senders_one_is_named(tendril: Terminal, database: Database, lead: str):
    await database.pool.execute("update behaviour set sender = 'web', message_id = 'm-2' where message_id = 'm-1'")

    refused = await tendril("events", "retract", "m-2", code=1)
    answer = await tendril("events", "retract", "m-2", "--sender", "")

    assert "2 events, of Tendril itself, “web”" in " ".join(refused.err.split())
    assert answer.out == "Retracted: m-2\n"
    assert await database.pool.fetchval("select sender from behaviour where kind = 'page' and trusted") == "web"


async def test_what_is_restored_is_in_the_story_and_counts(tendril: Terminal, database: Database, lead: str):
    await tendril("events", "retract", "m-1")
    answer = await tendril("events", "restore", "m-1", "m-2", "--reason", "a customer")
    await live(database, lead, days=1)

    story = (await tendril("journeys", "explain", lead)).out
    assert answer.out == "Restored: m-1\nCounted before: m-2\n"
    assert "restored: page /pricing, a customer" in story
    assert "because one behaviour was restored and counts again [restored]" in story
