"""A plain HTML form makes a lead and a behaviour, once, and leads nowhere it should not."""

import httpx
import pytest

from api.app import create_app
from api.services.forms import allowed_redirect
from domain.words import Channel
from runtime.settings import Settings
from storage import keys, preferences
from storage.database import Database
from storage.preferences import Wanted
from tests.api.conftest import REAL, client_of
from tests.storage.samples import NOW

THANKS = "https://www.company.example/thanks?from=form"
ANN: dict[str, str | list[str]] = {
    "email": "Ann@Acme.example",
    "role": "cfo",
    "employees": "240",
    "topics": ["ads", "mail"],
}


@pytest.fixture
def settings() -> Settings:
    return Settings(secret="a-secret-of-this-test", form_redirect_hosts="www.company.example, other.example")


@pytest.fixture
async def write_key(database: Database) -> str:
    return await keys.create(database, "website", ["write"])


async def send(http: httpx.AsyncClient, key: str, **fields: str | list[str]) -> httpx.Response:
    return await http.post("/f/contact", data={"writeKey": key, **fields})


async def test_a_form_makes_a_lead_and_a_behaviour(http: httpx.AsyncClient, database: Database, write_key: str):
    page = await send(http, write_key, **ANN)

    assert page.status_code == 200
    assert "Thank you" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    lead = await database.pool.fetchrow("select * from lead")
    assert (lead["email"], lead["fields"]) == (
        "ann@acme.example",
        {"role": "cfo", "employees": "240", "topics": ["ads", "mail"]},
    )
    rows = await database.pool.fetch("select lead_id, kind, name, properties from behaviour order by position")
    assert [(row["lead_id"], row["kind"], row["name"]) for row in rows] == [
        (lead["id"], "identify", "identify"),
        (lead["id"], "track", "Form Submitted"),
    ]
    assert rows[1]["properties"] == {"form": "contact"}
    assert await database.pool.fetchval("select count(*) from consent") == 0


async def test_multipart_without_files_is_the_same(http: httpx.AsyncClient, database: Database, write_key: str):
    fields = {"writeKey": write_key, "email": "ann@acme.example", "note": "Grüße\r\naus Köln"}

    page = await http.post("/f/contact", files={name: (None, value) for name, value in fields.items()})

    assert page.status_code == 200
    assert await database.pool.fetchval("select fields from lead") == {"note": "Grüße\r\naus Köln"}


async def test_a_file_is_refused(http: httpx.AsyncClient, database: Database, write_key: str):
    page = await http.post(
        "/f/contact", data={"writeKey": write_key, "email": "a@b.example"}, files={"cv": ("cv.pdf", b"%PDF")}
    )

    assert page.status_code == 400
    assert await database.pool.fetchval("select count(*) from behaviour") == 0


async def test_pressed_twice_counts_once(http: httpx.AsyncClient, database: Database, write_key: str):
    for _ in range(2):
        assert (await send(http, write_key, **ANN)).status_code == 200
    await send(http, write_key, **ANN | {"role": "cto"})

    assert await database.pool.fetchval("select count(*) from behaviour where name = 'Form Submitted'") == 2


async def test_a_ticked_box_is_consent_with_its_words(http: httpx.AsyncClient, database: Database, write_key: str):
    words = "I want mail about this. I can stop it at any time."

    await send(http, write_key, **ANN, consent="on", consent_text=words)

    consent = await database.pool.fetchrow("select channel, granted, basis, source from consent")
    assert tuple(consent) == ("email", True, "consent", "form contact")
    properties = await database.pool.fetchval("select properties from behaviour where kind = 'track'")
    assert properties["consent"] == {"basis": "consent", "text": words}
    assert "consent_text" not in await database.pool.fetchval("select fields from lead")


async def test_a_form_that_anybody_can_send_takes_no_refusal_back(
    http: httpx.AsyncClient, database: Database, write_key: str
):
    await send(http, write_key, **ANN)
    lead: str = await database.pool.fetchval("select id from lead")
    await preferences.save(database, lead, Wanted(pause=False, least_days=0, channels={Channel.EMAIL: False}), NOW)

    in_a_page = await keys.create(database, "page", ["track"])
    await send(http, in_a_page, email="ann@acme.example", consent="on", consent_text="Yes, write to me.")

    assert not await database.pool.fetchval("select granted from consent")
    said = await database.pool.fetchval("select properties from behaviour where properties ? 'consent'")
    assert said["consent"]["text"] == "Yes, write to me."


async def test_what_a_visitor_did_becomes_the_leads(http: httpx.AsyncClient, database: Database, write_key: str):
    http.headers["Authorization"] = f"Bearer {write_key}"
    await http.post("/v1/page", json={"anonymousId": "v-1", "properties": {"path": "/pricing"}})

    await send(http, write_key, **ANN, anonymousId="v-1")

    assert await database.pool.fetchval("select count(*) from behaviour where lead_id is null") == 0


async def test_a_visitor_may_send_a_form_without_an_address(
    http: httpx.AsyncClient, database: Database, write_key: str
):
    page = await send(http, write_key, anonymousId="v-1", rating="5")

    assert page.status_code == 200
    assert await database.pool.fetchval("select count(*) from behaviour where anonymous_id = 'v-1'") == 2
    assert await database.pool.fetchval("select count(*) from lead") == 0


async def test_who_fills_the_honeypot_is_thanked_and_not_counted(
    http: httpx.AsyncClient, database: Database, write_key: str
):
    page = await send(http, write_key, **ANN, _gotcha="https://spam.example", redirect=THANKS)

    assert (page.status_code, page.headers["location"]) == (303, THANKS)
    row = await database.pool.fetchrow("select * from behaviour")
    assert (row["trusted"], row["lead_id"], row["properties"]["not_counted"]["rule"]) == (False, None, "honeypot")
    assert "Acme" not in str(dict(row))
    assert await database.pool.fetchval("select count(*) from lead") == 0


async def test_a_form_leads_to_a_page_that_is_allowed(http: httpx.AsyncClient, write_key: str):
    answer = await send(http, write_key, **ANN, redirect=THANKS)

    assert (answer.status_code, answer.headers["location"]) == (303, THANKS)


@pytest.mark.parametrize(
    "url",
    [
        "http://www.company.example/",
        "https://evil.example/",
        "https://www.company.example.evil.example/",
        "https://www.company.example@evil.example/",
        "https://evil.example\\@www.company.example/",
        "https://www.company.example:8443/",
        "https://www.company.example:x/",
        "//www.company.example/",
        "/thanks",
        "javascript:alert(1)//www.company.example",
        "https:///www.company.example/",
        "https://www.company.example/\r\nSet-Cookie: a=b",
        "https://[www.company.example/",
        "https://wwẃ.company.example/",
        " https://www.company.example/ x",
    ],
)
async def test_open_redirects_are_impossible(http: httpx.AsyncClient, database: Database, write_key: str, url: str):
    answer = await send(http, write_key, **ANN, redirect=url)

    assert answer.status_code == 200
    assert "location" not in answer.headers
    assert await database.pool.fetchval("select count(*) from lead") == 1


def test_without_the_setting_no_form_leads_anywhere():
    assert allowed_redirect(THANKS, Settings().form_hosts) == ""


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"email": "not an address"}, "“not an address” is not an e-mail address."),
        ({"email": '<b>"x'}, "&lt;b&gt;"),
        ({}, "Please give an e-mail address."),
        ({"email": "a@b.example", "x": "\x00"}, "not text"),
    ],
)
async def test_what_can_not_be_taken_is_said_on_a_page(
    http: httpx.AsyncClient, database: Database, write_key: str, fields: dict[str, str], said: str
):
    page = await send(http, write_key, **fields)

    assert page.status_code == 422
    assert said in page.text
    assert await database.pool.fetchval("select count(*) from behaviour") == 0


async def test_only_a_key_that_may_write_is_taken(http: httpx.AsyncClient, database: Database):
    reader = await keys.create(database, "reader", ["read"])

    answers = [await send(http, key, **ANN) for key in ("", "tdl_made_up", reader)]

    assert [answer.status_code for answer in answers] == [401, 401, 403]
    assert await database.pool.fetchval("select count(*) from behaviour") == 0


async def test_other_bodies_and_names_are_refused(http: httpx.AsyncClient, write_key: str):
    json = await http.post("/f/contact", json={"writeKey": write_key})
    name = await http.post("/f/a%20b", data={"writeKey": write_key})
    large = await send(http, write_key, note="x" * 70_000)

    assert (json.status_code, name.status_code, large.status_code) == (415, 422, 413)


async def test_a_key_that_sends_too_much_is_told_when_to_come_again(database: Database, write_key: str):
    app = create_app(Settings(tracking_rate=0.1), database, None, REAL)
    async with client_of(app) as http:
        answers = [await send(http, write_key, **ANN, note=str(number)) for number in range(3)]

    assert [answer.status_code for answer in answers] == [200, 429, 429]
    assert int(answers[-1].headers["retry-after"]) > 0
