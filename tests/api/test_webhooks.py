"""What vendors tell: verified as it came, stored once, kept when it can't be understood."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from standardwebhooks import Webhook

from adapters.email import mail_in
from adapters.email.carrier import reference
from adapters.email.links import TrackedLinks
from adapters.email.postmark_webhook import PostmarkInbound
from adapters.inbound import About, Delivery, Happened, InboundRequest
from adapters.webhook_inbound import SignedInbound
from api.services.replaying import replay
from domain.mail import name_of
from domain.ports import ClaimResult, Receipt
from domain.state import JourneyState
from domain.trust import Scanners, Visit
from domain.words import Channel, DeliveryKind
from runtime.settings import Settings
from storage import dead_letters, leads, webhooks
from storage.database import Database
from storage.erasure import erase
from storage.inbox import accept
from storage.journeys import PgJourneys
from storage.leads import LeadInput
from storage.ledger import PgLedger
from storage.playbooks import PgPlaybooks, store
from tests.adapters.test_came_back import mail as came_back
from tests.api.conftest import REAL, assert_problem
from tests.storage.planned import plan
from tests.storage.samples import NOW, event, playbook

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
SECRET = "whsec_dGhlLXNlY3JldC1vZi10aGVzZS10ZXN0cw=="


@pytest.fixture
def app(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    app.state.inbounds = {"signed": SignedInbound(SECRET)}
    monkeypatch.setenv("TENDRIL_SIGNED_SECRET", SECRET)
    return app


async def told(http: httpx.AsyncClient, kind: str, data: dict[str, Any], **given: Any) -> httpx.Response:
    """A webhook, signed now unless told otherwise."""
    identity, at = given.get("id", "msg_1"), given.get("at", datetime.now(UTC))
    body = json.dumps({"type": kind, "data": data})
    headers = {
        "webhook-id": identity,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(given.get("secret", SECRET)).sign(identity, at, body),
    }
    return await http.post("/v1/webhooks/signed", content=given.get("body", body), headers=headers)


async def sent(database: Database, channel: Channel = Channel.EMAIL) -> tuple[str, str]:
    """A lead and the key of a touch that was sent to them, under the vendor's id v-1."""
    given = playbook()
    lead = (await leads.upsert(database, LeadInput(email="ann@acme.example"), NOW, enrol=False)).lead_id
    content_hash = await store(database, given, NOW, default=True)
    await leads.upsert(database, LeadInput(email="ann@acme.example"), NOW)
    step = "handoff" if channel is Channel.SDR_TASK else "hello"
    (key,) = await plan(database, lead, content_hash, step, channel=channel)
    ledger = PgLedger(database, PgPlaybooks(database))
    await ledger.claim(key, "c1", NOW, 30)
    await ledger.mark_sent(key, "c1", Receipt(vendor="signed", vendor_id="v-1"), NOW)
    return lead, key


async def behaviour(database: Database) -> list[tuple[str, str, str, dict[str, Any]]]:
    rows = await database.pool.fetch("select lead_id, kind, name, properties from behaviour order by id")
    return [tuple(row) for row in rows]


async def counts(database: Database) -> list[tuple[int, int, int]]:
    rows = await database.pool.fetch('select told, taken, "foreign" from webhook_request order by id')
    return [tuple(row) for row in rows]


@pytest.mark.parametrize("about", ["touch", "id"])
async def test_what_became_of_a_touch_is_its_leads_behaviour(http, database: Database, about: str):
    lead, key = await sent(database)
    said = {"touch": key} if about == "touch" else {"id": "v-1"}

    answer = await told(http, "delivery.delivered", said | {"detail": "250"})

    assert answer.status_code == 200, answer.text
    assert await behaviour(database) == [(lead, "delivery", "delivered", {"touch": key, "detail": "250"})]
    assert await counts(database) == [(1, 1, 0)]


async def test_a_complaint_suppresses_in_the_same_transaction(http, database: Database):
    _, key = await sent(database)
    await told(http, "delivery.complained", {"touch": key})
    assert await database.pool.fetchval("select reason from suppression where email = 'ann@acme.example'")


async def test_the_same_request_again_changes_nothing_and_is_answered_all_the_same(http, database: Database):
    _, key = await sent(database)
    answers = [await told(http, "delivery.delivered", {"touch": key}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert len(await behaviour(database)) == 1
    assert await counts(database) == [(1, 1, 0)]


async def test_the_same_thing_in_another_request_counts_once(http, database: Database):
    _, key = await sent(database)
    await told(http, "delivery.delivered", {"touch": key})
    await told(http, "delivery.delivered", {"touch": key, "detail": "again"}, id="msg_2")
    assert len(await behaviour(database)) == 1
    assert await counts(database) == [(1, 1, 0), (1, 0, 0)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": "whsec_YW5vdGhlci1zZWNyZXQtYWx0b2dldGhlcg=="},
        {"body": '{"type": "delivery.delivered", "data": {}}'},
        {"at": datetime.now(UTC) - timedelta(hours=1)},
    ],
    ids=["signed by another", "changed on the way", "old"],
)
async def test_a_forged_request_is_refused_and_leaves_nothing(http, database: Database, wrong: dict[str, Any]):
    _, key = await sent(database)
    answer = await told(http, "delivery.complained", {"touch": key}, **wrong)
    problem = assert_problem(answer, 401, "forged-webhook")
    assert SECRET not in json.dumps(problem)
    assert await counts(database) == []
    assert not await database.pool.fetchval("select count(*) from suppression")


async def test_a_vendor_that_is_not_set_up_is_named_with_those_that_are(http):
    problem = assert_problem(await http.post("/v1/webhooks/nobody", content=b"{}"), 404, "unknown-vendor")
    assert "signed" in problem["remedy"]


async def test_what_concerns_nobody_is_counted_and_left(http, database: Database):
    assert (await told(http, "delivery.delivered", {"touch": "ld_nobody/1/0/x"})).status_code == 200
    assert await behaviour(database) == []
    assert await counts(database) == [(1, 0, 1)]


async def test_behaviour_is_told_by_address(http, database: Database):
    lead, _ = await sent(database)
    await told(http, "behaviour.Meeting Booked", {"email": "Ann@ACME.example", "minutes": 30})
    assert await behaviour(database) == [(lead, "track", "Meeting Booked", {"minutes": 30})]


async def test_the_same_words_under_two_ids_are_two_things_told(http, database: Database):
    lead, _ = await sent(database)
    for identity in ("msg_1", "msg_2", "msg_2"):
        answer = await told(http, "behaviour.Login", {"email": "ann@acme.example"}, id=identity)
        assert answer.status_code == 200
    assert await behaviour(database) == [(lead, "track", "Login", {})] * 2
    assert await counts(database) == [(1, 1, 0)] * 2


async def test_a_sellers_answer_reaches_the_handoff(http, database: Database):
    lead, key = await sent(database, Channel.SDR_TASK)
    await told(http, "handoff.rejected", {"touch": key, "reason": "no_budget"})
    said = {"handoff": f"{lead}-1-1", "reason": "no_budget"}
    assert await behaviour(database) == [(lead, "crm", "sales_rejected", said)]


async def test_what_cant_be_understood_is_kept_and_taken_in_once_it_can(http, database: Database):
    lead, key = await sent(database)
    assert (await told(http, "delivery.teleported", {"touch": key})).status_code == 200
    (letter,), total = await dead_letters.newest(database)
    assert total == 1
    assert letter.source == "webhook signed"
    assert "teleported" in letter.reason

    again, why = await replay(database, REAL, letter)
    assert (again.success, "teleported" in why) == (False, True)
    mended = letter.body | {"request": letter.body["request"].replace("teleported", "delivered")}
    again, why = await replay(database, REAL, letter, mended)

    assert (again.accepted, why) == (1, "")
    assert await behaviour(database) == [(lead, "delivery", "delivered", {"touch": key})]
    assert await dead_letters.newest(database) == ([], 0)


async def test_what_no_database_holds_is_kept_for_a_person_and_told_once(http, database: Database):
    """A vendor that is answered 4xx or 5xx tells the same again, and then no more."""
    await sent(database)
    ann, deep = {"email": "ann@acme.example"}, json.loads("[" * 150 + "]" * 150)
    for number, data in enumerate([ann | {"a": "\ud800"}, {"email": "\x00"}, ann | {"a": deep}, {"lead": "\ud800"}]):
        assert (await told(http, "behaviour.Seen", data, id=f"m-{number}")).status_code == 200
    assert (await told(http, "behaviour.\ud800\x00", ann, id="m-9")).status_code == 200

    letters, total = await dead_letters.newest(database)
    assert (total, len({letter.reason for letter in letters})) == (5, 3)
    assert await behaviour(database) == []


async def test_a_body_that_is_nothing_is_kept_for_a_person(http, database: Database):
    identity, at, body = "msg_9", datetime.now(UTC), "not json"
    headers = {
        "webhook-id": identity,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(SECRET).sign(identity, at, body),
    }
    answer = await http.post("/v1/webhooks/signed", content=body, headers=headers)
    assert answer.status_code == 200
    assert (await dead_letters.newest(database))[1] == 1


async def test_of_somebody_erased_nothing_is_kept(http, database: Database):
    lead, key = await sent(database)
    await told(http, "behaviour.Meeting Booked", {"email": "ann@acme.example"}, id="msg_7")

    await erase(database, lead, "operator", NOW)
    assert await counts(database) == []
    await told(http, "delivery.delivered", {"touch": key})
    assert [row[1] for row in await behaviour(database)] == ["track"]


async def test_a_reply_is_found_by_the_name_of_its_mail(database: Database):
    lead, key = await sent(database)
    reply = Delivery("r-1", About(mail=name_of(key)), DeliveryKind.REPLIED, NOW)
    await webhooks.take(database, "mail", InboundRequest(b"1", {}, datetime.now(UTC)), [reply], REAL)
    assert [row[:3] for row in await behaviour(database)] == [(lead, "delivery", "replied")]


async def test_nothing_is_sent_to_somebody_who_is_away(database: Database):
    lead, key = await sent(database)
    until = datetime.now(UTC) + timedelta(days=3)
    away = Happened("a-1", About(mail=name_of(key)), "delivery", "away", NOW, {"until": until.isoformat()})
    await webhooks.take(database, "mail", InboundRequest(b"2", {}, datetime.now(UTC)), [away], REAL)

    playbook_hash = await database.pool.fetchval("select playbook_hash from touch")
    state = JourneyState.begin(lead, 1, playbook_hash, NOW)
    assert (await PgJourneys(database).gather(state, NOW)).permission.paused_until == until
    await database.pool.execute("update touch set status = 'planned', sent_at = null")
    claim = await PgLedger(database, PgPlaybooks(database)).claim(key, "c2", until - timedelta(days=1), 30, NOW)
    assert claim.result is ClaimResult.REFUSED


async def test_mail_that_comes_back_is_behaviour_and_its_words_are_kept_nowhere(http, app: FastAPI, database: Database):
    _, key = await sent(database)
    settings = mail_in.POSTMARK.settings(password="password")
    app.state.inbounds = {"postmark-mail": mail_in.POSTMARK.inbound(settings)}
    raw = came_back(to=f"replies+{name_of(key)}@example.com").decode()
    for _ in range(2):
        body, signed = {"RawEmail": raw}, ("tendril", "password")
        assert (await http.post("/v1/webhooks/postmark-mail", json=body, auth=signed)).status_code == 200
    assert [row[2] for row in await behaviour(database)] == ["replied"]
    assert await counts(database) == []
    await http.post("/v1/webhooks/postmark-mail", json={"TextBody": "parsed only"}, auth=signed)
    assert (await dead_letters.newest(database))[1] == 1, "what nobody can read is kept for a person"


async def test_a_click_from_a_network_that_the_operator_knows_is_a_machines(database: Database):
    _, key = await sent(database)
    clicks = [
        Delivery(f"c-{n}", About(touch=key), DeliveryKind.CLICKED, NOW, visit=Visit(datetime.now(UTC), BROWSER, ip))
        for n, ip in enumerate(("192.0.2.7", "198.51.100.7"))
    ]
    came = InboundRequest(b"3", {}, datetime.now(UTC))
    await webhooks.take(database, "mail", came, clicks, REAL, Scanners.read("", "192.0.2.0/24"))
    rows = await database.pool.fetch("select trusted from behaviour where name = 'clicked' order by position")
    assert [row["trusted"] for row in rows] == [False, True]


EIGHT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


def followed(key: str, name: str, seconds: float, url: str = "", **given: Any) -> Delivery:
    """A link that the vendor says was followed by a browser, so long after eight."""
    at = EIGHT + timedelta(seconds=seconds)
    visit = Visit(at, BROWSER, "198.51.100.7")
    return Delivery(
        name, About(touch=key), DeliveryKind.CLICKED, at, visit=visit, url=url or f"https://{name}", **given
    )


async def hears(database: Database, *told: Delivery) -> None:
    body = repr([one.id for one in told]).encode()
    await webhooks.take(database, "mail", InboundRequest(body, {}, datetime.now(UTC)), told, REAL)


async def doubted(database: Database) -> dict[str, str]:
    """The rule, or the reason of those taken back, by the name of each click; "" of those that count."""
    rows = await database.pool.fetch("select * from behaviour where name = 'clicked' order by id")
    lost = {row["message_id"].removeprefix("mail:"): row["properties"].get("not_counted", {}) for row in rows}
    assert [row["trusted"] for row in rows] == [not found for found in lost.values()]
    return {name: found and found.get("rule", "taken back") for name, found in lost.items()}


async def test_a_gateways_clicks_that_a_vendor_tells_are_known_by_each_other_in_any_order(database: Database):
    _, key = await sent(database)

    await hears(database, followed(key, "alone", 0))
    await hears(database, followed(key, "a", 601), followed(key, "again", 606, "https://alone"))
    await hears(database, followed(key, "b", 600), followed(key, "b2", 600, "https://b"))
    await hears(database, followed(key, "later", 900), followed(key, "lost", -6e10))

    lost = await doubted(database)
    assert lost == {
        "alone": {},
        "a": "taken back",
        "again": {},
        "b": "at_once",
        "b2": "at_once",
        "later": {},
        "lost": "too_soon",
    }
    assert await database.pool.fetchval("select count(*) from behaviour where kind = 'retraction'") == 1


async def test_a_burst_that_a_vendor_tells_in_several_requests_at_once_is_one(database: Database):
    _, key = await sent(database)
    await asyncio.gather(*(hears(database, followed(key, name, 0)) for name in ("a", "b", "c", "d")))
    assert all((await doubted(database)).values())


async def test_of_our_own_links_that_a_vendor_tracked_as_well_all_is_known(
    http: httpx.AsyncClient, app: FastAPI, database: Database, settings: Settings
):
    """Of the first, our own event of the same click is there: it is no second link, and counts no second time."""
    lead, key = await sent(database)
    links, now = TrackedLinks(settings.public_url, settings.link_secrets), datetime.now(UTC)
    auth = ("tendril", "password")
    app.state.inbounds = {"postmark": PostmarkInbound(*auth)}
    said = {"touch": key, "link": 1, "url": "https://docs.example/1"}
    given: dict[str, Any] = {"kind": "delivery", "name": "clicked", "lead_id": lead, "properties": said}
    await accept(database, [event(f"delivery:{key}:clicked:1", **given, occurred_at=now - timedelta(seconds=15))], now)

    for number in (1, 2, 3):
        body = {"RecordType": "Click", "MessageID": "m", "Metadata": {"touch": reference(key)}, "UserAgent": BROWSER}
        at = now - timedelta(seconds=20 - 5 * number)
        click = {"OriginalLink": links.url(key, number, 3, f"https://docs.example/{number}"), "ReceivedAt": f"{at}"}
        assert (await http.post("/v1/webhooks/postmark", json=body | click, auth=auth)).status_code == 200

    rows = await database.pool.fetch("select properties from behaviour where name = 'clicked' order by id")
    told = [row["properties"] for row in rows]
    assert [one["link"] for one in told] == [1, 2, 3]
    assert [one["url"] for one in told] == [f"https://docs.example/{number}" for number in (1, 2, 3)]
    assert ["not_counted" in one for one in told] == [True] * 3
    assert told[2]["not_counted"]["rule"] == "every_link"


async def test_a_click_told_seconds_after_a_mail_that_was_held_up_arrived_is_not_counted(database: Database):
    _, key = await sent(database)
    arrived = Delivery("d", About(touch=key), DeliveryKind.DELIVERED, EIGHT)
    await hears(database, followed(key, "a", 3), arrived)
    await hears(database, followed(key, "b", 8))
    await hears(database, followed(key, "c", 20))
    assert await doubted(database) == {"a": "too_soon", "b": "too_soon", "c": {}}


async def test_the_same_things_told_in_many_requests_at_once_are_taken_once(database: Database):
    _, key = await sent(database)
    kinds = (DeliveryKind.DELIVERED, DeliveryKind.COMPLAINED, DeliveryKind.UNSUBSCRIBED)
    told = [Delivery(f"m-{kind}", About(touch=key), kind, NOW) for kind in kinds]
    requests = [InboundRequest(f"{n}".encode(), {}, datetime.now(UTC)) for n in range(8)]
    took = await asyncio.gather(
        *(webhooks.take(database, "mail", one, told[n % 3 :] + told[: n % 3], REAL) for n, one in enumerate(requests))
    )
    assert sum(one.new for one in took) == 3


async def test_a_bounce_of_a_former_address_is_about_that_address_alone(database: Database):
    _, key = await sent(database)
    about = About(touch=key, email="Ann@old.example")
    bounce = Delivery("b-1", about, DeliveryKind.BOUNCED_HARD, NOW)
    await webhooks.take(database, "signed", InboundRequest(b"3", {}, datetime.now(UTC)), [bounce], REAL)
    rows = await database.pool.fetch("select email, reason from suppression")
    assert [tuple(row) for row in rows] == [("ann@old.example", "hard_bounced")]
    assert await database.pool.fetchval("select trusted from behaviour") is False
