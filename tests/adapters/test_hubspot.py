"""HubSpot: contacts in batches, SDR tasks and deals, what sellers do read back."""

import asyncio
from datetime import UTC, datetime

import httpx
import pytest
from hubspot import Client  # type: ignore[import-untyped]  # HubSpot ships no types

from adapters.crm.hubspot import HubSpot, hubspot_client
from adapters.http import VendorClient
from domain.crm import CORRECTIONS
from domain.errors import OurFault, TransientFault
from domain.words import Channel
from sandbox.limits import Rate
from tests.adapters import hubspot_spec
from tests.adapters.contract import TouchChannelContract
from tests.adapters.crm_contract import C20, WANTED, CrmContract, change, erased
from tests.adapters.running import running_sandbox
from tests.adapters.touches import touch

BRIEF = {
    "why_now": "Asked for a price <twice>",
    "did": [{"at": "2031-03-01", "what": "looked at pricing"}],
    "read": ["A guide", "A comparison"],
    "question": "What does it cost?",
    "colleagues_active": 0,
}


def connection(sandbox, **options):
    return HubSpot(hubspot_client(f"{sandbox.url}/hubspot", "sandbox", **options))


def crm(sandbox, **options):
    return connection(sandbox, **options).crm


def tasks(sandbox, **options):
    return connection(sandbox, **options).tasks


def held(sandbox, kind):
    """What HubSpot's stand-in holds: id → record."""
    return sandbox.app.state.store.state.records.get(kind, {})


async def do(sandbox, method, path, body=None):
    """What sellers do there."""
    async with httpx.AsyncClient(base_url=f"{sandbox.url}/hubspot", trust_env=False) as client:
        answer = await client.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else {}


OWN = {"first_name": "firstname", "last_name": "lastname", "phone": "phone", "company": "company"} | {
    "job_title": "jobtitle",
    "email": "email",
    "owner": "hubspot_owner_id",
}


class TestHubSpot(CrmContract):
    vendor, writing = "hubspot", "/objects/contacts/batch"

    def connect(self, sandbox, **options):
        return connection(sandbox, **options)

    def unreachable(self):
        return HubSpot(hubspot_client("http://127.0.0.1:1", "sandbox"))

    async def contacts(self, sandbox):
        return {identity: _ours(record.properties) for identity, record in held(sandbox, "contacts").items()}

    async def own_name(self, sandbox, field):  # noqa: ARG002 - the contract has it
        return OWN[field]

    async def seller(self, sandbox, email, name):
        return (await do(sandbox, "POST", "/_sellers", {"email": email, "name": name}))["id"]

    async def edits(self, sandbox, contact, **values):
        named = {OWN.get(name, f"tendril_{name}"): value for name, value in values.items()}
        await do(sandbox, "PATCH", f"/_sellers/contacts/{contact}", named)

    async def deletes(self, sandbox, contact):
        await do(sandbox, "DELETE", f"/_sellers/contacts/{contact}")

    async def answers(self, sandbox, task, outcome, reason=""):
        async with httpx.AsyncClient(base_url=sandbox.url, trust_env=False) as client:
            answer = await client.post(f"/sellers/tasks/{task}", data={"outcome": outcome, "reason": reason})
            assert answer.status_code == 204

    async def opens(self, sandbox, contact):
        properties = {"dealname": "A deal", "pipeline": "default", "dealstage": "appointmentscheduled"}
        body = {"properties": properties, "associations": [contact]}
        return (await do(sandbox, "POST", "/_sellers/deals", body))["id"]

    async def moves(self, sandbox, opportunity, to):
        stage = {"on": "qualifiedtobuy", "won": "closedwon", "lost": "closedlost"}[to]
        await do(sandbox, "PATCH", f"/_sellers/deals/{opportunity}", {"dealstage": stage})

    async def opportunities(self, sandbox):
        return {identity: tuple(deal.associations) for identity, deal in held(sandbox, "deals").items()}


def _ours(properties):
    """Values by our names; what the page shows of a contact's owner too."""
    back = {name: field for field, name in OWN.items() if field != "owner"}
    return {back.get(name, name.removeprefix("tendril_")): value for name, value in properties.items()}


class TestHubSpotTasks(TouchChannelContract):
    kind = Channel.SDR_TASK
    vendor, sending = "hubspot", "/objects/tasks"

    def channel(self, sandbox, **options):
        return tasks(sandbox, **options)

    def fail(self, sandbox, kind, **options):
        if kind == "401":
            sandbox.fail("hubspot", "401", **options)
        else:
            sandbox.fail("hubspot", kind, path="/objects/tasks", **options)

    async def held(self, sandbox):
        return len(held(sandbox, "tasks"))

    def unreachable(self):
        return HubSpot(hubspot_client("http://127.0.0.1:1", "sandbox")).tasks

    async def test_the_same_key_twice_makes_one_task(self, sandbox):
        """HubSpot itself refuses a second task under a key, whatever we forget."""
        channel = self.channel(sandbox)
        first = await channel.send(touch(self.kind))
        assert await channel.send(touch(self.kind)) == first
        assert await self.held(sandbox) == 1


async def company(sandbox, domain="example.com"):
    body = {"properties": {"name": "Example", "domain": domain}, "associations": []}
    return (await do(sandbox, "POST", "/_sellers/companies", body))["id"]


async def test_a_task_carries_the_brief_and_hangs_on_the_leads_contact_and_company(sandbox):
    there = await company(sandbox)
    receipt = await tasks(sandbox).send(touch(Channel.SDR_TASK, brief=BRIEF, owner="42"))
    task = held(sandbox, "tasks")[receipt.vendor_id]
    assert task.properties["hs_task_subject"] == "Asked for a price <twice>"
    assert task.properties["hubspot_owner_id"] == "42"
    assert task.properties["tendril_touch_key"] == "ld_aaaabbbbcccc/1/0/guide"
    assert "Asked for a price &lt;twice&gt;" in task.properties["hs_task_body"]
    assert "<li>2031-03-01 · looked at pricing</li>" in task.properties["hs_task_body"]
    [contact] = held(sandbox, "contacts").values()
    assert contact.properties["email"] == "ada.sample@example.com"
    assert task.associations == [contact.id, there]


async def test_a_task_is_the_owners_by_address_or_name_and_names_whom_hubspot_does_not_know(sandbox):
    sam = (await do(sandbox, "POST", "/_sellers", {"email": "sam@example.com", "name": "Sam Seller"}))["id"]
    channel = tasks(sandbox)
    owners = ("Sam@example.com", "sam seller", "Sales North")
    sent = [await channel.send(touch(Channel.SDR_TASK, key=f"ld_a/1/0/{n}", owner=o)) for n, o in enumerate(owners)]
    made = [held(sandbox, "tasks")[receipt.vendor_id].properties for receipt in sent]
    assert [task.get("hubspot_owner_id", "") for task in made] == [sam, sam, ""]
    assert ["Sales North" in task["hs_task_body"] for task in made] == [False, False, True]


async def test_a_task_of_a_contact_that_sales_deleted_hangs_on_the_one_made_again(sandbox):
    receipt = await tasks(sandbox).send(touch(Channel.SDR_TASK, crm_id="999999"))
    [contact] = held(sandbox, "contacts")
    assert held(sandbox, "tasks")[receipt.vendor_id].associations == [contact]


async def test_an_opportunity_is_the_owners_and_hangs_on_contact_and_company(sandbox):
    there = await company(sandbox)
    sam = (await do(sandbox, "POST", "/_sellers", {"email": "sam@example.com", "name": "Sam Seller"}))["id"]
    made = await crm(sandbox).open_opportunity(touch(Channel.SDR_TASK, owner="sam@example.com"), WANTED)
    deal, [contact] = held(sandbox, "deals")[made], held(sandbox, "contacts")
    assert deal.associations == [contact, there]
    assert deal.properties["hubspot_owner_id"] == sam
    assert (deal.properties["pipeline"], deal.properties["dealstage"]) == ("default", "appointmentscheduled")


async def test_an_opportunity_in_a_pipeline_that_is_not_there_names_those_that_are(sandbox):
    wanted = WANTED.model_copy(update={"pipeline": "enterprise"})
    with pytest.raises(OurFault, match="no pipeline enterprise; there is default"):
        await crm(sandbox).open_opportunity(touch(Channel.SDR_TASK), wanted)


@pytest.mark.parametrize(("value", "kept"), [(None, ""), (True, "true"), (["a", 2], "a; 2"), (3.5, "3.5")])
async def test_values_of_every_kind_arrive_as_text(sandbox, value, kept):
    taken = await crm(sandbox).upsert([change(1, fields={"anything": value})])
    assert held(sandbox, "contacts")[taken[change(1).lead]].properties["tendril_anything"] == kept


async def test_two_processes_that_make_the_same_properties_at_once_both_go_on(sandbox):
    taken = await asyncio.gather(*(crm(sandbox).upsert([change(number)]) for number in range(4)))
    assert len({contact for part in taken for contact in part.values()}) == 4


async def test_a_property_that_the_playbook_names_and_the_account_lacks_is_made(sandbox):
    taken = await crm(sandbox).upsert([change(1, fields={"segment": "smb"}, names={"segment": "market"})])
    assert held(sandbox, "contacts")[taken[change(1).lead]].properties["market"] == "smb"


async def test_where_properties_may_not_be_made_it_is_said_which_lack(sandbox):
    client = hubspot_client(f"{sandbox.url}/hubspot", "sandbox")
    with pytest.raises(OurFault, match="contacts lack the properties market, tendril_lead_id; make them by hand"):
        await HubSpot(client, create_properties=False).crm.upsert([change(1, fields={}, names={}), _marketed(2)])
    sandbox.fail("hubspot", "403", path="/properties/contacts/groups")
    with pytest.raises(OurFault, match=r"crm\.schemas\.contacts\.write"):
        await crm(sandbox).upsert([change(1)])


def _marketed(number):
    return change(number, fields={"segment": "smb"}, names={"segment": "market"})


async def test_a_lead_without_an_address_is_known_by_its_id(sandbox):
    hubspot = crm(sandbox)
    first = await hubspot.upsert([change(1, email="")])
    assert await hubspot.upsert([change(1, email="")]) == first


async def test_a_hundred_contacts_are_one_request(sandbox):
    client = Counting(sandbox)
    hubspot = HubSpot(client).crm
    taken = await hubspot.upsert([change(number) for number in range(hubspot.batch_size)])
    assert len(taken) == 100
    assert client.paths.count("/crm/v3/objects/contacts/batch/upsert") == 1


async def test_a_rate_limit_says_how_long_to_wait():
    async with running_sandbox(rates={"hubspot": Rate(4, 60), "linkedin": Rate(1, 60)}) as sandbox:
        hubspot = crm(sandbox)
        await hubspot.upsert([change(1)])
        with pytest.raises(TransientFault) as caught:
            await hubspot.upsert([change(2)])
        assert 0 < (caught.value.retry_after or 0) <= 60


async def test_properties_are_made_once_and_by_whoever_is_first(sandbox):
    await crm(sandbox).upsert([change(1)])
    client = Counting(sandbox)
    hubspot = HubSpot(client).crm
    for number in range(3):
        await hubspot.upsert([change(number)])
    assert [path for path in client.paths if "properties" in path] == ["/crm/v3/properties/contacts"]


async def test_where_deleting_for_good_is_not_allowed_a_contact_is_emptied(sandbox):
    hubspot = connection(sandbox)
    [contact] = (await hubspot.crm.upsert([change(1)])).values()
    await do(sandbox, "PATCH", f"/_sellers/contacts/{contact}", {"phone": "+49 30 1", "firstname": "Ada"})
    sandbox.fail("hubspot", "403", path="/gdpr-delete")
    assert await hubspot.crm.erase([erased(change(1), contact)]) == {change(1).lead}
    assert set(held(sandbox, "contacts")[contact].properties.values()) == {""}


async def test_somebody_erased_is_found_by_the_leads_id_where_no_other_is_known(sandbox):
    hubspot = crm(sandbox)
    await hubspot.upsert([change(1)])
    await hubspot.erase([erased(change(1), "")])
    assert held(sandbox, "contacts") == {}


async def test_a_task_is_due_when_sales_must_have_answered(sandbox):
    due = "2031-03-02T10:00:00Z"
    receipt = await tasks(sandbox).send(touch(Channel.SDR_TASK, brief=BRIEF | {"sla_at": due}))
    task = held(sandbox, "tasks")[receipt.vendor_id].properties
    assert task["hs_timestamp"] == due
    assert "Sla at" not in task["hs_task_body"]


async def read_in_pages(hubspot, kind, between):
    """Ids of all that has changed, eight at a time, and the cursor at the end. ``between`` pages something happens."""
    found, cursor = set(), ""
    for number in range(30):
        if kind == "contacts":
            page = await hubspot.reading.changed(cursor, (), {}, 8)
            found |= {contact.crm_id for contact in page.contacts}
        else:
            page = await hubspot.reading.opportunities(cursor, 8)
            found |= {deal.id for deal in page.opportunities}
        cursor = page.cursor
        if not page.more:
            return found, cursor
        between(number)
    raise AssertionError("the pages never end")


def stamped(record, second):
    record.updated_at = f"2031-03-01T10:{second // 60:02}:{second % 60:02}.000Z"


@pytest.mark.parametrize("kind", ["contacts", "deals"])
async def test_records_behind_one_that_changes_between_pages_are_read(sandbox, kind):
    hubspot = connection(sandbox)
    [contact, *_] = (await hubspot.crm.upsert([change(number) for number in range(20)])).values()
    if kind == "deals":
        await asyncio.gather(*(TestHubSpot().opens(sandbox, contact) for _ in range(20)))
    there = held(sandbox, kind)
    for second, record in enumerate(there.values()):
        stamped(record, second)

    def change_five(page):
        for record in list(there.values())[:10][5 * page :][:5]:
            stamped(record, 600 + page)

    found, cursor = await read_in_pages(hubspot, kind, change_five)
    assert found == set(there)
    two_minutes_before_the_newest = datetime(2031, 3, 1, 10, 8, 1, tzinfo=UTC)
    assert cursor == f"{round(two_minutes_before_the_newest.timestamp() * 1000)},"


async def test_more_records_than_a_page_that_changed_in_one_millisecond_are_read(sandbox):
    """Nor are those lost that change meanwhile, nor those that changed before and after."""
    hubspot = connection(sandbox)
    await hubspot.crm.upsert([change(number) for number in range(30)])
    there = held(sandbox, "contacts")
    for number, record in enumerate(there.values()):
        stamped(record, {0: 0, 29: 20}.get(number, 10))

    def change_one(page):
        stamped(next(one for one in there.values() if one.updated_at < "2031-03-01T10:00:15"), 30 + page)

    found, _ = await read_in_pages(hubspot, "contacts", change_one)
    assert found == set(there)


async def test_the_check_says_what_the_token_may_not_do(sandbox):
    assert all(finding.well for finding in await connection(sandbox).check())
    sandbox.fail("hubspot", "403", path="/owners")
    [wrong] = [finding for finding in await connection(sandbox).check() if not finding.well]
    assert "crm.objects.owners.read" in wrong.remedy


async def test_requests_and_answers_are_as_hubspots_specification_has_them(sandbox):
    """Holds to the specification where it lies beside the checkout, and to our own reading of it elsewhere."""
    transport = hubspot_spec.Checked() if hubspot_spec.available() else None
    hubspot = connection(sandbox, transport=transport)
    await company(sandbox)
    taken = await hubspot.crm.upsert([change(1), change(2)])
    await hubspot.crm.upsert([change(1, crm_id=taken[change(1).lead]), change(3, crm_id="999999")])
    receipt = await hubspot.tasks.send(touch(Channel.SDR_TASK, brief=BRIEF, owner="42"))
    await hubspot.tasks.lookup(touch(Channel.SDR_TASK))
    assert await hubspot.crm.feedback({"ld_a-1-1": receipt.vendor_id}) == []
    made = await hubspot.crm.open_opportunity(touch(Channel.SDR_TASK), WANTED)
    await hubspot.reading.read_opportunities([made])
    await hubspot.reading.opportunities("", 10)
    await hubspot.reading.changed("", [*C20, *CORRECTIONS], {}, 10)
    await hubspot.reading.read([*taken.values()], [*C20], {})
    await hubspot.crm.erase([erased(change(2), taken[change(2).lead])])
    if transport is not None:
        [contact] = [i for i, one in held(sandbox, "contacts").items() if "ada.sample" in one.properties["email"]]
        assert transport.seen == {
            "/crm/v3/objects/contacts/batch/read",
            "/crm/v3/objects/contacts/batch/update",
            "/crm/v3/objects/contacts/batch/upsert",
            "/crm/v3/objects/contacts/gdpr-delete",
            "/crm/v3/objects/contacts/search",
            f"/crm/v3/objects/contacts/{contact}",
            "/crm/v3/objects/deals",
            "/crm/v3/objects/deals/batch/read",
            "/crm/v3/objects/deals/search",
            "/crm/v3/objects/tasks",
            "/crm/v3/objects/tasks/batch/read",
        }


class Counting(VendorClient):
    """A client that remembers the paths it asked."""

    def __init__(self, sandbox):
        super().__init__("hubspot", f"{sandbox.url}/hubspot", headers={"authorization": "Bearer sandbox"})
        self.paths: list[str] = []

    async def request(self, method, path, **options):
        self.paths.append(path)
        return await super().request(method, path, **options)


async def test_hubspots_own_client_reads_what_the_stand_in_answers(sandbox):
    """``hubspot-api-client`` checks what it reads against HubSpot's models."""
    hubspot = connection(sandbox)
    [contact] = (await hubspot.crm.upsert([change(1)])).values()
    made = await hubspot.crm.open_opportunity(touch(Channel.SDR_TASK, crm_id=contact), WANTED)
    sam = (await do(sandbox, "POST", "/_sellers", {"email": "sam@example.com", "name": "Sam Seller"}))["id"]
    found = await asyncio.to_thread(_as_hubspots_client_reads, f"{sandbox.url}/hubspot", contact, made)
    assert found == (
        change(1).email,
        "appointmentscheduled",
        [contact],
        [(sam, "sam@example.com")],
        1,
        ["default"],
    )


def _as_hubspots_client_reads(url, contact, deal):
    client = Client(access_token="sandbox")
    crm = client.crm
    apis = {
        "contacts": crm.contacts.basic_api,
        "deals": crm.deals.basic_api,
        "ends": crm.associations.v4.batch_api,
        "owners": crm.owners.owners_api,
        "search": crm.contacts.search_api,
        "pipelines": crm.pipelines.pipelines_api,
    }
    for api in apis.values():
        api.api_client.configuration.host = url
    read = apis["contacts"].get_by_id(contact, properties=["email"]).properties["email"]
    stage = apis["deals"].get_by_id(deal, properties=["dealstage"]).properties["dealstage"]
    body = {"inputs": [{"id": deal}]}
    ends = apis["ends"].get_page("deals", "contacts", body).results[0]
    owners = [(owner.id, owner.email) for owner in apis["owners"].get_page().results]
    search = {"filterGroups": [], "limit": 10, "after": "0", "properties": ["email"], "sorts": ["lastmodifieddate"]}
    total = apis["search"].do_search(search).total
    pipelines = [one.id for one in apis["pipelines"].get_all("deals").results]
    return read, stage, [end.to_object_id for end in ends.to], owners, total, pipelines
