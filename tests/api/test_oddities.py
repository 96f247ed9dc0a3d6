"""Odd text in paths, parameters and headers, and odd shapes in bodies, are never errors of ours."""

from datetime import UTC, datetime

import httpx
import pytest

from storage.database import Database

ODD = ["%00", "%ff%fe", "%ED%A0%80", "a" * 5000, "..%2F..", "%27%3B--", "%F0%9F%9A%80"]
PATHS = [
    "/v1/leads/{}",
    "/v1/leads/{}/journey",
    "/leads/{}",
    "/u/{}",
    "/v1/leads?external_id={}",
    "/v1/leads?email={}",
    "/v1/leads?search={}",
    "/v1/leads?cursor={}",
    "/v1/journeys?segment={}",
    "/v1/journeys?cursor={}",
]


@pytest.mark.parametrize("path", PATHS)
async def test_odd_text_is_answered_calmly(api: httpx.AsyncClient, path: str):
    for odd in ODD:
        answer = await api.get(path.format(odd))
        assert answer.status_code in {200, 404, 422}, (odd, answer.text)


@pytest.mark.parametrize("odd", ODD)
async def test_odd_ids_in_commands_are_answered_calmly(api: httpx.AsyncClient, odd: str):
    for path in (f"/v1/leads/{odd}/commands/pause", f"/v1/handoffs/{odd}/accept", f"/u/{odd}"):
        answer = await api.post(path)
        assert answer.status_code in {404, 422}, (path, answer.text)


@pytest.mark.parametrize("given", ["", " ", "a b", "x" * 201, "\x7f", "é"])
async def test_odd_idempotency_keys_are_named(api: httpx.AsyncClient, given: str):
    answer = await api.post("/v1/leads/ld_any/commands/pause", headers=[(b"Idempotency-Key", given.encode())])

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["in"] == "header"


async def test_traits_of_any_shape_are_left_out_and_spoil_no_batch(api: httpx.AsyncClient, database: Database):
    """What is known by these names is text. A batch that is answered 500 comes again for ever."""
    shapes = [
        [],
        ["Europe/Berlin", "UTC"],
        [{"a": []}],
        {},
        {"name": ["x"], "country": {}},
        5,
        1.5,
        True,
        "",
        "x" * 300,
    ]
    names = ("timezone", "country", "company", "address", "domain", "other")
    said = [
        {"type": "identify", "userId": f"u-{name}-{nr}", "traits": {"email": f"{name}{nr}@a.example", name: shape}}
        for name in names
        for nr, shape in enumerate(shapes)
    ]

    answer = await api.post("/v1/batch", json={"batch": said})

    assert (answer.status_code, answer.json()["accepted"]) == (200, len(names) * len(shapes)), answer.text
    assert await database.pool.fetch("select distinct timezone, country from lead") == [("", "")]


async def test_a_form_may_have_any_field_twice(http: httpx.AsyncClient, database: Database, key: str):
    fields = {"email": "ann@acme.example", "timezone": ["UTC", "UTC"], "country": ["DE", "AT"], "company": ["A", "B"]}

    page = await http.post("/f/contact", data={"writeKey": key, **fields})

    assert page.status_code == 200, page.text
    assert await database.pool.fetchval("select timezone || country from lead") == ""


async def test_properties_named_as_our_own_notes_upset_nothing(api: httpx.AsyncClient, playbook: str):
    """Senders choose names and shapes; what Tendril notes beside them is read with care."""
    lead = (await api.post("/v1/leads", json={"external_id": "u", "email": "ann@acme.example"})).json()["id"]
    oddities: list[object] = ["yesterday", 5, {"times": "often"}, {"times": 1e300}, ["x"], None, {"reason": {}}]
    for number, odd in enumerate(oddities):
        names = ("last", "times", "touch", "restored", "not_counted", "until", "link", "event", "reason")
        said = {"userId": "u", "event": "Looked", "messageId": f"m{number}", "properties": dict.fromkeys(names, odd)}
        assert (await api.post("/v1/track", json=said)).status_code == 200
        for word in ("retract", "restore", "retract"):
            answer = await api.post(f"/v1/events/m{number}/{word}", json={"reason": "a test"})
            assert answer.status_code == 200, (odd, word, answer.text)

    for path in ("journey", f"journey?at={datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}", "timeline", "export"):
        assert (await api.get(f"/v1/leads/{lead}/{path}")).status_code == 200, path
    assert (await api.get(f"/leads/{lead}")).status_code == 200
