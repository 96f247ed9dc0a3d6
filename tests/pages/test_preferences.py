"""The preference centre in a real browser: by keyboard and by thumb, on a desk and on a phone, by day and by night."""

import pytest
from playwright.async_api import BrowserContext, ViewportSize

from adapters.email.links import UnsubscribeLinks
from runtime.settings import Settings
from storage.database import Database
from tests.pages.test_in_a_browser import DESK, PHONE, fits, lead, site

__all__ = ["lead", "site"]


def link(site: tuple[str, Settings], lead: str) -> str:
    return UnsubscribeLinks(site[0], site[1].link_secrets).url(lead, f"{lead}/1/0/hello")


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("night", [False, True], ids=["day", "night"])
async def test_it_fits_and_every_choice_has_a_name_and_room_for_a_thumb(
    browser: BrowserContext,
    site: tuple[str, Settings],
    lead: str,
    size: ViewportSize,
    night: bool,
):
    page = await browser.new_page()
    await page.emulate_media(color_scheme="dark" if night else "light")
    await page.set_viewport_size(size)
    await page.goto(link(site, lead))
    await page.get_by_role("link", name="less often").click()

    often = page.get_by_role("group", name="How often?")
    assert await often.get_by_role("radio").count() == 4
    assert await often.get_by_role("radio", name="At the usual pace").is_checked()
    for choice in await page.locator("label.choice").all():
        box = await choice.bounding_box()
        assert box is not None
        assert box["height"] >= 44
    assert await fits(page)
    assert await page.locator("script").count() == 0


async def test_a_pause_is_chosen_by_keyboard_and_ended_again(
    browser: BrowserContext,
    site: tuple[str, Settings],
    lead: str,
    database: Database,
):
    page = await browser.new_page()
    await page.goto(link(site, lead) + "/preferences")
    await page.get_by_role("radio", name="At the usual pace").focus()
    for _ in range(3):
        await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await page.get_by_role("status").get_by_text("We will not write to you until").wait_for()
    assert await database.pool.fetchval("select paused_until is not null from preference where lead_id = $1", lead)

    await page.get_by_role("link", name="choose again").click()
    assert await page.get_by_role("radio", name="Not until").is_checked()
    await page.get_by_text("At most once a month").click()
    await page.get_by_role("button", name="Save my choice").click()
    await page.get_by_role("status").get_by_text("We will write at most once a month.").wait_for()
    assert await database.pool.fetchval("select paused_until is null from preference where lead_id = $1", lead)


async def test_everything_is_off_with_one_button(
    browser: BrowserContext,
    site: tuple[str, Settings],
    lead: str,
    database: Database,
):
    page = await browser.new_page()
    await page.goto(link(site, lead) + "/preferences")
    await page.get_by_role("button", name="Stop everything").click()
    await page.get_by_role("heading", name="You are unsubscribed").wait_for()
    assert await database.pool.fetchval("select reason from suppression where lead_id = $1", lead) == "opted_out"
