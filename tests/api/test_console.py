"""The console's two pages: what they show, and to whom."""

import base64

import httpx
import pytest

from api.app import create_app
from domain.words import CommandKind
from runtime.settings import Settings
from storage import keys
from storage.database import Database
from tests.api.conftest import REAL, client_of
from tests.api.story import decided, told

NASTY = "<script>alert(1)</script>"


@pytest.fixture
async def lead(api: httpx.AsyncClient, database: Database, playbook: str) -> str:
    made: str = (await api.post("/v1/leads", json={"email": "ann@acme.example", "source": NASTY})).json()["id"]
    await api.post("/v1/track", json={"userId": made, "event": NASTY})
    await decided(database, made)
    return made


async def test_the_start_page_counts_and_links(api: httpx.AsyncClient, lead: str):
    page = await api.get("/")

    assert page.status_code == 200
    assert f'href="/leads/{lead}"' in page.text
    assert 'href="http://127.0.0.1:8233"' in page.text
    assert "Journeys by status" in page.text


async def test_the_start_page_of_an_empty_deployment_says_how_to_begin(api: httpx.AsyncClient):
    assert "tendril leads import" in (await api.get("/")).text


async def test_a_leads_page_tells_its_story_and_runs_nothing(api: httpx.AsyncClient, lead: str):
    page = await api.get(f"/leads/{lead}")

    assert page.status_code == 200
    assert "What would move it forward" in page.text
    assert "ann@acme.example" in page.text
    assert NASTY not in page.text
    assert "&lt;script&gt;" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("command", "chip"),
    [
        (CommandKind.END, '<span class="chip quiet">ended: operator</span>'),
        (CommandKind.DISQUALIFY, '<span class="chip stop">ended: disqualified</span>'),
    ],
)
async def test_a_bad_ending_is_marked_and_an_ordinary_one_is_not(
    api: httpx.AsyncClient, database: Database, lead: str, command: CommandKind, chip: str
):
    assert "ended:" not in (await api.get(f"/leads/{lead}")).text

    await told(database, lead, command)

    assert chip in (await api.get(f"/leads/{lead}")).text
    assert "Nobody: every journey has ended." in (await api.get("/")).text


async def test_a_lead_without_a_journey_and_an_unknown_one_have_pages(api: httpx.AsyncClient):
    made = (await api.post("/v1/leads", json={"email": "bo@acme.example", "enrol": False})).json()["id"]

    assert "no journey" in (await api.get(f"/leads/{made}")).text
    nobody = await api.get("/leads/ld_nobody")
    assert (nobody.status_code, "No lead ld_nobody" in nobody.text) == (404, True)


async def test_the_style_sheet_and_the_icon_are_served(http: httpx.AsyncClient):
    assert "image/svg" in (await http.get("/static/tendril.svg")).headers["content-type"]
    assert "text/css" in (await http.get("/static/tendril.css")).headers["content-type"]


async def test_a_browser_is_asked_for_a_read_key(http: httpx.AsyncClient, database: Database):
    asked = await http.get("/")
    assert asked.status_code == 401
    assert asked.headers["www-authenticate"].startswith("Basic")

    for scope, status in (("read", 200), ("write", 403)):
        key = await keys.create(database, scope, [scope])
        basic = base64.b64encode(f"{key}:".encode()).decode()
        assert (await http.get("/", headers={"Authorization": f"Basic {basic}"})).status_code == status


@pytest.mark.parametrize(
    ("demo", "host", "base", "status"),
    [
        (True, "127.0.0.1", "http://127.0.0.1:8000", 200),
        (True, "127.0.0.1", "http://localhost:8000", 200),
        (True, "::1", "http://[::1]:8000", 200),
        (True, "127.0.0.1", "http://rebound.example", 401),
        (True, "192.0.2.7", "http://127.0.0.1:8000", 401),
        (False, "127.0.0.1", "http://127.0.0.1:8000", 401),
    ],
)
async def test_only_a_demo_shows_its_pages_to_its_own_machine(
    database: Database, demo: bool, host: str, base: str, status: int
):
    app = create_app(Settings(demo=demo), database, None, REAL)
    async with client_of(app, host=host, base=base) as visitor:
        assert (await visitor.get("/")).status_code == status
