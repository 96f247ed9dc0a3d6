"""An event is taken back over the API, by those who may command journeys."""

import httpx
import pytest

from storage import keys
from storage.database import Database
from tests.api.conftest import assert_problem


@pytest.fixture
async def lead(api: httpx.AsyncClient, playbook: str) -> str:
    """A lead that looked at a page; the event's id has slashes and spaces."""
    made: str = (await api.post("/v1/leads", json={"email": "ann@acme.example"})).json()["id"]
    await api.post("/v1/page", json={"userId": made, "messageId": "a/b c", "properties": {"path": "/pricing"}})
    return made


async def test_it_counts_no_more_and_the_story_says_why(api: httpx.AsyncClient, lead: str):
    first, second = [await api.post("/v1/events/a/b%20c/retract", json={"reason": "a test"}) for _ in range(2)]

    assert first.json() == {"message_id": "a/b c", "outcome": "retracted"}
    assert second.json()["outcome"] == "not_counted"
    told, visit = (await api.get(f"/v1/leads/{lead}/journey")).json()["behaviours"]
    assert (visit["message_id"], visit["trusted"]) == ("a/b c", False)
    assert visit["properties"]["not_counted"]["reason"] == "a test"
    assert told["properties"]["event"] == "page /pricing"
    assert "a test" in (await api.get(f"/leads/{lead}")).text


async def test_without_a_reason_it_was_by_hand(api: httpx.AsyncClient, lead: str, database: Database):
    assert (await api.post("/v1/events/a/b c/retract", json={})).status_code == 200
    assert "retracted by hand" in await database.pool.fetchval(
        "select properties::text from behaviour where kind = 'page'"
    )


async def test_of_two_senders_one_is_named(api: httpx.AsyncClient, lead: str, database: Database):
    await database.pool.execute("update behaviour set sender = 'web'")
    await api.post("/v1/page", json={"userId": lead, "messageId": "a/b c", "properties": {"path": "/docs"}})

    said = assert_problem(await api.post("/v1/events/a/b c/retract", json={}), 409, "refused")
    assert "“everything”, “web”" in said["detail"]
    answer = await api.post("/v1/events/a/b c/retract", json={"sender": "web"})
    assert answer.json()["outcome"] == "retracted"
    (kept,) = await database.pool.fetch("select name from behaviour where kind = 'page' and trusted")
    assert kept["name"] == "/docs"


async def test_an_unknown_event_is_a_404(api: httpx.AsyncClient, playbook: str):
    assert_problem(await api.post("/v1/events/nobody/retract", json={}), 404, "unknown-event")


async def test_writing_events_does_not_allow_taking_them_back(http: httpx.AsyncClient, lead: str, database: Database):
    http.headers["Authorization"] = f"Bearer {await keys.create(database, 'site', ['read', 'write'])}"

    assert_problem(await http.post("/v1/events/a/b c/retract", json={}), 403, "scope-missing")


async def test_what_was_taken_back_is_given_back(api: httpx.AsyncClient, lead: str):
    await api.post("/v1/events/a/b c/retract", json={"reason": "a test"})
    outcomes = [(await api.post("/v1/events/a/b c/restore", json={})).json()["outcome"] for _ in range(2)]
    assert outcomes == ["restored", "counted"]
    assert (await api.get(f"/v1/leads/{lead}/journey")).json()["behaviours"][-1]["trusted"]
    assert_problem(await api.post("/v1/events/nobody/restore", json={}), 404, "unknown-event")


async def test_what_is_kept_no_longer_is_gone(api: httpx.AsyncClient, lead: str, database: Database):
    await database.pool.execute("update behaviour set purged_at = now(), trusted = false")
    assert_problem(await api.post("/v1/events/a/b c/restore", json={}), 410, "event-purged")
