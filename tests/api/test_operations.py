"""Commands to many journeys over HTTP: previewed, asked for, looked at, stopped, undone, and kept in the log."""

import httpx

from domain.operating import Fate, OperationStatus, Outcome
from storage.database import Database
from storage.operation_rows import PgOperations
from tests.api.conftest import assert_problem
from tests.api.story import decided
from tests.storage.samples import NOW

BODY = {"kind": "pause", "where": "!ended", "rate": 2, "reason": "New prices"}


async def test_an_operation_is_previewed_asked_for_and_undone(
    api: httpx.AsyncClient, database: Database, playbook: str
):
    lead = (await api.post("/v1/leads", json={"email": "ann@acme.example"})).json()["id"]
    await decided(database, lead)
    seen = (await api.post("/v1/operations", params={"preview": True}, json=BODY)).json()
    assert (seen["operation"], seen["preview"]["able"], seen["preview"]["seconds"]) == (None, 1, 0.5)
    asked = await api.post("/v1/operations", json=BODY)
    assert asked.status_code == 202, asked.text
    id_ = asked.json()["operation"]["id"]
    await _carried_out(database, id_)
    shown = (await api.get(f"/v1/operations/{id_}", params={"leads": 5})).json()
    assert (shown["status"], shown["counts"], shown["reason"]) == ("done", {"done": 1}, "New prices")
    assert [lead["lead_id"] for lead in shown["leads"]] == [lead]
    undone = (await api.post(f"/v1/operations/{id_}/undo")).json()["operation"]
    assert (undone["kind"], undone["undoes"]) == ("resume", id_)
    assert (await api.post(f"/v1/operations/{undone['id']}/pause")).json()["status"] == "paused"
    assert_problem(await api.post(f"/v1/operations/{id_}/pause"), 409, "refused")
    listed = (await api.get("/v1/operations")).json()
    assert [item["id"] for item in listed["items"]] == [undone["id"], id_]
    told = (await api.get("/v1/operator-actions", params={"lead": lead})).json()["items"]
    assert [action["action"] for action in told] == ["operation_paused", "resume", "pause"]


async def _carried_out(database: Database, id_: str) -> None:
    rows = PgOperations(database)
    batch = await rows.take(id_, 9, NOW)
    fates = [Fate(lead=one.lead, outcome=Outcome.DONE, cycle=1, before=1, after=2) for one in batch.members]
    await rows.settle(id_, fates, NOW, NOW)
    assert await rows.finish(id_, NOW) is OperationStatus.DONE


async def test_what_is_wrong_with_a_request_is_said_by_field(api: httpx.AsyncClient):
    wrong = (
        ({"kind": "pause", "where": "stge == 1"}, "/where"),
        ({"kind": "pause"}, "/where"),
        ({"kind": "migrate", "where": "!ended", "playbook": "nothing"}, "/playbook"),
        ({"kind": "end", "where": "!ended"}, ""),
        ({"kind": "resume", "where": "held", "hold": "channel:email"}, "/hold"),
    )
    for body, pointer in wrong:
        problem = assert_problem(await api.post("/v1/operations", json=body), 422, "invalid-request")
        assert problem["errors"][0]["pointer"] == pointer, problem
