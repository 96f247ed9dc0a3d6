"""The timeline, the funnel and what is stuck, in a terminal; and a journey's page in the Temporal UI."""

from datetime import UTC, datetime

import pytest

from runtime.sparklines import sparkline
from storage.database import Database
from storage.leads import LeadInput, upsert
from tests.cli.life import live
from tests.cli.terminal import Terminal

pytestmark = pytest.mark.usefixtures("playbook")


@pytest.fixture
async def lead(database: Database) -> str:
    lead = (await upsert(database, LeadInput(email="ann@acme.example"), datetime.now(UTC))).lead_id
    await live(database, lead, days=9)
    return lead


async def test_a_timeline_is_one_line_a_thing_the_oldest_first(tendril: Terminal, lead: str):
    lines = (await tendril("journeys", "timeline", "ann@acme.example")).out.splitlines()
    few = await tendril("journeys", "timeline", lead, "--limit", "2")

    assert "journey 1 begins (minimal)" in lines[0]
    assert [line[:16] for line in lines] == sorted(line[:16] for line in lines)
    assert any("email hidden-cost (sent)" in line for line in lines)
    assert len(few.out.splitlines()) == 2
    assert "--limit and --all show more" in few.err
    assert "the suppression list shows what is on it now" in few.err


async def test_the_tree_counts_and_draws(tendril: Terminal, lead: str):
    drawn = (await tendril("journeys", "tree")).out
    counted = (await tendril("journeys", "tree", "--segment", "enterprise", "--json")).json

    assert "1 journeys: 1 in flight, 0 ended" in drawn
    assert "problem awareness" in drawn
    assert counted["total"] == 0
    assert (sparkline([0, 1, 2, 4]), sparkline([0, 0])) == ("▁▂▄█", "")


async def test_what_is_stuck_exits_with_code_1_and_says_what_to_do(tendril: Terminal, database: Database, lead: str):
    tendril.environment["TENDRIL_TEMPORAL_ADDRESS"] = "127.0.0.1:1"
    fine = await tendril("journeys", "stuck")
    await database.pool.execute("update journey set next_wake_at = now() - interval '1 day'")

    found = await tendril("journeys", "stuck", code=1)

    assert fine.out == "Nothing is stuck.\n"
    assert "Temporal at 127.0.0.1:1 can't be reached" in fine.said
    assert "1 × overdue: its next wake has passed and it has not decided." in found.out
    assert f"tendril ui {lead}" in found.out


async def test_the_temporal_uis_page_of_a_journey_is_printed(tendril: Terminal, lead: str):
    tendril.environment |= {
        "TENDRIL_TEMPORAL_ADDRESS": "127.0.0.1:1",
        "TENDRIL_TEMPORAL_UI_URL": "https://temporal.example/",
    }

    answer = await tendril("ui", "ann@acme.example", "--print")

    assert answer.out == f"https://temporal.example/namespaces/default/workflows/lead-{lead}\n"
    assert "its runs are not listed" in answer.said
