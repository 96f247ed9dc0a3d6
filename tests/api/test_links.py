"""A link of a mail leads on at once and is noted once; what a machine followed is kept, explained and not counted."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import httpx
import pytest

from adapters.email.links import OpenLinks, TrackedLinks
from api.app import create_app
from domain.clock import ScaledClock
from domain.trust import HIDDEN
from domain.words import DeliveryKind
from runtime.settings import Settings
from storage import erasure, merges
from storage.database import Database
from storage.inbox import PgInbox
from storage.leads import LeadInput, upsert
from tests.api.conftest import client_of

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"


class Mail(NamedTuple):
    """A mail that was sent an hour ago, with three links."""

    lead: str
    touch: str
    links: TrackedLinks
    opens: OpenLinks

    def link(self, number: int = 1, url: str | None = None) -> str:
        leads_to = f"https://docs.example/{number}?who=ann#top" if url is None else url
        return self.links.url(self.touch, number, 3, leads_to).removeprefix(self.links.base)

    @property
    def hidden(self) -> str:
        return self.link(HIDDEN, "")

    @property
    def picture(self) -> str:
        return self.opens.url(self.touch).removeprefix(self.links.base)


@pytest.fixture
async def mail(api: httpx.AsyncClient, playbook: str, database: Database, settings: Settings) -> Mail:
    lead: str = (await api.post("/v1/leads", json={"email": "ann@acme.example"})).json()["id"]
    del api.headers["Authorization"]
    api.headers["User-Agent"] = BROWSER
    key = f"{lead}/1/0/guide"
    await database.pool.execute(
        "insert into touch (key, lead_id, cycle, decision_number, step, channel, playbook_hash, planned_at, status,"
        " sent_at) values ($1, $2, 1, 1, 'guide', 'email', 'x', $3, 'sent', $3)",
        key,
        lead,
        datetime.now(UTC) - timedelta(hours=1),
    )
    await database.pool.execute("delete from pending_wake")
    given = settings.public_url, settings.link_secrets
    return Mail(lead, key, TrackedLinks(*given), OpenLinks(*given))


async def noted(database: Database) -> list[dict[str, Any]]:
    return [
        dict(row) for row in await database.pool.fetch("select * from behaviour where kind = 'delivery' order by id")
    ]


async def counted(database: Database) -> list[int]:
    """The links whose clicks count."""
    return [one["properties"]["link"] for one in await noted(database) if one["trusted"]]


async def reasons(database: Database) -> list[tuple[int, str]]:
    """Link and reason of the clicks that do not count."""
    lost = [one["properties"] for one in await noted(database) if not one["trusted"]]
    return [(one["link"], one["not_counted"]["reason"]) for one in lost]


async def test_a_followed_link_leads_on_and_wakes_the_journey(http: httpx.AsyncClient, database: Database, mail: Mail):
    answer = await http.get(mail.link(2))

    assert (answer.status_code, answer.headers["location"]) == (302, "https://docs.example/2?who=ann#top")
    assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert "set-cookie" not in answer.headers
    (click,) = await noted(database)
    assert (click["lead_id"], click["name"], click["trusted"]) == (mail.lead, "clicked", True)
    assert click["properties"] == {"touch": mail.touch, "link": 2, "url": "https://docs.example/2"}
    assert await database.pool.fetchval("select types from pending_wake") == ["clicked"]


async def test_a_link_counts_once_a_day(http: httpx.AsyncClient, database: Database, mail: Mail):
    for _ in range(3):
        assert (await http.get(mail.link())).status_code == 302

    (click,) = await noted(database)
    assert click["properties"]["times"] == 3


async def test_the_next_day_it_counts_again(http: httpx.AsyncClient, database: Database, mail: Mail):
    await http.get(mail.link())
    await database.pool.execute(
        "update behaviour set occurred_at = occurred_at - interval '1 day',"
        " message_id = replace(message_id, $1, 'yesterday')",
        f"{datetime.now(UTC).date()}",
    )

    await http.get(mail.link())

    assert await counted(database) == [1, 1]


async def test_head_leads_on_and_never_counts(http: httpx.AsyncClient, database: Database, mail: Mail):
    answer = await http.head(mail.link())

    assert (answer.status_code, answer.headers["location"]) == (302, "https://docs.example/1?who=ann#top")
    assert await noted(database) == []


async def test_nothing_in_the_query_changes_where_a_link_leads(http: httpx.AsyncClient, mail: Mail):
    query = {"url": "https://evil.example", "to": "https://evil.example", "next": "//evil.example"}

    answer = await http.get(mail.link(), params=query)

    assert answer.headers["location"] == "https://docs.example/1?who=ann#top"


async def test_a_damaged_link_leads_nowhere(http: httpx.AsyncClient, database: Database, mail: Mail):
    for path in (mail.link()[:-2], "/c/https:%2F%2Fevil.example", "/c/x", mail.link(1, "http://docs.example/")):
        for answer in (await http.get(path), await http.head(path)):
            assert answer.status_code == 404
            assert "location" not in answer.headers
    assert "damaged" in (await http.get("/c/x")).text
    assert await noted(database) == []


async def test_an_address_beyond_ascii_arrives_encoded(http: httpx.AsyncClient, mail: Mail):
    answer = await http.get(mail.link(1, "https://docs.example/prüfung?a=b%20c"))

    assert answer.headers["location"] == "https://docs.example/pr%C3%BCfung?a=b%20c"


async def test_the_link_of_a_touch_that_is_gone_still_leads_on(http: httpx.AsyncClient, database: Database, mail: Mail):
    await database.pool.execute("delete from touch")

    assert (await http.get(mail.link())).status_code == 302
    assert await noted(database) == []


async def test_of_somebody_erased_nothing_new_is_kept(http: httpx.AsyncClient, database: Database, mail: Mail):
    await erasure.erase(database, mail.lead, "test", datetime.now(UTC))

    assert (await http.get(mail.link())).status_code == 302
    await http.get(mail.picture)
    assert await noted(database) == []


async def test_the_picture_tells_of_an_opened_mail_once_a_day(http: httpx.AsyncClient, database: Database, mail: Mail):
    answers = [await http.get(mail.picture) for _ in range(2)]

    assert {answer.headers["content-type"] for answer in answers} == {"image/gif"}
    assert answers[0].content[:6] == b"GIF89a"
    assert answers[0].headers["cache-control"] == "no-store"
    (opened,) = await noted(database)
    assert (opened["name"], opened["trusted"], opened["properties"]["touch"]) == ("opened", True, mail.touch)


async def test_a_damaged_picture_is_a_picture_and_tells_nothing(http: httpx.AsyncClient, database: Database):
    assert (await http.get("/o/nonsense.gif")).content[:6] == b"GIF89a"
    assert await noted(database) == []


async def test_apples_proxy_opens_mail_for_everyone(http: httpx.AsyncClient, database: Database, mail: Mail):
    await http.get(mail.picture, headers={"User-Agent": "Mozilla/5.0"})

    (opened,) = await noted(database)
    assert not opened["trusted"]
    assert "Apple" in opened["properties"]["not_counted"]["reason"]


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"User-Agent": "curl/8.5.0"}, "the user agent is a program (curl)"),
        ({"Sec-Purpose": "prefetch;prerender"}, "a browser fetched it ahead, before anyone asked"),
        ({"X-Moz": "prefetch"}, "a browser fetched it ahead, before anyone asked"),
    ],
)
async def test_a_machines_click_is_kept_and_explained_and_a_persons_counts_beside_it(
    http: httpx.AsyncClient, database: Database, mail: Mail, headers: dict[str, str], why: str
):
    assert (await http.get(mail.link(), headers=headers)).status_code == 302
    await http.get(mail.link())

    assert await reasons(database) == [(1, why)]
    assert await counted(database) == [1]


async def test_a_click_seconds_after_the_mail_left_is_not_counted(
    http: httpx.AsyncClient, database: Database, mail: Mail
):
    await database.pool.execute("update touch set sent_at = now() - interval '3 seconds'")

    await http.get(mail.link())

    assert await reasons(database) == [(1, "it came within 10 seconds of the mail's leaving or arriving")]


async def test_a_click_seconds_after_a_mail_that_was_held_up_arrived_is_not_counted(
    http: httpx.AsyncClient, database: Database, mail: Mail
):
    now = datetime.now(UTC)
    await PgInbox(database).deliver(mail.touch, DeliveryKind.DELIVERED, now - timedelta(seconds=3))

    await http.get(mail.link())

    delivered, click = await noted(database)
    assert (delivered["trusted"], click["trusted"]) == (True, False)
    assert click["properties"]["not_counted"]["rule"] == "too_soon"


async def test_of_a_merged_lead_a_gateways_clicks_are_told_and_a_persons_counts(
    http: httpx.AsyncClient, database: Database, mail: Mail
):
    """What the lead did is its survivor's, and the mail is the merged lead's still."""
    await http.get(mail.link(1), headers={"User-Agent": "curl/8.5.0"})
    await _ago(database, minutes=1)
    await http.get(mail.link(2))
    now = datetime.now(UTC)
    other = (await upsert(database, LeadInput(email="bo@acme.example"), now)).lead_id
    await database.pool.execute("update lead set created_at = created_at - interval '1 day' where id = $1", other)
    assert (await merges.merge(database, mail.lead, other, "op", "same", now)).survivor == other
    await _ago(database, minutes=1)

    await http.get(mail.link(1))
    assert await counted(database) == [2, 1]
    await http.get(mail.hidden)

    assert await counted(database) == []
    assert {one["lead_id"] for one in await noted(database)} == {other}


async def test_a_burst_takes_back_the_click_it_began_with(http: httpx.AsyncClient, database: Database, mail: Mail):
    for number in (1, 2, 3):
        await http.get(mail.link(number))

    assert [link for link, _ in await reasons(database)] == [1, 2, 3]
    assert await counted(database) == []
    (told,) = await database.pool.fetch("select * from behaviour where kind = 'retraction'")
    assert told["properties"]["event"] == "delivery clicked"
    assert "several links" in told["properties"]["reason"]
    assert set(await database.pool.fetchval("select types from pending_wake")) == {"behaviour retracted", "clicked"}


async def test_the_hidden_link_takes_back_the_minutes_before_it_and_what_follows(
    http: httpx.AsyncClient, database: Database, mail: Mail
):
    await http.get(mail.link(1))
    await _ago(database, minutes=2)

    page = await http.get(mail.hidden)
    await http.get(mail.link(2))

    assert page.status_code == 200
    assert "Nothing is here" in page.text
    assert [link for link, _ in await reasons(database)] == [1, HIDDEN, 2]
    assert await counted(database) == []


async def test_a_click_long_before_or_after_a_scan_counts(http: httpx.AsyncClient, database: Database, mail: Mail):
    await http.get(mail.link(1))
    await _ago(database, minutes=6)
    await http.get(mail.hidden)
    await _ago(database, minutes=6)

    await http.get(mail.link(2))

    assert await counted(database) == [1, 2]


async def test_a_scanner_that_comes_by_an_old_click_does_not_take_it_back(
    http: httpx.AsyncClient, database: Database, mail: Mail
):
    """The burst is told by the second visit of link 1; its first one, this morning, was a person's."""
    await http.get(mail.link(1))
    await database.pool.execute("update behaviour set occurred_at = occurred_at - interval '1 second' * $1", 2.5)

    await http.get(mail.link(1))
    await http.get(mail.link(2))

    assert await counted(database) == [1]
    assert [link for link, _ in await reasons(database)] == [2]


async def test_links_that_come_at_once_in_several_requests_see_each_other(
    http: httpx.AsyncClient, database: Database, mail: Mail
):
    await asyncio.gather(*(http.get(mail.link(number)) for number in (1, 2, 3)))

    assert await counted(database) == []


async def test_whoever_repeats_it_all_day_leaves_few_events(http: httpx.AsyncClient, database: Database, mail: Mail):
    for _ in range(8):
        await http.get(mail.link(1))
        await http.get(mail.link(2))
        await _ago(database, minutes=0.2)

    assert len(await noted(database)) <= 12


async def test_on_a_fast_clock_seconds_are_still_seconds(database: Database, settings: Settings, mail: Mail):
    """A day passes in a second there: the mail left an hour ago, which is years."""
    now = datetime.now(UTC)
    clock = ScaledClock(86400, now, now)
    async with client_of(create_app(settings, database, None, clock)) as http:
        http.headers["User-Agent"] = BROWSER
        await database.pool.execute("update touch set sent_at = $1", clock.from_real(now - timedelta(hours=1)))
        await http.get(mail.link(1))
        await http.get(mail.link(2))

    assert [link for link, _ in await reasons(database)] == [1, 2]


async def _ago(database: Database, *, minutes: float) -> None:
    """Everything so far happened that much earlier."""
    await database.pool.execute(
        "update behaviour set occurred_at = occurred_at - interval '1 minute' * $1, properties = case"
        " when properties ? 'last' then properties || jsonb_build_object("
        "'last', (properties->>'last')::timestamptz - interval '1 minute' * $1) else properties end",
        minutes,
    )


async def test_an_operators_own_scanners_are_not_counted(database: Database, settings: Settings, mail: Mail):
    """The tests' client is at 127.0.0.1."""
    known = settings.model_copy(update={"scanner_networks": "127.0.0.0/8"})
    async with client_of(create_app(known, database, None, ScaledClock())) as http:
        await http.get(mail.link(), headers={"User-Agent": BROWSER})
    (click,) = await noted(database)
    assert (click["trusted"], click["properties"]["not_counted"]["rule"]) == (False, "scanner_network")
