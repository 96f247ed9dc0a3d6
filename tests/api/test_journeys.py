"""Anyone with a read key sees where a lead is, why, and what comes next."""

import httpx
import pytest

from storage.database import Database
from tests.api.conftest import assert_problem
from tests.api.story import decided


@pytest.fixture
async def lead(api: httpx.AsyncClient, database: Database, playbook: str) -> str:
    made: str = (await api.post("/v1/leads", json={"email": "ann@acme.example", "source": "webinar"})).json()["id"]
    await decided(database, made)
    return made


async def test_a_journey_tells_where_why_and_what_next(api: httpx.AsyncClient, lead: str, playbook: str):
    answer = await api.get(f"/v1/leads/{lead}/journey")

    story = answer.json()
    assert answer.status_code == 200, story
    assert (story["lead_id"], story["cycle"], story["playbook"]) == (lead, 1, playbook)
    for told in ("status", "path", "stage", "segment", "title", "reasons", "forward"):
        assert story[told], told
    assert {"fit", "intent", "scores", "rejected", "touches", "behaviours", "handoffs"} <= set(story)
    assert set(story["next_wake"]) == {"at", "cause"}
    assert [decision["number"] for decision in story["decisions"]] == [1]
    assert story["reasons"][0]["text"]
    assert story["clock"]["scale"] == 1


async def test_before_the_first_decision_the_story_is_short(api: httpx.AsyncClient, playbook: str):
    lead = (await api.post("/v1/leads", json={"email": "ann@acme.example"})).json()["id"]

    story = (await api.get(f"/v1/leads/{lead}/journey")).json()

    assert (story["decisions"], story["next_wake"], story["decision_number"]) == ([], None, 0)


async def test_a_lead_without_a_journey_is_told_from_an_unknown_one(api: httpx.AsyncClient):
    lead = (await api.post("/v1/leads", json={"email": "ann@acme.example", "enrol": False})).json()["id"]

    assert_problem(await api.get(f"/v1/leads/{lead}/journey"), 404, "not-enrolled")
    assert_problem(await api.get("/v1/leads/ld_nobody/journey"), 404, "unknown-lead")


async def test_journeys_are_filtered(api: httpx.AsyncClient, database: Database, lead: str, playbook: str):
    other = (await api.post("/v1/leads", json={"email": "bo@acme.example"})).json()["id"]
    await decided(database, other, hand_off=True)

    for params, expected in (
        ({}, {lead, other}),
        ({"phase": "handoff"}, {other}),
        ({"playbook": playbook}, {lead, other}),
        ({"playbook": "another"}, set()),
        ({"ended": "true"}, set()),
        ({"ended": "false", "phase": "handoff", "stage": "problem_awareness"}, {other}),
    ):
        page = (await api.get("/v1/journeys", params=params)).json()
        assert {item["lead_id"] for item in page["items"]} == expected, params
        assert page["total"] == len(expected)


async def test_journeys_come_page_by_page(api: httpx.AsyncClient, playbook: str):
    made = {(await api.post("/v1/leads", json={"external_id": f"e{n}"})).json()["id"] for n in range(5)}

    first = (await api.get("/v1/journeys", params={"limit": 3})).json()
    second = (await api.get("/v1/journeys", params={"limit": 3, "cursor": first["next_cursor"]})).json()

    assert (first["total"], second["total"], second["next_cursor"]) == (5, 5, None)
    assert {item["lead_id"] for item in first["items"] + second["items"]} == made


@pytest.mark.parametrize(
    ("params", "parameter"),
    [
        ({"status": "happy"}, "status"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"limit": "0"}, "limit"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_bad_filter_is_named(api: httpx.AsyncClient, params: dict[str, str], parameter: str):
    body = assert_problem(await api.get("/v1/journeys", params=params), 422, "invalid-request")

    assert [error["parameter"] for error in body["errors"]] == [parameter]


async def test_handoffs_are_listed_with_their_brief(api: httpx.AsyncClient, database: Database, playbook: str):
    lead = (await api.post("/v1/leads", json={"email": "ann@acme.example"})).json()["id"]
    await decided(database, lead, hand_off=True)

    listed = (await api.get("/v1/handoffs", params={"status": "open"})).json()

    assert (listed["total"], listed["items"][0]["lead_id"]) == (1, lead)
    assert listed["items"][0]["brief"]
    assert (await api.get("/v1/handoffs", params={"status": "accepted"})).json()["total"] == 0


async def test_an_unknown_handoff_is_a_problem(api: httpx.AsyncClient):
    assert_problem(await api.post("/v1/handoffs/none/accept"), 404, "unknown-handoff")


async def test_a_rejection_needs_one_of_the_reasons(api: httpx.AsyncClient):
    answer = await api.post("/v1/handoffs/none/reject", json={"reason": "boredom"})

    assert assert_problem(answer, 422, "invalid-request")["errors"][0]["pointer"] == "/reason"
