"""Temporal's own UI in a real browser: what is encrypted is read there by who has signed in."""

import base64

from playwright.async_api import BrowserContext, Page
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from api.app import create_app
from domain.clock import ScaledClock
from runtime.embedded import ports
from runtime.encryption import data_converter
from runtime.settings import Settings
from storage import keys
from storage.database import Database
from tests.adapters.running import serving
from tests.fixtures.temporal import binary

KEYS = "2026:" + base64.b64encode(b"2026" * 8).decode()


async def test_who_does_what_the_sign_in_page_says_reads_what_is_encrypted(database: Database, browser: BrowserContext):
    port = ports.any_free()
    settings = Settings(payload_keys=KEYS, temporal_ui_url=f"http://127.0.0.1:{port}", public_url="https://api.example")
    key = await keys.create(database, "ada decodes", ["decode"])
    server = await WorkflowEnvironment.start_local(
        ui=True, ui_port=port, dev_server_existing_path=binary("temporal"), dev_server_log_level="error"
    )
    async with server, serving(create_app(settings, database, None, ScaledClock())) as api:
        client = Client(server.client.service_client, data_converter=data_converter(settings))
        journey = await client.start_workflow("Anything", {"segment": "smb"}, id="lead-ld_one", task_queue="nobody")
        page = await browser.new_page()

        await page.goto(f"{api}/codec/sign-in")
        await page.get_by_label("Key").fill(key)
        await page.get_by_role("button").click()
        endpoint = await page.locator("code", has_text="/codec").first.inner_text()
        ui = await page.get_by_role("link", name="Temporal UI").get_attribute("href")
        await page.goto(f"{ui}/namespaces/default/workflows/lead-ld_one/{journey.result_run_id}/history")
        await tell_the_ui(page, endpoint)
        await page.get_by_role("tab", name="Timeline").click()

        await page.get_by_text('"segment"').first.wait_for()


async def tell_the_ui(page: Page, endpoint: str) -> None:
    """The steps of the sign-in page."""
    await page.get_by_role("button", name="Codec Server").first.click()
    await page.get_by_text("Use my browser setting").click()
    await page.get_by_label("Codec Server browser endpoint").fill(endpoint)
    await page.get_by_text("Include cross-origin credentials").click()
    await page.get_by_role("button", name="Apply").click()
