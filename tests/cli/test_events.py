"""One behaviour is sent as a website would send it, and wakes the journey."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import uvicorn

from api.app import create_app
from domain.clock import ScaledClock
from runtime.settings import Settings
from storage import keys
from storage.database import Database
from storage.leads import LeadInput, upsert
from tests.cli.terminal import Terminal


@pytest.fixture
async def lead(database: Database, playbook: str) -> str:
    """A lead in a journey, whose wakes are all done."""
    profile = LeadInput(external_id="crm-1", email="lead1@company1.example")
    taken = await upsert(database, profile, datetime.now(UTC), playbook)
    await database.pool.execute("delete from pending_wake")
    return taken.lead_id


@pytest.mark.parametrize(
    "who", [("--email", "Lead1@Company1.example"), ("--external-id", "crm-1"), ("--lead", "ID")], ids=lambda who: who[0]
)
async def test_a_page_visit_is_stored_and_wakes_the_journey(
    tendril: Terminal, database: Database, lead: str, who: tuple[str, str]
):
    named = (who[0], who[1].replace("ID", lead))

    await tendril("events", "send", *named, "--type", "page", "--name", "/pricing")

    stored = await database.pool.fetchrow("select lead_id, kind, name, position from behaviour")
    assert tuple(stored) == (lead, "page", "/pricing", 1)
    assert await database.pool.fetchval("select types from pending_wake where lead_id = $1", lead) == ["/pricing"]


async def test_properties_are_read_as_numbers_truths_and_text(tendril: Terminal, database: Database, lead: str):
    given = ("--property", "minutes=40", "--property", "live=true", "--property", "title=A=B", "--property", 'q="1"')

    await tendril("events", "send", "--lead", lead, "--type", "track", "--name", "Webinar Attended", *given)

    properties = await database.pool.fetchval("select properties from behaviour")
    assert properties == {"minutes": 40, "live": True, "title": "A=B", "q": '"1"'}


async def test_the_same_message_id_counts_once(tendril: Terminal, database: Database, lead: str):
    words = (
        "events",
        "send",
        "--lead",
        lead,
        "--type",
        "track",
        "--name",
        "Signed Up",
        "--message-id",
        "m-1",
        "--json",
    )

    first, second = (await tendril(*words)).json, (await tendril(*words)).json

    assert (first["accepted"], second["accepted"], second["duplicates"]) == (1, 0, 1)
    assert await database.pool.fetchval("select count(*) from behaviour") == 1


async def test_a_visitor_nobody_knows_is_kept(tendril: Terminal, database: Database, lead: str):
    await tendril("events", "send", "--anonymous-id", "visitor-1", "--type", "page", "--name", "/")

    assert await database.pool.fetchval("select lead_id is null from behaviour")


async def test_an_unknown_lead_is_refused(tendril: Terminal):
    answer = await tendril(
        "events", "send", "--email", "nobody@company.example", "--type", "page", "--name", "/", code=1
    )

    assert "There is no lead with address 'nobody@company.example'." in answer.err


async def test_nobody_or_two_people_is_a_usage_error(tendril: Terminal):
    nobody = await tendril("events", "send", "--type", "page", "--name", "/", code=2)
    two = await tendril("events", "send", "--lead", "a", "--email", "b", "--type", "page", "--name", "/", code=2)

    assert "say whose behaviour it is" in nobody.said
    assert "say whose behaviour it is" in two.said


async def test_an_api_that_is_away_is_one_line(tendril: Terminal, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TENDRIL_API_KEY", "tdl_made_up")

    answer = await tendril(
        "events", "send", "--lead", "x", "--type", "page", "--name", "/", "--api", "http://127.0.0.1:9", code=1
    )

    assert "The API at http://127.0.0.1:9 can't be reached" in answer.err
    assert answer.err.count("\n") == 1


async def test_the_api_wants_a_key(tendril: Terminal, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("TENDRIL_API_KEY", raising=False)

    answer = await tendril(
        "events", "send", "--lead", "x", "--type", "page", "--name", "/", "--api", "http://127.0.0.1:9", code=1
    )

    assert "TENDRIL_API_KEY" in answer.err


@pytest.fixture
async def api(database: Database) -> AsyncIterator[str]:
    """The API over a real socket; its address."""
    application = create_app(Settings(), database, None, ScaledClock())
    server = uvicorn.Server(uvicorn.Config(application, host="127.0.0.1", port=0, log_config=None))
    serving = asyncio.create_task(server.serve())
    deadline = asyncio.get_running_loop().time() + 30
    while not server.started:
        assert asyncio.get_running_loop().time() < deadline, "the API did not start"
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await serving


@pytest.mark.parametrize(
    "who", [("--email", "lead1@company1.example"), ("--external-id", "crm-1"), ("--lead", "ID")], ids=lambda who: who[0]
)
async def test_an_event_through_the_api_is_the_same_behaviour(
    tendril: Terminal, database: Database, lead: str, api: str, who: tuple[str, str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TENDRIL_API_KEY", await keys.create(database, "cli", ["read", "write"]))
    named = (who[0], who[1].replace("ID", lead))

    await tendril("events", "send", *named, "--type", "page", "--name", "/pricing", "--api", api)

    stored = await database.pool.fetchrow("select lead_id, kind, name from behaviour")
    assert tuple(stored) == (lead, "page", "/pricing")


async def test_a_wrong_key_is_the_apis_own_words(
    tendril: Terminal, lead: str, api: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TENDRIL_API_KEY", "tdl_made_up")

    answer = await tendril("events", "send", "--lead", lead, "--type", "page", "--name", "/", "--api", api, code=1)

    assert "The API refused (401)" in answer.err
    assert "tendril keys create" in answer.err
