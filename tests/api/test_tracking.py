"""Behaviour comes in once, in order, at the right time, and whose it is becomes known whenever it does."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from api.app import create_app
from domain.clock import ScaledClock
from runtime.settings import Settings
from storage.database import Database
from tests.api.conftest import assert_problem, client_of

DAY = timedelta(days=1)


async def behaviours(database: Database) -> list[dict[str, object]]:
    return [dict(row) for row in await database.pool.fetch("select * from behaviour order by id")]


async def lead_of(api: httpx.AsyncClient, external_id: str = "crm-1") -> str:
    body = {"external_id": external_id, "email": f"{external_id}@orchard.example"}
    lead: str = (await api.post("/v1/leads", json=body)).json()["id"]
    return lead


@pytest.fixture
async def lead(api: httpx.AsyncClient, database: Database, playbook: str) -> str:
    """A lead with a journey, whose first wake has been told."""
    made = await lead_of(api)
    await database.pool.execute("delete from pending_wake")
    return made


async def test_an_event_of_a_known_lead_wakes_its_journey(api: httpx.AsyncClient, database: Database, lead: str):
    answer = await api.post(
        "/v1/track", json={"userId": "crm-1", "event": "Demo Watched", "properties": {"percent": 9}}
    )

    assert answer.json() == {"success": True, "accepted": 1, "duplicates": 0, "rejected": 0}
    (stored,) = await behaviours(database)
    assert (stored["lead_id"], stored["position"]) == (lead, 1)
    assert (stored["kind"], stored["name"], stored["properties"]) == ("track", "Demo Watched", {"percent": 9})
    assert await database.pool.fetchval("select types from pending_wake") == ["Demo Watched"]


async def test_tendrils_own_id_names_a_lead_too(api: httpx.AsyncClient, database: Database, lead: str):
    await api.post("/v1/track", json={"userId": lead, "event": "Demo Watched"})

    assert (await behaviours(database))[0]["lead_id"] == lead


async def test_the_same_message_id_is_taken_once(api: httpx.AsyncClient, database: Database, lead: str):
    event = {"userId": "crm-1", "event": "Demo Watched", "messageId": "m-1"}
    await api.post("/v1/track", json=event)
    again = await api.post("/v1/track", json=event)

    assert again.json()["duplicates"] == 1
    assert len(await behaviours(database)) == 1


async def test_events_without_a_message_id_are_each_their_own(api: httpx.AsyncClient, database: Database, lead: str):
    for _ in range(2):
        await api.post("/v1/track", json={"userId": "crm-1", "event": "Demo Watched"})

    assert len(await behaviours(database)) == 2


@pytest.mark.parametrize(
    ("event", "path"),
    [
        ({"properties": {"path": "/pricing?a=1"}}, "/pricing"),
        ({"properties": {"url": "https://www.orchard.example/case-study?x=1#top"}}, "/case-study"),
        ({"properties": {"url": "https://www.orchard.example"}}, "/"),
        ({"properties": {"url": "http://[broken"}, "name": "Home"}, "Home"),
        ({"name": "Home"}, "Home"),
        ({}, "/"),
    ],
)
async def test_a_page_is_named_by_its_path(
    api: httpx.AsyncClient, database: Database, event: dict[str, object], path: str
):
    await api.post("/v1/page", json={"anonymousId": "v1", **event})

    (stored,) = await behaviours(database)
    assert (stored["kind"], stored["name"]) == ("page", path)


async def test_what_a_visitor_did_before_becomes_the_leads(api: httpx.AsyncClient, database: Database, lead: str):
    await api.post("/v1/page", json={"anonymousId": "v1", "name": "/pricing"})
    assert (await behaviours(database))[0]["lead_id"] is None

    traits = {"email": "crm-1@orchard.example", "role": "Head", "company": {"name": "Orchard"}, "visits": 3}
    await api.post("/v1/identify", json={"anonymousId": "v1", "userId": "crm-1", "traits": traits})
    await api.post("/v1/page", json={"anonymousId": "v1", "name": "/demo"})

    assert [(row["lead_id"], row["position"], row["name"]) for row in await behaviours(database)] == [
        (lead, 1, "/pricing"),
        (lead, 2, "identify"),
        (lead, 3, "/demo"),
    ]
    assert (await api.get(f"/v1/leads/{lead}")).json()["fields"] == {"role": "Head", "visits": 3}


async def test_identify_with_an_address_makes_a_lead_and_does_not_enrol(api: httpx.AsyncClient, database: Database):
    await api.post("/v1/identify", json={"userId": "u9", "traits": {"email": "sam@orchard.example", "country": "de"}})

    (found,) = (await api.get("/v1/leads", params={"external_id": "u9"})).json()["items"]
    assert (found["email"], found["country"]) == ("sam@orchard.example", "DE")
    assert await database.pool.fetchval("select count(*) from journey") == 0


async def test_identify_without_an_address_links_a_visitor_to_a_known_lead(
    api: httpx.AsyncClient, database: Database, lead: str
):
    await api.post("/v1/identify", json={"userId": "crm-1", "anonymousId": "v7"})
    await api.post("/v1/track", json={"anonymousId": "v7", "event": "Looked"})

    assert {row["lead_id"] for row in await behaviours(database)} == {lead}


async def test_identify_of_nobody_makes_no_lead(api: httpx.AsyncClient, database: Database):
    await api.post("/v1/identify", json={"userId": "u1", "anonymousId": "v1", "traits": {"plan": "free"}})

    assert await database.pool.fetchval("select count(*) from lead") == 0
    assert len(await behaviours(database)) == 1


async def test_a_batch_keeps_its_order_and_sets_bad_events_aside(api: httpx.AsyncClient, database: Database, lead: str):
    batch = [
        {"type": "page", "userId": "crm-1", "name": "/pricing"},
        {"type": "track", "userId": "crm-1"},
        {"type": "dance", "userId": "crm-1"},
        "not an event",
        {"type": "track", "event": "Nobody"},
        {"type": "track", "userId": "crm-1", "event": "Too big", "properties": {"x": "y" * 40_000}},
        {"type": "track", "userId": "crm-1", "event": "Demo Watched", "context": {"ip": "192.0.2.1"}},
        {"type": "identify", "userId": 17, "traits": {"email": "not an address"}},
    ]

    answer = await api.post("/v1/batch", json={"batch": batch})

    assert (answer.status_code, answer.json()) == (
        200,
        {"success": True, "accepted": 2, "duplicates": 0, "rejected": 6},
    )
    assert [row["name"] for row in await behaviours(database)] == ["/pricing", "Demo Watched"]
    letters = await database.pool.fetch("select * from dead_letter order by id")
    assert len(letters) == 6
    assert "event" in letters[0]["reason"]
    assert letters[1]["body"] == batch[2]
    assert "32 KB" in letters[4]["reason"]


async def test_an_unstorable_event_does_not_spoil_the_batch(api: httpx.AsyncClient, database: Database, lead: str):
    body = (
        r'{"batch": [{"type": "track", "userId": "crm-1", "event": "a\u0000b"},'
        r' {"type": "track", "userId": "crm-1", "event": "x", "properties": {"y": "\ud83d"}},'
        r' {"type": "track", "userId": "crm-1", "event": "\ud83d\ude80"}]}'
    )

    answer = await api.post("/v1/batch", content=body, headers={"Content-Type": "application/json"})

    assert (answer.json()["accepted"], answer.json()["rejected"]) == (1, 2)
    assert [row["name"] for row in await behaviours(database)] == ["\U0001f680"]


async def test_a_batch_has_at_most_2500_events(api: httpx.AsyncClient):
    event = {"type": "track", "userId": "u", "event": "e"}

    assert_problem(await api.post("/v1/batch", json={"batch": [event] * 2501}), 413, "batch-too-long")
    assert (await api.post("/v1/batch", json={"batch": [event] * 2500})).json()["accepted"] == 2500


@pytest.mark.parametrize("body", [{}, {"batch": []}, {"batch": "x"}, {"batch": [1], "sentAt": "noon"}])
async def test_a_batch_of_another_shape_is_invalid(api: httpx.AsyncClient, body: dict[str, object]):
    assert_problem(await api.post("/v1/batch", json=body), 422, "invalid-request")


async def test_every_bad_member_of_an_event_is_named(api: httpx.AsyncClient):
    answer = await api.post("/v1/track", json={"userId": [], "timestamp": "2026-01-01T00:00:00", "properties": 7})

    pointers = {error["pointer"] for error in assert_problem(answer, 422, "invalid-request")["errors"]}
    assert {"/userId", "/timestamp", "/event", "/properties"} <= pointers


async def test_an_event_needs_somebody(api: httpx.AsyncClient):
    body = assert_problem(await api.post("/v1/track", json={"event": "Looked"}), 422, "invalid-request")

    assert "userId and anonymousId" in body["errors"][0]["message"]


async def test_a_senders_wrong_clock_is_corrected(api: httpx.AsyncClient, database: Database):
    theirs = datetime.now(UTC) + timedelta(hours=5)
    event = {"anonymousId": "v", "event": "Looked"}
    times = {"timestamp": (theirs - timedelta(hours=1)).isoformat(), "sentAt": theirs.isoformat()}

    await api.post("/v1/track", json=event | times)

    (stored,) = await behaviours(database)
    happened = datetime.now(UTC) - timedelta(hours=1)
    assert abs(stored["occurred_at"] - happened) < timedelta(seconds=30)


async def test_nothing_happens_in_the_future(api: httpx.AsyncClient, database: Database):
    await api.post(
        "/v1/track", json={"anonymousId": "v", "event": "Looked", "timestamp": (datetime.now(UTC) + DAY).isoformat()}
    )

    (stored,) = await behaviours(database)
    assert stored["occurred_at"] == stored["received_at"]


async def test_on_a_demo_clock_events_happen_in_deployment_time(database: Database, settings: Settings, key: str):
    real = datetime.now(UTC)
    clock = ScaledClock(86_400, real, real + 100 * DAY)
    app = create_app(settings, database, None, clock)
    given = real + 50 * DAY
    async with client_of(app) as client:
        client.headers["Authorization"] = f"Bearer {key}"
        for timestamp in (None, given, real + 100_000 * DAY):
            times = {"timestamp": timestamp.isoformat(), "sentAt": real.isoformat()} if timestamp else {}
            await client.post("/v1/track", json={"anonymousId": "v", "event": "Looked", **times})

    implicit, explicit, future = await behaviours(database)
    assert implicit["occurred_at"] == implicit["received_at"]
    assert implicit["received_at"] > real + 100 * DAY
    assert explicit["occurred_at"] == given
    assert future["occurred_at"] == future["received_at"]


async def test_a_flood_for_one_lead_loses_nothing(api: httpx.AsyncClient, database: Database, lead: str):
    events = [{"userId": "crm-1", "event": f"E{n % 7}", "messageId": f"m{n % 80}"} for n in range(120)]

    answers = await asyncio.gather(*(api.post("/v1/track", json=event) for event in events))

    assert sum(answer.json()["accepted"] for answer in answers) == 80
    assert sum(answer.json()["duplicates"] for answer in answers) == 40
    positions = await database.pool.fetch("select position from behaviour order by position")
    assert [row["position"] for row in positions] == list(range(1, 81))
    assert await database.pool.fetchval("select inbox_position from lead") == 80
