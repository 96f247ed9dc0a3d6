"""A mail as it is sent, in a real browser: links work, and what is there for machines is for machines alone."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext

from adapters.email.links import OpenLinks, TrackedLinks
from adapters.email.tracked import Tracking
from api.app import create_app
from authoring.preview import preview_email
from domain.clock import ScaledClock
from domain.words import Channel
from runtime.settings import Settings
from storage import leads, playbooks
from storage.database import Database
from storage.leads import LeadInput
from tests.adapters.running import serving
from tests.adapters.touches import touch
from tests.api.story import decided
from tests.fixtures.playbooks import minimal_playbook

PERSON = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"


@pytest_asyncio.fixture
async def site(database: Database) -> AsyncIterator[str]:
    settings = Settings(demo=True, database_url=database.url)
    async with serving(create_app(settings, database, None, ScaledClock())) as url:
        yield url


@pytest.fixture
async def lead(database: Database) -> str:
    """A lead in a journey."""
    sent = datetime.now(UTC) - timedelta(hours=1)
    await playbooks.store(database, minimal_playbook(), sent, default=True)
    made = (await leads.upsert(database, LeadInput(email="ann@acme.example"), sent)).lead_id
    await decided(database, made)
    return made


async def mail_of(database: Database, lead: str, site: str) -> str:
    """The HTML of a mail that was sent to the lead an hour ago."""
    given = touch(Channel.EMAIL, key=f"{lead}/1/0/trial", asset="trial-plan")
    await database.pool.execute(
        "insert into touch (key, lead_id, cycle, decision_number, step, channel, playbook_hash, planned_at, status,"
        " sent_at) values ($1, $2, 1, 1, 'trial', 'email', 'x', $3, 'sent', $3)",
        given.key,
        lead,
        datetime.now(UTC) - timedelta(hours=1),
    )
    secrets = Settings().link_secrets
    tracking = Tracking(TrackedLinks(site, secrets), OpenLinks(site, secrets))
    return tracking.tracked(given, preview_email(minimal_playbook(), "trial-plan"), minimal_playbook()).html


async def test_who_clicks_arrives_and_the_journey_knows(
    browser: BrowserContext, database: Database, site: str, lead: str
):
    await browser.set_extra_http_headers({"User-Agent": PERSON})
    await browser.route("https://www.example.com/**", lambda route: route.fulfill(body="arrived"))
    page = await browser.new_page()
    await page.set_content(await mail_of(database, lead, site))

    async with browser.expect_page() as opened:
        await page.get_by_role("link", name="Open the plan").click()
    await (await opened.value).wait_for_url("https://www.example.com/trial-plan")

    rows = await database.pool.fetch("select name from behaviour where kind = 'delivery' and trusted")
    assert {row["name"] for row in rows} == {"opened", "clicked"}


async def test_nobody_sees_hears_or_reaches_the_hidden_link(
    browser: BrowserContext, database: Database, site: str, lead: str
):
    page = await browser.new_page()
    await page.set_content(await mail_of(database, lead, site))

    trap = page.locator("[aria-hidden=true] a")
    assert await trap.count() == 1
    assert not await trap.is_visible()
    names = [await link.inner_text() for link in await page.get_by_role("link").all()]
    assert names == ["Open the plan", "Unsubscribe"]
    reached = set()
    for _ in range(4):
        await page.keyboard.press("Tab")
        reached.add(await page.evaluate("document.activeElement.textContent.trim()"))
        assert not await trap.evaluate("link => link === document.activeElement")
    assert reached >= set(names)


async def test_the_story_says_why_a_machines_click_does_not_count(
    browser: BrowserContext, database: Database, site: str, lead: str
):
    html = await mail_of(database, lead, site)
    page = await browser.new_page()

    await page.goto(html.partition('aria-hidden="true"')[2].partition('href="')[2].partition('"')[0])
    assert "Nothing is here" in await page.inner_text("main")
    await page.goto(f"{site}/leads/{lead}")

    story = await page.inner_text("main")
    assert "not counted" in story
    assert "the hidden link of the mail was followed" in story
