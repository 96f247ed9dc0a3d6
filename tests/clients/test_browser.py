"""Segment's library for browsers in a real one, on a page of another origin: nothing is lost and nothing doubled."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from storage.database import Database
from tests.adapters.running import serving
from tests.api.world import eventually
from tests.clients.front import Fault, Front
from tests.clients.node import modules

PAGE = "<!doctype html><title>Pricing</title><link rel=icon href=data:,><script src=/umd/index.js></script>"
#: How the library is pointed at another host, without asking Segment's own servers for settings.
LOAD = """({key, host, delivery}) => {
    const to = {apiKey: key, apiHost: host + "/v1", protocol: "http", deliveryStrategy: delivery};
    const settings = {writeKey: key, cdnSettings: {integrations: {"Segment.io": to}}};
    window.analytics = AnalyticsNext.AnalyticsBrowser.load(settings, {integrations: {"Segment.io": to}});
    return window.analytics.ready();
}"""
CALLS = """async () => {
    await analytics.page({path: "/pricing"});
    await analytics.identify("crm-1", {email: "robin@orchard.example"});
    await analytics.track("Demo Watched", {percent: 90});
    await analytics.screen("Pricing");
    await analytics.group("acc-77", {name: "Orchard"});
    await analytics.alias("crm-1", "visitor-0");
}"""
SENT = {"/pricing", "identify", "Demo Watched", "/screen/Pricing", "group", "alias"}
BATCHING = {"strategy": "batching", "config": {"size": 3, "timeout": 300}}


@pytest_asyncio.fixture
async def website() -> AsyncIterator[str]:
    """A page that has the library, on an origin of its own."""

    async def page(_request: object) -> HTMLResponse:
        return HTMLResponse(PAGE)

    umd = modules() / "node_modules/@segment/analytics-next/dist/umd"
    async with serving(Starlette(routes=[Route("/pricing", page), Mount("/umd", StaticFiles(directory=umd))])) as url:
        yield url


async def opened(browser: BrowserContext, website: str, address: str, key: str, delivery: object = None) -> Page:
    page = await browser.new_page()
    await page.goto(f"{website}/pricing")
    host = address.removeprefix("http://")
    await page.evaluate(LOAD, {"key": key, "host": host, "delivery": delivery})
    return page


async def names(database: Database) -> list[str]:
    return [row["name"] for row in await database.pool.fetch("select name from behaviour order by id")]


async def arrived(database: Database) -> None:
    """Everything is there, and once."""

    async def all_of_it() -> bool:
        return set(await names(database)) >= SENT

    await eventually(all_of_it)
    assert sorted(await names(database)) == sorted(SENT)


@pytest.mark.parametrize("delivery", [None, BATCHING], ids=["one by one", "batching"])
async def test_every_call_arrives_as_what_it_is(
    browser: BrowserContext, website: str, address: str, write_key: str, front: Front, database: Database, delivery: Any
):
    page = await opened(browser, website, address, write_key, delivery)
    await page.evaluate(CALLS)

    await arrived(database)
    assert {path for path, _ in front.seen} == ({"/v1/b"} if delivery else {f"/v1/{kind}" for kind in "pitsga"})
    assert await database.pool.fetchval("select count(distinct lead_id) from behaviour") == 1
    assert await database.pool.fetchval("select email from lead") == "robin@orchard.example"
    await page.close()


@pytest.mark.parametrize("fault", Fault)
async def test_whatever_fails_on_the_way_each_event_counts_once(
    browser: BrowserContext, website: str, address: str, write_key: str, front: Front, database: Database, fault: Fault
):
    page = await opened(browser, website, address, write_key)
    front.fail(fault, fault)
    await page.evaluate(CALLS)

    await arrived(database)
    assert [status for _, status in front.seen].count(200) >= len(SENT) - 2
    await page.close()


async def test_what_a_visitor_did_before_they_said_who_they_are_is_theirs(
    browser: BrowserContext, website: str, address: str, write_key: str, database: Database
):
    page = await opened(browser, website, address, write_key)
    await page.evaluate("async () => { await analytics.page(); await analytics.track('Looked') }")
    await page.evaluate("() => analytics.identify({email: 'robin@orchard.example'})")

    async def all_theirs() -> bool:
        rows = await database.pool.fetch("select lead_id from behaviour")
        return len(rows) == 3 and None not in {row["lead_id"] for row in rows}

    await eventually(all_theirs)
    await page.close()
