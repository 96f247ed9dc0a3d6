"""Pipedrive: persons one by one and never twice, activities and deals, what sellers do read back, webhooks."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pipedrive.client import Client as TheirClient  # type: ignore[import-untyped]

from adapters.crm import pipedrive
from adapters.crm.pipedrive_client import PipedriveClient
from adapters.crm.pipedrive_fields import label
from adapters.crm.pipedrive_webhook import PipedriveWebhook
from adapters.inbound import Changed, InboundRequest
from domain.crm import CORRECTIONS
from domain.errors import OurFault, TransientFault
from domain.words import Channel
from sandbox.pipedrive_company import STAGES, Company
from tests.adapters.contract import TouchChannelContract
from tests.adapters.crm_contract import C20, WANTED, CrmContract, change, erased
from tests.adapters.hearing import hearing
from tests.adapters.inbound_contract import NOW
from tests.adapters.recording import Recording, plain
from tests.adapters.running import Sandbox
from tests.adapters.standing import emptied, standing_sandbox
from tests.adapters.touches import touch

SOME = {"segment": "smb", "offer": "A guide"}
BRIEF = {"why_now": "Asked for a price <twice>", "read": ["A guide"], "sla_at": "2031-03-02T10:00:00Z"}


@pytest.fixture(scope="module")
def standing() -> Iterator[Sandbox]:
    with standing_sandbox() as running:
        yield running


@pytest.fixture
def sandbox(standing: Sandbox) -> Sandbox:
    emptied(standing).app.rates = {}  # type: ignore[attr-defined]
    return standing


def company(sandbox) -> Company:
    return Company(sandbox.app.state.store)


def client(url, **options):
    usual: dict[str, Any] = {"searches": 1000, "transport": plain()}
    return PipedriveClient(url, "sandbox", **(usual | options))


def connect(sandbox, *, delete=True, create_fields=True, **options):
    made = client(f"{sandbox.url}/pipedrive", **options)
    return pipedrive.Pipedrive(made, delete=delete, create_fields=create_fields)


def there(sandbox, kind):
    """What the company holds: id → record, without the deleted."""
    return {str(row["id"]): row for row in company(sandbox).listed(kind, {})}


def key(sandbox, field, kind="person"):
    fields = company(sandbox).fields(f"{kind}Fields")
    return next(one["field_code"] for one in fields if one["field_name"] == label(field))


def option(sandbox, field, text):
    [found] = [one for one in company(sandbox).fields("personFields") if one["field_name"] == label(field)]
    return next(one["id"] for one in found["options"] if one["label"] == text.replace("_", " "))


class Here:
    """How both contracts reach the company."""

    vendor = "pipedrive"

    def connect(self, sandbox, **options):
        return connect(sandbox, **options)

    def unreachable(self):
        return pipedrive.Pipedrive(client("http://127.0.0.1:1"))


class TestPipedrive(Here, CrmContract):
    writing = "/api/v2/persons"
    unique_addresses = False

    def fail(self, sandbox, kind, **options):
        """A lost answer is one to the writing itself."""
        if options.get("after"):
            sandbox.fail("pipedrive", "latency", path="/api/v2/persons", count=3, seconds=0)  # list, two searches
        super().fail(sandbox, kind, **options)

    async def contacts(self, sandbox):
        fields = company(sandbox).fields("personFields")
        ours = {one["field_code"]: field for one in fields for field in C20 if one["field_name"] == label(field)}
        return {
            identity: {ours.get(code, code): value for code, value in row["custom_fields"].items()}
            | {"email": first(row["emails"]), "phone": first(row["phones"])}
            for identity, row in there(sandbox, "persons").items()
        }

    async def own_name(self, sandbox, field):  # noqa: ARG002 - the contract has it
        return field

    async def seller(self, sandbox, email, name):
        users = company(sandbox).held.users
        users.append({"id": 900 + len(users), "email": email, "name": name, "active_flag": True})
        return str(users[-1]["id"])

    async def edits(self, sandbox, contact, **values):
        body: dict[str, Any] = {"owner_id": int(values.pop("owner"))} if "owner" in values else {}
        body |= {"phones": [{"value": values.pop("phone"), "primary": True}]} if "phone" in values else {}
        custom = {key(sandbox, name): value for name, value in values.items()}
        company(sandbox).update("persons", int(contact), body | {"custom_fields": custom})

    async def deletes(self, sandbox, contact):
        company(sandbox).delete("persons", int(contact))

    async def answers(self, sandbox, task, outcome, reason=""):
        person = company(sandbox).one("activities", int(task))["person_id"]
        chosen = {key(sandbox, "outcome"): option(sandbox, "outcome", outcome)}
        chosen |= {key(sandbox, "reject_reason"): option(sandbox, "reject_reason", reason)} if reason else {}
        company(sandbox).update("persons", person, {"custom_fields": chosen})
        company(sandbox).update("activities", int(task), {"done": True})

    async def opens(self, sandbox, contact):
        return str(company(sandbox).create("deals", {"title": "A deal", "person_id": int(contact)})["id"])

    async def moves(self, sandbox, opportunity, to):
        company(sandbox).update("deals", int(opportunity), {"stage_id": 2} if to == "on" else {"status": to})

    async def opportunities(self, sandbox):
        return {identity: (str(row["person_id"]),) for identity, row in there(sandbox, "deals").items()}


def first(values):
    return next((one["value"] for one in values if one.get("primary")), "")


class TestPipedriveTasks(Here, TouchChannelContract):
    kind = Channel.SDR_TASK
    sending = "/api/v2/activities"

    def channel(self, sandbox, **options):
        return connect(sandbox, **options).tasks

    def unreachable(self):
        return super().unreachable().tasks

    async def held(self, sandbox):
        return len(there(sandbox, "activities"))


# --- persons -------------------------------------------------------------------------------------------------------


async def test_whom_the_search_does_not_show_yet_is_not_made_again(sandbox):
    taken = await connect(sandbox).crm.upsert([change(1)])
    company(sandbox).held.unseen = {int(person) for person in taken.values()}
    assert await connect(sandbox).crm.upsert([change(1, email="new@example.com")]) == taken


async def test_of_two_that_were_made_at_once_the_eldest_stays(sandbox):
    crm = connect(sandbox).crm
    [eldest] = (await crm.upsert([change(1)])).values()
    crm._persons._client.page = blind(crm._persons._client.page)  # the other process had not written yet
    company(sandbox).held.unseen = {int(eldest)}
    assert await crm.upsert([change(1)]) == {change(1).lead: eldest}
    assert list(there(sandbox, "persons")) == [eldest]


def blind(page):
    """The first list of persons shows nobody."""
    asked: list[str] = []

    async def seen(path, params):
        rows, cursor = await page(path, params)
        asked.append(path)
        return ([] if path == "/api/v2/persons" and asked.count(path) == 1 else rows), cursor

    return seen


async def test_other_addresses_of_a_person_are_kept(sandbox):
    crm = connect(sandbox).crm
    [person] = (await crm.upsert([change(1)])).values()
    emails = [{"value": "other@example.net", "primary": True}, {"value": change(1).email, "primary": False}]
    company(sandbox).update("persons", int(person), {"emails": emails})
    await crm.upsert([change(1, crm_id=person)])
    assert there(sandbox, "persons")[person]["emails"] == emails
    await crm.upsert([change(1, crm_id=person, email="new@example.com")])
    assert [one["value"] for one in there(sandbox, "persons")[person]["emails"]] == [
        "new@example.com",
        *(one["value"] for one in emails),
    ]


async def test_a_known_lead_costs_one_request_and_so_do_its_fields_once(sandbox):
    transport = Recording()
    crm = connect(sandbox, transport=transport).crm
    [person] = (await crm.upsert([change(1)])).values()
    transport.seen.clear()
    await crm.upsert([change(1, crm_id=person)])
    assert [(one.method, one.url.path) for one, _ in transport.seen] == [
        ("PATCH", f"/pipedrive/api/v2/persons/{person}")
    ]


async def test_fields_are_made_once_whoever_makes_them(sandbox):
    await asyncio.gather(*(connect(sandbox).crm.upsert([change(number, fields=SOME)]) for number in range(3)))
    names = [one["field_name"] for one in company(sandbox).fields("personFields")]
    keys = {next(iter(json.loads(answer)["data"]["custom_fields"])) for _, answer in await written(sandbox)}
    assert len(keys) == 1
    assert set(names) >= {label(field) for field in (*SOME, "lead_id")}


async def written(sandbox):
    """What a process that begins later writes."""
    transport = Recording()
    await connect(sandbox, transport=transport).crm.upsert([change(1, fields={})])
    return transport.of("PATCH", "/persons/")


async def test_where_fields_may_not_be_made_it_is_said_which_lack(sandbox):
    with pytest.raises(OurFault, match="a person lacks the fields Tendril: lead id; make them by hand"):
        await connect(sandbox, create_fields=False).crm.upsert([change(1)])
    sandbox.fail("pipedrive", "403", path="/personFields", count=1, after=True)
    with pytest.raises(OurFault):
        await connect(sandbox).crm.upsert([change(1)])


async def test_persons_behind_one_that_changes_between_pages_are_read(sandbox):
    """Each page begins at the newest person of the one before; a second with more than a page is read by the cursor."""
    pipedrive = connect(sandbox)
    await pipedrive.crm.upsert([change(number) for number in range(18)])
    persons = there(sandbox, "persons")
    for number, person in enumerate(persons.values()):
        person["update_time"] = f"2031-03-01T10:00:{number if number < 6 else 30:02}Z"
    found, cursor, more = set[str](), "", True
    while more:
        page = await pipedrive.reading.changed(cursor, (), {}, 5)
        if not cursor:
            for number in list(persons)[:3]:
                persons[number]["update_time"] = "2031-03-01T10:10:00Z"
        found, cursor, more = found | {contact.crm_id for contact in page.contacts}, page.cursor, page.more
    assert found == {str(number) for number in persons}
    assert json.loads(cursor) == {"since": "2031-03-01T10:08:00Z"}


async def test_of_somebody_erased_the_bin_holds_nothing(sandbox):
    connection = connect(sandbox)
    [person] = (await connection.crm.upsert([change(1)])).values()
    company(sandbox).update("persons", int(person), {"phones": [{"value": "+49 30 1", "primary": True}]})
    await connection.crm.erase([erased(change(1), "")])
    row = company(sandbox).of("persons")[int(person)]
    assert row["is_deleted"]
    assert (row["name"], row["emails"], row["phones"], set(row["custom_fields"].values())) == ("Erased", [], [], {None})


# --- tasks and deals -----------------------------------------------------------------------------------------------


async def test_a_handoff_is_on_person_organization_deal_and_owner_and_asks_anew(sandbox):
    example = company(sandbox).create("organizations", {"name": "Example"})["id"]
    company(sandbox).held.users.append({"id": 7, "email": "sam@example.com", "name": "Sam", "active_flag": True})
    connection = connect(sandbox)
    handed = touch(Channel.SDR_TASK, step="handoff", brief=BRIEF, owner="Sam@example.com")
    deal = await connection.crm.open_opportunity(handed, WANTED)
    [person] = there(sandbox, "persons")
    company(sandbox).update("persons", int(person), {"org_id": example})
    receipt = await connection.tasks.send(handed)
    task = there(sandbox, "activities")[receipt.vendor_id]
    assert (task["person_id"], task["org_id"], task["deal_id"], task["owner_id"]) == (
        int(person),
        example,
        int(deal),
        7,
    )
    assert (task["due_date"], task["type"]) == ("2031-03-02", "task")
    assert "Asked for a price &lt;twice&gt;" in task["note"]
    assert there(sandbox, "persons")[person]["name"] == "Ada Sample"
    await TestPipedrive().answers(sandbox, receipt.vendor_id, "accepted")
    later = await connection.tasks.send(handed.model_copy(update={"key": "ld_a/2/0/handoff"}))
    company(sandbox).update("activities", int(later.vendor_id), {"done": True})
    assert await connection.crm.feedback({"ld_a-2-1": later.vendor_id}) == []


@pytest.mark.parametrize(("stage", "number"), [("", 1), ("Contact made", 2), ("2", 2)])
async def test_a_stage_is_named_by_id_or_name(sandbox, stage, number):
    wanted = WANTED.model_copy(update={"stage": stage})
    made = await connect(sandbox).crm.open_opportunity(touch(Channel.SDR_TASK), wanted)
    assert there(sandbox, "deals")[made]["stage_id"] == number


async def test_a_stage_that_is_not_there_names_those_that_are(sandbox):
    wanted = WANTED.model_copy(update={"stage": "Nowhere"})
    known = ", ".join(str(one["id"]) for one in STAGES)
    with pytest.raises(OurFault, match=f"no stage Nowhere; there is {known}"):
        await connect(sandbox).crm.open_opportunity(touch(Channel.SDR_TASK), wanted)


async def test_the_company_that_sales_corrects_is_the_organizations_name(sandbox):
    connection = connect(sandbox)
    [person] = (await connection.crm.upsert([change(1)])).values()
    example = company(sandbox).create("organizations", {"name": "Example"})["id"]
    company(sandbox).update("persons", int(person), {"org_id": example, "job_title": "Buyer", "name": "Ada Sample"})
    [found] = await connection.reading.read([person], [*CORRECTIONS], {})
    assert found.fields == {"company": "Example", "first_name": "Ada", "job_title": "Buyer", "last_name": "Sample"} | {
        "phone": ""
    }


# --- limits --------------------------------------------------------------------------------------------------------


async def test_a_window_that_is_full_says_when_it_ends():
    answers = PipedriveClient("http://127.0.0.1:1", "x")
    assert answers.wait(answer(429, {"x-ratelimit-reset": "2"})) == 2
    assert answers.wait(answer(429, {"x-daily-ratelimit-token-remaining": "0", "retry-after": "3"})) == 3600
    await answers.close()


def answer(status, headers):
    return httpx.Response(status, headers=headers)


async def test_tokens_of_the_day_are_kept_for_others(sandbox):
    made = client(f"{sandbox.url}/pipedrive", kept=100)
    made._heard(answer(200, {"x-daily-ratelimit-token-remaining": "99"}))
    with pytest.raises(TransientFault, match="kept for others") as caught:
        await made.data("GET", "/api/v1/users")
    assert caught.value.retry_after == 3600
    assert await made.data("GET", "/api/v1/users") == []  # once the time is over it is found out
    await made.close()


async def test_the_check_says_what_the_token_may_not_see(sandbox):
    assert all(finding.well for finding in await connect(sandbox).check())
    sandbox.fail("pipedrive", "403", path="/deals")
    [wrong] = [finding for finding in await connect(sandbox).check() if not finding.well]
    assert wrong.what.startswith("Deals can be read: pipedrive answered 403")


async def test_what_the_stand_in_tells_is_taken_and_names_what_changed(sandbox):
    inbound, heard = PipedriveWebhook("tendril", "sandbox"), list[bytes]()
    async with hearing(heard) as url:
        company(sandbox).held.webhook = url + "/"
        await connect(sandbox).tasks.send(touch(Channel.SDR_TASK))
        [person], [task] = there(sandbox, "persons"), there(sandbox, "activities")
        company(sandbox).delete("persons", int(person))
        await TestPipedriveTasks().connect(sandbox)._client._client.post("/_tell")
    found = [one for body in heard for one in inbound.read(InboundRequest(body, {}, NOW))]
    assert [(one.record, one.crm_id) for one in found if isinstance(one, Changed)] == [
        ("contact", person),
        ("task", task),
        ("contact", person),
    ]
    assert len({one.id for one in found if isinstance(one, Changed)}) == len(found)


# --- what others wrote ----------------------------------------------------------------------------------------------


async def test_pipedrives_python_client_reads_what_we_wrote(sandbox):
    """``pipedrive-python-lib`` 1.2.3, pointed at version 2 for records and at version 1 for users and webhooks."""
    connection = connect(sandbox)
    taken = await connection.crm.upsert([change(1), change(2)])
    receipt = await connection.tasks.send(touch(Channel.SDR_TASK))
    theirs = await asyncio.to_thread(their_work, f"{sandbox.url}/pipedrive/api/", receipt.vendor_id)
    assert theirs["found"] == int(taken[change(1).lead])
    assert theirs["task"] == "Call about the pricing page"
    assert theirs["users"] == []
    assert theirs["hook"]["version"] == "2.0"
    [made] = await connection.reading.read([str(theirs["made"])], ("phone",), {})
    assert (made.email, made.fields) == ("theirs@example.net", {"phone": "+49 30 2"})


def their_work(url, task):
    first_version = TheirClient(domain=url)
    second = TheirClient(domain=url)
    second.BASE_URL = f"{url}v2/"
    for one in (first_version, second):
        one.set_api_token("sandbox")
    search = {"term": change(1).email, "fields": "email", "exact_match": "true"}
    body = {"name": "Theirs", "emails": [{"value": "theirs@example.net", "primary": True}]}
    hook = {"subscription_url": "https://example.com", "event_action": "*", "event_object": "*", "version": "2.0"}
    return {
        "found": second.persons.search_persons(params=search)["data"]["items"][0]["item"]["id"],
        "task": second.activities.get_activity(task)["data"]["subject"],
        "made": second._post(f"{second.BASE_URL}persons", json=body | {"phones": [phone()]})["data"]["id"],
        "users": first_version.users.get_all_users()["data"],
        "hook": first_version._post(f"{first_version.BASE_URL}webhooks", json=hook)["data"],
    }


def phone():
    return {"value": "+49 30 2", "primary": True}
