"""Commands to many journeys on the command line: seen before they are done, asked for, stopped, and told afterwards."""

from datetime import UTC, datetime

import pytest

from storage import holds
from storage.database import Database
from storage.leads import LeadInput, upsert
from tests.cli.life import live
from tests.cli.terminal import Terminal


@pytest.fixture
async def leads(database: Database, playbook: str) -> list[str]:
    """Three journeys that have decided."""
    ids = []
    for number in range(3):
        profile = LeadInput(email=f"lead{number}@company{number}.example")
        ids.append((await upsert(database, profile, datetime.now(UTC), playbook)).lead_id)
        await live(database, ids[-1], days=2)
    return ids


async def test_nothing_is_done_before_it_is_agreed_to(tendril: Terminal, database: Database, leads: list[str]):
    seen = await tendril("journeys", "pause", "--where", "!ended && !paused", "--rate", "2/s")
    assert "Pause: 3 of 3 leads" in seen.out
    assert "What would be sent in 14 days (decided for each of them)" in seen.out
    assert "At 2/s it takes 2s." in seen.out
    assert "--yes carries it out" in seen.err
    assert await database.pool.fetchval("select count(*) from operation") == 0
    unclear = await tendril("journeys", "pause", "--yes", code=1)
    assert "Who is meant is not clear" in unclear.said
    wrong = await tendril("journeys", "end", "--where", "stge == 1", "--yes", code=1)
    assert "there is no “stge”; did you mean “stage”?" in wrong.said
    assert "needs a reason" in (await tendril("journeys", "end", leads[0], "--yes", code=1)).said
    assert "is no name" in (await tendril("journeys", "pause", leads[0], "--by", "ann@acme.example", code=2)).said


async def test_an_operation_is_asked_for_stopped_and_told(tendril: Terminal, leads: list[str]):
    words = ("journeys", "pause", "lead0@company0.example", leads[1], "--reason", "a fair", "--by", "ann", "--yes")
    asked = (await tendril(*words, "--no-watch", "--json")).json
    id_ = asked["operation"]["id"]
    assert (asked["preview"]["able"], asked["operation"]["total"]) == (2, 2)
    assert "is still running" in (await tendril("operations", "undo", id_, code=1)).said
    assert "spared" in (await tendril("operations", "cancel", id_, "--by", "bob")).out
    shown = (await tendril("operations", "show", id_, "--leads", "5")).out
    assert all(word in shown for word in (id_, "cancelled", "2 waiting of 2", "a fair", *leads[:2]))
    assert id_ in (await tendril("operations", "list")).out
    told = (await tendril("operations", "log", "--lead", leads[0], "--json")).json["items"]
    assert [(item["by"], item["action"]) for item in told] == [("bob", "operation_cancelled"), ("ann", "pause")]
    assert "changed no journey" in (await tendril("operations", "undo", id_, code=1)).said


async def test_a_hold_is_lifted_over_the_time_that_is_given(tendril: Terminal, database: Database, leads: list[str]):
    await tendril("hold", "place", "everything", "--reason", "wrong prices", "--by", "ann")
    assert "wrong prices" in (await tendril("hold", "list")).out
    held = 'update decision set rejected = \'[{"rule": "hold"}]\' where lead_id = any($1)'
    await database.pool.execute(held, leads[:2])
    seen = (await tendril("hold", "lift", "everything", "--policy", "skip", "--over", "4h")).out
    assert "2 journeys at 12 a day, over 4h" in seen
    assert [hold.scope for hold in await holds.listed(database)] == ["everything"]
    await tendril("hold", "lift", "everything", "--policy", "skip", "--over", "4h", "--yes", "--no-watch")
    assert await holds.listed(database) == []
    row = await database.pool.fetchrow("select * from operation")
    assert (row["kind"], row["total"], row["request"]["policy"], row["rate"]) == ("resume", 2, "skip", 2 / 14400)
    assert row["request"]["since"] is not None
    assert "There is no hold" in (await tendril("hold", "lift", "everything", code=1)).said
    resume = ("journeys", "resume", leads[2], "--policy", "skip")
    assert "is not paused" in (await tendril(*resume)).out
    ahead = await tendril(*resume, "--hold", "everything", "--json")
    assert (ahead.json["preview"]["able"], ahead.json["preview"]["request"]["since"]) == (1, row["request"]["since"])
    assert "There was no hold on channel:email" in (await tendril(*resume, "--hold", "channel:email", code=1)).said
