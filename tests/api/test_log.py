"""Whatever a request changes for an operator is in the operators' log, with the key's name; or it says here why not."""

from typing import Any

import httpx
from fastapi import FastAPI

from domain.operating import Fate, Outcome
from storage.database import Database
from storage.operation_rows import PgOperations
from tests.api.story import decided
from tests.storage.samples import NOW

_TOLD = "what systems tell is kept as such, with its sender"
_VISITED = "what a lead does itself is kept as such"
#: Route → why it leaves no line in the log.
UNLOGGED = {
    **dict.fromkeys(("/v1/leads", "/v1/cloudevents", "/v1/webhooks/{vendor}"), _TOLD),
    **dict.fromkeys(("/v1/track", "/v1/page", "/v1/screen", "/v1/identify", "/v1/group"), _TOLD),
    **dict.fromkeys(("/v1/alias", "/v1/batch"), _TOLD),
    **dict.fromkeys(("/f/{form}", "/q/{token}", "/u/{token}", "/u/{token}/preferences"), _VISITED),
    **dict.fromkeys(("/codec/decode", "/codec/encode"), "it changes nothing; the API's log has who decoded how much"),
    "/codec/sign-in": "it signs a person in to look at payloads",
}
#: Route → the test of its line: it needs a journey that answers.
ELSEWHERE = {
    "/v1/handoffs/{handoff_id}/accept": "tests/api/test_commands.py",
    "/v1/handoffs/{handoff_id}/reject": "tests/api/test_commands.py",
}


async def test_every_request_that_changes_something_is_in_the_operators_log(
    app: FastAPI, api: httpx.AsyncClient, database: Database, playbook: str
):
    acts = await _acts(api, database)

    changing = {path for path, at in app.openapi()["paths"].items() for method in at if method not in {"get", "head"}}
    assert changing == {*UNLOGGED, *ELSEWHERE, *(path for path, *_ in acts)}, (
        "a new route is in the log, or says why not"
    )
    for path, method, filled, body, action in acts:
        before = await database.pool.fetchval("select max(id) from operator_action")
        answer = await api.request(method, path.format(**filled), json=body)
        assert answer.is_success, answer.text
        query = "select action, by, subject, detail::text as detail from operator_action where id > $1 order by id"
        lines = await database.pool.fetch(query, before)
        assert [(line["action"], line["by"]) for line in lines] == [(action, "everything")], path
        assert not any("@" in line["subject"] + line["detail"] for line in lines), "there is an address in the log"


async def _acts(api: httpx.AsyncClient, database: Database) -> list[tuple[str, str, dict[str, str], Any, str]]:
    """(route, method, what is filled in, body, word in the log), in the order in which they can be done."""
    profiles = [{"email": f"{name}@acme.example", "enrol": name == "ann"} for name in ("ann", "ada", "eve")]
    ann, ada, eve = [(await api.post("/v1/leads", json=profile)).json()["id"] for profile in profiles]
    await decided(database, ann)
    await api.post("/v1/page", json={"userId": ann, "messageId": "m-1", "properties": {"path": "/pricing"}})
    asked = {"kind": "pause", "leads": [ann]}
    ids = [(await api.post("/v1/operations", json=asked)).json()["operation"]["id"] for _ in range(2)]
    await PgOperations(database).settle(ids[0], [Fate(lead=ann, outcome=Outcome.DONE, cycle=1, before=1)], NOW, NOW)
    await PgOperations(database).finish(ids[0], NOW)
    lead, other, event = {"lead_id": ann}, {"other": ada}, {"message_id": "m-1"}
    return [
        ("/v1/leads/{lead_id}/commands/{command}", "POST", lead | {"command": "opt_out"}, {}, "opt_out"),
        ("/v1/leads/{lead_id}/merge", "POST", lead, other, "leads_merged"),
        ("/v1/leads/{lead_id}/unmerge", "POST", {"lead_id": ada}, None, "leads_unmerged"),
        ("/v1/leads/{lead_id}/distinct", "POST", lead, other, "leads_distinct"),
        ("/v1/leads/{lead_id}", "DELETE", {"lead_id": eve}, None, "lead_erased"),
        ("/v1/events/{message_id}/retract", "POST", event, {}, "events_retracted"),
        ("/v1/events/{message_id}/restore", "POST", event, {}, "events_restored"),
        ("/v1/operations", "POST", {}, asked, "pause"),
        ("/v1/operations/{operation_id}/undo", "POST", {"operation_id": ids[0]}, None, "resume"),
        (
            "/v1/operations/{operation_id}/{act}",
            "POST",
            {"operation_id": ids[1], "act": "pause"},
            None,
            "operation_paused",
        ),
    ]
