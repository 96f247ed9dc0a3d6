"""What a person may ask for: everything held on them."""

import httpx

from storage.database import Database
from tests.api.conftest import assert_problem
from tests.storage.everything_held import EMAIL, mark, somebody
from tests.storage.samples import applied


async def test_everything_held_is_given_out_and_nobody_keeps_a_copy(api: httpx.AsyncClient, database: Database):
    lead = await somebody(database, await applied(database))

    answer = await api.get(f"/v1/leads/{lead}/export")

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    held = answer.json()
    assert held["lead"]["email"] == EMAIL
    assert held["behaviour"][0]["properties"] == {"text": mark("property")}
    assert held["exported_at"]


async def test_an_unknown_lead_has_no_export(api: httpx.AsyncClient):
    assert_problem(await api.get("/v1/leads/ld_none/export"), 404, "unknown-lead")
