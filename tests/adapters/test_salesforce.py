"""Salesforce: contacts by the collection, tasks and opportunities, what sellers do read back, a day's quota."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
from simple_salesforce.api import Salesforce as TheirClient

from adapters.crm import salesforce
from adapters.crm.salesforce_client import SalesforceClient
from adapters.crm.salesforce_soql import kind_of
from domain.errors import OurFault, TransientFault
from domain.words import Channel
from sandbox.salesforce_org import BUILT_IN
from tests.adapters.contract import TouchChannelContract
from tests.adapters.crm_contract import C20, WANTED, CrmContract, change, erased
from tests.adapters.running import Sandbox
from tests.adapters.salesforce_org import OWN, client, connect, custom, named, org, there
from tests.adapters.standing import emptied, standing_sandbox
from tests.adapters.touches import touch


@pytest.fixture(scope="module")
def standing() -> Iterator[Sandbox]:
    with standing_sandbox() as running:
        yield running


@pytest.fixture
def sandbox(standing: Sandbox) -> Sandbox:
    return emptied(standing)


class Here:
    """How both contracts reach the org."""

    vendor = "salesforce"

    def connect(self, sandbox, **options):
        return connect(sandbox, **options)

    def unreachable(self):
        return salesforce.Salesforce(client("http://127.0.0.1:1"))


class TestSalesforce(Here, CrmContract):
    writing = "/composite/sobjects"
    unique_addresses = False

    async def contacts(self, sandbox):
        ours = {custom(field): field for field in C20} | {
            name: field for field, name in OWN.items() if field != "owner"
        }
        rows = there(sandbox, "Contact").items()
        return {identity: {ours.get(name, name): value for name, value in row.items()} for identity, row in rows}

    async def own_name(self, sandbox, field):  # noqa: ARG002 - the contract has it
        return OWN[field]

    async def seller(self, sandbox, email, name):
        return org(sandbox).add("User", {"Email": email, "Name": name, "IsActive": True})

    async def edits(self, sandbox, contact, **values):
        org(sandbox).update("Contact", contact, {named(name): value for name, value in values.items()})

    async def deletes(self, sandbox, contact):
        org(sandbox).delete(contact)

    async def answers(self, sandbox, task, outcome, reason=""):
        answer = {"Status": "Completed", named("outcome"): outcome, named("reject_reason"): reason or None}
        org(sandbox).update("Task", task, answer)

    async def opens(self, sandbox, contact):
        values = {"Name": "A deal", "StageName": "Prospecting", "CloseDate": "2031-01-01", "ContactId": contact}
        return org(sandbox).create("Opportunity", values)

    async def moves(self, sandbox, opportunity, to):
        stage = {"on": "Qualification", "won": "Closed Won", "lost": "Closed Lost"}[to]
        org(sandbox).update("Opportunity", opportunity, {"StageName": stage})

    async def opportunities(self, sandbox):
        roles = there(sandbox, "OpportunityContactRole").values()
        return {
            identity: tuple(role["ContactId"] for role in roles if role["OpportunityId"] == identity)
            for identity in there(sandbox, "Opportunity")
        }


class TestSalesforceTasks(Here, TouchChannelContract):
    kind = Channel.SDR_TASK
    sending = "/composite/sobjects/Task"

    def channel(self, sandbox, **options):
        return connect(sandbox, **options).tasks

    def unreachable(self):
        return super().unreachable().tasks

    async def held(self, sandbox):
        return len(there(sandbox, "Task"))

    async def test_the_same_key_twice_makes_one_task(self, sandbox):
        keys = [touch(self.kind)] * 2
        first, second = await asyncio.gather(*(self.channel(sandbox).send(one) for one in keys))
        assert first == second
        assert await self.held(sandbox) == 1


# --- people --------------------------------------------------------------------------------------------------------


async def test_a_lead_that_sales_converted_is_the_contact_it_became(sandbox):
    connection = connect(sandbox, new="Lead")
    taken = await connection.crm.upsert([change(1)])
    lead = taken[change(1).lead]
    assert kind_of(lead) == "Lead"
    contact = org(sandbox).convert(lead)
    [gone, became] = await connection.reading.read([lead], (), {})
    assert (gone.crm_id, gone.deleted) == (lead, True)
    assert (became.crm_id, became.lead) == (contact, change(1).lead)
    assert await connection.crm.upsert([change(1, crm_id=lead)]) == {change(1).lead: contact}
    assert there(sandbox, "Contact")[contact]["Tendril_Lead_Id__c"] == change(1).lead
    page = await connection.reading.changed("", ("segment",), {}, 10)
    assert page.more  # Leads come after contacts
    assert {one.crm_id for one in page.contacts} == {contact}


async def test_where_people_are_leads_an_opportunity_waits_for_their_conversion(sandbox):
    connection = connect(sandbox, new="Lead")
    assert await connection.crm.open_opportunity(touch(Channel.SDR_TASK), WANTED) == ""
    await connection.tasks.send(touch(Channel.SDR_TASK))
    [task], [lead] = there(sandbox, "Task").values(), there(sandbox, "Lead")
    assert task["WhoId"] == lead


async def test_a_contact_that_a_duplicate_rule_names_is_taken_for_the_lead(sandbox):
    """The rule sees what we may not: another field, or a record that is shared with others only."""
    made = org(sandbox).add("Contact", {"LastName": "Sample", "Email": change(1).email})
    org(sandbox).held.duplicate_rule = True
    crm = connect(sandbox).crm
    crm._people._finder.find = nobody
    assert await crm.upsert([change(1)]) == {change(1).lead: made}
    assert there(sandbox, "Contact")[made]["Tendril_Lead_Id__c"] == change(1).lead


async def nobody(_changes):
    return {}


async def test_a_record_that_is_locked_for_a_moment_is_no_refusal(sandbox, monkeypatch):
    crm = connect(sandbox).crm
    taken = await crm.upsert([change(1), change(2)])
    locked = {"success": False, "errors": [{"statusCode": "UNABLE_TO_LOCK_ROW", "message": "", "fields": []}]}
    answers = [locked, {"id": taken[change(2).lead], "success": True, "errors": []}]
    monkeypatch.setattr(SalesforceClient, "request", lambda *_a, **_o: answered(answers))
    with pytest.raises(TransientFault, match="UNABLE_TO_LOCK_ROW"):
        await crm.upsert([change(n, crm_id=taken[change(n).lead]) for n in (1, 2)])


async def answered(body):
    return httpx.Response(200, json=body)


async def test_values_are_cut_where_salesforce_would_refuse_them(sandbox):
    taken = await connect(sandbox).crm.upsert([change(1, fields={"offer": "x" * 300, "segment": None})])
    row = there(sandbox, "Contact")[taken[change(1).lead]]
    assert (len(row["Tendril_Offer__c"]), row["Tendril_Segment__c"]) == (255, None)


async def test_what_an_org_lacks_is_named_and_not_made(sandbox):
    org(sandbox).held.lacks = {"Contact.Tendril_Segment__c"}
    connection = connect(sandbox)
    with pytest.raises(OurFault, match="Contact lacks the fields Tendril_Segment__c"):
        await connection.crm.upsert([change(1)])
    found = await connection.check()
    assert [(one.well, "Tendril_Segment__c (Text(255))" in one.remedy) for one in found] == [
        (True, False),
        (False, True),
        (True, False),
        (True, False),
    ]
    org(sandbox).held.lacks = set()  # an administrator makes it
    assert await connection.crm.upsert([change(1)])


async def test_the_check_says_what_the_credentials_may_not_do(sandbox):
    assert all(one.well for one in await connect(sandbox).check())
    sandbox.fail("salesforce", "403", path="/sobjects/Opportunity/describe")
    [wrong] = [one for one in await connect(sandbox).check() if not one.well]
    assert wrong.remedy == "Let the user read and edit Opportunity records."


async def test_of_somebody_erased_the_recycle_bin_holds_nothing(sandbox):
    connection = connect(sandbox)
    [contact] = (await connection.crm.upsert([change(1)])).values()
    org(sandbox).update("Contact", contact, {"FirstName": "Ada", "Phone": "+49 30 1"})
    await connection.crm.erase([erased(change(1), "")])
    row = org(sandbox).of("Contact")[contact]
    assert contact in org(sandbox).held.deleted
    assert {value for name, value in row.items() if name in BUILT_IN["Contact"] or name.endswith("__c")} == {
        None,
        "Erased",
    }


# --- tasks ---------------------------------------------------------------------------------------------------------


async def test_a_task_carries_the_brief_and_hangs_on_contact_account_and_owner(sandbox):
    sam = org(sandbox).add("User", {"Email": "sam@example.com", "Name": "Sam Seller", "IsActive": True})
    account = org(sandbox).add("Account", {"Name": "Example"})
    contact = org(sandbox).add("Contact", {"LastName": "Sample", "AccountId": account})
    brief = {"why_now": "Asked for a price", "read": ["A guide"], "sla_at": "2031-03-02T10:00:00Z"}
    sent = touch(Channel.SDR_TASK, brief=brief, owner="Sam@example.com", crm_id=contact)
    receipt = await connect(sandbox).tasks.send(sent)
    task = there(sandbox, "Task")[receipt.vendor_id]
    assert (task["WhoId"], task["WhatId"], task["OwnerId"]) == (contact, account, sam)
    assert (task["Subject"], task["ActivityDate"], task["Priority"]) == ("Asked for a price", "2031-03-02", "High")
    assert "Read\n- A guide" in task["Description"]


async def test_somebody_new_has_a_name_and_a_task_of_a_deleted_contact_finds_them(sandbox):
    await connect(sandbox).tasks.send(touch(Channel.SDR_TASK, crm_id="003000000000099AAA"))
    [task], [contact] = there(sandbox, "Task").values(), there(sandbox, "Contact").values()
    assert task["WhoId"] == contact["Id"]
    assert (contact["FirstName"], contact["LastName"]) == ("Ada", "Sample")


# --- what others wrote ----------------------------------------------------------------------------------------------


async def test_simple_salesforce_reads_what_we_wrote_and_we_read_what_it_wrote(sandbox):
    """The client that most Python programs speak to Salesforce with, version 1.12."""
    connection = connect(sandbox)
    taken = await connection.crm.upsert([change(1), change(2)])
    [token, *_] = org(sandbox).held.tokens
    theirs = await asyncio.to_thread(their_work, f"{sandbox.url}/salesforce", token, taken[change(1).lead])
    assert theirs["read"] == {"LastName": "lead1", "Tendril_Segment__c": C20["segment"]}
    assert theirs["found"] == 2
    assert theirs["max"] == 15_000
    [news] = await connection.reading.read([taken[change(1).lead]], ("phone",), {})
    assert news.fields == {"phone": "+49 30 1"}
    assert [one.crm_id for one in await connection.reading.read([theirs["made"]], (), {})] == [theirs["made"]]
    assert news.changed_at
    assert news.changed_at <= datetime.now(UTC)


def their_work(url, token, contact):
    plain = httpx.URL(url)
    theirs = TheirClient(instance_url=url, session_id=token, version="62.0")
    theirs.base_url = f"{plain}/services/data/v62.0/"
    theirs.sf_instance = f"{plain.netloc.decode()}/salesforce"
    records = theirs.query_all("SELECT LastName, Tendril_Segment__c FROM Contact ORDER BY LastName")["records"]
    mine = theirs.Contact
    mine.base_url = f"{theirs.base_url}sobjects/Contact/"
    mine.update(contact, {"Phone": "+49 30 1"})
    return {
        "read": {name: value for name, value in records[0].items() if name != "attributes"},
        "found": len(records),
        "max": theirs.limits()["DailyApiRequests"]["Max"],
        "made": mine.create({"LastName": "Theirs"})["id"],
    }
