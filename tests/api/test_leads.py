"""Leads come in once, whatever is sent how often, and can be read back."""

import asyncio
from typing import Any

import httpx
import pytest

from storage.database import Database
from tests.api.conftest import assert_problem

ROBIN: dict[str, Any] = {
    "external_id": "crm-1017",
    "email": "Robin@Orchard.example",
    "company": "Orchard",
    "country": "de",
    "timezone": "Europe/Berlin",
    "source": "webinar",
    "fields": {"role": "head_of_operations", "employees": 240, "tags": ["a", "b"]},
    "consent": {"email": {"granted": True, "basis": "consent", "source": "webinar form"}},
}


async def test_a_new_lead_is_created_and_enrolled(api: httpx.AsyncClient, database: Database, playbook: str):
    answer = await api.post("/v1/leads", json=ROBIN)

    taken = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/v1/leads/{taken['id']}"
    assert (taken["created"], taken["enrolled"], taken["cycle"]) == (True, True, 1)
    assert taken["journey"] == f"/v1/leads/{taken['id']}/journey"
    journey = await database.pool.fetchrow("select * from journey")
    assert (journey["lead_id"], journey["playbook_name"]) == (taken["id"], playbook)
    assert await database.pool.fetchval("select count(*) from pending_wake") == 1


async def test_the_profile_is_shown_as_it_was_given(api: httpx.AsyncClient, playbook: str):
    lead = (await api.post("/v1/leads", json=ROBIN)).json()["id"]

    shown = (await api.get(f"/v1/leads/{lead}")).json()

    assert shown["email"] == "robin@orchard.example"
    assert shown["country"] == "DE"
    assert shown["fields"] == ROBIN["fields"]
    assert shown["owner"] == ""


async def test_sending_a_lead_again_changes_nothing(api: httpx.AsyncClient, database: Database, playbook: str):
    first = await api.post("/v1/leads", json=ROBIN)
    second = await api.post("/v1/leads", json=ROBIN)

    assert second.status_code == 200
    assert second.json() == first.json() | {"created": False, "enrolled": False}
    assert await database.pool.fetchval("select count(*) from lead") == 1
    assert await database.pool.fetchval("select count(*) from journey") == 1


async def test_ten_requests_at_once_make_one_lead(api: httpx.AsyncClient, database: Database, playbook: str):
    answers = await asyncio.gather(*(api.post("/v1/leads", json=ROBIN) for _ in range(10)))

    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]
    assert await database.pool.fetchval("select count(*) from journey") == 1


async def test_a_lead_is_found_by_address_and_its_profile_grows(api: httpx.AsyncClient, playbook: str):
    lead = (await api.post("/v1/leads", json=ROBIN)).json()["id"]

    answer = await api.post("/v1/leads", json={"email": "robin@orchard.EXAMPLE", "fields": {"employees": 260}})

    assert answer.json()["id"] == lead
    shown = (await api.get(f"/v1/leads/{lead}")).json()
    assert shown["fields"] == {**ROBIN["fields"], "employees": 260}
    assert shown["external_id"] == "crm-1017"


async def test_enrol_false_makes_a_lead_without_a_journey(api: httpx.AsyncClient, database: Database):
    taken = (await api.post("/v1/leads", json={"email": "sam@orchard.example", "enrol": False})).json()

    assert (taken["created"], taken["enrolled"], taken["cycle"]) == (True, False, None)
    assert await database.pool.fetchval("select count(*) from journey") == 0


async def test_an_unknown_playbook_creates_nothing(api: httpx.AsyncClient, database: Database, playbook: str):
    answer = await api.post("/v1/leads", json={"email": "sam@orchard.example", "playbook": "nowhere"})

    body = assert_problem(answer, 404, "not-found")
    assert "nowhere" in body["detail"]
    assert await database.pool.fetchval("select count(*) from lead") == 0


async def test_every_bad_field_is_named(api: httpx.AsyncClient):
    answer = await api.post(
        "/v1/leads",
        json={
            "external_id": "",
            "email": "not an address",
            "country": "Germany",
            "timezone": "Berlin",
            "fields": {"a/b": {"nested": 1}},
            "consent": {"fax": {"granted": True}, "email": {"granted": "perhaps"}},
            "enrol": "sometimes",
            "colour": "red",
        },
    )

    body = assert_problem(answer, 422, "invalid-request")
    pointers = [error["pointer"] for error in body["errors"]]
    for wanted in ("/external_id", "/email", "/country", "/timezone", "/consent/email/granted", "/enrol", "/colour"):
        assert wanted in pointers
    assert any(pointer.startswith("/fields/a~1b") for pointer in pointers)
    assert any(pointer.startswith("/consent/fax") for pointer in pointers)
    assert all(error["message"] for error in body["errors"])


async def test_a_lead_needs_a_name(api: httpx.AsyncClient):
    body = assert_problem(await api.post("/v1/leads", json={"country": "DE"}), 422, "invalid-request")

    assert "external_id and email" in body["errors"][0]["message"]


@pytest.mark.parametrize("text", [r"\u0000", r"half \ud83d"])
async def test_text_that_cannot_be_stored_is_refused(api: httpx.AsyncClient, text: str):
    body = '{"email": "sam@orchard.example", "fields": {"note": "' + text + '"}}'
    answer = await api.post("/v1/leads", content=body, headers={"Content-Type": "application/json"})

    assert_problem(answer, 422, "invalid-request")


async def test_an_unknown_lead_is_a_problem_with_a_remedy(api: httpx.AsyncClient):
    body = assert_problem(await api.get("/v1/leads/ld_nobody"), 404, "unknown-lead")

    assert "POST /v1/leads" in body["remedy"]


async def test_leads_are_listed_page_by_page(api: httpx.AsyncClient):
    made = {(await api.post("/v1/leads", json={"external_id": f"e{n}", "enrol": False})).json()["id"] for n in range(5)}

    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = (await api.get("/v1/leads", params={"limit": "2", "cursor": cursor or ""})).json()
        assert page["total"] == 5
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert set(seen) == made
    assert len(seen) == 5


async def test_a_lead_is_found_by_its_own_id_or_address(api: httpx.AsyncClient):
    await api.post("/v1/leads", json={"external_id": "other", "enrol": False})
    lead = (await api.post("/v1/leads", json=ROBIN | {"enrol": False})).json()["id"]

    for params in ({"external_id": "crm-1017"}, {"email": "robin@orchard.example"}, {"search": "orchard"}):
        found = (await api.get("/v1/leads", params=params)).json()
        assert (found["total"], [item["id"] for item in found["items"]]) == (1, [lead])
    assert (await api.get("/v1/leads", params={"external_id": "nobody"})).json()["total"] == 0


async def test_a_page_has_at_most_200_items(api: httpx.AsyncClient):
    body = assert_problem(await api.get("/v1/leads", params={"limit": 201}), 422, "invalid-request")

    assert body["errors"] == [{"in": "query", "parameter": "limit", "message": body["errors"][0]["message"]}]
