"""A touch of which nobody can tell whether it was sent waits for a person, who says."""

from datetime import UTC, datetime

import pytest

from domain.decision import SendTouch
from domain.words import REPLANNABLE
from storage.database import Database
from storage.leads import LeadInput, upsert
from tests.cli.life import live
from tests.cli.terminal import Terminal


@pytest.fixture
async def parked(database: Database, playbook: str) -> SendTouch:
    """The first touch of a lead's journey, cut off in the middle."""
    profile = LeadInput(email="lead1@company1.example")
    taken = await upsert(database, profile, datetime.now(UTC), playbook)
    touch = next(touch for one in await live(database, taken.lead_id, days=20) for touch in one.send)
    await database.pool.execute(
        "update touch set status = 'unknown', sent_at = null, claimed_at = $2, reason = 'no answer' where key = $1",
        touch.key,
        datetime.now(UTC),
    )
    await database.pool.execute("delete from pending_wake")
    return touch


async def status(database: Database, touch: SendTouch) -> str:
    found: str = await database.pool.fetchval("select status from touch where key = $1", touch.key)
    return found


async def test_parked_touches_are_listed(tendril: Terminal, parked: SendTouch):
    listed = (await tendril("touches", "unknown", "--json")).json

    assert listed["total"] == 1
    assert listed["items"][0]["key"] == parked.key
    assert parked.key in (await tendril("touches", "unknown")).out


async def test_one_that_was_sent_counts_as_sent(tendril: Terminal, database: Database, parked: SendTouch):
    await tendril("touches", "resolve", parked.key, "--sent")

    assert await status(database, parked) == "sent"
    assert await database.pool.fetchval("select sent_at = claimed_at from touch where key = $1", parked.key)


async def test_one_that_was_not_may_be_planned_again_and_the_journey_hears_of_it(
    tendril: Terminal, database: Database, parked: SendTouch
):
    await tendril("touches", "resolve", parked.key, "--not-sent")

    assert await status(database, parked) in REPLANNABLE
    assert await database.pool.fetchval("select types from pending_wake") == ["touch_resolved"]


async def test_one_that_is_not_parked_is_left_alone(tendril: Terminal, database: Database, parked: SendTouch):
    await tendril("touches", "resolve", parked.key, "--sent")

    answer = await tendril("touches", "resolve", parked.key, "--not-sent", code=1)

    assert "is sent, not unknown" in answer.err
    assert await status(database, parked) == "sent"


async def test_an_unknown_key_is_refused(tendril: Terminal):
    answer = await tendril("touches", "resolve", "ld_none/1/0/a", "--sent", code=1)

    assert "There is no touch ld_none/1/0/a." in answer.err
