"""Unsubscribing takes one click, a look changes nothing, and it holds for ever."""

from datetime import UTC, datetime

import httpx
import pytest
from fastapi import FastAPI

from adapters.email.links import UnsubscribeLinks
from runtime.settings import Settings
from storage.database import Database
from storage.erasure import erase

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
async def lead(api: httpx.AsyncClient, playbook: str) -> str:
    made: str = (await api.post("/v1/leads", json={"email": "ann@acme.example"})).json()["id"]
    return made


@pytest.fixture
def link(settings: Settings, lead: str) -> str:
    links = UnsubscribeLinks(settings.public_url, [settings.secret.get_secret_value()])
    return links.url(lead, f"{lead}/1/0/hello").removeprefix(settings.public_url)


async def suppressions(database: Database) -> list[tuple[str, str]]:
    return [(row["email"], row["reason"]) for row in await database.pool.fetch("select * from suppression")]


async def test_looking_at_the_page_changes_nothing(http: httpx.AsyncClient, database: Database, link: str):
    for _ in range(3):
        page = await http.get(link)

    assert page.status_code == 200
    assert '<form method="post">' in page.text
    assert "ann@acme.example" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert await suppressions(database) == []


async def test_one_click_opts_out_and_tells_the_journey(
    http: httpx.AsyncClient, database: Database, link: str, lead: str
):
    await database.pool.execute("delete from pending_wake")
    del http.headers["Authorization"]

    page = await http.post(link, data=ONE_CLICK)

    assert page.status_code == 200
    assert "unsubscribed" in page.text
    assert await suppressions(database) == [("ann@acme.example", "opted_out")]
    behaviour = await database.pool.fetchrow("select * from behaviour")
    assert (behaviour["lead_id"], behaviour["kind"], behaviour["name"]) == (lead, "delivery", "unsubscribed")
    assert behaviour["properties"]["touch"] == f"{lead}/1/0/hello"
    assert await database.pool.fetchval("select types from pending_wake") == ["unsubscribed"]


async def test_mail_programs_may_send_the_form_as_multipart(http: httpx.AsyncClient, database: Database, link: str):
    page = await http.post(link, files={"List-Unsubscribe": (None, "One-Click")})

    assert page.status_code == 200
    assert len(await suppressions(database)) == 1


async def test_clicking_twice_is_clicking_once(http: httpx.AsyncClient, database: Database, link: str):
    pages = [await http.post(link, data=ONE_CLICK) for _ in range(2)]

    assert [page.status_code for page in pages] == [200, 200]
    assert await database.pool.fetchval("select count(*) from behaviour") == 1


@pytest.mark.parametrize("data", [{}, {"List-Unsubscribe": "Perhaps"}, {"other": "x"}])
async def test_a_post_that_is_not_one_click_changes_nothing(
    http: httpx.AsyncClient, database: Database, link: str, data: dict[str, str]
):
    page = await http.post(link, data=data)

    assert page.status_code == 400
    assert "<form" in page.text
    assert await suppressions(database) == []


async def test_a_damaged_link_is_said_to_be_damaged(http: httpx.AsyncClient, database: Database, link: str):
    for path in (link[:-2] + "xx", "/u/nonsense"):
        for page in (await http.get(path), await http.post(path, data=ONE_CLICK)):
            assert page.status_code == 404
            assert "damaged" in page.text
    assert await suppressions(database) == []


async def test_with_the_database_away_nobody_is_told_that_it_worked(http: httpx.AsyncClient, app: FastAPI, link: str):
    await app.state.context.database.close()

    page = await http.post(link, data=ONE_CLICK)

    assert page.status_code == 503
    assert "not unsubscribed yet" in page.text
    assert int(page.headers["retry-after"]) > 0


async def test_nobody_can_take_the_place_of_an_unsubscribe_beforehand(
    api: httpx.AsyncClient, database: Database, link: str, lead: str
):
    forged = {"anonymousId": "somebody", "event": "x", "messageId": f"delivery:{lead}/1/0/hello:unsubscribed"}
    for _ in range(2):
        await api.post("/v1/track", json=forged)
    await database.pool.execute("delete from pending_wake")

    await api.post(link, data=ONE_CLICK)

    assert await database.pool.fetchval("select types from pending_wake") == ["unsubscribed"]
    assert await database.pool.fetchval("select count(*) from behaviour where lead_id is null") == 1


async def test_who_unsubscribed_is_not_written_to_at_a_new_address_either(
    api: httpx.AsyncClient, database: Database, link: str, lead: str
):
    await database.pool.execute("update lead set external_id = 'crm-1'")
    await listed(database, "ann@acme.example", "manual")
    await api.post(link, data=ONE_CLICK)
    await database.pool.execute("update journey set ended_at = now() - interval '2 years', ending = 'opted_out'")

    moved = await api.post("/v1/leads", json={"external_id": "crm-1", "email": "ann@elsewhere.example"})

    assert (moved.json()["id"], moved.json()["enrolled"]) == (lead, False)
    assert (await api.get(f"/v1/leads/{lead}/journey")).json()["suppressed"] == "manual"


async def listed(database: Database, email: str, reason: str) -> None:
    """An entry from before anybody knew whose address it is."""
    entry = "insert into suppression (email, reason, source, at) values ($1, $2, 'import', now())"
    await database.pool.execute(entry, email, reason)


async def test_of_whoever_was_erased_a_link_leaves_nothing(
    api: httpx.AsyncClient, database: Database, link: str, lead: str
):
    await erase(database, lead, "test", datetime.now(UTC))
    before = await database.pool.fetchval("select count(*) from behaviour")

    assert (await api.post(link, data=ONE_CLICK)).status_code == 200

    assert await database.pool.fetchval("select count(*) from behaviour") == before
