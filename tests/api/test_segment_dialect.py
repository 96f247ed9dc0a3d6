"""What Segment's libraries send, in every way that they send it, is understood."""

import base64
import gzip
import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from api.limits import BATCH_BYTES, EVENT_BYTES
from storage import keys
from storage.database import Database
from tests.api.conftest import assert_problem
from tests.api.test_tracking import behaviours, lead_of

TRACK = {"anonymousId": "visitor-1", "event": "Looked"}
JSON = {"Content-Type": "application/json"}
GZIP = JSON | {"Content-Encoding": "gzip"}
PAGE = {"Origin": "https://www.orchard.example"}


@pytest.mark.parametrize(
    ("short", "body", "stored"),
    [
        ("t", {"event": "Looked"}, ("track", "Looked")),
        ("p", {"properties": {"path": "/pricing"}}, ("page", "/pricing")),
        ("s", {"name": "Pricing"}, ("page", "/screen/Pricing")),
        ("i", {"traits": {"plan": "free"}}, ("identify", "identify")),
        ("g", {"groupId": "g1", "traits": {"name": "Orchard"}}, ("group", "group")),
        ("a", {"userId": "u1", "previousId": "visitor-1"}, ("alias", "alias")),
        ("b", {"batch": [TRACK | {"type": "track"}]}, ("track", "Looked")),
    ],
)
async def test_the_browsers_short_forms_are_the_same_routes(
    http: httpx.AsyncClient, database: Database, key: str, short: str, body: dict[str, object], stored: tuple[str, str]
):
    text = json.dumps({"anonymousId": "visitor-1", "writeKey": key} | body)

    answer = await http.post(f"/v1/{short}", content=text, headers=PAGE | {"Content-Type": "text/plain"})

    assert answer.json()["accepted"] == 1
    assert answer.headers["access-control-allow-origin"] == "*"
    (row,) = await behaviours(database)
    assert (row["kind"], row["name"]) == stored


async def test_properties_hold_what_group_and_alias_say(api: httpx.AsyncClient, database: Database):
    await api.post("/v1/group", json={"userId": "u1", "groupId": 77, "traits": {"name": "Orchard"}})
    await api.post("/v1/alias", json={"userId": "u1", "previousId": "visitor-1"})

    assert [row["properties"] for row in await behaviours(database)] == [
        {"name": "Orchard", "groupId": "77"},
        {"previousId": "visitor-1"},
    ]


# --- keys ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["wrong", "", None, 17, {"a": 1}])
async def test_a_wrong_write_key_in_the_body_opens_nothing(http: httpx.AsyncClient, database: Database, given: object):
    for body in (TRACK | {"writeKey": given}, [given]):
        assert_problem(await http.post("/v1/track", json=body), 401, "key-required")
    assert await behaviours(database) == []


async def test_a_write_key_in_the_body_is_no_key_elsewhere(http: httpx.AsyncClient, key: str):
    answer = await http.post("/v1/leads", json={"external_id": "e1", "writeKey": key})

    assert_problem(answer, 401, "key-required")


async def test_a_key_in_the_head_goes_before_one_in_the_body(http: httpx.AsyncClient, key: str):
    basic = base64.b64encode(b"wrong:").decode()

    answer = await http.post(
        "/v1/track", json=TRACK | {"writeKey": key}, headers={"Authorization": f"Basic {basic}", **PAGE}
    )

    assert_problem(answer, 401, "key-required")
    assert answer.headers["access-control-allow-origin"] == "*"


# --- other origins -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v1/t", "/v1/batch"])
async def test_a_browser_asks_first_and_may(http: httpx.AsyncClient, path: str):
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-retry-count",
    }

    answer = await http.options(path, headers=PAGE | asked)

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "authorization" in answer.headers["access-control-allow-headers"]


async def test_pages_elsewhere_can_read_when_to_come_again(http: httpx.AsyncClient, key: str):
    answer = await http.post("/v1/t", json=TRACK | {"writeKey": key}, headers=PAGE)

    assert "retry-after" in answer.headers["access-control-expose-headers"].lower()


async def test_other_routes_are_closed_to_other_origins(api: httpx.AsyncClient):
    answer = await api.get("/v1/leads", headers=PAGE)

    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


# --- compressed bodies ---------------------------------------------------------------------------------------------


async def test_a_compressed_batch_is_read(api: httpx.AsyncClient, database: Database):
    batch = {"batch": [TRACK | {"type": "track", "messageId": f"m{n}"} for n in range(2000)]}

    answer = await api.post("/v1/batch", content=gzip.compress(json.dumps(batch).encode()), headers=GZIP)

    assert answer.json()["accepted"] == 2000


@pytest.mark.parametrize(
    ("path", "limit"), [("/v1/track", EVENT_BYTES), ("/v1/t", EVENT_BYTES), ("/v1/b", BATCH_BYTES)]
)
async def test_what_comes_out_of_a_compressed_body_is_bounded(api: httpx.AsyncClient, path: str, limit: int):
    bomb = gzip.compress(b" " * 30_000_000)

    answer = await api.post(path, content=bomb, headers=GZIP)

    assert answer.status_code == 413
    assert f"{limit // 1024} KB" in answer.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", gzip.compress(b"{}")[:-3], gzip.compress(b"{}") + b"more", b"\x1f\x8b\x08" + b"\xff" * 40],
    ids=[
        "nothing",
        "plain",
        "cut off",
        "more than gzip",
        "noise",
    ],  # gzip holds the time: no name of its own would last
)
async def test_what_is_no_gzip_is_told(api: httpx.AsyncClient, body: bytes):
    assert_problem(await api.post("/v1/track", content=body, headers=GZIP), 400, "malformed-gzip")


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip"])
async def test_other_encodings_are_refused(api: httpx.AsyncClient, encoding: str):
    answer = await api.post("/v1/track", content=b"{}", headers=JSON | {"Content-Encoding": encoding})

    assert_problem(answer, 415, "unknown-encoding")
    assert answer.headers["accept-encoding"] == "gzip"


# --- shapes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "event",
    [
        {"type": "track", "event": "Looked", "userId": None, "anonymousId": "v1", "properties": None, "context": None},
        {"type": "track", "event": "Looked", "userId": "", "anonymousId": " v1 ", "messageId": None, "sentAt": None},
        {"type": "page", "name": None, "anonymousId": "v1", "properties": None, "integrations": {}},
        {"type": "screen", "name": None, "anonymousId": "v1"},
        {"type": "identify", "anonymousId": "v1", "traits": None, "context": {"traits": None}},
        {"type": "group", "anonymousId": "v1", "groupId": 7, "traits": None},
    ],
)
async def test_null_and_empty_count_as_absent(api: httpx.AsyncClient, database: Database, event: dict[str, object]):
    answer = await api.post("/v1/batch", json={"batch": [event], "sentAt": None})

    assert answer.json()["accepted"] == 1
    assert (await behaviours(database))[0]["anonymous_id"] == "v1"


@pytest.mark.parametrize(
    "event",
    [
        {"type": "group", "anonymousId": "v1"},
        {"type": "alias", "userId": "u1"},
        {"type": "alias", "anonymousId": "v1", "previousId": "v0"},
        {"type": "track", "event": "Looked", "userId": "", "anonymousId": None},
    ],
)
async def test_what_lacks_its_ids_is_set_aside(api: httpx.AsyncClient, event: dict[str, object]):
    assert (await api.post("/v1/batch", json={"batch": [event]})).json()["rejected"] == 1


async def test_traits_beside_the_event_count_and_its_own_go_before(api: httpx.AsyncClient):
    beside = {"traits": {"email": "robin@orchard.example", "role": "Buyer", "plan": "free"}}
    await api.post("/v1/identify", json={"userId": "u1", "traits": {"role": "Head"}, "context": beside})

    (lead,) = (await api.get("/v1/leads", params={"external_id": "u1"})).json()["items"]
    assert (lead["email"], lead["fields"]) == ("robin@orchard.example", {"role": "Head", "plan": "free"})


async def test_an_address_beside_any_event_says_whose_it_is_and_nothing_more(
    api: httpx.AsyncClient, database: Database, playbook: str
):
    lead = await lead_of(api)
    beside = {"traits": {"email": "CRM-1@orchard.example", "role": "Buyer"}}

    await api.post("/v1/track", json=TRACK | {"context": beside})

    assert (await behaviours(database))[0]["lead_id"] == lead
    assert (await api.get(f"/v1/leads/{lead}")).json()["fields"] == {}


async def test_an_address_beside_an_event_that_is_none_harms_nothing(api: httpx.AsyncClient, database: Database):
    await api.post("/v1/track", json=TRACK | {"context": {"traits": {"email": "nobody"}}})

    assert len(await behaviours(database)) == 1
    assert await database.pool.fetchval("select count(*) from lead") == 0


async def test_what_a_known_visitor_says_of_themselves_is_the_leads(api: httpx.AsyncClient):
    await api.post("/v1/identify", json={"anonymousId": "v1", "traits": {"email": "robin@orchard.example"}})
    await api.post("/v1/identify", json={"anonymousId": "v1", "traits": {"role": "Head"}})

    (lead,) = (await api.get("/v1/leads", params={"email": "robin@orchard.example"})).json()["items"]
    assert lead["fields"] == {"role": "Head"}


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_clocks_at_the_ends_of_time_are_survived(api: httpx.AsyncClient, database: Database, moment: str):
    for sent_at in (None, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
        event = TRACK | {"timestamp": moment, "sentAt": sent_at}
        assert (await api.post("/v1/track", json=event)).status_code == 200

    for row in await behaviours(database):
        assert datetime(1970, 1, 1, tzinfo=UTC) <= row["occurred_at"] <= row["received_at"]


async def test_the_batchs_sent_at_corrects_its_events(api: httpx.AsyncClient, database: Database):
    theirs = datetime.now(UTC) - timedelta(days=400)
    event = TRACK | {"type": "track", "originalTimestamp": (theirs - timedelta(minutes=5)).isoformat()}

    await api.post("/v1/batch", json={"batch": [event], "sentAt": theirs.isoformat()})

    (row,) = await behaviours(database)
    assert abs(datetime.now(UTC) - timedelta(minutes=5) - row["occurred_at"]) < timedelta(seconds=30)


# --- counted once --------------------------------------------------------------------------------------------------

AT = "2026-03-04T09:00:00.125Z"


@pytest.mark.parametrize("sent", [{"timestamp": AT}, {"sentAt": AT}, {"timestamp": AT, "sentAt": AT}])
async def test_a_blind_retry_of_an_event_with_a_time_counts_once(
    api: httpx.AsyncClient, database: Database, sent: dict[str, str]
):
    for _ in range(2):
        await api.post("/v1/track", json=TRACK | sent)

    assert len(await behaviours(database)) == 1


async def test_sent_again_later_it_is_still_the_same_event(api: httpx.AsyncClient):
    for sent_at in (AT, "2026-03-04T09:00:30Z"):
        answer = await api.post("/v1/track", json=TRACK | {"timestamp": AT, "sentAt": sent_at})

    assert answer.json()["duplicates"] == 1


@pytest.mark.parametrize(
    "other",
    [{"event": "Watched"}, {"anonymousId": "visitor-2"}, {"properties": {"a": 1}}, {"timestamp": AT[:-3] + "6Z"}],
)
async def test_what_differs_is_another_event(api: httpx.AsyncClient, other: dict[str, object]):
    for event in (TRACK | {"timestamp": AT}, TRACK | {"timestamp": AT} | other):
        answer = await api.post("/v1/track", json=event)

    assert answer.json()["accepted"] == 1


async def test_events_alike_in_one_batch_are_several_and_their_retry_none(api: httpx.AsyncClient):
    batch = {"batch": [TRACK | {"type": "track"}] * 3, "sentAt": AT}

    first = await api.post("/v1/batch", json=batch)
    again = await api.post("/v1/batch", json=batch)

    assert (first.json()["accepted"], again.json()["duplicates"]) == (3, 3)


async def test_no_sender_can_take_anothers_message_id(http: httpx.AsyncClient, database: Database, key: str):
    other = await keys.create(database, "other", ["write"])
    for each in (key, other):
        answer = await http.post("/v1/track", json=TRACK | {"messageId": "m1", "writeKey": each})
        assert answer.json()["accepted"] == 1


async def test_a_sender_keeps_its_message_ids_with_a_new_key_of_the_same_name(
    http: httpx.AsyncClient, database: Database
):
    for expected in (1, 0):
        renewed = await keys.create(database, "site", ["write"])
        answer = await http.post("/v1/track", json=TRACK | {"messageId": "m1", "writeKey": renewed})
        assert answer.json()["accepted"] == expected
