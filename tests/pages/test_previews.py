"""The board and the gallery in a real browser: they fit a phone, fetch nothing, and their switches work unscripted."""

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page, ViewportSize

from authoring.gallery import gallery
from authoring.preview import preview_email
from authoring.show import as_html
from domain.playbook.models import Playbook
from tests.authoring.everything import everything

PHONE: ViewportSize = {"width": 390, "height": 844}
IMAGE = "![A chart](https://www.example.com/chart.png)"


async def opened(browser: BrowserContext, file: Path, html: str) -> tuple[Page, list[str]]:
    """The page from a file, and what it was refused or failed to fetch: no address of these pages exists."""
    await asyncio.to_thread(file.write_text, html)
    page, failed = await browser.new_page(), list[str]()
    await page.set_viewport_size(PHONE)
    page.on("console", lambda message: failed.append(message.text) if message.type == "error" else None)
    await page.goto(file.as_uri())
    return page, failed


def illustrated() -> Playbook:
    asset = everything().assets["guide"]
    changed = asset.model_copy(update={"body": f"{asset.body}\n\n{IMAGE}"})
    return everything().model_copy(update={"assets": {**everything().assets, "guide": changed}})


@pytest.mark.parametrize("html", [as_html(everything()), gallery(everything())], ids=["board", "gallery"])
async def test_it_fits_a_phone_and_fetches_nothing(browser: BrowserContext, tmp_path: Path, html: str):
    page, failed = await opened(browser, tmp_path / "page.html", html)
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    await page.evaluate("window.scrollTo(0, document.body.scrollHeight / 2)")
    await page.wait_for_load_state("networkidle")
    assert failed == []


async def test_the_gallery_switches_leads_and_schemes(browser: BrowserContext, tmp_path: Path):
    page, _ = await opened(browser, tmp_path / "page.html", gallery(everything(), ["guide"]))
    seen = page.locator("iframe:visible")
    assert await seen.count() == 3
    await page.check("#only-unknown")
    assert await seen.count() == 1
    await page.check("#dark")
    await seen.scroll_into_view_if_needed()
    words = page.frame_locator(".unknown .phone iframe.dark").locator(".words div").first
    assert await words.evaluate("e => getComputedStyle(e).color") == "rgb(228, 231, 235)"


async def test_images_are_fetched_only_when_asked_for(browser: BrowserContext, tmp_path: Path):
    page, failed = await opened(browser, tmp_path / "without.html", gallery(illustrated(), ["guide"]))
    await page.locator(".phone iframe.light").first.scroll_into_view_if_needed()
    await page.frame_locator(".known .phone iframe.light").locator("img").wait_for(state="attached")
    assert [text for text in failed if "Content Security Policy" not in text and "ERR_BLOCKED_BY_CSP" not in text] == []

    page, failed = await opened(browser, tmp_path / "with.html", gallery(illustrated(), ["guide"], images=True))
    seen = page.locator(".known .phone iframe:visible")
    assert await seen.get_attribute("class") == "light pictured"
    await page.check("#bare")
    assert await seen.get_attribute("class") == "light bare"


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_mails_button_is_large_enough_for_a_thumb(browser: BrowserContext, scheme: str):
    page = await browser.new_page()
    await page.set_viewport_size({"width": 360, "height": 740})
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    await page.set_content(preview_email(everything(), "guide").html)
    button = await page.get_by_role("link", name=everything().assets["guide"].cta_label).bounding_box()
    assert button is not None
    assert button["height"] >= 44
    assert button["width"] >= 280
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
