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


async def test_a_journey_is_shown_as_of_a_moment(api: httpx.AsyncClient, database: Database, playbook: str):
    lead = (await api.post("/v1/leads", json={"email": "ann@acme.example"})).json()["id"]
    await decided(database, lead, hand_off=True)

    then = (await api.get(f"/v1/leads/{lead}/journey", params={"decision": 1})).json()
    now = (await api.get(f"/v1/leads/{lead}/journey")).json()

    assert (then["path"], then["as_of"]["decision"]) == ("nurture", {"number": 1, "revision": 1})
    assert (now["path"], now["as_of"]) == ("handoff", None)
    assert then["handoffs"] == []
    asked: tuple[tuple[dict[str, str | int], int, str], ...] = (
        ({"at": "nonsense"}, 422, "invalid-request"),
        ({"at": "2199-01-01"}, 422, "invalid-request"),
        ({"at": "1d ago", "decision": 1}, 422, "invalid-request"),
        ({"at": "1d ago"}, 404, "not-then"),
        ({"decision": 9}, 404, "not-then"),
    )
    for params, status, kind in asked:
        assert_problem(await api.get(f"/v1/leads/{lead}/journey", params=params), status, kind)


async def test_why_a_touch_was_not_sent_is_answered(api: httpx.AsyncClient, lead: str):
    answer = (await api.get(f"/v1/leads/{lead}/why-not", params={"touch": "on-pricing"})).json()
    unknown = await api.get(f"/v1/leads/{lead}/why-not", params={"touch": "on-prising"})

    assert [(one["step"], one["verdict"]) for one in answer["answers"]] == [("trigger-on-pricing", "not_triggered")]
    errors = assert_problem(unknown, 422, "invalid-request")["errors"]
    assert (errors[0]["parameter"], "Did you mean 'on-pricing'?" in str(errors[0])) == ("touch", True)


async def test_a_timeline_comes_page_by_page(api: httpx.AsyncClient, lead: str):
    whole = (await api.get(f"/v1/leads/{lead}/timeline")).json()
    first = (await api.get(f"/v1/leads/{lead}/timeline", params={"limit": 1})).json()
    rest = (await api.get(f"/v1/leads/{lead}/timeline", params={"cursor": first["next_cursor"]})).json()

    assert first["items"] + rest["items"] == whole["items"]
    assert (whole["items"][-1]["what"], whole["next_cursor"]) == ("journey 1 begins", None)
    assert_problem(await api.get("/v1/leads/ld_nobody/timeline"), 404, "unknown-lead")


async def test_the_funnel_and_what_is_stuck_are_read(api: httpx.AsyncClient, lead: str):
    found = (await api.get("/v1/journeys/funnel")).json()
    stuck = (await api.get("/v1/journeys/stuck")).json()

    assert (found["total"], found["in_flight"]) == (1, 1)
    assert [row["number"] for row in found["stages"]] == [1, 0, 0, 0, 0]
    assert stuck == {"items": [], "temporal": "this process is not connected to Temporal"}
