"""The stand-in vendors behave as the vendors do."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from standardwebhooks import Webhook

from sandbox.limits import Rate
from sandbox.webhooks import SECRET
from tests.adapters.running import running_sandbox

UPSERT = "/hubspot/crm/v3/objects/contacts/batch/upsert"
SEGMENT = {
    "name": "Quiet",
    "account": "urn:li:sponsoredAccount:1",
    "sourcePlatform": "TENDRIL",
    "sourceSegmentId": "quiet",
    "type": "USER",
    "destinations": [{"destination": "LINKEDIN"}],
}


def upserting(*emails, **properties):
    return {"inputs": [{"id": e, "idProperty": "email", "properties": {"email": e, **properties}} for e in emails]}


@pytest.mark.parametrize(
    ("path", "word"), [(UPSERT, "INVALID_AUTHENTICATION"), ("/linkedin/rest/dmpSegments", "INVALID_ACCESS_TOKEN")]
)
async def test_a_wrong_token_is_refused_in_the_vendors_words(http, path, word):
    answer = await http.post(path, json={}, headers={"authorization": "Bearer other"})
    assert answer.status_code == 401
    assert word in answer.text


async def test_hubspot_makes_a_contact_once(http):
    first, second = [(await http.post(UPSERT, json=upserting("Ada@example.com"))).json() for _ in range(2)]
    assert (first["results"][0]["new"], second["results"][0]["new"]) == (True, False)
    assert first["results"][0]["id"] == second["results"][0]["id"]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (upserting("ada@example.com", shoe_size="44"), "PROPERTY_DOESNT_EXIST"),
        (upserting("ada@example.com", company=7), "INVALID_TYPE"),
        (upserting("ada"), "INVALID_EMAIL"),
        (upserting(*[f"lead{number}@example.com" for number in range(101)]), "maximum number of inputs"),
        ({"inputs": [{"id": "x", "idProperty": "company", "properties": {}}]}, "not a unique property"),
        ({"inputs": [{"idProperty": "email", "properties": {}}]}, "required"),
        ({}, "Invalid input"),
    ],
)
async def test_hubspot_refuses_what_it_would_refuse(http, sandbox, body, word):
    answer = await http.post(UPSERT, json=body)
    assert answer.status_code == 400
    assert answer.json()["category"] == "VALIDATION_ERROR"
    assert word in answer.text
    assert not sandbox.app.state.store.state.records["contacts"]


async def test_hubspot_refuses_a_whole_batch_for_one_bad_record(http, sandbox):
    assert (await http.post(UPSERT, json=upserting("ada@example.com", "bo"))).status_code == 400
    assert not sandbox.app.state.store.state.records["contacts"]


async def test_hubspot_says_which_ids_it_does_not_know(http):
    body = {"inputs": [{"id": "404"}], "properties": [], "propertiesWithHistory": []}
    answer = await http.post("/hubspot/crm/v3/objects/tasks/batch/read", json=body)
    assert (answer.status_code, answer.json()["numErrors"]) == (207, 1)


async def test_a_task_needs_a_due_date_and_a_contact_that_exists(http):
    tasks = "/hubspot/crm/v3/objects/tasks"
    without = await http.post(tasks, json={"properties": {"hs_task_subject": "Call"}})
    assert "REQUIRED_FIELD" in without.text
    stray = {"properties": {"hs_timestamp": "2031-01-01T00:00:00Z"}, "associations": [{"to": {"id": "9"}, "types": []}]}
    assert (await http.post(tasks, json=stray)).status_code == 400


async def test_a_rate_limit_is_kept_and_says_when_it_ends():
    slow, headers = {"hubspot": Rate(2, 60), "linkedin": Rate(1, 60)}, {"authorization": "Bearer sandbox"}
    async with (
        running_sandbox(rates=slow) as sandbox,
        httpx.AsyncClient(base_url=sandbox.url, headers=headers) as client,
    ):
        answers = [await client.post(UPSERT, json=upserting("ada@example.com")) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 0 < int(answers[2].headers["retry-after"]) <= 60


async def test_linkedin_wants_a_version_and_every_field(http):
    bare = await http.post("/linkedin/rest/dmpSegments", json=SEGMENT, headers={"linkedin-version": ""})
    assert "LinkedIn-Version" in bare.text
    partly = await http.post("/linkedin/rest/dmpSegments", json={"name": "Quiet"})
    assert "sourcePlatform" in partly.text


async def test_linkedin_answers_each_member_by_itself(http):
    made = await http.post("/linkedin/rest/dmpSegments", json=SEGMENT)
    users = f"/linkedin/rest/dmpSegments/{made.headers['x-restli-id']}/users"
    hashes = ["a" * 64, "not a hash"]
    elements = [{"action": "ADD", "userIds": [{"idType": "SHA256_EMAIL", "idValue": value}]} for value in hashes]
    single = await http.post(users, json={"elements": elements})
    assert single.status_code == 400
    batch = await http.post(users, json={"elements": elements}, headers={"x-restli-method": "BATCH_CREATE"})
    assert [element["status"] for element in batch.json()["elements"]] == [201, 400]


@pytest.mark.parametrize(("late", "secret"), [(10, SECRET), (0, "whsec_b3RoZXItb3RoZXItb3RoZXI=")])
async def test_a_webhook_with_an_old_time_or_a_wrong_signature_is_refused(http, late, secret):
    at, body = datetime.now(UTC) - timedelta(minutes=late), json.dumps({"type": "x"})
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", at, body),
    }
    assert (await http.post("/webhooks/alerts", content=body, headers=headers)).status_code == 401
    assert (await http.get("/webhooks", params={"id": "msg_1"})).json() == {"total": 0}


async def test_faults_are_used_up_where_they_were_asked_for(http):
    await http.post("/_faults", json={"vendor": "hubspot", "kind": "500", "count": 2, "path": "/batch/upsert"})
    elsewhere = await http.get("/hubspot/crm/v3/properties/contacts")
    answers = [await http.post(UPSERT, json=upserting("ada@example.com")) for _ in range(3)]
    assert [elsewhere.status_code, *(answer.status_code for answer in answers)] == [200, 500, 500, 200]


async def test_a_fault_may_come_after_the_work_was_done(http, sandbox):
    await http.post("/_faults", json={"vendor": "hubspot", "kind": "500", "after": True})
    assert (await http.post(UPSERT, json=upserting("ada@example.com"))).status_code == 500
    assert len(sandbox.app.state.store.state.records["contacts"]) == 1


async def test_latency_delays_and_then_answers(http):
    await http.post("/_faults", json={"vendor": "hubspot", "kind": "latency", "seconds": 0.2})
    answer = await http.post(UPSERT, json=upserting("ada@example.com"))
    assert answer.status_code == 200
    assert answer.elapsed >= timedelta(seconds=0.2)


async def test_faults_can_be_seen_and_taken_back(http):
    await http.post("/_faults", json={"kind": "reset"})
    assert [fault["kind"] for fault in (await http.get("/_faults")).json()] == ["reset"]
    await http.delete("/_faults")
    assert (await http.get("/_faults")).json() == []
    assert (await http.post("/_faults", json={"kind": "explosion"})).status_code == 400
