"""Two leads that are one person, over HTTP: merged, found under every id, made two again."""

import httpx
import pytest

from storage import keys
from storage.database import Database
from tests.api.conftest import assert_problem


async def lead_of(api: httpx.AsyncClient, **profile: object) -> str:
    answer = await api.post("/v1/leads", json=profile)
    return str(answer.json()["id"])


@pytest.fixture
async def two(api: httpx.AsyncClient, playbook: str) -> tuple[str, str]:
    first = await lead_of(api, external_id="crm-1", email="ann@orchard.example")
    return first, await lead_of(api, external_id="crm-2", email="ann@home.example", enrol=False)


async def test_every_later_request_for_the_merged_lead_reaches_the_survivor(
    api: httpx.AsyncClient, database: Database, two: tuple[str, str]
):
    ann, other = two
    shown = await api.post(f"/v1/leads/{other}/merge", json={"other": ann, "preview": True})
    merged = await api.post(f"/v1/leads/{other}/merge", json={"other": ann, "why": "same person"})
    assert (merged.status_code, merged.json()) == (200, shown.json())
    assert (merged.json()["survivor"], merged.json()["merged"]) == (ann, other)

    assert (await api.get(f"/v1/leads/{other}")).json()["id"] == ann
    assert (await api.get(f"/v1/leads/{other}/journey")).json()["lead_id"] == ann
    assert (await api.get("/v1/leads", params={"email": "ann@home.example"})).json()["items"][0]["id"] == ann
    assert await lead_of(api, external_id="crm-2", email="ann@home.example") == ann
    for number, user in enumerate((other, "crm-2")):
        await api.post("/v1/track", json={"event": f"looked {number}", "userId": user})
    assert await database.pool.fetchval("select count(*) from behaviour where lead_id = $1", ann) == 2
    listed = (await api.get(f"/v1/leads/{other}/merges")).json()["items"]
    assert [(record["survivor"], record["why"]) for record in listed] == [(ann, "same person")]


async def test_a_merge_is_undone_once(api: httpx.AsyncClient, two: tuple[str, str]):
    ann, other = two
    await api.post(f"/v1/leads/{ann}/merge", json={"other": other})
    undone = await api.post(f"/v1/leads/{other}/unmerge")
    assert (undone.status_code, undone.json()["lead"], undone.json()["survivor"]) == (200, other, ann)
    assert (await api.get(f"/v1/leads/{other}")).json()["email"] == "ann@home.example"
    assert_problem(await api.post(f"/v1/leads/{other}/unmerge"), 404, "not-merged")


async def test_suggestions_are_listed_until_denied(api: httpx.AsyncClient, two: tuple[str, str]):
    ann, other = two
    await api.post("/v1/alias", json={"previousId": "crm-2", "userId": "crm-1"})
    listed = (await api.get("/v1/duplicates")).json()
    assert [(item["one"], item["other"], item["why"]) for item in listed["items"]] == [(*sorted(two), "alias")]
    assert (await api.post(f"/v1/leads/{ann}/distinct", json={"other": other})).status_code == 204
    assert (await api.get("/v1/duplicates")).json() == {"total": 0, "items": []}


async def test_what_makes_no_sense_is_refused(api: httpx.AsyncClient, database: Database, two: tuple[str, str]):
    ann, _ = two
    assert_problem(await api.post(f"/v1/leads/{ann}/merge", json={"other": ann}), 409, "refused")
    assert_problem(await api.post(f"/v1/leads/{ann}/merge", json={"other": "ld_none"}), 404, "unknown-lead")
    assert_problem(await api.post("/v1/leads/ld_none/distinct", json={"other": ann}), 404, "unknown-lead")
    writer = await keys.create(database, "writer", ["read", "write"])
    headers = {"Authorization": f"Bearer {writer}"}
    refused = await api.post(f"/v1/leads/{ann}/merge", json={"other": "ld_none"}, headers=headers)
    assert refused.status_code == 403
