"""Playbooks over HTTP: what is in force, its versions, and what differs between them."""

from datetime import UTC, datetime

import httpx

from domain.versions import Policy
from storage.database import Database
from storage.playbook_changes import Asked, put_in_force
from tests.api.conftest import assert_problem
from tests.fixtures.playbooks import minimal_playbook


async def test_versions_are_listed_and_compared(api: httpx.AsyncClient, database: Database, playbook: str):
    document = minimal_playbook()
    scoring = document.scoring.model_copy(update={"sales_ready": 60})
    other = document.model_copy(update={"scoring": scoring})
    asked = Asked(by="ann", policy=Policy.PIN, reason="sales has time")
    await put_in_force(database, other, asked, datetime.now(UTC))

    listed = (await api.get("/v1/playbooks")).json()
    versions = (await api.get(f"/v1/playbooks/{playbook}/versions")).json()
    told = (await api.get(f"/v1/playbooks/{playbook}/diff", params={"from": "previous"})).json()
    back = await api.get(f"/v1/playbooks/{playbook}/diff", params={"from": told["to"][:6], "to": told["from"]})

    assert [(item["name"], item["version"], item["default"]) for item in listed["items"]] == [
        (playbook, other.content_hash(), True)
    ]
    newest = versions["items"][0]
    assert (newest["by"], newest["policy"], newest["reason"], newest["in_force"]) == (
        "ann",
        "pin",
        "sales has time",
        True,
    )
    assert (told["from"], told["to"], told["total"]) == (document.content_hash(), other.content_hash(), 1)
    assert told["items"][0]["text"] == "ready for sales from intent 70 → 60"
    assert back.json()["items"][0]["text"] == "ready for sales from intent 60 → 70"


async def test_what_is_not_there_is_a_problem_that_says_so(api: httpx.AsyncClient, playbook: str):
    assert_problem(await api.get("/v1/playbooks/unknown/versions"), 404, "not-found")
    assert_problem(await api.get(f"/v1/playbooks/{playbook}/diff", params={"from": "previous"}), 404, "not-found")
    assert_problem(await api.get(f"/v1/playbooks/{playbook}/diff", params={"from": "ffff"}), 404, "not-found")
    assert_problem(await api.get(f"/v1/playbooks/{playbook}/diff"), 422, "invalid-request")
