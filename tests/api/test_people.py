"""What a person may ask for: everything held on them, or nothing any more."""

import httpx

from storage import keys
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


async def test_erasing_removes_the_person_and_says_what_is_still_to_follow(api: httpx.AsyncClient, database: Database):
    lead = await somebody(database, await applied(database))

    answer = await api.delete(f"/v1/leads/{lead}")
    again = await api.delete(f"/v1/leads/{lead}")

    assert answer.status_code == 200
    assert answer.json()["waiting"] == ["audience retarget at linkedin", "crm", "journey"]
    assert answer.json()["finished_at"] is None
    assert again.json() == answer.json()
    profile = (await api.get(f"/v1/leads/{lead}")).json()
    assert (profile["email"], profile["external_id"], profile["fields"]) == (None, None, {})
    assert await database.pool.fetchval("select by from erasure") == "everything"
    assert await database.pool.fetchval("select types from pending_wake") == ["erased"]


async def test_whoever_was_erased_does_not_come_back_by_the_api_or_by_identify(
    api: httpx.AsyncClient, database: Database
):
    lead = await somebody(database, await applied(database))
    await api.delete(f"/v1/leads/{lead}")

    by_api = await api.post("/v1/leads", json={"email": EMAIL.upper(), "fields": {"role": "cfo"}})
    by_identify = await api.post("/v1/identify", json={"anonymousId": "v", "traits": {"email": EMAIL}})

    assert_problem(by_api, 410, "person-erased")
    assert by_identify.status_code == 200
    assert await database.pool.fetchval("select count(*) from lead") == 1
    assert (await api.get("/v1/leads", params={"email": EMAIL})).json()["total"] == 0


async def test_nothing_of_somebody_erased_is_kept_beside_whoever_says_it(api: httpx.AsyncClient, database: Database):
    """By their address, beside other behaviour, and on a computer that somebody else uses as well."""
    lead = await somebody(database, await applied(database))
    await api.delete(f"/v1/leads/{lead}")
    other = {"email": "ben@other.example", "firstName": "Ben"}
    theirs = {"email": EMAIL.upper(), "firstName": "Robin", "phone": "555 0100"}
    batch = [
        {"type": "identify", "anonymousId": "v", "traits": theirs},
        {"type": "identify", "anonymousId": "shared", "traits": other},
        {"type": "identify", "anonymousId": "shared", "traits": theirs},
        {"type": "track", "anonymousId": "v", "event": "x", "properties": theirs, "context": {"traits": theirs}},
        {"type": "track", "anonymousId": "shared", "event": "y"},
    ]

    answer = await api.post("/v1/batch", json={"batch": batch})

    assert answer.json() == {"success": True, "accepted": 2, "duplicates": 0, "rejected": 0}
    named = "select properties ->> 'firstName' as name from behaviour where properties ? 'firstName'"
    assert [row["name"] for row in await database.pool.fetch(named)] == ["Ben"]
    assert "555 0100" not in str([dict(row) for row in await database.pool.fetch("select * from behaviour")])


async def test_an_unknown_lead_cannot_be_erased(api: httpx.AsyncClient):
    assert_problem(await api.delete("/v1/leads/ld_none"), 404, "unknown-lead")


async def test_erasing_needs_the_scope_to_operate(http: httpx.AsyncClient, database: Database):
    http.headers["Authorization"] = f"Bearer {await keys.create(database, 'reader', ['read', 'write'])}"
    assert_problem(await http.delete("/v1/leads/ld_none"), 403, "scope-missing")
