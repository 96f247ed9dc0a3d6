"""The preference centre: choices hold at once, a look changes nothing, and who holds the link sees no name."""

import httpx
import pytest

from adapters.email.links import UnsubscribeLinks
from runtime.settings import Settings
from storage import erasure, permission
from storage.database import Database
from tests.domain.core.life import MONDAY


@pytest.fixture
async def lead(api: httpx.AsyncClient, playbook: str) -> str:
    consent = {"direct_mail": {"granted": False}}
    body = {"email": "ann@acme.example", "fields": {"first_name": "Ann"}, "consent": consent}
    made: str = (await api.post("/v1/leads", json=body)).json()["id"]
    del api.headers["Authorization"]
    return made


@pytest.fixture
def link(settings: Settings, lead: str) -> str:
    links = UnsubscribeLinks(settings.public_url, settings.link_secrets)
    return links.url(lead, f"{lead}/1/0/hello").removeprefix(settings.public_url) + "/preferences"


async def held(database: Database) -> list[tuple[bool, int]]:
    rows = await database.pool.fetch("select paused_until is not null, least_days from preference")
    return [tuple(row) for row in rows]


async def test_the_unsubscribe_page_leads_to_it(http: httpx.AsyncClient, link: str):
    page = await http.get(link.removesuffix("/preferences"))
    token = link.split("/")[2]
    assert f'href="{token}/preferences"' in page.text


async def test_looking_changes_nothing_and_shows_no_name(http: httpx.AsyncClient, database: Database, link: str):
    await database.pool.execute("delete from pending_wake")

    page = await http.get(link)

    assert page.status_code == 200
    assert "How often?" in page.text
    assert "In which way?" in page.text
    assert "ann" not in page.text.lower().replace("channel", "")
    assert "script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert await held(database) == []
    assert await database.pool.fetchval("select count(*) from pending_wake") == 0


async def test_a_choice_is_saved_said_in_words_and_shown_the_next_time(
    http: httpx.AsyncClient, database: Database, link: str
):
    said = await http.post(link, data={"often": "30", "offered": ["email", "direct_mail"], "channel": ["email"]})
    shown = await http.get(link)

    assert said.status_code == 200
    assert "We will write at most once a month." in said.text
    assert "You will get no letters or parcels from us." in said.text
    assert await held(database) == [(False, 30)]
    assert 'value="30" required checked' in shown.text


async def test_a_pause_keeps_the_pace_that_held_before_it(http: httpx.AsyncClient, database: Database, link: str):
    await http.post(link, data={"often": "14"})
    paused = await http.post(link, data={"often": "pause"})
    shown = await http.get(link)

    assert "We will not write to you until" in paused.text
    assert "After that, we will write at most once in two weeks." in paused.text
    assert await held(database) == [(True, 14)]
    assert "Not until" in shown.text


async def test_topics_are_asked_about_in_the_playbooks_words_and_what_was_not_shown_stays(
    http: httpx.AsyncClient, database: Database, link: str
):
    await database.pool.execute(
        "update playbook_version set document = jsonb_set(document::jsonb, '{topics}', $1)::text",
        {"guides": "Guides & checklists", "events": "Webinars"},
    )
    assert "Guides &amp; checklists" in (await http.get(link)).text

    said = await http.post(link, data={"often": "0", "asked": ["guides", "events", "no_topic"], "topic": ["guides"]})

    assert "You will get nothing from us about: Webinars." in said.text
    assert await declined(database) == ["events"]
    assert 'value="guides" checked' in (await http.get(link)).text
    await http.post(link, data={"often": "14"})  # a page from before there were topics
    assert await declined(database) == ["events"]
    await http.post(link, data={"often": "14", "asked": ["guides", "events"], "topic": ["guides", "events"]})
    assert await declined(database) == []


async def declined(database: Database) -> list[str]:
    found: list[str] = await database.pool.fetchval("select declined_topics from preference")
    return found


async def test_everything_off_is_unsubscribing(http: httpx.AsyncClient, database: Database, link: str):
    page = await http.post(link, data={"stop": "everything", "often": "0"})
    shown = await http.get(link)

    assert "You are unsubscribed" in page.text
    assert "You are unsubscribed" in shown.text
    assert "<form" not in shown.text
    assert await database.pool.fetchval("select reason from suppression") == "opted_out"
    assert await database.pool.fetchval("select name from behaviour") == "unsubscribed"
    assert await held(database) == []


async def test_all_channels_off_is_said_as_that(http: httpx.AsyncClient, link: str):
    page = await http.post(link, data={"often": "0", "offered": ["email", "direct_mail"]})
    assert "We will not write to you on any channel." in page.text


@pytest.mark.parametrize("data", [{}, {"often": "7"}, {"often": "²"}, {"often": "-14"}, {"often": "9" * 5000}])
async def test_what_is_no_choice_is_said_in_place_and_changes_nothing(
    http: httpx.AsyncClient, database: Database, link: str, data: dict[str, str]
):
    page = await http.post(link, data=data)

    assert page.status_code == 422
    assert "Choose how often you want to hear from us." in page.text
    assert await held(database) == []


async def test_channels_that_were_not_shown_are_left_alone(http: httpx.AsyncClient, database: Database, link: str):
    await http.post(link, data={"often": "0", "offered": ["sdr_task", "nonsense"], "channel": ["email"]})
    rows = await database.pool.fetch("select channel, granted from consent")
    assert [tuple(row) for row in rows] == [("direct_mail", False)]


async def test_who_is_suppressed_has_nothing_to_choose(http: httpx.AsyncClient, database: Database, link: str):
    await permission.suppress(database, "ann@acme.example", "complained", "test", MONDAY)
    page = await http.post(link, data={"often": "0"})
    assert "There is nothing you need to do." in page.text
    assert await held(database) == []


async def test_who_was_erased_is_not_written_to(http: httpx.AsyncClient, database: Database, link: str, lead: str):
    await erasure.erase(database, lead, "test", MONDAY)
    assert "We will not write to you again." in (await http.get(link)).text


async def test_a_link_of_nobody_and_a_damaged_one_are_said_to_be(
    http: httpx.AsyncClient, settings: Settings, link: str
):
    nobody = UnsubscribeLinks(settings.public_url, settings.link_secrets).token("ld_none", "ld_none/1/0/hello")
    closed = await http.get(f"/u/{nobody}/preferences")
    damaged = await http.post(link.replace("/u/", "/u/x"), data={"stop": "everything"})
    assert (closed.status_code, damaged.status_code) == (410, 404)
    assert "We hold nothing about you" in closed.text
    assert "damaged" in damaged.text
