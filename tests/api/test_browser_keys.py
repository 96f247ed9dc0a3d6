"""A key that stands in a page sends behaviour and claims; what is known of people it does not change."""

import httpx
import pytest

from storage import keys, leads
from storage.database import Database
from storage.leads import LeadInput
from tests.storage.samples import NOW

MAIL = "robin@orchard.example"


@pytest.fixture
async def page(http: httpx.AsyncClient, database: Database) -> httpx.AsyncClient:
    """A client with such a key."""
    http.headers["Authorization"] = f"Bearer {await keys.create(database, 'page', ['track'])}"
    return http


async def _known(database: Database, **given: object) -> str:
    profile = LeadInput.model_validate({"external_id": "crm-1", "email": MAIL, "fields": {"role": "cto"}} | given)
    return (await leads.upsert(database, profile, NOW, enrol=False)).lead_id


async def test_a_known_address_stays(page: httpx.AsyncClient, database: Database):
    lead = await _known(database)
    said = {"userId": "crm-1", "traits": {"email": "attacker@evil.example", "role": "nobody", "city": "Graz"}}
    assert (await page.post("/v1/identify", json=said)).status_code == 200
    found = await leads.get(database, lead)
    assert (found.email, found.fields) == (MAIL, {"role": "cto", "city": "Graz"})
    assert await leads.find(database, email="attacker@evil.example") is None


async def test_an_address_beside_behaviour_changes_none_either(page: httpx.AsyncClient, database: Database):
    lead = await _known(database)
    event = {"type": "track", "userId": "crm-1", "event": "x", "context": {"traits": {"email": "a@evil.example"}}}
    assert (await page.post("/v1/batch", json={"batch": [event]})).json()["accepted"] == 1
    assert (await leads.get(database, lead)).email == MAIL


async def test_an_address_is_claimed_for_somebody_unknown(page: httpx.AsyncClient, database: Database):
    await page.post("/v1/identify", json={"userId": "u-9", "anonymousId": "v", "traits": {"email": MAIL}})
    found = await leads.find(database, email=MAIL)
    assert found is not None
    assert found.external_id == "u-9"


async def test_two_leads_are_suggested_and_not_united(page: httpx.AsyncClient, database: Database):
    by_id = await _known(database, email=None)
    by_address = await _known(database, external_id=None)
    await page.post("/v1/identify", json={"userId": "crm-1", "traits": {"email": MAIL}})
    await page.post("/v1/alias", json={"userId": "crm-1", "previousId": "crm-2"})
    assert await database.pool.fetchval("select count(*) from lead where merged_into is not null") == 0
    row = await database.pool.fetchrow("select one, other, why from same_person")
    assert ({row["one"], row["other"]}, row["why"]) == ({by_id, by_address}, "claimed")


async def test_tendrils_own_ids_are_refused(page: httpx.AsyncClient, database: Database):
    lead = await _known(database)
    event = {"userId": lead, "event": "x"}
    assert (await page.post("/v1/track", json=event)).status_code == 403
    assert (await page.post("/v1/batch", json={"batch": [event | {"type": "track"}]})).json()["rejected"] == 1
    assert await database.pool.fetchval("select source from dead_letter") == "page/page"
    assert await database.pool.fetchval("select count(*) from behaviour") == 0


async def test_such_a_key_does_nothing_else(page: httpx.AsyncClient):
    assert (await page.post("/v1/leads", json={"email": MAIL})).status_code == 403
    assert (await page.get("/v1/leads")).status_code == 403


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/u/no-such-link"])
async def test_heads_are_answered_as_gets_without_a_body(http: httpx.AsyncClient, path: str):
    head, got = await http.head(path), await http.get(path)
    assert (head.status_code, head.content) == (got.status_code, b"")


async def test_a_company_is_named_and_people_are_moved_by_servers_alone(
    page: httpx.AsyncClient, database: Database, key: str
):
    """Of somebody who is known, of a visitor who becomes known, and whatever a server says later."""
    server = {"Authorization": f"Bearer {key}"}
    lead = await _known(database, company="Orchard")
    hijack = {"groupId": "g-evil", "traits": {"name": "Evil", "domain": "evil.example"}}
    of_theirs = {"groupId": "g-evil", "traits": {"name": "Evil", "domain": "orchard.example"}}
    for body in (hijack, of_theirs):
        assert (await page.post("/v1/group", json={"userId": "crm-1", **body})).json()["accepted"] == 1
    await page.post("/v1/group", json={"anonymousId": "v", **hijack})
    await page.post("/v1/identify", json={"anonymousId": "v", "userId": "crm-1"}, headers=server)

    assert await _companies(database) == [(lead, "orchard.example", "Orchard")]

    theirs = {"groupId": "acc-7", "traits": {"name": "Orchard Ltd"}, "timestamp": "2026-01-01T00:00:00Z"}
    await page.post("/v1/group", json={"userId": "crm-1", **theirs}, headers=server)

    assert await _companies(database) == [(lead, "orchard.example", "Orchard Ltd")]
    kept = await database.pool.fetch("select trusted, properties from behaviour where kind = 'group' order by id")
    assert [row["trusted"] for row in kept] == [False, False, False, True]
    assert kept[0]["properties"]["not_counted"]["rule"] == "claimed"


async def _companies(database: Database) -> list[tuple[str, str | None, str]]:
    rows = await database.pool.fetch(
        "select l.id, a.domain, a.name from account a full join lead l on l.account_id = a.id"
    )
    return [tuple(row) for row in rows]
