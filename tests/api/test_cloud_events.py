"""CloudEvents in every mode of the HTTP binding are the same behaviour, once."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from storage.database import Database
from tests.api.conftest import assert_problem

EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "7381",
    "source": "https://webinars.example",
    "type": "Webinar Attended",
    "subject": "crm-1",
    "time": "2026-03-02T10:00:00Z",
    "data": {"minutes": 40},
    "someextension": 7,
}
BINARY = {f"ce-{name}": str(EVENT[name]) for name in ("specversion", "id", "source", "type", "subject", "time")}


async def structured(api: httpx.AsyncClient, body: Any, mode: str = "cloudevents") -> httpx.Response:
    headers = {"Content-Type": f"application/{mode}+json; charset=utf-8"}
    return await api.post("/v1/cloudevents", content=json.dumps(body), headers=headers)


async def binary(
    api: httpx.AsyncClient, content: bytes, media: str = "application/json", **more: str
) -> httpx.Response:
    headers = BINARY | {"content-type": media} | {f"ce-{name}": value for name, value in more.items()}
    return await api.post("/v1/cloudevents", content=content, headers=headers)


async def test_every_mode_is_the_same_behaviour_and_counts_once(api: httpx.AsyncClient, database: Database):
    lead = (await api.post("/v1/leads", json={"external_id": "crm-1", "enrol": False})).json()["id"]

    answers = [
        await structured(api, EVENT),
        await binary(api, b'{"minutes": 40}'),
        await structured(api, [EVENT, EVENT | {"id": "7382"}], "cloudevents-batch"),
    ]

    assert [(each.status_code, each.json()["accepted"], each.json()["duplicates"]) for each in answers] == [
        (200, 1, 0),
        (200, 0, 1),
        (200, 1, 1),
    ]
    row = await database.pool.fetchrow("select * from behaviour where position = 1")
    assert (row["lead_id"], row["kind"], row["name"]) == (lead, "track", "Webinar Attended")
    assert (row["message_id"], row["properties"]) == ("https://webinars.example 7381", {"minutes": 40})
    assert row["occurred_at"] == datetime(2026, 3, 2, 10, tzinfo=UTC)


@pytest.mark.parametrize("name", ["anonymousid", "anonymousId"])
async def test_a_visitor_is_an_extension(api: httpx.AsyncClient, database: Database, name: str):
    visitor = {key: value for key, value in EVENT.items() if key != "subject"} | {name: "v-1"}

    assert (await structured(api, visitor)).status_code == 200
    assert await database.pool.fetchval("select anonymous_id from behaviour") == "v-1"


@pytest.mark.parametrize(
    ("content", "media", "properties"),
    [
        (b"", "", {}),
        (b"[1, 2]", "application/json", {"data": [1, 2]}),
        (b'{"a": 1}', "application/vnd.company+json", {"a": 1}),
        ("Grüße".encode(), "text/plain", {"data": "Grüße"}),
    ],
)
async def test_data_in_binary_mode(
    api: httpx.AsyncClient, database: Database, content: bytes, media: str, properties: dict[str, Any]
):
    assert (await binary(api, content, media, type="Gr%C3%BC%C3%9Fe")).status_code == 200
    assert tuple(await database.pool.fetchrow("select name, properties from behaviour")) == ("Grüße", properties)


async def test_bytes_are_kept_as_they_were_written(api: httpx.AsyncClient, database: Database):
    body = {name: value for name, value in EVENT.items() if name != "data"} | {"data_base64": "AAEC"}

    assert (await structured(api, body)).status_code == 200
    assert await database.pool.fetchval("select properties from behaviour") == {"data_base64": "AAEC"}


async def test_a_long_source_still_names_one_event(api: httpx.AsyncClient):
    long = EVENT | {"source": "https://webinars.example/" + "x" * 400}

    answers = [(await structured(api, long)).json() for _ in range(2)]

    assert [answer["accepted"] for answer in answers] == [1, 0]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"specversion": "0.3"}, "/specversion"),
        ({"id": ""}, "/id"),
        ({"source": None}, "/source"),
        ({"type": 7}, "/type"),
        ({"time": "yesterday"}, "/time"),
        ({"time": "2026-03-02T10:00:00"}, "/time"),
        ({"subject": None}, ""),
        ({"data": {"text": "x" * 40_000}}, ""),
        ({"id": "\x00"}, ""),
    ],
)
async def test_what_is_wrong_is_named(api: httpx.AsyncClient, database: Database, change: dict[str, Any], pointer: str):
    alone = assert_problem(await structured(api, EVENT | change), 400, "not-a-cloudevent")
    batch = assert_problem(await structured(api, [EVENT, EVENT | change], "cloudevents-batch"), 400, "not-a-cloudevent")

    assert alone["errors"][0]["pointer"] == pointer
    assert batch["errors"][0]["pointer"] == f"/1{pointer}"
    assert await database.pool.fetchval("select count(*) from behaviour") == 0


async def test_what_is_no_cloudevent_at_all_is_a_400(api: httpx.AsyncClient):
    answers = [
        await structured(api, [EVENT]),
        await structured(api, EVENT, "cloudevents-batch"),
        await api.post("/v1/cloudevents", json=EVENT),
        await api.post("/v1/cloudevents", content=b"{", headers={"Content-Type": "application/cloudevents+json"}),
        await binary(api, b"\xff", "application/octet-stream"),
    ]

    for answer in answers:
        assert_problem(answer, 400, "not-a-cloudevent")


async def test_a_key_is_needed(http: httpx.AsyncClient):
    assert_problem(await structured(http, EVENT), 401, "key-required")
