"""Commands reach the journey, are answered once it has considered them, and never twice."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest_asyncio
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from runtime.encryption import data_converter
from runtime.settings import Settings
from storage.database import Database
from tests.api.conftest import assert_problem
from tests.api.world import begun, served, working


@pytest_asyncio.fixture
async def world(
    dev_server: WorkflowEnvironment, database: Database, settings: Settings, key: str, playbook: str
) -> AsyncIterator[httpx.AsyncClient]:
    """The API beside a worker and a relay."""
    client = dev_server.client
    async with working(client, database, settings), served(client, database, settings, key) as http:
        yield http


async def test_a_command_is_answered_with_where_the_journey_is(world: httpx.AsyncClient, database: Database):
    lead = await begun(world, database)

    answer = await world.post(f"/v1/leads/{lead}/commands/pause", json={"reason": "Asked us to wait"})

    body = answer.json()
    assert answer.status_code == 200, body
    assert (body["lead"], body["command"]) == (lead, "pause")
    assert body["result"]["title"]
    assert await database.pool.fetchval("select paused_since from journey") is not None
    assert await database.pool.fetchval("select decision_number from journey") == body["result"]["decision"]


async def test_the_same_idempotency_key_commands_once(world: httpx.AsyncClient, database: Database):
    lead = await begun(world, database)
    path, once = f"/v1/leads/{lead}/commands/force_stage", {"Idempotency-Key": "once"}

    first = await world.post(path, json={"stage": "evaluation"}, headers=once)
    again = await world.post(path, json={"stage": "evaluation"}, headers=once)

    assert first.json()["result"]["stage"] == "evaluation"
    assert again.json() == first.json()
    commanded = "select count(*) from decision where number >= $1"
    assert await database.pool.fetchval(commanded, first.json()["result"]["decision"]) == 1


async def test_a_command_that_makes_no_sense_is_refused_with_why(world: httpx.AsyncClient, database: Database):
    lead = await begun(world, database)

    problem = assert_problem(await world.post(f"/v1/leads/{lead}/commands/resume"), 409, "command-refused")

    assert problem["detail"] == "The journey is not paused."
    assert await database.pool.fetchval("select count(*) from operator_action where subject = $1", lead) == 0


async def test_an_ended_journey_takes_no_command_but_repeats_its_answer(world: httpx.AsyncClient, database: Database):
    lead = await begun(world, database)
    end, once = f"/v1/leads/{lead}/commands/end", {"Idempotency-Key": "the-end"}

    ended = await world.post(end, json={"reason": "Moved away"}, headers=once)
    again = await world.post(end, json={"reason": "Moved away"}, headers=once)
    late = await world.post(f"/v1/leads/{lead}/commands/pause")

    assert ended.json()["result"]["phase"] == "ended"
    assert again.json() == ended.json()
    assert_problem(late, 409, "journey-ended")


async def test_opting_out_ends_the_journey_and_is_kept_for_ever(world: httpx.AsyncClient, database: Database):
    lead = await begun(world, database)

    first = await world.post(f"/v1/leads/{lead}/commands/opt_out")
    again = await world.post(f"/v1/leads/{lead}/commands/opt_out")

    assert (first.status_code, again.status_code) == (200, 200)
    suppressed = await database.pool.fetchrow("select * from suppression")
    assert (suppressed["email"], suppressed["reason"]) == ("ann@acme.example", "opted_out")
    assert await database.pool.fetchval("select ending from journey") == "opted_out"


async def test_sales_answers_a_handoff_once(world: httpx.AsyncClient, database: Database):
    lead = await begun(world, database)
    await world.post(f"/v1/leads/{lead}/commands/hand_off", json={"reason": "They rang us"})
    (handoff,) = (await world.get("/v1/handoffs", params={"status": "open"})).json()["items"]
    assert (handoff["lead_id"], handoff["status"], handoff["brief"]["operator_said"]) == (lead, "open", "They rang us")

    answers = [await world.post(f"/v1/handoffs/{handoff['id']}/accept") for _ in range(2)]

    for answer in answers:
        assert answer.status_code == 200, answer.json()
        assert (answer.json()["id"], answer.json()["status"]) == (handoff["id"], "accepted")
    refused = await world.post(f"/v1/handoffs/{handoff['id']}/reject", json={"reason": "timing"})
    assert "accepted" in assert_problem(refused, 409, "handoff-closed")["detail"]
    assert await database.pool.fetchval("select ending from journey") == "sales_accepted"
    log = "select detail ? 'answered' from operator_action where action = 'sales_accept' and subject = $1"
    assert await database.pool.fetchval(log, lead) is False


async def test_a_rejection_needs_a_reason_and_recycles(world: httpx.AsyncClient, database: Database):
    lead = await begun(world, database)
    await world.post(f"/v1/leads/{lead}/commands/hand_off")
    (handoff,) = (await world.get("/v1/handoffs")).json()["items"]
    path = f"/v1/handoffs/{handoff['id']}/reject"

    assert_problem(await world.post(path, json={}), 422, "invalid-request")
    answer = await world.post(path, json={"reason": "timing"})

    assert (answer.json()["status"], answer.json()["outcome_reason"]) == ("rejected", "timing")
    log = "select detail ->> 'reason' from operator_action where action = 'sales_reject' and subject = $1"
    assert await database.pool.fetchval(log, lead) == "timing"
    shown = (await world.get("/v1/handoffs", params={"status": "rejected"})).json()
    assert [item["outcome_reason"] for item in shown["items"]] == ["timing"]
    assert await database.pool.fetchval("select ending from journey") == ""


async def test_a_journey_that_has_not_begun_is_asked_again_later(
    dev_server: WorkflowEnvironment, database: Database, settings: Settings, key: str, playbook: str
):
    async with served(dev_server.client, database, settings, key) as http:
        lead = (await http.post("/v1/leads", json={"email": "ann@acme.example"})).json()["id"]
        answer = await http.post(f"/v1/leads/{lead}/commands/pause")
        unenrolled = (await http.post("/v1/leads", json={"email": "bo@acme.example", "enrol": False})).json()["id"]
        never = await http.post(f"/v1/leads/{unenrolled}/commands/pause")

    assert_problem(answer, 503, "journey-starting")
    assert answer.headers["retry-after"] == "1"
    assert_problem(never, 409, "not-enrolled")


async def test_without_temporal_commands_wait_and_opting_out_holds(
    database: Database, settings: Settings, key: str, playbook: str
):
    nowhere = await Client.connect("127.0.0.1:1", lazy=True, data_converter=data_converter(Settings()))
    async with served(nowhere, database, settings, key) as http:
        lead = (await http.post("/v1/leads", json={"email": "ann@acme.example"})).json()["id"]
        await database.pool.execute("delete from pending_wake")
        paused, out = await asyncio.gather(
            http.post(f"/v1/leads/{lead}/commands/pause"), http.post(f"/v1/leads/{lead}/commands/opt_out")
        )
        ready = await http.get("/readyz")

    assert assert_problem(paused, 503, "temporal-unavailable")
    assert paused.headers["retry-after"]
    assert out.status_code == 200
    assert await database.pool.fetchval("select reason from suppression") == "opted_out"
    assert await database.pool.fetchval("select types from pending_wake") == ["opt_out"]
    assert ready.status_code == 503
    assert {name: check["ok"] for name, check in ready.json()["checks"].items()} == {
        "database": True,
        "migrations": True,
        "temporal": False,
    }


async def test_the_field_that_a_command_needs_is_named(api: httpx.AsyncClient):
    for command, pointer in (("force_stage", "/stage"), ("disqualify", "/reason"), ("sales_reject", "/reason")):
        answer = await api.post(f"/v1/leads/ld_any/commands/{command}", json={"reason": "because"})
        assert assert_problem(answer, 422, "invalid-request")["errors"][0]["pointer"] == pointer


async def test_what_resend_rewind_and_migrate_need_is_named(api: httpx.AsyncClient):
    wrong = {
        "resend": ({}, "/touch"),
        "rewind": ({"to_decision": 1, "to_step": "smb-cost"}, "/to_decision"),
        "migrate": ({}, "/playbook"),
        "resume": ({"policy": "flood"}, "/policy"),
        "pause": ({"policy": "skip"}, "/policy"),
        "skip_wait": ({"hold": "everything"}, "/hold"),
    }
    for command, (body, pointer) in wrong.items():
        answer = await api.post(f"/v1/leads/ld_any/commands/{command}", json=body)
        assert assert_problem(answer, 422, "invalid-request")["errors"][0]["pointer"] == pointer


async def test_a_rewind_goes_back_to_what_people_name(world: httpx.AsyncClient, database: Database):
    lead = await begun(world, database)
    path = f"/v1/leads/{lead}/commands"
    await world.post(f"{path}/force_stage", json={"stage": "comparison"})
    await world.post(f"{path}/force_stage", json={"stage": "evaluation"})

    back = (await world.post(f"{path}/rewind", json={"to_stage": "comparison"})).json()["result"]
    begin = (await world.post(f"{path}/rewind", json={"to_time": "9999-12-31T23:59:00-14:00"})).json()
    never = await world.post(f"{path}/rewind", json={"to_step": "never-heard-of"})

    assert back["stage"] == "comparison"
    assert "0 is its beginning" in begin["detail"], "the newest decision is where it stands"
    assert "never planned" in assert_problem(never, 422, "invalid-request")["errors"][0]["message"]


async def test_a_playbook_to_migrate_to_is_named_or_told(world: httpx.AsyncClient, database: Database, playbook: str):
    lead = await begun(world, database)
    path = f"/v1/leads/{lead}/commands/migrate"
    same = assert_problem(await world.post(path, json={"playbook": "minimal"}), 409, "command-refused")
    unknown = assert_problem(await world.post(path, json={"playbook": "maximal"}), 422, "invalid-request")
    assert "already" in same["detail"]
    assert unknown["errors"][0]["message"] == "there is no playbook and no version 'maximal': playbooks are minimal"


async def test_unknown_commands_and_leads_are_named(api: httpx.AsyncClient):
    unknown = assert_problem(await api.post("/v1/leads/ld_any/commands/dance"), 422, "invalid-request")
    assert unknown["errors"][0]["parameter"] == "command"

    assert_problem(await api.post("/v1/leads/ld_nobody/commands/pause"), 404, "unknown-lead")
