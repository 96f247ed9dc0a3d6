"""What sales changed is read back on demand, and what differs is told field by field."""

from collections.abc import AsyncIterator

import httpx
import pytest

from adapters.crm.hubspot import HubSpot, hubspot_client
from domain.crm_ports import CrmChange
from storage.database import Database
from storage.leads import LeadInput, upsert
from tests.adapters.running import Sandbox, running_sandbox
from tests.cli.terminal import Terminal
from tests.storage.samples import NOW


@pytest.fixture
async def sandbox(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sandbox]:
    async with running_sandbox() as running:
        monkeypatch.setenv("TENDRIL_HUBSPOT_BASE_URL", f"{running.url}/hubspot")
        yield running


async def do(sandbox: Sandbox, method: str, path: str, body: dict[str, str]) -> dict[str, str]:
    """What sellers do in HubSpot."""
    async with httpx.AsyncClient(base_url=f"{sandbox.url}/hubspot", trust_env=False) as client:
        answer = await client.request(method, path, json=body)
        found: dict[str, str] = answer.json() if answer.content else {}
        return found


async def synced(database: Database, sandbox: Sandbox, number: int = 1) -> tuple[str, str]:
    """A lead that HubSpot has as it should be, and its contact."""
    email, wanted = f"lead{number}@company.example", {"segment": "smb", "lead_status": "nurture"}
    lead = (await upsert(database, LeadInput(email=email, fields={"first_name": "Ada"}), NOW)).lead_id
    crm = HubSpot(hubspot_client(f"{sandbox.url}/hubspot", "sandbox")).crm
    [contact] = (await crm.upsert([CrmChange(lead=lead, email=email, fields=wanted, version=1)])).values()
    await database.pool.execute("update lead set crm_id = $2 where id = $1", lead, contact)
    query = "insert into crm_record (lead_id, desired, version, pushed_version, changed_at) values ($1, $2, 1, 1, $3)"
    await database.pool.execute(query, lead, wanted, NOW)
    return lead, contact


@pytest.mark.usefixtures("playbook")
async def test_drift_says_what_differs_and_whose_word_holds_and_a_full_sync_ends_it(
    tendril: Terminal, database: Database, sandbox: Sandbox
):
    lead, contact = await synced(database, sandbox)
    await synced(database, sandbox, 2)
    assert (await tendril("crm", "drift", "--json")).json == {"read": 2, "gone": 0, "differing": 0, "fields": []}
    await do(
        sandbox, "PATCH", f"/_sellers/contacts/{contact}", {"firstname": "Adelaide", "tendril_segment": "enterprise"}
    )

    found = (await tendril("crm", "drift", "--leads", "--json")).json
    assert (found["differing"], found["leads"]) == (1, [lead])
    assert {row["field"]: (row["ours"], row["theirs"]) for row in found["fields"]} == {
        "Segment": (1, 0),
        "First name": (0, 1),
    }
    assert (await tendril("crm", "sync", "--full", "--by", "ann", "--json")).json == {
        "full": True,
        "changed": 1,
        "to_push": 2,
    }
    line = await database.pool.fetchrow("select action, by, detail from operator_action order by id desc limit 1")
    assert tuple(line) == ("crm_synced", "ann", {"full": True, "changed": 1, "to_push": 2})
    assert (await database.pool.fetchval("select fields from lead where id = $1", lead))["first_name"] == "Adelaide"
    assert await database.pool.fetchval("select count(*) from crm_record where version > pushed_version") == 2
    assert "First name" not in (await tendril("crm", "drift")).out


@pytest.mark.usefixtures("playbook")
async def test_a_sync_takes_what_changed(tendril: Terminal, database: Database, sandbox: Sandbox):
    lead, contact = await synced(database, sandbox)
    sam = (await do(sandbox, "POST", "/_sellers", {"email": "sam@example.com", "name": "Sam Seller"}))["id"]
    await do(sandbox, "PATCH", f"/_sellers/contacts/{contact}", {"hubspot_owner_id": sam})
    assert "1 things were news." in (await tendril("crm", "sync")).out
    assert await database.pool.fetchval("select owner from lead where id = $1", lead) == "sam@example.com"
    assert (await tendril("crm", "owners", "--json")).json["items"] == [
        {"id": sam, "email": "sam@example.com", "name": "Sam Seller"}
    ]


async def test_a_crm_that_does_not_let_us_in_is_one_clear_message(tendril: Terminal, sandbox: Sandbox):
    sandbox.fail("hubspot", "401")
    refused = await tendril("crm", "owners", code=1)
    assert "hubspot answered 401" in refused.err
    assert "tendril connect hubspot" in refused.err
