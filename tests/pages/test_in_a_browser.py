"""Every page people look at, in a real browser: what is seen, what a click does, and that it fits a phone."""

from collections.abc import AsyncIterator
from email.message import EmailMessage

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, ViewportSize

from adapters.email.links import QuestionLinks, UnsubscribeLinks
from api.app import create_app
from authoring.preview import preview_email
from domain.clock import ScaledClock
from runtime.settings import Settings
from storage import leads, playbooks
from storage.database import Database
from storage.leads import LeadInput
from tests.adapters.running import Sandbox, running_sandbox, serving
from tests.api.story import decided
from tests.api.test_questions import asking
from tests.domain.core.life import MONDAY
from tests.fixtures.playbooks import minimal_playbook

PHONE: ViewportSize = {"width": 375, "height": 667}
DESK: ViewportSize = {"width": 700, "height": 900}
EMAIL = "ann@acme.example"


@pytest_asyncio.fixture
async def lead(database: Database) -> str:
    """A lead whose journey has decided twice: into nurture, and over to sales."""
    await playbooks.store(database, minimal_playbook(), MONDAY, default=True)
    made = await leads.upsert(database, LeadInput(email=EMAIL, fields={"role": "cfo"}), MONDAY)
    await decided(database, made.lead_id, hand_off=True)
    return made.lead_id


@pytest_asyncio.fixture
async def site(database: Database) -> AsyncIterator[tuple[str, Settings]]:
    settings = Settings(demo=True, database_url=database.url)
    async with serving(create_app(settings, database, None, ScaledClock())) as url:
        yield url, settings


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running_sandbox() as running:
        yield running


async def fits(page: Page) -> bool:
    """Whether nothing sticks out to the right: a phone would scroll sideways."""
    return bool(await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


async def test_the_console_leads_from_the_start_page_to_a_leads_story(
    browser: BrowserContext, site: tuple[str, Settings], lead: str
):
    page = await browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    await page.goto(site[0])
    await page.get_by_role("link", name=lead).first.click()
    await page.wait_for_url(f"**/leads/{lead}")
    seen = await page.inner_text("body")
    assert EMAIL in seen
    assert "asked on the phone" in seen
    assert "What would move it forward" in seen
    assert errors == []


@pytest.mark.parametrize("path", ["/", "/leads/{lead}"])
async def test_the_console_fits_a_phone(browser: BrowserContext, site: tuple[str, Settings], lead: str, path: str):
    page = await browser.new_page()
    await page.set_viewport_size(PHONE)
    await page.goto(site[0] + path.format(lead=lead))
    assert await fits(page)


async def test_unsubscribing_takes_one_click_on_a_phone(
    browser: BrowserContext, site: tuple[str, Settings], lead: str, database: Database
):
    url, settings = site
    links = UnsubscribeLinks(url, [settings.secret.get_secret_value()])
    page = await browser.new_page()
    await page.set_viewport_size(PHONE)
    await page.goto(links.url(lead, f"{lead}/1/0/hello"))
    assert await fits(page)
    assert await database.pool.fetchval("select count(*) from suppression") == 0

    await page.get_by_role("button").click()
    await page.wait_for_load_state()

    assert await database.pool.fetchval("select reason from suppression where email = $1", EMAIL) == "opted_out"


async def test_a_question_is_answered_with_the_keyboard_or_a_thumb(
    browser: BrowserContext, site: tuple[str, Settings], lead: str, database: Database
):
    url, settings = site
    asks = await playbooks.store(database, asking(), MONDAY, default=True)
    await database.pool.execute("update journey set playbook_hash = $1", asks)
    links = QuestionLinks(url, settings.link_secrets)
    page = await browser.new_page()
    await page.set_viewport_size(PHONE)

    await page.goto(links.url(lead, f"{lead}/1/0/ask-first", "employees"))
    number = page.get_by_label("How many people work at your company?")
    await number.fill("about 250")
    await page.keyboard.press("Enter")
    await page.get_by_role("alert").get_by_text("Write a whole number").wait_for()
    assert await number.input_value() == "about 250"
    assert await fits(page)
    await number.fill("250")
    await page.keyboard.press("Enter")
    await page.get_by_role("status").wait_for()

    await page.goto(links.url(lead, f"{lead}/1/0/ask-first", "team"))
    asked = page.get_by_role("group", name="Which team are you in?")
    box = await asked.locator("label", has_text="Operations").bounding_box()
    assert box is not None
    assert box["height"] >= 44, "a thumb must hit it"
    await asked.get_by_label("Operations").check()
    await page.get_by_role("button", name="Send my answer").click()
    await page.get_by_role("status").wait_for()

    fields = await database.pool.fetchval("select fields from lead where id = $1", lead)
    assert (fields["employees"], fields["team"]) == (250, "operations")


async def test_mail_can_be_read_in_the_inbox(browser: BrowserContext, sandbox: Sandbox):
    message = EmailMessage()
    message["Subject"], message["To"], message["From"] = "A quiet question", EMAIL, "us@example.com"
    message["Message-ID"] = "<one@example.com>"
    message.set_content("In plain words")
    message.add_alternative("<p>In <b>bold</b></p><script>document.title = 'ran'</script>", subtype="html")
    sandbox.mail.add("us@example.com", [EMAIL], message.as_bytes())
    page = await browser.new_page()
    await page.goto(sandbox.url)
    await page.get_by_text("A quiet question").first.click()
    await page.frame_locator("iframe").get_by_text("bold").wait_for()
    assert await page.title() != "ran"
    await page.set_viewport_size(PHONE)
    assert await fits(page)


async def test_a_sent_mail_looks_right_on_a_desk_and_on_a_phone(browser: BrowserContext):
    rendered = preview_email(minimal_playbook(), "guide").html
    page = await browser.new_page()
    for size in (DESK, PHONE):
        await page.set_viewport_size(size)
        await page.set_content(rendered)
        assert await fits(page)
        button = page.get_by_role("link", name=minimal_playbook().assets["guide"].cta_label)
        box = await button.bounding_box()
        assert box is not None
        assert box["height"] >= 40, "a thumb must hit it"
